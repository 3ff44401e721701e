/* The tumour cells' life-cycle, written by hand: shed, settle, sleep, wake, colonise.
 *
 *     life_cycle WORK FIRST_PATIENT PATIENTS
 *
 * WORK is written by benchmarks/rival_c.py: the struct below, then the expected shedding of every day, then
 * every day's chance to settle in each niche. Patients differ by chance alone, so one table serves all:
 * the body's signals, tallies of failures and tables are left out, in C's favour. One patient after the
 * other, so that a patient's cells stay in the cache. Prints totals as JSON. */
#include "samplers.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { NICHES = 13, WEEK = 7 };

typedef struct {
    double days, seed_low, seed_high, sleep, narrow_share, narrow_scale, narrow_shape, broad_scale, broad_shape,
        sleeper_death, birth, death, early_rate, log_limit, limit_gap, gompertz, certain_cells, log_micro, log_visible,
        feeding[NICHES];
} Work;

typedef struct { double energy, hazard; uint32_t index; uint16_t arrived, niche; int32_t next; } Sleeper;
typedef struct { int64_t cells; uint32_t index; uint16_t arrived, niche, since; } Colony;
typedef struct { double start_day, start_log; uint16_t niche; } Grown;

typedef struct {
    int64_t shed, settled, woke, died_asleep, extinct, sleeping, small, grown, micro, macro, cell_days;
    double burden;
} Totals;

static Work w;
static double *expected, (*chance)[NICHES];
static int days, last;
static uint32_t patient;
static int32_t *head, free_sleeper = -1, n_sleepers, most_sleepers;
static Sleeper *sleepers;
static Colony *small;
static int n_small, most_small;
static Grown *grown;
static int n_grown, most_grown;
static double energy_clock[NICHES], hazard_clock[NICHES];
static double growth[WEEK + 1], spread[WEEK + 1];
static Totals t;

#define ROOM(array, count, most) \
    if ((count) == (most)) { (most) = 2 * (most) + 1024; (array) = realloc((array), (most) * sizeof *(array)); }

static int due_day(int day, double energy_left, double energy_rate, double hazard_left, double hazard_rate) {
    double wait = INFINITY;
    if (energy_rate > 0.0) wait = energy_left / energy_rate;
    if (hazard_rate > 0.0) wait = fmin(wait, hazard_left / hazard_rate);
    wait = wait < 1e9 ? ceil(wait * (1.0 - 1e-12) - 1e-9) : 1e9;
    return (int)fmin((double)last, day + fmax(1.0, wait));
}

static void file_sleeper(int when, Sleeper sleeper) {
    int32_t at = free_sleeper;
    if (at >= 0) free_sleeper = sleepers[at].next;
    else { ROOM(sleepers, n_sleepers, most_sleepers); at = n_sleepers++; }
    sleeper.next = head[when];
    sleepers[at] = sleeper;
    head[when] = at;
}

static void begin_cycling(int day, uint32_t index, int arrived, int niche) {
    ROOM(small, n_small, most_small);
    small[n_small++] = (Colony){1, index, (uint16_t)arrived, (uint16_t)niche, (uint16_t)(day + 1)};
    t.woke++;
}

static void arrive(int day, int niche, int64_t count) {
    t.settled += count;
    for (uint32_t i = 0; i < count; i++) {
        Key key = {patient, i, days_of(day, 0), tag_of(SLEEP, niche)};
        double u = 1.0, v = 0.0;
        if (w.sleep > 0.0) uniforms(key, &u, &v);
        if (u >= w.sleep) { begin_cycling(day, i, day, niche); continue; }
        int narrow = v < w.narrow_share;
        double shape = narrow ? w.narrow_shape : w.broad_shape;
        key.tag = tag_of(THRESHOLD, niche);
        double threshold = -log(uniform(key));
        if (shape != 1.0) threshold = pow(threshold, 1.0 / shape);
        threshold *= narrow ? w.narrow_scale : w.broad_scale;
        key.tag = tag_of(ASLEEP_DEATH, niche);
        double life = -log(uniform(key));
        int when = due_day(day, threshold, w.feeding[niche], life, w.sleeper_death);
        file_sleeper(when, (Sleeper){energy_clock[niche] + w.feeding[niche] + threshold,
                                     hazard_clock[niche] + w.sleeper_death + life, i, (uint16_t)day, (uint16_t)niche, -1});
        t.sleeping++;
    }
}

static void settle(int day) {
    int64_t left = poisson(expected[day], (Key){patient, 0, days_of(day, 0), tag_of(SHED, 0)});
    double rest = 1.0, u[2] = {0.0, 0.0};
    t.shed += left;
    if (left == 0) return;
    for (int niche = 0; niche < NICHES; niche++) {
        if (!(niche & 1)) uniforms((Key){patient, 0, days_of(day, 0), tag_of(SETTLE, niche / 2)}, &u[0], &u[1]);
        double p = chance[day][niche] / rest;
        if (u[niche & 1] > 1.0 - left * p) {
            int64_t count = binomial_inverse(left, p, u[niche & 1]);
            if (count) arrive(day, niche, count);
            left -= count;
        }
        rest -= chance[day][niche];
    }
}

