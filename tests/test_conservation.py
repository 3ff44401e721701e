"""Nothing is lost: every shed cell and every settled cell is somewhere, in every lane, on every day."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from treated_patients import LIVER_DISEASE, plan, treated_model
from virtual_patients import drawn_model, off, on, plain_model, values

from sim.disease.identity import unpack
from sim.mechanisms import REGISTRY
from sim.model import MetastasisModel
from sim.names import NICHES, SITES
from sim.runs.tables import every_seed
from sim.treatments import REGISTRY as TREATMENTS


def by_lane_and_niche(model, identity) -> np.ndarray:
    """How many of these cells each lane and niche has, (lanes, niches)."""
    out = np.zeros(model.cells.settled.shape, dtype=np.int64)
    parts = unpack(identity)
    np.add.at(out, (parts["lane"], parts["niche"]), 1)
    return out


def check(model) -> None:
    """Every equality of the design's first layer, for all lanes, at the end of the day that was just taken."""
    cells = model.cells
    settled, inert, died = cells.settled.sum(axis=1), model.inert.sum(axis=1), model.died_on_arrival.sum(axis=1)
    ended = model.died_in_transit + died + inert + settled
    assert np.array_equal(model.shed_total, ended + model.failures), "shed = died in transit + arrested"
    assert np.array_equal(cells.settled, cells.died_asleep + cells.sleeping + cells.woke), (
        "settled = dead + asleep + woken"
    )
    grown = by_lane_and_niche(model, cells.grown.column("identity"))
    assert np.array_equal(cells.woke, cells.extinct + cells.removed + cells.colonies + grown), (
        "woken = extinct + removed + small + grown"
    )
    tallies = (model.shed_total, model.died_in_transit, model.died_on_arrival, model.inert, cells.settled, cells.died_asleep,
               cells.sleeping, cells.woke, cells.extinct, cells.removed, cells.colonies, model.failures)  # fmt: skip
    assert all(tally.min() >= 0 and tally.dtype == np.int64 for tally in tallies)


def check_rows(model) -> None:
    """The cells themselves are as many as the tallies say, for lanes still followed."""
    alive = model.alive
    sleepers, colonies = model.cells.asleep(), model.cells.cycling(model.day)[0]
    asleep, small = by_lane_and_niche(model, sleepers), by_lane_and_niche(model, colonies)
    assert np.array_equal(asleep[alive], model.cells.sleeping[alive])
    assert np.array_equal(small[alive], model.cells.colonies[alive])
    identities = np.concatenate([sleepers, colonies, model.cells.grown.column("identity")])
    assert len(np.unique(identities)) == len(identities), "no cell is in two places"


def walk(model, days: int | None = None) -> int:
    """Step a model to its end (or some days), checking daily; returns how many output days were checked."""
    outputs = 0
    while model.running and (days is None or model.day < days):
        was_alive = model.alive.copy()
        model.step()
        check(model)
        ends = was_alive & ~model.alive
        due = (model.observer.due(model.day) & was_alive) | ends
        assert np.all(model.failures[due] == 0), "on an output day, and at the end, every failure has its kind"
        outputs += int(due.sum())
        if model.day % 10 == 0:
            check_rows(model)
    return outputs


RATES = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**64 - 1),
        "competent_share": st.sampled_from([0.0, 1e-4, 0.01, 1.0]),
        "shedding_per_day": st.sampled_from([0.0, 0.01, 3.0]),
        "sleep_probability": st.sampled_from([0.0, 0.5, 1.0]),
        "death_per_pass": st.sampled_from([0.0, 0.05, 1.0]),
        "soil__liver": st.sampled_from([0.0, 0.3, 1.0]),
        "sleeper_death_per_day": st.sampled_from([0.0, 0.01, 2.0]),
        "feeding__lung": st.sampled_from([0.0, 1.0, 30.0]),
        "colony_noise": st.sampled_from([0.02, 0.2]),
        "primary_death_per_day": st.sampled_from([0.0, 200.0]),
        "frailty_log_sd": st.sampled_from([0.0, 2.0]),
        "own_organ_receptivity__lung": st.sampled_from([0.0, 1.0]),
        "sites": st.lists(st.sampled_from(SITES), min_size=3, max_size=3),
        "switched_off": st.sets(st.sampled_from(list(REGISTRY))),
        "switched_on": st.sets(st.sampled_from(list(REGISTRY))),
    }
)


def followed(rates: dict) -> MetastasisModel:
    rates = dict(rates)
    seed, sites, switched_off, switched_on = (
        rates.pop(name) for name in ("seed", "sites", "switched_off", "switched_on")
    )
    dense = rates["competent_share"] * rates["shedding_per_day"] > 1e-3
    rates["diagnosis_median_cells"] = 300.0 if dense else 1e5
    drainage = {f"drainage__{site}__caval": 1.0 for site in sites}
    arm = values(**{**rates, **drainage, **on(*switched_on), **off(*switched_off)})
    return drawn_model(np.arange(3), [arm], seed=seed, site=sites, horizon_days=40)


