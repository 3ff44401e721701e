"""Groups of patients with a name, by what is seen at diagnosis: whom an arm of a comparison counts."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sim.names import STAGES_AT_DIAGNOSIS
from sim.results.outcomes import found_in_life

if TYPE_CHECKING:
    import pandas as pd

    from sim.results.reading import Run


def _at_diagnosis(run: Run, choose: Callable[[Any], Any]) -> pd.Series:
    """Whether `choose`, of the set of organs with a visible metastasis on the day of diagnosis, is true."""
    found = found_in_life(run)
    organs = found[found["years"] <= 0].groupby("patient")["organ"].agg(set)
    held = organs.reindex(run.patients["patient"])
    return held.map(lambda organs: bool(choose(organs if isinstance(organs, set) else set())))


def _at_stage(run: Run, number: str) -> pd.Series:
    """Whether a patient was diagnosed at that stage."""
    return run.patients.set_index("patient")["stage"].astype(object) == number


CONDITIONS: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "with a metastasis at diagnosis": lambda run: _at_diagnosis(run, bool),
        "without a metastasis at diagnosis": lambda run: _at_diagnosis(run, lambda organs: not organs),
        "with a liver metastasis at diagnosis": lambda run: _at_diagnosis(run, lambda organs: "liver" in organs),
        "without a liver metastasis at diagnosis": lambda run: _at_diagnosis(run, lambda organs: "liver" not in organs),
        "with liver metastases only at diagnosis": lambda run: _at_diagnosis(run, lambda organs: organs == {"liver"}),
        "with metastases but none in the liver at diagnosis": lambda run: _at_diagnosis(
            run, lambda organs: bool(organs) and "liver" not in organs
        ),
        **{f"stage {number}": functools.partial(_at_stage, number=number) for number in STAGES_AT_DIAGNOSIS},
    }
)
"""Groups of patients by what imaging and pathology see at diagnosis: a boolean series by patient.

None is chosen by what happens after it: who relapses, or answers to a drug, must have lived to do so. A group like that
would have to be followed from a landmark, with the dead before it beside it.
"""
