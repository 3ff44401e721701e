"""The small runs that tell a mutant that changes a result from one that does not: five of them, and analyses of their tables.

`python -m tests.mutants.small_runs tables FOLDER` runs them into FOLDER and prints JSON: `digests` of each run's tables, and
the `modules` of the program that were loaded on the way. `... analyses FOLDER` prints digests of analyses of these tables.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from dataclasses import fields, is_dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from sim import scenario
from sim.mechanisms import REGISTRY, default_states
from sim.results import reading
from sim.runs.counterfactuals import Counterfactual, metastases_by_arm
from sim.runs.run import run_scenario

PATIENTS, SEED = 100, 3
DEFAULTS = [name for name, on in default_states().items() if on]
OTHERS = [name for name in REGISTRY if name not in DEFAULTS]
FAST = {
    "competent_share": 3e-3, "frailty_log_sd": 1.0, "diagnosis_log_sd": 0.5, "growth_log_sd": 0.2,
    "diagnosis_median_cells": 2e5, "primary_gompertz_per_day": 0.02, "primary_capacity_cells": 1e7, "shedding_per_day": 3.0,
    "metastasis_gompertz_per_day": 0.01, "metastasis_capacity_cells": 1e9, "avascular_limit_cells": 1e4,
    "dormancy_narrow_scale_days": 60.0, "dormancy_broad_scale_days": 200.0, "imaging_threshold_cells": 3e7,
    "other_cause_death_per_year_at_70": 0.2, "metastatic_death_per_day": 0.02, "primary_death_per_day": 0.001,
    "inflammation_gain": 2.0, "il6_half_cells": 1e5, "vesicle_release": 2.0, "immune_clearance_per_day": 0.02,
    "fibrosis_prevalence": 0.5, "organ_inflammation.lung": 0.5, "niche_hypoxia.bone": 0.5, "bmi_mean": 30.0,
}  # fmt: skip
"""A disease of about a year in patients in whom every mechanism has something to act on."""
HORIZON = "600 days"

RUNS = {
    "defaults": (),
    "all on": OTHERS,
    "all off": DEFAULTS,
    "t cells and chemotherapy": ("immune_surveillance",),
}
"""Name of each run of one arm: the mechanisms whose default state it turns over."""
ARMS, ARMS_PATIENTS = "arms", 60
"""The fifth: the same patients with every mechanism, and without each of them in turn, as lanes of one model.

