"""What a scenario's patients get at the points of a design: many points stacked as lanes, the same patients in each.

Two ways. In closed form the engine runs without competent cells (patients, growth, signals, shedding,
death) and theory supplies what becomes of a settled cell: no chance is left but in who the patients are,
and any number of cells costs the same; the metastases' own deaths are left out. By simulation every cell
is drawn, which only points with a bounded number of cells allow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sim.analysis.closed_form.exposure import Exposure, expected_metastases, measure, visible_chances
from sim.catalog.parameters import LaneParameters
from sim.disease.body import own_organ_factor, route
from sim.errors import InputError
from sim.mechanisms.dormancy import values_of_site
from sim.names import NICHES
from sim.results.schema import ALL
from sim.runs.chunk import stacked_lanes
from sim.runs.counterfactuals import metastases_by_lane
from sim.scenario import Scenario
from sim.work.packing import Chunk, pack

OUTCOMES = ("patients", "colonies")
"""Share of patients with a visible metastasis; natural logarithm of the mean number of visible metastases."""
ORGANS = (*NICHES, ALL)
IN_CLOSED_FORM = frozenset({"dual_blood_supply", "inflammation", "senescent_vesicles", "dormancy"})
"""Mechanisms whose action on metastases theory knows."""
LANES = 8000
"""Lanes of one task; a task keeps what it has finished only as a whole."""
MODEL_LANES = 1000
MOST_CELLS = 30_000_000
"""Living cells of one model of a simulated design: about 1 GB a worker."""
LEAST_MEAN = 1e-6
"""A millionth of a metastasis a patient, added before the logarithm: an organ that gets none has one too."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)


@dataclass(frozen=True)
class PointsTask:
    """Points `start` to `stop` of a design: `points` (points, factors) holds the values of the parameters `names`."""

    loads: ClassVar[tuple[str, ...]] = ("sim.analysis.points",)

    scenario: Scenario
    names: tuple[str, ...]
    points: np.ndarray
    seed: int
    start: int
    stop: int
    simulate: bool

    @property
    def name(self) -> str:
        """Stable name of the task."""
        return f"{self.start:08d}-{self.stop:08d}"

    @property
    def title(self) -> str:
        """What it computes, for messages."""
        return f"design points {self.start} to {self.stop - 1}"

    def compute(self, report: Callable[[float], None] | None = None) -> bytes:
        """The packed result: its `patients` hold `outcomes` (points, outcomes, organs), numbered in `patient`."""
        outcomes = outcomes_at(
            self.scenario, self.names, self.points, seed=self.seed, simulate=self.simulate, report=report
        )
        return pack(Chunk(tables={"patients": {"patient": np.arange(self.start, self.stop), "outcomes": outcomes}}))


def refuse_closed_form(scenario: Scenario) -> None:
    """Raises InputError where a mechanism is on, or a treatment given, that the closed form does not know."""
    unknown = [name for name, on in scenario.mechanisms.items() if on and name not in IN_CLOSED_FORM]
    if unknown:
        raise InputError(
            f"{scenario.name}: the closed form does not know {', '.join(unknown)}; "
            "add --simulate, or switch it off with --off"
        )
    if scenario.treatments:
        raise InputError(
            f"{scenario.name}: the closed form does not know treatments ({scenario.treatments[0].name}); add --simulate"
        )


def outcomes_at(
    scenario: Scenario,
    names: Sequence[str],
    points: np.ndarray,
    *,
    seed: int,
    simulate: bool = False,
    report: Callable[[float], None] | None = None,
) -> np.ndarray:
    """Both outcomes by organ at every point: (points, outcomes, organs). Raises InputError."""
    arms = [scenario.effective(dict(zip(names, map(float, point), strict=True))) for point in points]
    lanes = stacked_lanes(scenario, arms, seed=seed, patients=np.arange(scenario.patients))
    mean, share = np.empty((len(lanes.arm), len(ORGANS))), np.empty((len(lanes.arm), len(ORGANS)))
    # A model runs as long as its slowest lane, and growth differs much between points: lanes of a kind run together.
    order = np.argsort(lanes.diagnosis_day, kind="stable")
    for start in range(0, len(order), MODEL_LANES):
        some = order[start : start + MODEL_LANES]
        mean[some], share[some] = _by_lane(scenario, arms, lanes.patient[some], lanes.arm[some], seed, simulate)
        if report is not None:
            report(min(1.0, (start + MODEL_LANES) / len(order)))
    number = np.bincount(lanes.arm, minlength=len(arms))[:, None]
    share, mean = (
        np.stack([np.bincount(lanes.arm, x[:, organ], len(arms)) for organ in range(len(ORGANS))], axis=1) / number
        for x in (share, mean)
    )
    return np.stack([share, np.log(mean + LEAST_MEAN)], axis=1)