static void wake(int day) {
    int32_t at = head[day];
    head[day] = -1;
    while (at >= 0) {
        Sleeper c = sleepers[at];
        sleepers[at].next = free_sleeper;
        free_sleeper = at;
        double fed = w.feeding[c.niche], hazard = w.sleeper_death;
        double energy_left = c.energy - energy_clock[c.niche], hazard_left = c.hazard - hazard_clock[c.niche];
        int wakes = energy_left <= fed, dies = hazard_left <= hazard;
        if (wakes && dies) wakes = energy_left * hazard <= hazard_left * fed;
        at = c.next;
        if (wakes) { begin_cycling(day, c.index, c.arrived, c.niche); t.sleeping--; }
        else if (dies) { t.died_asleep++; t.sleeping--; }
        else file_sleeper(due_day(day, energy_left - fed, fed, hazard_left - hazard, hazard), c);
    }
    for (int niche = 0; niche < NICHES; niche++) {
        energy_clock[niche] += w.feeding[niche];
        hazard_clock[niche] += w.sleeper_death;
    }
}

static void colonise(int day) {
    int left = 0, start = day + 1 - WEEK;
    for (int i = 0; i < n_small; i++) {
        Colony c = small[i];
        int joined = c.since > start ? c.since - start : 0;
        double before = growth[joined], m = growth[WEEK] / before, q = (spread[WEEK] - spread[joined]) * before;
        double survival = 1.0 / (1.0 / m + q), ratio = q * survival;
        Key key = {patient, c.index, days_of(c.arrived, day), tag_of(SURVIVORS, c.niche)}, shape = key, offspring = key;
        shape.tag = tag_of(OFFSPRING_SHAPE, c.niche);
        offspring.tag = tag_of(OFFSPRING, c.niche);
        int64_t lines = binomial(c.cells, survival, key);
        c.cells = lines + negative_binomial(lines, ratio, shape, offspring);
        if (c.cells == 0) t.extinct++;
        else if (c.cells >= w.certain_cells) {
            ROOM(grown, n_grown, most_grown);
            grown[n_grown++] = (Grown){day + 1.0, log((double)c.cells), c.niche};
        } else small[left++] = c;
    }
    n_small = left;
}

static void measure(double now) {
    t.micro = t.macro = 0;
    t.burden = 0.0;
    for (int i = 0; i < n_grown; i++) {
        double log_cells = grown[i].start_log + w.early_rate * (now - grown[i].start_day);
        if (log_cells > w.log_limit)
            log_cells = w.log_limit - w.limit_gap * expm1(-w.gompertz * ((log_cells - w.log_limit) / w.early_rate));
        t.burden += exp(log_cells);
        if (log_cells >= w.log_visible) t.macro++;
        else if (log_cells >= w.log_micro) t.micro++;
    }
}

static void live(void) {
    for (int day = 0; day <= last; day++) head[day] = -1;
    memset(energy_clock, 0, sizeof energy_clock);
    memset(hazard_clock, 0, sizeof hazard_clock);
    free_sleeper = -1;
    n_sleepers = n_small = n_grown = 0;
    for (int day = 0; day < days; day++) {
        settle(day);
        wake(day);
        if (day % WEEK == WEEK - 1) { colonise(day); measure(day + 1.0); }
        t.cell_days += t.sleeping + n_small + n_grown;
    }
}

static double cpu_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec + 1e-9 * now.tv_nsec;
}

int main(int n_arguments, char **arguments) {
    FILE *file = n_arguments == 4 ? fopen(arguments[1], "rb") : NULL;
    if (!file || fread(&w, sizeof w, 1, file) != 1) { fprintf(stderr, "life_cycle WORK FIRST_PATIENT PATIENTS\n"); return 2; }
    days = (int)w.days;
    last = days + 1;
    expected = malloc(days * sizeof *expected);
    chance = malloc(days * sizeof *chance);
    head = malloc((last + 1) * sizeof *head);
    if (fread(expected, sizeof *expected, days, file) != (size_t)days
        || fread(chance, sizeof *chance, days, file) != (size_t)days) { fprintf(stderr, "the work is cut off\n"); return 2; }
    fclose(file);
    seed_generator((uint64_t)w.seed_high << 32 | (uint64_t)w.seed_low);
    double net = w.birth - w.death, m = exp(net), q = w.birth * -expm1(-net) / net;
    growth[0] = 1.0;
    for (int i = 0; i < WEEK; i++) { growth[i + 1] = growth[i] * m; spread[i + 1] = spread[i] + q / growth[i]; }

    double start = cpu_seconds(), burden = 0.0;
    int64_t n_colonies = 0, all_grown = 0, micro = 0, macro = 0, asleep = 0;
    long first = atol(arguments[2]), count = atol(arguments[3]);
    for (long i = first; i < first + count; i++) {
        patient = (uint32_t)i;
        t.sleeping = 0;
        live();
        n_colonies += n_small; all_grown += n_grown; micro += t.micro; macro += t.macro; asleep += t.sleeping;
        burden += t.burden;
    }
    double cpu = cpu_seconds() - start;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"cpu_seconds\": %.6f, \"peak_bytes\": %lld, \"cell_days\": %lld, \"shed\": %lld, \"settled\": %lld, "
           "\"sleeping\": %lld, \"woke\": %lld, \"died_asleep\": %lld, \"extinct\": %lld, \"small\": %lld, \"grown\": %lld, "
           "\"micrometastases\": %lld, \"macrometastases\": %lld, \"burden_cells\": %.17g}\n",
           cpu, (long long)usage.ru_maxrss * 1024, (long long)t.cell_days, (long long)t.shed, (long long)t.settled,
           (long long)asleep, (long long)t.woke, (long long)t.died_asleep, (long long)t.extinct, (long long)n_colonies,
           (long long)all_grown, (long long)micro, (long long)macro, burden);
    return 0;
}
