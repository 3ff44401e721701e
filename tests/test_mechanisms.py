"""What each mechanism is said to do, in paired cohorts: the same patients and random numbers with it and without it.

A cohort is one model whose lanes are patients x arms. Counts are compared as sums over the same
patients; the thresholds are the claims of the scenarios ("at most half"), and seeds are fixed.
"""

from types import SimpleNamespace

import numpy as np
import pytest
import virtual_patients as virtual

from sim import disease, scenario
from sim import model as engine
from sim.catalog.parameters import LaneParameters
from sim.disease.hosts import draw_hosts
from sim.disease.identity import unpack
from sim.disease.signals import Rates, RatesNow
from sim.mechanisms import REGISTRY, default_states, effective_parameters
from sim.model import MetastasisModel
from sim.names import NICHES
from sim.runs import tables
from sim.runs.chunk import build_model
from sim.runs.descent_columns import DescentColumns

SEED = 5
LIVER, LUNG, BONE = (NICHES.index(organ) for organ in ("liver", "lung", "bone"))
ALL_ON = "all on"
HEADLINE = [name for name, on in default_states().items() if on]


class Arms:
    """Paired arms of one scenario, run together: what happened by arm, patient and niche.

    `arms` maps a name to (mechanisms that are off, age at diagnosis or None for the scenario's).
    """

    def __init__(self, name: str, patients: int, arms: dict[str, tuple], seed: int = SEED):
        chosen = scenario.load(name)
        values = {key: parameter.value for key, parameter in chosen.parameters.items()}
        lanes = patients * len(arms)
        parameters = LaneParameters.stack(
            [effective_parameters(values, chosen.mechanisms | dict.fromkeys(off, False)) for off, _ in arms.values()],
            np.repeat(np.arange(len(arms)), patients))  # fmt: skip
        ages = [age or chosen.age for _, age in arms.values() for _ in range(patients)]
        hosts = draw_hosts(seed, np.tile(np.arange(patients), len(arms)), [chosen.primary] * lanes, ages, parameters)
        model = MetastasisModel(hosts, parameters, seed=seed, horizon_days=chosen.horizon_days, collect=False,
                                visible_cells=parameters[f"{chosen.observe}_threshold_cells"])  # fmt: skip
        model.run()
        found = tables.Metastases(model)
        niche, arrived = (unpack(found.identity)[part] for part in ("niche", "day"))
        detected = found.day_of(model.visible_cells[found.lane])
        seen = detected <= model.last_day[found.lane]
        counts = np.zeros((lanes, len(NICHES)), dtype=np.int64)
        np.add.at(counts, (found.lane[seen], niche[seen]), 1)
        first = np.full((lanes, len(NICHES)), np.inf)
        np.minimum.at(first, (found.lane[seen], niche[seen]), detected[seen] - hosts.diagnosis_day[found.lane[seen]])
        self.shape = (len(arms), patients)
        self.index = {arm: i for i, arm in enumerate(arms)}
        self._arrays = {"metastases": counts, "first": first, "settled": model.cells.settled.copy(),
                        "shed": model.shed_total.copy(), "last_day": model.last_day.copy(),
                        "diagnosis_day": hosts.diagnosis_day}  # fmt: skip
        self.colonies = {arm: SimpleNamespace(woke=found.woke[mine], arrived=arrived[mine])
                         for arm, i in self.index.items() for mine in [found.lane // patients == i]}  # fmt: skip
        model.__dict__.clear()

    def of(self, what: str, arm: str = ALL_ON) -> np.ndarray:
        """`metastases` seen in life, `first` seen (days since diagnosis; infinite: never), `settled`: (patients, niches);
        `shed`, `last_day`, `diagnosis_day`: (patients,)."""
        array = self._arrays[what]
        return array.reshape(*self.shape, *array.shape[1:])[self.index[arm]]

    def same_follow_up(self, arm: str) -> np.ndarray:
        """Patients whom the arm neither kills earlier nor saves, (patients,) bool."""
        return self.of("last_day") == self.of("last_day", arm)


@pytest.fixture(scope="module")
def colon():
    """400 colon patients, with all mechanisms and with each one off."""
    return Arms("colorectal", 400, {ALL_ON: ((), None)} | {name: ((name,), None) for name in HEADLINE})


# -- off is on at the null -------------------------------------------------------------------------


def everything(model) -> dict[str, np.ndarray]:
    """All that a finished model holds of its patients."""
    cells = model.cells
    out = {name: getattr(cells, name) for name in ("settled", "sleeping", "woke", "died_asleep", "extinct", "colonies")}
    out |= {name: getattr(model, name) for name in ("shed_total", "died_in_transit", "died_on_arrival", "inert", "death_day",
                                                    "death_cause", "last_day", "burden_cells")}  # fmt: skip
    out["hazard"] = model.mortality.hazard
    for rows in ("small", "grown"):
        out |= {f"{rows}.{name}": getattr(cells, rows).column(name) for name in getattr(cells, rows)._dtypes}
    return out


def identical(one: dict, other: dict) -> bool:
    """Equal to the last bit."""
    return all(one[name].tobytes() == other[name].tobytes() for name in one)


FAST = [
    "primary_gompertz_per_day=0.005 1/day",
    "competent_share=3e-4",
    "frailty_log_sd=0.5",
    "primary_death_per_day=0.001 1/day",
]
"""A primary that is seen after a year, with some ten thousand competent cells a patient, who live for years."""


def fast_colon(*, off=(), set_=()) -> dict[str, np.ndarray]:
    """A small colon cohort from the scenario file, run to the end."""
    chosen = scenario.load("colorectal").with_(off=off, set_=virtual.plainly(*FAST, *set_))
    model = build_model(chosen, seed=SEED, patients=np.arange(12), collect=False)
    model.run()
    assert model.cells.settled.sum() > 1000 and model.cells.grown.count > 0
    return everything(model)


@pytest.fixture(scope="module")
def fast_on():
    return fast_colon()


@pytest.mark.parametrize("name", HEADLINE)
def test_off_is_on_at_the_null(name, fast_on, monkeypatch):
    """Switched off, on at the null values, and without the mechanism's code at all: the same bits; on is another course."""
    off = fast_colon(off=[name])
    at_null = fast_colon(set_=[f"{parameter}={value}" for parameter, value in REGISTRY[name].null.items()])
    assert identical(off, at_null)
    assert not identical(off, fast_on)
    monkeypatch.setattr(engine, "REGISTRY", {key: mechanism for key, mechanism in REGISTRY.items() if key != name})
    if REGISTRY[name].null.keys() <= {"portocaval_shunt_fraction"}:
        assert identical(fast_colon(), fast_on), "the vessels are not in the daily code: only their parameter acts"
    else:
        assert identical(fast_colon(), off)


@pytest.mark.parametrize("name", sorted(set(HEADLINE) - {"dual_blood_supply"}))
def test_a_value_beside_the_null_is_noticed(name):
    (parameter,) = REGISTRY[name].null
    assert not identical(fast_colon(off=[name]), fast_colon(set_=[f"{parameter}=0.05"]))


# -- the vessels -----------------------------------------------------------------------------------


def test_without_the_portal_vein_at_most_half_of_the_liver_metastases(colon):
    on, off = (colon.of("metastases", arm).sum(axis=0) for arm in (ALL_ON, "dual_blood_supply"))
    assert on[LIVER] > 200
    assert off[LIVER] <= on[LIVER] / 2
    assert off[LUNG] > on[LUNG]


def test_without_the_portal_vein_fewer_patients_have_liver_metastases(colon):
    """Not the work of a few patients: shares of patients move as counts do, and no patient's liver gains seeds."""
    on, off = (colon.of("metastases", arm) > 0 for arm in (ALL_ON, "dual_blood_supply"))
    assert off[:, LIVER].sum() < on[:, LIVER].sum()
    assert off[:, LUNG].sum() > on[:, LUNG].sum()
    same = colon.same_follow_up("dual_blood_supply")
    assert same.sum() > 50
    assert np.all(colon.of("settled", "dual_blood_supply")[same, LIVER] <= colon.of("settled")[same, LIVER])


@pytest.mark.parametrize("name", HEADLINE)
def test_arms_are_paired(colon, name):
    """Same patients, same tumours: diagnosis on the same day; the same cells shed where shedding is not what changes."""
    assert np.array_equal(colon.of("diagnosis_day"), colon.of("diagnosis_day", name))
    same = colon.same_follow_up(name)
    assert same.sum() > 50
    equal = colon.of("shed")[same] == colon.of("shed", name)[same]
    assert not equal.any() if name == "senescent_vesicles" else equal.all()


# -- inflammation ----------------------------------------------------------------------------------


def test_without_inflammation_fewer_liver_metastases(colon):
    on, off = (colon.of("metastases", arm)[:, LIVER] for arm in (ALL_ON, "inflammation"))
    assert off.sum() < 0.8 * on.sum()
    assert (off > 0).sum() < (on > 0).sum()


def test_inflammation_leaves_other_organs_alone(colon):
    """To one settled cell in a thousand: the arms share the shed count, so a cell more in the liver is one less
    for all other niches together (conditional binomials), which moves a quantile about once in 10^4 draws.
    """
    same = colon.same_follow_up("inflammation")
    assert same.sum() > 50
    on, off = (colon.of("settled", arm)[same] for arm in (ALL_ON, "inflammation"))
    on_elsewhere, off_elsewhere = np.delete(on, LIVER, axis=1), np.delete(off, LIVER, axis=1)
    assert np.abs(on_elsewhere - off_elsewhere).sum() <= 1e-3 * on_elsewhere.sum()
    assert np.all(off[:, LIVER] <= on[:, LIVER]) and off[:, LIVER].sum() < on[:, LIVER].sum()


# -- senescent vesicles ----------------------------------------------------------------------------


def test_without_vesicles_fewer_metastases_everywhere(colon):
    """In every niche that has enough of them to tell: settled cells in all, metastases from twenty on."""
    settled_on, settled_off = (colon.of("settled", arm).sum(axis=0) for arm in (ALL_ON, "senescent_vesicles"))
    assert np.all(settled_off < settled_on)
    on, off = (colon.of("metastases", arm).sum(axis=0) for arm in (ALL_ON, "senescent_vesicles"))
    enough = on >= 20
    assert enough.sum() >= 3
    assert np.all(off[enough] < on[enough])


def test_vesicles_matter_more_in_the_old():
    """The same patients at 45 and at 80 years, with vesicles and without."""

    def at(years):
        return SimpleNamespace(mean_years=years, sd_years=0.0, low_years=30.0, high_years=95.0)

    arms = Arms("colorectal", 200, {f"{word} {years}": (off, at(years)) for years in (45.0, 80.0)
                                   for word, off in (("on", ()), ("off", ("senescent_vesicles",)))})  # fmt: skip
    reduction = {}
    for years in (45.0, 80.0):
        last_on, last_off = (arms.of("last_day", f"{word} {years}") for word in ("on", "off"))
        same = last_on == last_off  # who lives longer without vesicles has more time to be seeded
        assert same.sum() > 100
        on, off = (arms.of("settled", f"{word} {years}")[same].sum() for word in ("on", "off"))
        shed_on, shed_off = (arms.of("shed", f"{word} {years}")[same].sum() for word in ("on", "off"))
        assert on > 1000 and off < on and shed_off < shed_on
        reduction[years] = 1.0 - off / on
    assert reduction[80.0] > 1.5 * reduction[45.0] > 0.0
    days = [arms.of("diagnosis_day", arm) for arm in arms.index]
    assert all(np.array_equal(days[0], other) for other in days[1:])


# -- dormancy --------------------------------------------------------------------------------------


def test_without_dormancy_no_colony_wakes_later_than_it_arrived(colon):
    off, on = colon.colonies["dormancy"], colon.colonies[ALL_ON]
    assert len(off.woke) > 500 and np.array_equal(off.woke, off.arrived)
    assert np.any(on.woke > on.arrived) and np.all(on.woke >= on.arrived)


def test_without_dormancy_the_table_has_no_day_of_waking():
    chosen = scenario.load("colorectal").with_(off=["dormancy"], set_=virtual.plainly(*FAST))
    model = build_model(chosen, seed=SEED, patients=np.arange(12), collect=False)
    model.run()
    table = tables.metastases_table(model, tables.Metastases(model), DescentColumns(model))
    assert len(table["woke_day"]) > 50 and np.ma.getmaskarray(table["woke_day"]).all()
    assert model.cells.sleeping.sum() == model.cells.died_asleep.sum() == 0


def test_without_dormancy_arrivals_are_unchanged(colon):
    same = colon.same_follow_up("dormancy")
    assert same.sum() > 50
    assert np.array_equal(colon.of("settled")[same], colon.of("settled", "dormancy")[same])


def test_without_dormancy_untreated_metastases_rise(colon):
    assert colon.of("metastases", "dormancy").sum() > colon.of("metastases").sum()


def test_arrivals_are_equal_to_the_last_cell_where_nobody_dies():
    """Two arms of equal follow-up differ in who sleeps, not in who came."""
    immortal = [virtual.values(), virtual.values(**virtual.off("dormancy"))]
    patients = np.tile(np.arange(20), 2)
    model = virtual.drawn_model(patients, immortal, arm_of_lane=np.repeat([0, 1], 20), horizon_days=300)
    model.run()
    on, off = model.cells.settled[:20], model.cells.settled[20:]
    assert np.array_equal(on, off) and on.sum() > 1000
    assert model.cells.sleeping[:20].sum() > 0 and model.cells.sleeping[20:].sum() == 0


# -- where metastases go -----------------------------------------------------------------------------


def share_with(arms: Arms) -> np.ndarray:
    """Share of patients with a metastasis seen in each niche by the end of follow-up, (niches,)."""
    return (arms.of("metastases") > 0).mean(axis=0)


def first_organ_share(arms: Arms) -> np.ndarray:
    """Of the patients with any, the share whose first one is in each niche; ties count in parts, (niches,)."""
    first = arms.of("first")
    first = first[np.isfinite(first.min(axis=1))]
    earliest = first == first.min(axis=1, keepdims=True)
    return (earliest / earliest.sum(axis=1, keepdims=True)).mean(axis=0)


def incidence_day(arms: Arms, niche: int, share: float) -> float:
    """Day since diagnosis by which this share of all patients has had a metastasis in the niche; infinite if never."""
    return float(np.quantile(arms.of("first")[:, niche], share, method="higher"))


def test_colon_patients_get_liver_metastases_first_and_most(colon):
    others = [i for i in range(len(NICHES)) if i != LIVER]
    share, total, first = share_with(colon), colon.of("metastases").sum(axis=0), first_organ_share(colon)
    assert share[LIVER] > 1.3 * share[others].max()
    assert total[LIVER] > 2 * total[others].max()
    assert first[LIVER] > 0.5 and first[LIVER] > 2 * first[others].max()
    assert incidence_day(colon, LIVER, 0.1) < min(incidence_day(colon, i, 0.1) for i in others)


def check_breast(breast: Arms, colon_share: np.ndarray) -> None:
    """Lung at least as often as the liver, bone within a third of it, and both, beside it, far above a colon's.

    Metastases of the lung are seen no earlier than the liver's: they grow at half the pace (`niche_pace`).
    """
    share = share_with(breast)
    assert share[LUNG] > share[LIVER]
    assert share[BONE] > 2 / 3 * share[LIVER]
    for organ in (LUNG, BONE):
        assert share[organ] / share[LIVER] > 1.5 * colon_share[organ] / colon_share[LIVER]


def test_breast_patients_get_lung_and_bone_beside_the_liver(colon):
    check_breast(Arms("autopsy/breast", 300, {ALL_ON: ((), None)}), share_with(colon))


@pytest.mark.long
def test_breast_and_colon_at_autopsy_in_larger_cohorts():
    colon_patients = Arms("autopsy/colon", 600, {ALL_ON: ((), None)})
    check_breast(Arms("autopsy/breast", 400, {ALL_ON: ((), None)}), share_with(colon_patients))
    assert share_with(colon_patients).argmax() == first_organ_share(colon_patients).argmax() == LIVER


# -- what acts once, and what acts every day --------------------------------------------------------


def acts_differently_later(mechanism) -> bool:
    """Whether a mechanism's factors on day 800 of a growing, ageing and metastatic cohort are others than on day 0."""
    every = tuple(REGISTRY)
    chosen = scenario.load("colorectal").with_(
        on=every, set_=virtual.plainly(*FAST, "awakening_gain=0.5", "organ_inflammation.lung=1")
    )
    model = build_model(chosen, seed=SEED, patients=np.arange(6), collect=False)
    acted = []
    for _ in range(2):
        rates = Rates.base(6)
        rates.sleep += 0.5
        mechanism.act(rates, model.signals, model.parameters)
        acted.append(rates)
        while model.day < 800 and model.running:
            model.step()
    assert model.burden_cells.any()
    return not all(np.array_equal(getattr(acted[0], name), getattr(acted[1], name)) for name in RatesNow._fields)


@pytest.mark.parametrize("name", [name for name, mechanism in REGISTRY.items() if mechanism.constant])
def test_a_constant_mechanism_acts_the_same_on_every_day(name):
    assert not acts_differently_later(REGISTRY[name])


@pytest.mark.parametrize("name", ["inflammation", "senescent_vesicles", "immune_surveillance"])
def test_a_mechanism_that_only_called_itself_constant_would_be_noticed(name):
    assert acts_differently_later(REGISTRY[name])


def test_a_kernel_file_that_is_not_there_is_no_attribute():
    assert disease.signals_kernels.raise_niche is not None
    with pytest.raises(AttributeError, match="no attribute 'no_such_file'"):
        disease.no_such_file  # noqa: B018