def _by_lane(
    scenario: Scenario,
    arms: Sequence[Mapping[str, float]],
    patient: np.ndarray,
    arm_of_lane: np.ndarray,
    seed: int,
    simulate: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Visible metastases, and whether there is one (or the chance of it): (lanes, organs) each."""
    present, arm_of_lane = np.unique(arm_of_lane, return_inverse=True)
    arms = [arms[arm] for arm in present]
    if not simulate:
        return expected_by_lane(scenario, arms, patient, arm_of_lane, seed)
    counts = metastases_by_lane(scenario, arms, patient, arm_of_lane, seed, most_cells=MOST_CELLS).astype(float)
    counts = np.concatenate([counts, counts.sum(axis=1, keepdims=True)], axis=1)
    return counts, (counts > 0).astype(float)


def expected_by_lane(
    scenario: Scenario, arms: Sequence[Mapping[str, float]], patient: np.ndarray, arm_of_lane: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Expected visible metastases, and the chance of at least one, by the end of follow-up: (lanes, organs) each.

    Averaged over frailty X, which multiplies competence: given X, metastases are Poisson with mean X m. In those who
    cannot metastasise there are none.
    """
    at_one = expected_at_frailty_one(scenario, arms, patient, arm_of_lane, seed)
    mean, share = np.empty((len(patient), len(ORGANS))), np.empty((len(patient), len(ORGANS)))
    for number, values in enumerate(arms):
        lanes = arm_of_lane == number
        able = values[f"metastatic_share.{scenario.primary}"]
        mean[lanes], share[lanes] = (able * part for part in over_frailty(at_one[lanes], values))
    return mean, share


def expected_at_frailty_one(
    scenario: Scenario, arms: Sequence[Mapping[str, float]], patient: np.ndarray, arm_of_lane: np.ndarray, seed: int
) -> np.ndarray:
    """Expected visible metastases by the end of follow-up of patients of frailty one, (lanes, niches)."""
    exposure = measure(scenario, seed=seed, patients=patient, arms=arms, arm_of_lane=arm_of_lane)
    stacked = LaneParameters.stack(arms, np.arange(len(arms)))
    sites = [scenario.primary] * len(arms)
    arrest = route(stacked, sites).arrest
    own = own_organ_factor(stacked, sites)
    out = np.empty((len(patient), len(NICHES)))
    for number, values in enumerate(arms):
        lanes = arm_of_lane == number
        mine = Exposure(
            exposure.shed[:, lanes],
            exposure.liver_factor[:, lanes],
            exposure.diagnosis_day[lanes],
            exposure.last_day[lanes],
            exposure.metastasis_growth[lanes],
        )
        out[lanes] = _expected(scenario, values, mine, arrest[number], own[number])
    return out


def _expected(
    scenario: Scenario, values: Mapping[str, float], exposure: Exposure, arrest: np.ndarray, own: np.ndarray
) -> np.ndarray:
    """Expected visible metastases of one arm's patients of frailty one, (lanes, niches)."""
    weeks = len(exposure.shed) + 1
    threshold = values[f"{scenario.observe}_threshold_cells"]
    of_feeding: dict[tuple[float, float], tuple[np.ndarray, np.ndarray]] = {}
    out = np.empty((exposure.shed.shape[1], len(NICHES)))
    for place, niche in enumerate(NICHES):
        feeding = values[f"feeding.{niche}"], values[f"niche_pace.{niche}"]
        soil = values[f"soil.{niche}"] * own[place]
        if feeding not in of_feeding:
            own_sleep = values_of_site(values, scenario.primary)
            chance = visible_chances(own_sleep, threshold, weeks, niche, exposure.metastasis_growth)
            of_feeding[feeding] = expected_metastases(exposure, chance, exposure.last_day, exposure.last_day)
        plain, liver = of_feeding[feeding]
        out[:, place] = arrest[place] * (soil * liver if niche == "liver" else min(soil, 1.0) * plain)
    return out * values["competent_share"] * values[f"site_shedding_factor.{scenario.primary}"]


def over_frailty(at_one: np.ndarray, values: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray]:
    """Mean number and chance of at least one, (lanes, organs) each, from the means of frailty one (lanes, niches)."""
    z = _NODES * values["frailty_truncation_sd"]
    weight = _WEIGHTS * np.exp(-0.5 * z**2)
    weight /= weight.sum()
    # Competence is a probability: however frail a patient, not more than all cells are competent.
    frailty = np.minimum(np.exp(values["frailty_log_sd"] * z), 1.0 / max(values["competent_share"], 1e-300))
    at_one = np.concatenate([at_one, at_one.sum(axis=1, keepdims=True)], axis=1)
    some = -np.expm1(-at_one[:, :, None] * frailty)
    return at_one * (weight @ frailty), some @ weight
