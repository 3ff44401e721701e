"""The compiled loops of the sketch: founders, burdens and lives of patients, from arrays alone.

They import nothing of the model, so that an edit of a mechanism or a table compiles none of them again.
"""

from __future__ import annotations

import math

import numpy as np

from sim.numerics.jit import kernel

STEP = 14.0
MOST_COLONIES = 1500
"""A patient with more in one organ has the first so many: they lie far above every threshold."""
_HALF = 30
"""Bisections of a day on which a burden passes a threshold: to the day in a century."""


@kernel
def _mix(state: np.uint64) -> np.uint64:
    z = state + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@kernel
def _uniform(key: np.uint64, index: int) -> float:
    return (float(_mix(key + np.uint64(index)) >> np.uint64(12)) + 0.5) / 4503599627370496.0


@kernel
def _log_cells(time: float, limit_day: float, early: float, limit: float, gap: float, gompertz: float) -> float:
    """Log size of a colony that reaches the avascular limit on `limit_day`."""
    since = time - limit_day
    return limit + early * since if since <= 0.0 else limit + gap * -math.expm1(-gompertz * since)


@kernel
def _burden(
    time: float,
    first: int,
    count: int,
    arrived: np.ndarray,
    until: float,
    limit_day: np.ndarray,
    pace: np.ndarray,
    niche: np.ndarray,
    weight: np.ndarray,
    limit: float,
    gap: float,
    gompertz: float,
) -> float:
    """Cells of the colonies `first` to `count` whose founders arrived before `until`, weighed by niche."""
    total = 0.0
    for i in range(first, count):
        if arrived[i] < until and limit_day[i] < time + 4000.0:
            rate = gompertz * pace[i]
            total += weight[niche[i]] * math.exp(_log_cells(time, limit_day[i], rate * gap, limit, gap, rate))
    return total


@kernel
def _passes(
    threshold: float,
    low: float,
    high: float,
    count: int,
    arrived: np.ndarray,
    until: float,
    limit_day: np.ndarray,
    pace: np.ndarray,
    niche: np.ndarray,
    weight: np.ndarray,
    limit: float,
    gap: float,
    gompertz: float,
) -> float:
    """The day between `low` and `high` on which the weighed burden passes `threshold`; inf where it does not."""
    if count == 0 or not math.isfinite(threshold):
        return math.inf
    rest = (arrived, until, limit_day, pace, niche, weight, limit, gap, gompertz)
    if _burden(high, 0, count, *rest) < threshold:
        return math.inf
    for _ in range(_HALF):
        middle = 0.5 * (low + high)
        if _burden(middle, 0, count, *rest) < threshold:
            low = middle
        else:
            high = middle
        if high - low < 0.5:
            break
    return high


@kernel
def _founders(
    key: np.uint64,
    reach: np.ndarray,
    reach_liver: np.ndarray,
    level: np.ndarray,
    sleep: np.ndarray,
    pace_of_niche: np.ndarray,
    own_pace: float,
    colony_log_sd: float,
    cut: float,
    dormancy: np.ndarray,
    growth: np.ndarray,
    most: int,
    arrived: np.ndarray,
    limit_day: np.ndarray,
    pace: np.ndarray,
    niche: np.ndarray,
) -> int:
    """Draw a patient's promising colonies of all niches, in the order of niche and arrival; returns how many.

    `reach` and `reach_liver` (steps,) are the cumulative intensities at unit level, `level` (niches,) the strength,
    `dormancy` narrow share, scale, shape, broad scale, shape, death a day; `growth` limit, gap, Gompertz rate, p.
    """
    limit, gap, gompertz, promising = growth
    count = 0
    for organ in range(level.size):
        cumulative = reach_liver if organ == 0 else reach
        own_key = _mix(key + np.uint64(7919 * (organ + 1)))
        target, step, first = 0.0, 0, count
        for index in range(most):
            base = 8 * index
            target -= math.log(_uniform(own_key, base))
            if level[organ] * cumulative[-1] < target:
                break
            while level[organ] * cumulative[step] < target:
                step += 1
            before = cumulative[step - 1] if step > 0 else 0.0
            inside = (target / level[organ] - before) / (cumulative[step] - before)
            day = (step + inside) * STEP
            wakes = day
            if _uniform(own_key, base + 1) < sleep[organ]:
                narrow = _uniform(own_key, base + 2) < dormancy[0]
                scale, shape = (dormancy[1], dormancy[2]) if narrow else (dormancy[3], dormancy[4])
                asleep = scale * (-math.log(_uniform(own_key, base + 3))) ** (1.0 / shape) / dormancy[6 + organ]
                if -math.log(_uniform(own_key, base + 4)) < asleep * dormancy[5]:
                    continue
                wakes = day + asleep
            mine = own_pace * pace_of_niche[organ]
            if colony_log_sd > 0.0:
                z = cut + 1.0
                attempt = 0
                while abs(z) > cut:
                    radius = math.sqrt(-2.0 * math.log(_uniform(own_key, base + 5 + 1000003 * attempt)))
                    z = radius * math.cos(2.0 * math.pi * _uniform(own_key, base + 6 + 1000003 * attempt))
                    attempt += 1
                mine *= math.exp(colony_log_sd * z)
            start = math.log(-math.log(_uniform(own_key, base + 7)) / promising)
            arrived[count], pace[count], niche[count] = day, mine, organ
            limit_day[count] = wakes + (limit - start) / (gompertz * gap * mine)
            count += 1
            if count - first >= most or count >= arrived.size:
                break
    return count


