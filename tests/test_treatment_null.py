"""A treatment that is not taken is none, bit for bit; and nobody's course depends on who else is in the cohort."""

import numpy as np
import pytest
from quick_cohort import scenario_file
from treated_patients import LIVELY, LIVER_DISEASE, plan, treated_model

from sim import mechanisms
from sim.disease.identity import unpack
from sim.runs.chunk import run_chunk
from sim.runs.task import CohortTask
from sim.scenario import load
from sim.treatments import REGISTRY


def state(model, lanes: slice) -> dict:
    """Everything that the lanes' courses end in, lane numbers left out."""
    names = (
        "shed_total",
        "inert",
        "died_on_arrival",
        "death_day",
        "last_day",
        "burden_cells",
        "cycling_cells",
        "energy_clock",
        "hazard_clock",
    )
    out = {name: getattr(model, name)[lanes].tolist() for name in names}
    out |= {
        name: getattr(model.cells, name)[lanes].tolist()
        for name in ("settled", "sleeping", "woke", "died_asleep", "extinct", "colonies", "removed")
    }
    out["primary"] = model.primary.gap[lanes].tolist()
    for kind in ("small", "grown", "seeds", "fates", "past", "ended"):
        rows = getattr(model.cells, kind)
        lane = unpack(rows.column("identity"))["lane"]
        mine = (lane >= lanes.start) & (lane < lanes.stop)
        bare = rows.column("identity")[mine] - (np.uint64(lanes.start) << np.uint64(48))
        columns = [
            bare.tolist(),
            *(rows.column(name)[mine].tolist() for name in rows.names if name not in ("identity", "traits", "shedder")),
        ]
        out[kind] = sorted(zip(*columns, strict=True))
    return out


def whole_course(name: str, **changes):
    treatment = REGISTRY[name]
    usual = {"start_days": 0, "cycles": min(treatment.cycles, 60), "every_days": treatment.every_days}
    return plan(name, **usual | ({"organ": "liver"} if treatment.local else {}) | changes)


@pytest.fixture(scope="module")
def null_arms():
    """Arms in one model: nobody treated; each treatment at dose 0, at adherence 0, and as usual."""
    arms = [[]]
    for name in REGISTRY:
        arms += [[whole_course(name, dose=0.0)], [whole_course(name, adherence=0.0)], [whole_course(name)]]
    model = treated_model(3, arms, days=150, diagnosis_day=170, keep_seeds=True, **LIVER_DISEASE)
    model.run()
    return model


@pytest.mark.parametrize("place, name", list(enumerate(REGISTRY)))
def test_dose_zero_and_adherence_zero_are_no_treatment_bit_for_bit(place, name, null_arms):
    none, dose, adherence, usual = (
        state(null_arms, slice(start, start + 3)) for start in (0, *(3 + 9 * place + 3 * i for i in range(3)))
    )
    assert none["grown"] and none["small"] and none["seeds"]
    assert dose == none and adherence == none
    assert usual != none, "the usual dose does something"


def test_a_model_without_treatment_is_the_same_bit_for_bit(null_arms):
    alone = treated_model(3, [[]], days=150, diagnosis_day=170, keep_seeds=True, **LIVER_DISEASE)
    alone.run()
    assert alone.therapy is None
    assert state(alone, slice(0, 3)) == state(null_arms, slice(0, 3))


def everything(adherence: float = 0.8) -> list:
    return [whole_course(name, adherence=adherence, start_days=20) for name in REGISTRY]


def test_a_treated_patient_alone_and_among_others():
    """All treatments at once, all mechanisms on: patient 7 alone, and among thirty."""
    crowd = treated_model(15, [everything(), []], days=200, diagnosis_day=100, keep_seeds=True, **LIVELY)
    alone = treated_model(1, [everything()], days=200, diagnosis_day=100, keep_seeds=True, first_patient=7, **LIVELY)
    crowd.run(), alone.run()
    assert alone.cells.past.count > 0
    assert state(alone, slice(0, 1)) == state(crowd, slice(7, 8))


