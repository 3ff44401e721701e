/* Keyed (Philox4x32-10) or sequential (xoshiro256++) uniforms, and the samplers on them.
 *
 * Compiled as it is, every draw is the engine's: the same counters, the same samplers, the same order
 * of operations. With -DXOSHIRO the uniforms come from one sequence: the limit, without any key. */
#ifndef SAMPLERS_H
#define SAMPLERS_H
#include <math.h>
#include <stdint.h>

enum { SHED = 16, SETTLE = 17, SLEEP = 32, THRESHOLD = 33, ASLEEP_DEATH = 34,
       SURVIVORS = 48, OFFSPRING_SHAPE = 49, OFFSPRING = 50 };

static const double HALF_LOG_2PI = 0.91893853320467267;
static const double STEP = 1.0 / 4503599627370496.0; /* 2^-52 */


typedef struct { uint32_t patient, index, days, tag; } Key;

static inline uint32_t tag_of(int purpose, int organ) { return (uint32_t)purpose << 24 | (uint32_t)organ << 16; }
static inline uint32_t days_of(int first, int second) { return (uint32_t)first << 16 | (uint32_t)second; }
static inline double to_uniform(uint64_t bits) { return ((double)(int64_t)(bits >> 12) + 0.5) * STEP; }

#ifdef XOSHIRO
static uint64_t s[4];
static inline uint64_t rotl(uint64_t x, int k) { return x << k | x >> (64 - k); }
static inline uint64_t next(void) {
    uint64_t result = rotl(s[0] + s[3], 23) + s[0], t = s[1] << 17;
    s[2] ^= s[0]; s[3] ^= s[1]; s[1] ^= s[2]; s[0] ^= s[3]; s[2] ^= t; s[3] = rotl(s[3], 45);
    return result;
}
static void seed_generator(uint64_t seed) { /* splitmix64 */
    for (int i = 0; i < 4; i++) {
        uint64_t z = seed += 0x9E3779B97F4A7C15u;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
        z = (z ^ z >> 27) * 0x94D049BB133111EBu;
        s[i] = z ^ z >> 31;
    }
}
static inline double uniform(Key k) { (void)k; return to_uniform(next()); }
static inline void uniforms(Key k, double *u, double *v) { (void)k; *u = to_uniform(next()); *v = to_uniform(next()); }
#else
static uint32_t key_low, key_high;
static void seed_generator(uint64_t seed) { key_low = (uint32_t)seed; key_high = (uint32_t)(seed >> 32); }
static inline void uniforms(Key k, double *u, double *v) {
    uint32_t c0 = k.patient, c1 = k.index, c2 = k.days, c3 = k.tag, k0 = key_low, k1 = key_high;
    for (int i = 0; i < 10; i++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0; c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1; c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u; k1 += 0xBB67AE85u;
    }
    *u = to_uniform((uint64_t)c0 << 32 | c1);
    *v = to_uniform((uint64_t)c2 << 32 | c3);
}
static inline double uniform(Key k) { double u, v; uniforms(k, &u, &v); return u; }
#endif

static double stirling_error(double n) {
    if (n < 16.0) return n < 0.5 ? 0.0 : lgamma(n + 1.0) - (n + 0.5) * log(n) + n - HALF_LOG_2PI;
    double q = 1.0 / (n * n);
    return (1.0 / 12 - (1.0 / 360 - (1.0 / 1260 - (1.0 / 1680 - q / 1188) * q) * q) * q) / n;
}

static double deviance(double x, double mean) {
    if (fabs(x - mean) < 0.1 * (x + mean)) {
        double v = (x - mean) / (x + mean), total = (x - mean) * v, term = 2.0 * x * v;
        v *= v;
        for (int j = 1; j < 1000; j++) {
            term *= v;
            double more = total + term / (2 * j + 1);
            if (more == total) break;
            total = more;
        }
        return total;
    }
    return x * log(x / mean) + mean - x;
}

static double poisson_log_pmf(double k, double mean) {
    if (k < 0.5) return -mean;
    return -stirling_error(k) - deviance(k, mean) - HALF_LOG_2PI - 0.5 * log(k);
}

static double binomial_log_pmf(double k, double n, double p) {
    if (k < 0.5) return n * log1p(-p);
    if (k > n - 0.5) return n * log(p);
    double error = stirling_error(n) - stirling_error(k) - stirling_error(n - k);
    return error - deviance(k, n * p) - deviance(n - k, n * (1.0 - p)) - HALF_LOG_2PI
           - 0.5 * (log(k) + log1p(-k / n));
}