@kernel
def live(
    key: np.uint64,
    lanes: int,
    log_capacity: float,
    exponent: float,
    primary_rate: np.ndarray,
    reference: np.ndarray,
    horizon: float,
    age: np.ndarray,
    level: np.ndarray,
    strength: np.ndarray,
    il6_half: float,
    stat3_half: float,
    hill: float,
    lag: float,
    gain: float,
    senescence: np.ndarray,
    sleep: np.ndarray,
    pace_of_niche: np.ndarray,
    own_pace: np.ndarray,
    colony_log_sd: float,
    cut: float,
    dormancy: np.ndarray,
    growth: np.ndarray,
    weight: np.ndarray,
    symptom: np.ndarray,
    lethal: np.ndarray,
    visible_log: float,
    other: np.ndarray,
    danger: np.ndarray,
    threshold: np.ndarray,
    cause_uniform: np.ndarray,
    resect_after: float,
    out: np.ndarray,
    visible_day: np.ndarray,
    visible: np.ndarray,
) -> None:
    """Fill `out` (lanes, 9), `visible_day` and `visible` (lanes, niches); see `simulate`."""
    limit, gap, gompertz, _ = growth
    ones = np.ones(weight.size)
    arrived, limit_day = np.empty(13 * MOST_COLONIES), np.empty(13 * MOST_COLONIES)
    pace, niche = np.empty(13 * MOST_COLONIES), np.empty(13 * MOST_COLONIES, dtype=np.int64)
    for lane in range(lanes):
        own = _mix(key + np.uint64(104729 * (lane + 1)))
        end = reference[lane] + horizon
        steps = int(end / STEP) + 1
        count = 0
        if level[lane] > 0.0:
            reach, reach_liver = np.empty(steps), np.empty(steps)
            total, total_liver, readiness = 0.0, 0.0, 0.0
            for step in range(steps):
                time = (step + 0.5) * STEP
                log_cells = log_capacity * -math.expm1(-primary_rate[lane] * time)
                shed = STEP * math.exp(exponent * log_cells)
                if senescence[3] > 0.0:
                    years = age[lane] - (reference[lane] - time) / 365.25
                    share = senescence[2] / (1.0 + math.exp(-(years - senescence[0]) / senescence[1]))
                    held = 1.0 / (1.0 + senescence[3] * share)
                    shed *= 1.0 + senescence[4] * (1.0 - held * held)
                cells = math.exp(log_cells)
                power = (cells / (cells + il6_half)) ** hill
                drive = power / (power + stat3_half**hill)
                readiness += (drive - readiness) * -math.expm1(-STEP / lag)
                total += shed
                total_liver += shed * (1.0 + gain * readiness)
                reach[step], reach_liver[step] = total, total_liver
            count = _founders(
                own, reach, reach_liver, level[lane] * strength, sleep, pace_of_niche, own_pace[lane], colony_log_sd,
                cut, dormancy, growth, MOST_COLONIES, arrived, limit_day, pace, niche,
            )  # fmt: skip
        rest = (limit_day, pace, niche, weight, limit, gap, gompertz)
        diagnosis = min(
            reference[lane],
            np.ceil(_passes(symptom[lane], 0.0, reference[lane], count, arrived, math.inf, *rest)),
        )
        resection = diagnosis + resect_after
        bulk = _passes(lethal[lane], 0.0, end, count, arrived, resection, *rest)
        if bulk < resection:
            resection = math.inf
            bulk = _passes(lethal[lane], 0.0, end, count, arrived, math.inf, *rest)
        death, cause, hazard = bulk, 2, 0.0
        time = reference[lane]
        while time < min(end, bulk):
            years = age[lane] + (time - reference[lane]) / 365.25
            of_others = other[0] * math.exp(other[1] * (years - 70.0))
            of_primary = 0.0
            if time < resection:
                of_primary = danger[lane] * math.exp(log_capacity * -math.expm1(-primary_rate[lane] * time))
            rate = of_others + of_primary
            if hazard + rate * STEP >= threshold[lane]:
                dies = time + (threshold[lane] - hazard) / rate
                if dies < bulk:
                    death, cause = dies, 1 if cause_uniform[lane] * rate >= of_others else 0
                break
            hazard += rate * STEP
            time += STEP
        last = min(end, death)
        at_diagnosis = 0.0
        largest, first_seen, doubling = -math.inf, math.inf, math.nan
        for i in range(count):
            if arrived[i] >= resection:
                continue
            rate = gompertz * pace[i]
            seen = limit_day[i] + math.log(gap / (limit + gap - visible_log)) / rate
            size = _log_cells(diagnosis, limit_day[i], rate * gap, limit, gap, rate)
            at_diagnosis += math.exp(size)
            if seen <= last:
                visible_day[lane, niche[i]] = min(visible_day[lane, niche[i]], seen)
            if seen <= diagnosis:
                visible[lane, niche[i]] += 1.0
                if size > largest:
                    largest, doubling = size, math.log(2.0) / (rate * (limit + gap - size))
            elif largest == -math.inf and seen < first_seen:
                first_seen, doubling = seen, math.log(2.0) / (rate * (limit + gap - visible_log))
        out[lane, 0], out[lane, 1], out[lane, 2] = diagnosis, resection, death if death <= end else math.inf
        out[lane, 3], out[lane, 4], out[lane, 5] = cause if death <= end else -1.0, last, at_diagnosis
        rest = (limit_day, pace, niche, ones, limit, gap, gompertz)
        out[lane, 6] = _burden(last, 0, count, arrived, resection, *rest)
        out[lane, 7], out[lane, 8] = doubling if first_seen <= last or largest > 0.0 else math.nan, count
        if resection > last:
            out[lane, 1] = math.inf