# -- an effect of size nought is no treatment ------------------------------------------------------

OPERATIONS_LEAVE_NO_WAVE = {"surgery_inflammation": 0.0}
SIZE_NOUGHT = {
    "resection": {"resection_residual_share": 1.0} | OPERATIONS_LEAVE_NO_WAVE,
    "liver_resection": {"imaging_threshold_cells": 1e12} | OPERATIONS_LEAVE_NO_WAVE,
    "liver_ablation": {"ablation_largest_cells": 1.0},
    "radiotherapy": {"radiotherapy_surviving_fraction": 1.0},
    "chemotherapy": {"log10_kill.chemotherapy": 0.0},
    "targeted_therapy": {"log10_kill.targeted_therapy": 0.0},
    "endocrine_therapy": {"endocrine_hold": 0.0},
    "checkpoint_inhibition": {"checkpoint_gain": 0.0, "checkpoint_shrink_per_day": 0.0},
    "senolytic": {"senolytic_clearance": 0.0},
    "p2rx7_inhibition": {"p2rx7_block": 0.0},
    "mirna_silencing": {"mirna_block": 0.0},
    "il6_blockade": {"il6_block": 0.0},
    "stat3_blockade": {"stat3_block": 0.0},
}
"""Where each treatment does nothing. Liver resection takes all that imaging sees: its null is imaging that sees nothing."""

TOLD = {"patients": ("resection_day",), "metastases": ("resistant",)}
"""What the tables say of the treatment itself."""


@pytest.fixture(scope="module")
def tables_of(tmp_path_factory):
    """(treatment or None, values, mechanism that is off) -> tables of ten quick patients with all others on; each cohort is run once."""
    file = scenario_file(tmp_path_factory.mktemp("nought"), 10, horizon_days=120)
    lively = {name.replace("__", "."): value for name, value in LIVER_DISEASE.items()}
    known = {}

    def tables(name, values, off=None):
        key = (name, tuple(values.items()), off)
        if key not in known:
            given = (
                f'[[treatments]]\nname = "{name}"\nstart_days = 60\n'
                + ('organ = "liver"\n' if REGISTRY[name].local else "")
                if name
                else ""
            )
            text = file.read_text(encoding="utf-8").replace("[cohort]", f"{given}[cohort]", 1)
            scenario = load(file, text=text).with_(
                on=[mechanism for mechanism in mechanisms.REGISTRY if mechanism != off],
                off=[off] if off else [],
                set_=[f"{p}={v!r}" for p, v in (lively | values).items()],
            )
            known[key] = run_chunk(CohortTask(scenario, seed=5, start=0, stop=10)).tables
        return known[key]

    return tables


def differing(one: dict, other: dict) -> list[str]:
    """Columns of two runs' tables that differ in any bit."""

    def bits(column):
        array = np.ma.asarray(column)
        return (
            array.shape,
            np.ma.getmaskarray(array).tobytes(),
            array.filled(0).tobytes() if array.dtype.kind != "O" else repr(array.tolist()),
        )

    assert one.keys() == other.keys()
    return [
        f"{table}.{name}"
        for table in one
        for name in one[table]
        if name not in TOLD.get(table, ()) and bits(one[table][name]) != bits(other[table][name])
    ]


@pytest.mark.parametrize("name", REGISTRY)
def test_an_effect_of_size_nought_is_no_treatment_bit_for_bit(name, tables_of):
    """In all tables; and the catalogue's size shows in them."""
    nought = SIZE_NOUGHT[name]
    assert differing(tables_of(name, nought), tables_of(None, nought)) == []
    assert differing(tables_of(name, {}), tables_of(None, {})), "the usual size does something"


@pytest.mark.parametrize("name", [name for name in REGISTRY if REGISTRY[name].needs])
def test_a_treatment_does_nothing_without_the_mechanism_that_it_needs(name, tables_of):
    """With all others on; what the remark on such a scenario says is true. (With it on, the usual size acts: above.)"""
    needs = REGISTRY[name].needs
    assert differing(tables_of(name, {}, needs), tables_of(None, {}, needs)) == []