static int64_t binomial_inverse(int64_t n, double p, double u) {
    if (n <= 0 || p <= 0.0) return 0;
    if (p >= 1.0) return n;
    int flip = p > 0.5;
    if (flip) { p = 1.0 - p; u = 1.0 - u; }
    double size = (double)n, mean = size * p, k = 0.0;
    if (mean > 600.0) k = floor(mean - 12.0 * sqrt(mean) - 12.0);
    double mass = exp(binomial_log_pmf(k, size, p));
    if (mass < u) {
        double odds = p / (1.0 - p), limit = fmin(size, mean + 60.0 * sqrt(mean) + 60.0), total = mass;
        while (total < u && k < limit && (k < mean || mass > 1e-20)) {
            mass *= (size - k) / (k + 1.0) * odds;
            k += 1.0;
            total += mass;
        }
    }
    return flip ? n - (int64_t)k : (int64_t)k;
}

static int64_t poisson_inverse(double mean, double u) {
    if (mean <= 0.0) return 0;
    double k = 0.0;
    if (mean > 600.0) k = floor(mean - 12.0 * sqrt(mean) - 12.0);
    double mass = exp(poisson_log_pmf(k, mean)), limit = mean + 60.0 * sqrt(mean) + 60.0, total = mass;
    while (total < u && k < limit && (k < mean || mass > 1e-20)) {
        k += 1.0;
        mass *= mean / k;
        total += mass;
    }
    return (int64_t)k;
}

static int64_t poisson(double mean, Key key) {
    double u, v;
    if (mean < 12.0) return poisson_inverse(mean, uniform(key));
    uniforms(key, &u, &v);
    double root = sqrt(mean), b = 0.931 + 2.53 * root, a = -0.059 + 0.02483 * b;
    double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4), limit = 0.9277 - 3.6224 / (b - 2.0);
    for (;;) {
        double w = u - 0.5, us = 0.5 - fabs(w), k = floor((2.0 * a / us + b) * w + mean + 0.43);
        if (us >= 0.07 && v <= limit) return (int64_t)k;
        if (!(k < 0.0 || (us < 0.013 && v > us))
            && log(v * inverse_alpha / (a / (us * us) + b)) <= poisson_log_pmf(k, mean)) return (int64_t)k;
        key.tag++;
        uniforms(key, &u, &v);
    }
}

static int64_t binomial(int64_t n, double p, Key key) {
    if (n <= 0 || p <= 0.0) return 0;
    if (p >= 1.0) return n;
    int flip = p > 0.5;
    if (flip) p = 1.0 - p;
    double u, v, size = (double)n, mean = size * p;
    if (mean < 10.0) {
        u = uniform(key);
        int64_t k = n == 1 ? u > 1.0 - p : binomial_inverse(n, p, u);
        return flip ? n - k : k;
    }
    uniforms(key, &u, &v);
    double root = sqrt(mean * (1.0 - p)), b = 1.15 + 2.53 * root, a = -0.0873 + 0.0248 * b + 0.01 * p;
    double alpha = (2.83 + 5.1 / b) * root, limit = 0.92 - 4.2 / b, mode = NAN;
    for (;;) {
        double w = u - 0.5, us = 0.5 - fabs(w), k = floor((2.0 * a / us + b) * w + mean + 0.5);
        if (k >= 0.0 && k <= size) {
            int accept = us >= 0.07 && v <= limit;
            if (!accept) {
                if (isnan(mode)) mode = binomial_log_pmf(floor((size + 1.0) * p), size, p);
                accept = log(v * alpha / (a / (us * us) + b)) <= binomial_log_pmf(k, size, p) - mode;
            }
            if (accept) return flip ? n - (int64_t)k : (int64_t)k;
        }
        key.tag++;
        uniforms(key, &u, &v);
    }
}

static double gamma_variate(double shape, Key key) {
    double d = shape - 1.0 / 3.0, c = 1.0 / sqrt(9.0 * d), u, v;
    uint32_t tag = key.tag;
    for (int attempt = 0;; attempt += 2) {
        key.tag = tag + attempt;
        uniforms(key, &u, &v);
        double x = sqrt(-2.0 * log(u)) * cos(2.0 * M_PI * v), w = 1.0 + c * x;
        if (w <= 0.0) continue;
        w = w * w * w;
        key.tag = tag + attempt + 1;
        u = uniform(key);
        if (u < 1.0 - 0.0331 * (x * x) * (x * x)) return d * w;
        if (log(u) < 0.5 * x * x + d - d * w + d * log(w)) return d * w;
    }
}

static int64_t negative_binomial(int64_t successes, double failure, Key shape_key, Key key) {
    if (successes <= 0 || failure <= 0.0) return 0;
    if (successes == 1) return (int64_t)floor(log(uniform(key)) / log(failure));
    return poisson(gamma_variate((double)successes, shape_key) * failure / (1.0 - failure), key);
}
#endif
