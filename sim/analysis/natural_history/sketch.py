"""The course of a cohort from its promising cells alone: what a fit can afford, a hundred times the program's speed.

Traits of the patients are the program's own draws; a metastasis is a cell whose colony never dies out, drawn with its
sleep, its limit E ~ Exp(1) and its pace, and on its mean path E/p exp(rate x time) from then on. Left out are what the
default natural history leaves out too: metastases that shed, treatments other than cutting the primary out, and a
hazard of death from metastases below the lethal burden. The shedding integral has steps of STEP days.

Draws are keyed by patient and niche, and a niche's arrivals are a unit Poisson process on its cumulative intensity: a
little more shedding moves every arrival a little, so that what is measured moves smoothly with the parameters.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from sim.analysis.natural_history.course import METASTASES, Course
from sim.catalog.parameters import LaneParameters
from sim.disease.body import own_organ_factor, route
from sim.disease.hosts import draw_hosts
from sim.disease.presentation import NO_THRESHOLD_CELLS
from sim.mechanisms.dormancy import sleep_of_site, sleeper_death_of_site
from sim.names import DAYS_PER_YEAR, LIVER, NICHES
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
def _live(
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


def simulate(
    values: Mapping[str, float],
    site: str,
    age: object,
    *,
    seed: int,
    patients: int,
    horizon_days: float,
    resect_after_days: float = math.inf,
) -> Course:
    """The course of `patients` of a `site` under all parameter `values` (nulls set), followed for `horizon_days`.

    They count from the reference day. The primary is cut out so many days after diagnosis, or never. Raises
    ValueError where the sketch leaves out what the values ask for.
    """
    for name, null in (("metastatic_death_per_day", 0.0), ("secondary_shedding_factor", 0.0), ("cluster_share", 0.0)):
        if values[name] != null:
            raise ValueError(f"the sketch has no {name}: found {values[name]:g}, allowed {null:g}")
    p = LaneParameters(values, patients)
    one = LaneParameters(values, 1)
    hosts = draw_hosts(seed, np.arange(patients), [site] * patients, [age] * patients, p)
    soil = np.array([values[f"soil.{niche}"] for niche in NICHES])
    strength = route(one, [site]).arrest[0] * own_organ_factor(one, [site])[0] * soil
    pace_of_niche = np.array([values[f"niche_pace.{niche}"] for niche in NICHES])
    limit, gap = (
        math.log(values["avascular_limit_cells"]),
        math.log(values["metastasis_capacity_cells"] / values["avascular_limit_cells"]),
    )
    gompertz = values["metastasis_gompertz_per_day"]
    promising = gompertz * gap / max(values["cycling_birth_per_day"], gompertz * gap)
    level = (
        values["shedding_per_day"] * values[f"site_shedding_factor.{site}"] * values["competent_share"] * promising
    ) * hosts.frailty
    out = np.empty((patients, 9))
    visible_day, visible = np.full((patients, len(NICHES)), np.inf), np.zeros((patients, len(NICHES)))
    uniform = np.random.default_rng(seed).random(patients)
    _live(
        np.uint64(seed), patients, math.log(values["primary_capacity_cells"]), values["shedding_exponent"],
        values["primary_gompertz_per_day"] * hosts.growth_factor, hosts.reference_day.astype(float), horizon_days,
        hosts.age_years, level, strength, values["il6_half_cells"], values["stat3_half_il6"],
        values["stat3_hill_exponent"], values["niche_time_days"] + values["saa_time_days"],
        values["inflammation_gain"],
        np.array([values[name] for name in ("senescence_half_age_years", "senescence_width_years",
                                            "senescent_share_maximum", "vesicle_release", "emt_shedding_gain")]),
        np.full(len(NICHES), sleep_of_site(one, [site])[0]), pace_of_niche, hosts.metastasis_growth,
        values["colony_growth_log_sd"], values["trait_truncation_sd"],
        np.array([
            *(values[f"dormancy_{name}"] for name in ("narrow_share", "narrow_scale_days", "narrow_shape",
                                                      "broad_scale_days", "broad_shape")),
            sleeper_death_of_site(one, [site])[0], *(values[f"feeding.{niche}"] for niche in NICHES),
        ]),
        np.array([limit, gap, gompertz, promising]), np.array([values[f"burden_weight.{niche}"] for niche in NICHES]),
        hosts.symptom_cells, hosts.lethal_cells, math.log(values["imaging_threshold_cells"]),
        np.array([values["other_cause_death_per_year_at_70"] / DAYS_PER_YEAR,
                  values["other_cause_death_growth_per_year"]]),
        values["primary_death_per_day"] * values[f"primary_death_factor.{site}"] * hosts.primary_danger / 1e11,
        hosts.death_threshold, uniform, resect_after_days, out, visible_day, visible,
    )  # fmt: skip
    diagnosis, resection, death, cause, last, at_diagnosis, at_end, doubling, _ = out.T
    stage = np.where(visible.any(axis=1), 3, np.where(hosts.nodes, 2, hosts.deep.astype(int)))
    return Course(
        reference_day=hosts.reference_day.astype(float),
        diagnosis_day=diagnosis,
        resection_day=resection,
        death_day=death,
        cause=cause.astype(int),
        last_day=last,
        primary_cells=hosts.diagnosis_cells,
        stage=stage,
        nodes=hosts.nodes,
        deep=hosts.deep,
        grade=hosts.grade,
        distant_nodes=hosts.distant_nodes,
        peritoneum=hosts.peritoneum,
        visible_day=visible_day,
        visible=visible,
        cells_at_diagnosis=at_diagnosis,
        cells_at_end=at_end,
        doubling_days=doubling,
    )


assert LIVER == 0 and METASTASES == 2 and NO_THRESHOLD_CELLS > 0
