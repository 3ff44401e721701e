"""What has happened by a morning does not know what comes later: treatments, rates, the end, or who asks when."""

import numpy as np
import pytest
from sleeping import Weather
from treated_patients import LIVER_DISEASE, plan, run_to, treated_model
from virtual_patients import NOTHING_ACTS, plain_hosts, plain_model, values

from sim.catalog.parameters import LaneParameters
from sim.disease.identity import unpack
from sim.model import MetastasisModel
from sim.runs.tables import every_seed

DIAGNOSIS = 150


def lives(model, lanes) -> dict[str, list]:
    """Everybody who has settled in some lanes by this morning, and what became of them; lane numbers from nought."""
    seeds = every_seed(model)
    lane = unpack(seeds["identity"])["lane"]
    mine = np.isin(lane, lanes)
    bare = (seeds["identity"][mine] & np.uint64((1 << 48) - 1)).tolist()
    out = {name: seeds[name][mine].tolist() for name in ("slept", "threshold_days", "woke_day", "died_day")}
    grown = model.cells.grown
    here = np.isin(unpack(grown.column("identity"))["lane"], lanes)
    rows = [(grown.column("identity")[here] & np.uint64((1 << 48) - 1)).tolist()]
    rows += [grown.column(name)[here].tolist() for name in ("woke", "since", "start_day", "start_log_cells")]
    return out | {"identity": bare, "lane": (lane[mine] - min(lanes)).tolist(), "grown": rows}


@pytest.mark.parametrize("start", [1, 3, 6])
@pytest.mark.parametrize("name", ["resection", "chemotherapy", "liver_resection"])
def test_an_operation_in_mid_week_does_not_move_what_came_before(name, start):
    """Arms with and without a treatment agree bit for bit up to its morning, and not for ever after."""
    model = treated_model(
        3, [[plan(name, start_days=start)], []], days=60, diagnosis_day=DIAGNOSIS, keep_seeds=True, **LIVER_DISEASE
    )
    run_to(model, DIAGNOSIS + start)
    treated, untreated = lives(model, [0, 1, 2]), lives(model, [3, 4, 5])
    assert treated == untreated and len(treated["identity"]) > 1000
    run_to(model, DIAGNOSIS + 50)
    if name != "liver_resection":  # whose patients may have metastases elsewhere
        assert lives(model, [0, 1, 2]) != lives(model, [3, 4, 5])


def test_nothing_drawn_knows_the_day_of_diagnosis_or_the_end():
    """The same patients diagnosed on other days, with other grids and horizons: the same cells."""
    found = []
    for diagnosis, horizon, every in ((100, 40, 28), (123, 17, 7), (0, 140, 13)):
        hosts = plain_hosts(5, diagnosis_day=diagnosis)
        parameters = LaneParameters(values(**NOTHING_ACTS, competent_share=0.01), 5)
        model = MetastasisModel(
            hosts,
            parameters,
            seed=3,
            horizon_days=horizon,
            visible_cells=1e8,
            output_every_days=every,
            keep_seeds=True,
            collect=False,
        )
        model.run()
        assert model.day == 140
        found.append(lives(model, range(5)))
    assert found[0] == found[1] == found[2] and len(found[0]["identity"]) > 3000


def test_a_life_that_is_asked_for_early_is_the_life_that_is_told_late():
    """Rates that change every day: what had happened to the doomed by a morning stays what it was."""
    model = plain_model(6, 150, seed=9, model=Weather, **NOTHING_ACTS, sleep_probability=0.8, competent_share=0.02)
    early = {}
    while model.running:
        if model.day in (40, 81, 120):
            early[model.day] = model.cells.doomed.everybody(model.day)
        model.step()
    late = model.cells.doomed.everybody(model.day)
    order = np.argsort(late.identity)
    for day, told in early.items():
        at = order[np.searchsorted(late.identity[order], told.identity)]
        assert np.array_equal(late.identity[at], told.identity) and len(at) > 50
        assert np.array_equal(late.threshold[at], told.threshold)
        for name in ("woke", "died"):
            now = getattr(late, name)[at]
            assert np.array_equal(np.where(now < day, now, -1), getattr(told, name)), (day, name)


def test_the_doomed_wake_and_die_on_the_day_of_a_daily_scan():
    """Thresholds and clocks of every day, one founder at a time, as a plain scan has it; hazards change every day too."""
    model = plain_model(3, 120, seed=9, model=Weather, **NOTHING_ACTS, sleep_probability=0.8, competent_share=0.02)
    model.run()
    told = model.cells.doomed.everybody(model.day)
    parts = unpack(told.identity)
    slept = told.threshold >= 0.0
    feeding, hazard = np.array(model.feeding_by_day), np.array(model.hazard_by_day)
    clock = np.concatenate([np.zeros((1, *feeding.shape[1:])), np.cumsum(feeding, axis=0)])
    mine = (
        clock[:, parts["lane"], parts["niche"]]
        - clock[np.minimum(parts["day"] + 1, len(feeding)), parts["lane"], parts["niche"]]
    )
    days = np.arange(len(clock))[:, None]
    fed = (mine >= told.threshold) & (days > parts["day"] + 1)
    wakes = np.where(fed.any(axis=0), fed.argmax(axis=0) - 1, 10**6)
    woke = slept & (told.woke >= 0)
    assert np.array_equal(told.woke[woke], wakes[woke]) and woke.sum() > 200
    dead = slept & (told.woke < 0) & (told.died >= 0)
    assert np.all(told.died[dead] <= wakes[dead]) and dead.sum() > 50
    asleep = slept & (told.woke < 0) & (told.died < 0)
    assert np.all(wakes[asleep] >= len(feeding)), "who sleeps at the end has not had enough"
    # The hazard that the sleepers lived through until waking, death or the end: exponential, censored.
    total = np.concatenate([np.zeros((1, *hazard.shape[1:])), np.cumsum(hazard, axis=0)])
    until = np.where(dead, told.died + 0.5, np.where(woke, told.woke + 0.5, len(hazard)))[slept]
    low = np.floor(until).astype(int)
    lived = (
        total[low, parts["lane"][slept], parts["niche"][slept]]
        - total[np.minimum(parts["day"] + 1, len(hazard)), parts["lane"], parts["niche"]][slept]
    )
    assert abs(dead.sum() / lived.sum() - 1.0) < 5.0 / np.sqrt(dead.sum())
