"""Treatments in the engine against the plain second implementation, `reference.plain_treated`.

Means over patients of what becomes of cells agree within the tolerances of `treated_agreement.Work`. Every comparison has a
false-alarm rate below 1e-6 and finds a true difference of twice its tolerance with the same certainty (`agreement_compare`);
samples too small for that raise TooWeak. What `reference.broken` gets wrong on purpose is caught (one a work; all with `make
long`), mostly by half as many plain patients at tolerances half as wide again: the same certainty, for larger differences.
"""

from __future__ import annotations

import functools
from dataclasses import replace

import pytest
from agreement_compare import disagreements
from reference import broken as wrong
from treated_agreement import WORK, Work, compared, engine_sample, plain_sample

HARD_TO_SEE = (wrong.OperatesOnEverybody, wrong.SparesNoSleeper, wrong.ConstantResistantShare, wrong.HitsRestingCells,
               wrong.TakesEveryDose, wrong.RadiatesTheBody)  # fmt: skip
"""What differs by so little that it takes all patients, and what only `make long` asks for."""


def of_half_as_many(work: Work) -> Work:
    """The same with half as many plain patients, and tolerances that are wider by more than the square root of two."""
    return replace(
        work, plain=work.plain // 2, tolerance=1.5 * work.tolerance, fine_tolerance=1.5 * work.fine_tolerance
    )


@functools.cache
def engine(name: str):
    """The engine's sample of a work, computed once."""
    return engine_sample(WORK[name])


@pytest.mark.parametrize("name", WORK)
def test_treatments_agree(name):
    found = disagreements(compared(plain_sample(WORK[name]), engine(name), WORK[name]))
    assert not found, found


@pytest.mark.parametrize(
    "name, broken, caught",
    [
        pytest.param(
            "drug", wrong.SparesNoSleeper, {"mean died_asleep liver", "mean died_asleep lung"}, marks=pytest.mark.long
        ),
        ("drug", wrong.KnowsNoResistance, {"mean chemotherapy resisted liver", "mean chemotherapy resisted lung"}),
        pytest.param("drug", wrong.ConstantResistantShare, {"mean chemotherapy resisted lung"}, marks=pytest.mark.long),
        pytest.param(
            "drug", wrong.HitsRestingCells, {"mean shed", "mean chemotherapy resisted lung"}, marks=pytest.mark.long
        ),
        pytest.param(
            "drug", wrong.TakesEveryDose, {"mean shed", "mean chemotherapy resisted lung"}, marks=pytest.mark.long
        ),
        ("resection and radiotherapy", wrong.LeavesNoResidue, {"mean log10 primary", "mean shed"}),
        pytest.param(
            "resection and radiotherapy", wrong.RadiatesTheBody, {"mean colonies lung"}, marks=pytest.mark.long
        ),
        ("liver resection", wrong.OperatesOnEverybody, {"mean removed liver"}),
        ("liver ablation", wrong.AblatesAnySize, {"mean removed liver"}),
        ("endocrine hold", wrong.HoldsEverybody, {"mean woke liver"}),
        ("senolytic", wrong.SenescenceStaysAway, {"mean shed"}),
    ],
)
def test_a_broken_treatment_is_caught(name, broken, caught):
    work = of_half_as_many(WORK[name]) if broken not in HARD_TO_SEE else WORK[name]
    found = disagreements(compared(plain_sample(work, broken, first_seed=5000), engine(name), work))
    assert caught <= found.keys(), found
