"""Counting doomed founders on given days, and listing them: what they are asked for, from lives drawn in batches."""

from __future__ import annotations

import math

import numpy as np

from sim.disease.birth_death import LEAST_FAILURE, RASTER_DAYS, last_line_failure
from sim.disease.doomed_colonies import colony, undisturbed
from sim.disease.doomed_lives import BATCH, live, new_life
from sim.disease.doomed_records import ASLEEP, CELLS, COLONIES, DIED, EXTINCT, WOKE, Life, Lives
from sim.disease.doses import pace_of
from sim.disease.identity import CLUSTER_INDEX, day_of, index_of, is_cluster, lane_of, niche_of, pack, source_of
from sim.names import NEVER
from sim.numerics.elementary import log
from sim.numerics.jit import kernel
from sim.numerics.streams import LAST_LINE, days_word, many_uniforms, tag_word

_STEPS = 6


@kernel
def note_arrivals(
    day: int, source: int, first_index: int, places: np.ndarray, doomed: np.ndarray, rows: np.ndarray, count: int
) -> int:
    """Note how many doomed founders settled today, (lanes, niches): packed like identities, the number as index.

    `places` are those where any settled, lane x niches + niche.
    """
    niches = doomed.shape[1]
    for place in places:
        lane, niche = place // niches, place % niches
        if doomed[lane, niche] > 0:
            rows[count] = pack(lane, day, first_index + doomed[lane, niche], niche, source)
            count += 1
    return count