@given(RATES)
@settings(max_examples=25)
def test_nothing_is_lost_whatever_the_rates(rates):
    model = followed(rates)
    assert walk(model) >= 3
    assert not model.alive.any()


def test_a_busy_cohort_over_its_whole_life():
    """Every kind of end occurs, death included; nothing is lost on any day."""
    arm = values(competent_share=0.01, frailty_log_sd=1.0, primary_death_per_day=300.0)
    model = drawn_model(np.arange(12), [arm], seed=4, horizon_days=150)
    walk(model)
    ends = (model.died_in_transit, model.died_on_arrival, model.inert, model.cells.died_asleep, model.cells.sleeping,
            model.cells.extinct, model.cells.colonies)  # fmt: skip
    assert all(end.sum() > 50 for end in ends) and model.cells.grown.count > 50
    assert 0 < (model.death_day >= 0).sum() < 12, "some die and some are censored"


@pytest.mark.parametrize("seed", [4, 7])  # seeds in which operations take some: in one of five they take none
def test_nothing_is_lost_under_all_treatments_with_every_mechanism_on(seed):
    """Thirteen treatments at once, doses skipped, half of the patients untreated: colonies shrink, return, end and are removed."""
    usual = {"start_days": 0, "adherence": 0.8}
    plans = [
        plan(name, cycles=min(t.cycles, 20), every_days=t.every_days, organ="liver" if t.local else None, **usual)
        for name, t in TREATMENTS.items()
    ]
    model = treated_model(4, [plans, []], seed=seed, days=200, diagnosis_day=150, keep_seeds=True, **LIVER_DISEASE)
    walk(model)
    cells = model.cells
    assert (
        min(cells.removed.sum(), cells.past.count, cells.extinct.sum(), cells.died_asleep.sum(), cells.grown.count) > 0
    )
    assert (~cells.ended.column("removed")).any() and len(
        np.unique(cells.ended.column("identity"))
    ) == cells.ended.count
    returned = unpack(cells.ended.column("identity"))["lane"]
    assert returned.max() < 4, "only the treated"
    assert len(every_seed(model)["identity"]) == cells.settled.sum()
    fates = np.unique(
        np.stack([cells.fates.column("identity"), cells.fates.column("fate").astype(np.uint64)]), axis=1
    ).shape[1]
    assert fates == cells.fates.count, "nobody wakes twice, or dies twice"


def test_a_human_tumour_sheds_ten_to_the_thirteen_and_all_are_counted():
    model = plain_model(2, 60, shedding_per_day=1e11, competent_share=1e-12, primary_gompertz_per_day=0.1)
    walk(model)
    assert model.shed_total.min() > 10**13
    assert np.array_equal(
        model.shed_total,
        model.died_in_transit + (model.died_on_arrival + model.inert + model.cells.settled).sum(axis=1),
    )


def test_certain_ends_leave_nothing_for_the_others():
    """Where an end has probability nought its tally is nought, not nearly nought."""
    model = plain_model(3, 60, death_per_pass=0.0, shedding_per_day=1e6, competent_share=1e-9)
    walk(model)
    assert model.died_in_transit.sum() == 0
    model = plain_model(3, 60, competent_share=1.0, shedding_per_day=0.1)
    walk(model)
    assert model.inert.sum() == 0 and model.cells.settled.sum() > 0
    model = plain_model(
        3,
        40,
        competent_share=1.0,
        shedding_per_day=0.1,
        death_per_pass=0.0,
        **{f"soil__{niche}": 1.0 for niche in NICHES},
    )
    walk(model)
    assert model.died_on_arrival.sum() == model.inert.sum() == model.died_in_transit.sum() == 0
    assert np.array_equal(model.cells.settled.sum(axis=1), model.shed_total)
    model = plain_model(3, 60, death_per_pass=1.0)
    walk(model)
    assert np.array_equal(model.died_in_transit, model.shed_total)


class Leaky(MetastasisModel):
    """The broken variant: one failure too few on one day, in one lane."""

    def settle(self):
        super().settle()
        if self.day == 17:
            self.streams[0].failures[1] -= 1


class Doubling(MetastasisModel):
    """Another: a woken cell is not taken off the sleepers."""

    def wake(self):
        promising = self.cells.promising
        before = promising["woke"].copy()
        super().wake()
        promising["sleeping"] += promising["woke"] - before


@pytest.mark.parametrize("broken", [Leaky, Doubling])
def test_a_lost_or_doubled_cell_is_noticed(broken):
    with pytest.raises(AssertionError):
        walk(plain_model(3, 80, model=broken, competent_share=0.02), 80)
