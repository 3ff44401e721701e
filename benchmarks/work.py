"""The pinned work, read from headline.toml, and the engine set up to do it.

Everything that sets the amount of work is pinned there; no calibration of the catalogue reaches it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from sim import catalog
from sim.catalog.parameters import LaneParameters
from sim.disease.hosts import Hosts
from sim.mechanisms import default_states, effective_parameters
from sim.model import MetastasisModel
from sim.names import DAYS_PER_YEAR, NICHES

HERE = Path(__file__).parent
_SHARES_OF_ELSEWHERE = {"gut": 15.0, "rest": 8.25}  # beds that the thirteenth niche stands for


@dataclass(frozen=True)
class Work:
    """One piece of work: how many patients, for how many days, with which parameter values."""

    seed: int
    patients: int
    chunk_patients: int
    days: int
    settled_cells_per_patient: float
    age_on_day_0_years: float
    first_diagnosis_day: int
    visible_cells: float
    site: str
    values: Mapping[str, float] = field(repr=False)

    def scaled(self, *, settled: float | None = None, **changes) -> Work:
        """The same process with other patients or days, or with another number of settled cells a patient."""
        work = replace(self, **changes)
        if settled is None:
            return work
        share = self.values["competent_share"] * settled / self.settled_cells_per_patient
        return replace(work, settled_cells_per_patient=settled, values={**self.values, "competent_share": share})

    def without_dormancy(self) -> Work:
        """Every competent cell cycles at once; arrivals stay the same."""
        return replace(self, values={**self.values, "sleep_probability": 0.0})


def pinned() -> dict:
    """headline.toml as it stands."""
    with open(HERE / "headline.toml", "rb") as file:
        return tomllib.load(file)


def headline() -> Work:
    """The pinned headline cohort."""
    toml = pinned()
    catalogue = {name: parameter.value for name, parameter in catalog.load().items()}
    values = effective_parameters(catalogue, default_states()) | toml["parameters"]
    for name, vector in toml["niches"].items():
        if len(vector) != len(NICHES):
            raise ValueError(f"headline.toml: [niches] {name} needs {len(NICHES)} numbers, not {len(vector)}")
        by_niche = dict(zip(NICHES, vector, strict=True))
        if name == "arterial_share":
            del by_niche["lung"]  # the lung gets the whole output of the right heart
            assert by_niche.pop("elsewhere") == sum(_SHARES_OF_ELSEWHERE.values())
            by_niche |= _SHARES_OF_ELSEWHERE
        values |= {f"{name}.{niche}": value for niche, value in by_niche.items()}
    w = toml["work"]
    return Work(
        seed=w["seed"],
        patients=w["patients"],
        chunk_patients=w["chunk_patients"],
        days=w["days"],
        settled_cells_per_patient=w["settled_cells_per_patient"],
        age_on_day_0_years=w["age_on_day_0_years"],
        first_diagnosis_day=w["first_diagnosis_day"],
        visible_cells=w["visible_cells"],
        site=w["primary_site"],
        values=values,
    )


def build(work: Work, first: int, patients: int, doomed: bool = True) -> MetastasisModel:
    """The engine's model of patients `first` to `first + patients`, set up as a run of a cohort sets it up."""
    ids = np.arange(first, first + patients)
    ones = np.ones(patients)
    diagnosis_day = np.minimum(work.first_diagnosis_day + ids % 28, work.days)
    hosts = Hosts(
        ids,
        np.full(patients, work.site),
        work.age_on_day_0_years + diagnosis_day / DAYS_PER_YEAR,
        ones,
        ones,
        1e10 * ones,
        diagnosis_day,
        np.full(patients, np.inf),
    )
    return MetastasisModel(
        hosts,
        LaneParameters(work.values, patients),
        seed=work.seed,
        horizon_days=work.days - diagnosis_day,
        visible_cells=work.visible_cells,
        collect=False,
        doomed=doomed,
    )


def daily_rates(work: Work) -> tuple[np.ndarray, np.ndarray]:
    """Expected shed cells of every day, (days,), and the chance that one settles in each niche, (days, niches).

    They are equal for all patients of the pinned work, so rivals may take them from a table.
    """
    model = build(work, 0, 1)
    expected, chance = np.empty(work.days), np.empty((work.days, len(NICHES)))
    for day in range(work.days):
        for step in (model.signal, model.grow, model.shed, model.circulate):
            step()
        expected[day], chance[day] = model.expected_shed[0], model.streams[0].chance[0]
        model.day += 1
    return expected, chance