A mechanism that is at its null in all lanes is skipped: only beside lanes in which it acts does a wrong null act.
"""
DRUG = """
[[treatments]]
name = "chemotherapy"
after = "diagnosis"
start_days = 0
"""


def scenario_of(name: str, folder: Path):
    """The scenario of a small run, resolved."""
    lines = [
        f'title = "{name}"', 'question = "Do these bytes change?"', 'primary = "colon"', f'horizon = "{HORIZON}"',
        f"[cohort]\npatients = {PATIENTS}",
        '[cohort.age]\nmean = "67 years"\nsd = "11 years"\nlow = "30 years"\nhigh = "95 years"',
    ]  # fmt: skip
    file = folder / f"{name.replace(' ', '_')}.toml"
    file.write_text("\n".join(lines) + (DRUG if "chemotherapy" in name else ""), encoding="utf-8")
    turned = RUNS[name]
    off = [mechanism for mechanism in turned if mechanism in DEFAULTS]
    states = dict.fromkeys(REGISTRY, False) | dict.fromkeys(DEFAULTS, True)
    states |= {mechanism: not states[mechanism] for mechanism in turned}
    of_off = {parameter for mechanism, on in states.items() if not on for parameter in REGISTRY[mechanism].null}
    chosen = [f"{parameter}={value}" for parameter, value in FAST.items() if parameter not in of_off]
    return scenario.load(file).with_(on=[one for one in turned if one in OTHERS], off=off, set_=chosen)


def tables(folder: Path) -> dict[str, str]:
    """Run the five, and give a digest of the tables of each (of the counts by patient, arm and organ for the arms)."""
    arms = [Counterfactual(), *(Counterfactual(off=frozenset({name})) for name in REGISTRY)]
    counts = metastases_by_arm(scenario_of("all on", folder), arms, SEED, np.arange(ARMS_PATIENTS))
    found = {ARMS: hashlib.sha256(counts.tobytes()).hexdigest()[:16]}
    for name in RUNS:
        out = folder / name
        run_scenario(scenario_of(name, folder), seed=SEED, out=out)
        data = b"".join(path.name.encode() + path.read_bytes() for path in sorted(out.glob("*.parquet")))
        found[name] = hashlib.sha256(data).hexdigest()[:16]
    return found


# -- analyses ------------------------------------------------------------------------------------------------


def plain(value):
    """Numbers, arrays and records as what JSON holds, every bit of a float kept; what is a run is left out."""
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(part) for part in value]
    if isinstance(value, (float, np.floating)):
        return float(value).hex() if math.isfinite(value) else str(value)
    if isinstance(value, (bool, np.bool_, int, np.integer, str, type(None))):
        return str(value)
    return type(value).__name__


PAIR_PARTS = ("patients", "first", "second", "difference", "difference_interval", "ratio", "ratio_interval", "p_value")


class Few:
    """Some rows of a run."""

    def __init__(self, run, patients: pd.DataFrame):
        self.patients, self.metastases, self.manifest = patients, run.metastases, run.manifest


def cut(run):
    """A run, what is left of it when nobody, one patient, or only those who died are looked at."""
    people = run.patients
    yield "all", run
    yield "nobody", Few(run, people.iloc[:0])
    yield "one", Few(run, people.iloc[:1])
    yield "the dead", Few(run, people[people.death_day.notna()])


def of_one(run) -> dict:
    """Survival in one run, and in parts of it."""
    from sim.analysis import competing_risks, survival

    found = {}
    for part, some in cut(run):
        for kind in (survival.OVERALL, survival.METASTASIS_FREE):
            curve = survival.survival_curve(some, kind)
            days = [0.0, 50.0, 200.0, 365.25, 599.0, 600.5, 601.0, 602.0, 900.0]
            found[part, kind] = (curve, [curve.at(day) for day in days], survival.median_years(curve),
                                 survival.survival_at_years(some, 1.0, kind), curve.follow_up.at_risk(days))  # fmt: skip
        found[part, "hazard"] = [survival.recurrence_hazard(some, width) for width in (None, 0.25, 0.1)]
        if part != "nobody":
            found[part, "incidence"] = competing_risks.organ_incidence(some, after_diagnosis=True)
    found["round"] = [survival.round_interval(years) for years in (0.001, 0.01, 0.3, 1.0, 7.0, 40.0, 300.0)]
    return found


def of_two(first, second) -> dict:
    """Two runs of the same patients, compared."""
    from sim.analysis import compare, paired, survival
    from sim.report import comparison as words

    found = compare.compare(first, second)
    pairs = {change.organ: change.pairs for change in found.organs} | {"alive": found.alive}
    pairs |= {
        "never": paired.Shares(0, 0, 3, 97),
        "same": paired.Shares(4, 0, 0, 96),
        "all": paired.Shares(100, 0, 0, 0),
    }
    groups = [survival.follow_up(run) for run in (first, second)]
    empty = groups[0].of(np.zeros(len(groups[0]), dtype=bool))
    values = [run.patients["age_years"].to_numpy() for run in (first, second)]
    return {
        "words": words.sentence(found), "table": words.table(found), "rows": words.as_dict(found),
        "curves": [(curve.first, curve.second, curve.difference, curve.difference_interval)
                   for organ in ("liver", "lung", "any organ") for curve in [found.incidence_curve(organ, found.grid_days())]],
        "pairs": {organ: [getattr(one, part) for part in PAIR_PARTS] for organ, one in pairs.items()},
        "means": [found.years_lived, found.metastases, paired.means([1.0], [2.0])],
        "logrank": [found.overall, found.metastasis_free, survival.logrank(*groups), survival.logrank(empty, groups[1]),
                    survival.logrank(groups[0], empty), survival.logrank(*(group.of(~group.happened) for group in groups))],
        "holm": paired.holm([0.01, 0.04, 0.03, 0.5, 0.9]), "shares": paired.shares(values[0] > 67, values[1] > 70),
    }  # fmt: skip


def analyses(folder: Path) -> dict[str, str]:
    """Digests of what the analyses say of the tables in a folder; an exception is a result too."""
    runs = {name: reading.open(folder / name) for name in RUNS}
    asked = {name: lambda name=name: of_one(runs[name]) for name in RUNS}
    asked |= {f"{name} against defaults": lambda name=name: of_two(runs["defaults"], runs[name]) for name in RUNS}
    found = {}
    for name, ask in asked.items():
        try:
            said = json.dumps(plain(ask()))
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
        said = said.replace(str(folder), "")
        found[name] = hashlib.sha256(said.encode()).hexdigest()[:16]
    return found


def main(what: str, folder: str) -> None:
    digests = {"tables": tables, "analyses": analyses}[what](Path(folder))
    modules = sorted(name for name in sys.modules if name.split(".")[0] == "sim")
    print(json.dumps({"digests": digests, "modules": modules}))


if __name__ == "__main__":
    main(*sys.argv[1:])