@kernel
def by_lane(arrivals: np.ndarray, lanes: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of `arrivals` in order of lane, in each as they came, and where each lane begins, (lanes + 1,)."""
    first = np.zeros(lanes + 1, np.int64)
    for i in range(arrivals.size):
        first[lane_of(arrivals[i]) + 1] += 1
    for lane in range(lanes):
        first[lane + 1] += first[lane]
    at, order = first[:-1].copy(), np.empty(arrivals.size, np.uint64)
    for i in range(arrivals.size):
        lane = lane_of(arrivals[i])
        order[at[lane]] = arrivals[i]
        at[lane] += 1
    return order, first


@kernel
def spread(arrivals: np.ndarray, out: np.ndarray) -> int:
    """Identities of the founders that `arrivals` count, in `out`; returns how many (with empty `out` only that)."""
    n = 0
    for i in range(arrivals.size):
        packed = arrivals[i]
        number = index_of(packed)
        first = number & CLUSTER_INDEX
        number -= first
        if out.size:
            for k in range(number):
                out[n + k] = pack(lane_of(packed), day_of(packed), first + k, niche_of(packed), source_of(packed))
        n += number
    return n


@kernel
def _slots_of(look_day: np.ndarray, end: int) -> np.ndarray:
    """Number of a lane's first look on a day or later, (end + 2,) int32; the number of looks where there is none."""
    slots = np.empty(end + 2, np.int32)
    at = 0
    for day in range(end + 1):
        while at < look_day.size and look_day[at] < day:
            at += 1
        slots[day] = at
    slots[end + 1] = look_day.size
    return slots


@kernel
def _note_changes(
    ident: np.ndarray,
    life: Life,
    slots: np.ndarray,
    end: int,
    steps: np.ndarray,
    seen: np.ndarray,
    first_seen: np.ndarray,
    last_seen: np.ndarray,
) -> int:
    """Add a batch's changes to `steps` (niches, _STEPS, looks + 1), by the look that is the first to see each.

    Without branches, which a processor would guess wrong: what never happens is noted behind the last look. Fills
    `seen` with the places of colonies that a look sees, and `first_seen` and `last_seen`; returns how many.
    """
    n, late = 0, end + 1
    none = slots[late]
    for i in range(ident.size):
        of_niche = steps[niche_of(ident[i])]
        sleeps = life.threshold[i] >= 0.0
        begins = slots[np.int64(min(life.start[i], late))]
        gone = slots[np.int64(min(np.ceil(life.gone[i]), late))]
        died = slots[np.int64(min(life.died[i] + 1.0, late))]
        of_niche[ASLEEP, slots[day_of(ident[i]) + 1]] += sleeps
        of_niche[ASLEEP, begins] -= sleeps
        of_niche[ASLEEP, died] -= 1
        of_niche[DIED, died] += 1
        of_niche[WOKE, begins] += 1
        of_niche[EXTINCT, gone] += 1
        seen[n], first_seen[n], last_seen[n] = i, begins, gone
        n += begins < min(gone, none)
    return n


@kernel
def _one_cell_later(
    key: np.uint64,
    ident: np.ndarray,
    at: np.ndarray,
    first_look: np.ndarray,
    look_day: np.ndarray,
    lives: Lives,
    life: Life,
    words: np.ndarray,
    u: np.ndarray,
    v: np.ndarray,
    days: np.ndarray,
    rest: np.ndarray,
    cells: np.ndarray,
) -> None:
    """Cells of colonies of one founder on the first look that sees them, before the first raster day: fills `cells`.

    `at` (n,) are their places in the batch. As `doomed_left_until` draws it, several times faster.
    """
    n, who, index, day_words, tag = at.size, words[0], words[1], words[2], words[3]
    for k in range(n):
        i = at[k]
        start, look = np.int64(life.start[i]), look_day[first_look[k]]
        step = (start // RASTER_DAYS + 1) * RASTER_DAYS
        who[k] = np.uint64(lives.patient[lane_of(ident[i])])
        index[k], day_words[k] = np.uint64(index_of(ident[i])), days_word(day_of(ident[i]), step)
        tag[k] = tag_word(LAST_LINE, niche_of(ident[i]), source_of(ident[i]))
        days[k], rest[k] = float(look - start), life.end[i] - look
    many_uniforms(key, who[:n], index[:n], day_words[:n], tag[:n], u, v)
    lane = lane_of(ident[0])
    paced = lives.pace.log_sd[lane] > 0.0
    for k in range(n):
        niche = niche_of(ident[at[k]])
        pace = pace_of(key, lives.patient[lane], ident[at[k]], lives.pace) if paced else 1.0
        net, birth, death = (
            pace * lives.growth.net[lane, niche],
            pace * lives.growth.birth[lane, niche],
            pace * lives.growth.death[lane, niche],
        )
        failure = last_line_failure(days[k], rest[k], net, birth, death)
        cells[k] = 1
        if failure > LEAST_FAILURE:
            scale = 1.0 / log(failure)
            cells[k] += np.int64(log(u[k]) * scale) + np.int64(log(v[k]) * scale)


@kernel
def count_lives(
    key: np.uint64,
    lanes: np.ndarray,
    arrivals: np.ndarray,
    first_arrival: np.ndarray,
    first_look: np.ndarray,
    look_day: np.ndarray,
    lives: Lives,
    out: np.ndarray,
) -> None:
    """Count the doomed founders of some `lanes` (numbers) on the mornings of their looks.

    `look_day` holds the days of lane k of `lanes` from `first_look[k]` on, ascending and not after `lives.end`;
    `arrivals` those of all lanes in order of lane (see `by_lane`). Fills `out` (looks, niches, QUANTITIES) int64, zeros
    at first.
    """
    ident, life = np.empty(BATCH, np.uint64), new_life()
    seen, first_seen, last_seen = (
        np.empty(BATCH + 1, np.int64),
        np.empty(BATCH + 1, np.int64),
        np.empty(BATCH + 1, np.int64),
    )
    plain, plain_look, cells = np.empty(BATCH, np.int64), np.empty(BATCH, np.int64), np.empty(BATCH, np.int64)
    u, v, days, rest = np.empty(BATCH), np.empty(BATCH), np.empty(BATCH), np.empty(BATCH)
    for k in range(lanes.size):
        lane = lanes[k]
        end = np.int64(lives.end[lane])
        begin, looks = first_look[k], first_look[k + 1] - first_look[k]
        its_days = look_day[begin : begin + looks]
        slots = _slots_of(its_days, end)
        steps = np.zeros((out.shape[1], _STEPS, looks + 1), np.int32)
        simple = lives.doses.first[lane + 1] == lives.doses.first[lane]
        record, last_record = first_arrival[lane], first_arrival[lane + 1]
        number, done = np.int64(0), np.int64(0)
        while record < last_record or done < number:
            n = 0
            while n < BATCH and (record < last_record or done < number):
                if done == number:
                    packed = arrivals[record]
                    record += 1
                    number = index_of(packed)
                    cluster = number & CLUSTER_INDEX
                    number -= cluster
                    done = np.int64(0)
                    base = pack(0, 0, cluster, 0, 0) + (packed - pack(0, 0, index_of(packed), 0, 0))
                more = int(min(number - done, np.int64(BATCH - n)))
                for i in range(more):
                    ident[n + i] = base + np.uint64((done + i) << 8)
                n += more
                done += more
            live(key, ident[:n], lives, life)
            n = _note_changes(ident[:n], life, slots, end, steps, seen, first_seen, last_seen)
            n_plain = 0
            for s in range(n):
                i, look = seen[s], first_seen[s]
                until = min(last_seen[s], looks)
                start = np.int64(life.start[i])
                soon = its_days[look] <= (start // RASTER_DAYS + 1) * RASTER_DAYS
                if simple and not is_cluster(ident[i]) and its_days[look] > start and soon:
                    plain[n_plain], plain_look[n_plain] = i, look
                    n_plain += 1
                    look += 1
                niche = niche_of(ident[i])
                if simple:
                    at, left = start, np.int64(0)
                    while look < until:
                        now, at, left = undisturbed(key, ident[i], start, life.end[i], at, left, its_days[look], lives)
                        out[begin + look, niche, CELLS] += now
                        look += 1
                while look < until:
                    out[begin + look, niche, CELLS] += colony(
                        key, ident[i], start, life.end[i], life.cleared[i], life.kind[i], its_days[look], lives
                    )[0]
                    look += 1
            if n_plain > 0:
                them, at_look = plain[:n_plain], plain_look[:n_plain]
                _one_cell_later(key, ident, them, at_look, its_days, lives, life, life.words, u, v, days, rest, cells)
                for s in range(n_plain):
                    out[begin + plain_look[s], niche_of(ident[plain[s]]), CELLS] += cells[s]
        for niche in range(out.shape[1]):
            for quantity in (ASLEEP, WOKE, DIED, EXTINCT):
                total = np.int64(0)
                for its in range(looks):
                    total += steps[niche, quantity, its]
                    out[begin + its, niche, quantity] = total
            for row in range(begin, begin + looks):
                out[row, niche, COLONIES] = out[row, niche, WOKE] - out[row, niche, EXTINCT]


@kernel
def list_lives(
    key: np.uint64,
    ident: np.ndarray,
    lives: Lives,
    threshold: np.ndarray,
    woke: np.ndarray,
    died: np.ndarray,
    cells: np.ndarray,
    kind: np.ndarray,
) -> None:
    """What became of every doomed founder until its lane's `end`.

    The `threshold` of who slept, -1 else; the day on which it `woke` (of arrival for who never slept) and the one on
    which it `died`, asleep or awake, -1 each where it did not; the `cells` of its colony, and the `kind` of drugs that
    it resists of birth.
    """
    life = new_life()
    for begin in range(0, ident.size, BATCH):
        n = min(BATCH, ident.size - begin)
        live(key, ident[begin : begin + n], lives, life)
        for i in range(n):
            k = begin + i
            threshold[k] = life.threshold[i]
            woke[k], died[k], cells[k], kind[k] = -1, -1, 0, life.kind[i]
            if life.died[i] < NEVER:
                died[k] = np.int64(life.died[i])
            elif life.start[i] < NEVER:
                end = np.int64(lives.end[lane_of(ident[k])])
                woke[k] = np.int64(life.start[i]) - 1
                if life.gone[i] <= end:
                    died[k] = np.int64(math.ceil(life.gone[i])) - 1
                else:
                    cells[k] = colony(
                        key,
                        ident[k],
                        np.int64(life.start[i]),
                        life.end[i],
                        life.cleared[i],
                        life.kind[i],
                        end,
                        lives,
                    )[0]
