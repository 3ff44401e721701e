"""The model as a Mesa user meets it: agents, data collector, steps, views of cells; and the order of a day."""

import gc
import warnings
import weakref
from collections import Counter

import mesa
import numpy as np
import pytest
import virtual_patients as virtual

from sim import model as engine
from sim.catalog.parameters import LaneParameters
from sim.disease.growth import gompertz_cells
from sim.model import DAY, MetastasisModel, Niche, PrimaryTumour
from sim.names import NICHES

LANES, DAYS, EVERY = 6, 200, 28
RESERVED = ("scenario", "time", "run_for", "run_until", "schedule_event", "data_registry")
"""Names that Mesa 4 gives a meaning of its own."""


def new_model(*, collect: bool = True, model=MetastasisModel, days: int = DAYS, lanes: int = LANES, **overrides):
    """Equal patients of the fast pinned disease, followed for `days` from the first cell on; not yet run."""
    parameters = LaneParameters(virtual.values(**overrides), lanes)
    return model(virtual.plain_hosts(lanes), parameters, seed=3, horizon_days=days, visible_cells=1e8,
                 output_every_days=EVERY, collect=collect)  # fmt: skip


@pytest.fixture(scope="module")
def finished():
    model = new_model(days=420)
    model.run()
    return model


# -- Mesa ----------------------------------------------------------------------------------------


def test_primary_and_niches_are_mesa_agents(finished):
    assert isinstance(finished, mesa.Model)
    assert all(isinstance(agent, mesa.Agent) for agent in finished.agents)
    kinds = Counter(type(agent) for agent in finished.agents)
    assert kinds == {PrimaryTumour: 1, Niche: len(NICHES)}
    assert list(finished.agents_by_type[PrimaryTumour]) == [finished.primary]
    assert [niche.organ for niche in finished.agents_by_type[Niche]] == list(NICHES) == list(finished.niches)
    assert list(finished.agents.select(lambda agent: getattr(agent, "organ", "") == "liver")) == [
        finished.niches["liver"]
    ]


def test_an_agents_view_is_the_models_column(finished):
    assert finished.primary.cells.shape == (LANES,)
    for column, organ in enumerate(NICHES):
        niche = finished.niches[organ]
        for name, array in (
            ("settled", finished.cells.settled), ("sleeping", finished.cells.sleeping), ("colonies", finished.cells.colonies),
            ("micrometastases", finished.small_metastases), ("macrometastases", finished.large_metastases),
            ("burden_cells", finished.burden_cells), ("receptivity", finished.viable),
        ):  # fmt: skip
            assert np.array_equal(getattr(niche, name), array[:, column]), (organ, name)
    assert (
        finished.agents_by_type[Niche].agg("settled", lambda columns: int(np.sum(columns)))
        == finished.cells.settled.sum()
        > 0
    )


def test_step_by_step_is_run():
    """`step` until `running` is false, Mesa's own `run_model`, and `run` are the same course."""
    ends = []
    for drive in ("step", "run_model", "run"):
        model = new_model()
        assert model.running and model.steps == model.day == 0
        if drive == "step":
            while model.running:
                model.step()
        else:
            getattr(model, drive)()
        assert not model.running and model.steps == model.day == DAYS
        ends.append((model.cells.settled.tobytes(), model.cycling_cells.tobytes(), model.shed_total.tobytes()))
    assert len(set(ends)) == 1


def test_progress_is_reported_every_thirty_days():
    days = []
    new_model(collect=False).run(days.append)
    assert days == list(range(30, DAYS + 1, 30))


def test_no_name_of_mesa_4_is_taken(finished):
    inherited = set(dir(mesa.Model))
    own = {name for name in vars(MetastasisModel) if not name.startswith("_")}
    # Mesa 3.5 has some of these names itself already.
    assert not set(RESERVED) & (own | (vars(finished).keys() - vars(mesa.Model(rng=1)).keys()))
    # From 3.5 on Mesa gives every class its `observables`, and has an `observe` for who subscribes to a model's signals;
    # nobody does here, and Mesa itself does not call it.
    assert own & inherited - {"observables", "observe"} == {"step"}


def test_the_seed_is_a_number_mesa_accepts():
    """Also one that is wider than Mesa's generators take."""
    hosts, parameters = virtual.plain_hosts(2), LaneParameters(virtual.values(), 2)
    shed = []
    for seed in (2**64 - 1, 2**32 - 1, 2**64 - 1):
        model = MetastasisModel(hosts, parameters, seed=seed, horizon_days=60, visible_cells=1e8, collect=False)
        model.run()
        shed.append(model.shed_total.tolist())
    assert shed[0] == shed[2] != shed[1]


def test_mesas_generators_are_not_drawn_from(finished):
    """Every draw is keyed: the state of Mesa's generators is that of a new model."""
    new = new_model()
    assert finished.rng.bit_generator.state == new.rng.bit_generator.state
    assert finished.random.getstate() == new.random.getstate()


def test_a_models_life_raises_no_warning():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = new_model()
        model.run()
        model.datacollector.get_model_vars_dataframe()
        model.datacollector.get_agent_vars_dataframe()
    assert [str(warning.message) for warning in caught] == [] and model.day == DAYS


def test_a_finished_model_can_be_freed():
    """Mesa 3.3 keeps every model that had agents; clearing its attributes lets its arrays go."""
    model = new_model(collect=False)
    model.run()
    kept = [
        weakref.ref(model.cells),
        weakref.ref(model.streams[0].routing),
        weakref.ref(model.cells.grown),
        weakref.ref(model.observer),
    ]
    assert all(reference() is not None for reference in kept)
    model.__dict__.clear()
    gc.collect()
    assert [reference() for reference in kept] == [None] * len(kept)


# -- data collector ------------------------------------------------------------------------------


def test_the_model_frame_agrees_with_the_arrays(finished):
    frame = finished.datacollector.get_model_vars_dataframe()
    assert list(frame.columns) == ["day", "patients_alive", "primary_cells", "shed_cells", "settled", "sleeping", "colonies",
                                   "micrometastases", "macrometastases"]  # fmt: skip
    assert frame["day"].tolist() == list(range(0, 421, EVERY))
    grown = gompertz_cells(frame["day"].to_numpy(), 1.0, 1e7, 0.02)  # the pinned disease
    assert frame["primary_cells"].to_numpy() == pytest.approx(grown, rel=1e-9), "day and size belong together"
    first, last = frame.iloc[0], frame.iloc[-1]
    assert first["primary_cells"] == pytest.approx(1.0) and first["settled"] == first["shed_cells"] == 0
    assert last["day"] == finished.day == 420
    assert last["shed_cells"] == finished.shed_total.sum() and last["settled"] == finished.cells.settled.sum()
    assert (
        last["sleeping"] == finished.cells.sleeping.sum() > 0 and last["colonies"] == finished.cells.colonies.sum() > 0
    )
    assert last["micrometastases"] == finished.small_metastases.sum() > 0
    assert last["macrometastases"] == finished.large_metastases.sum()
    for column in ("day", "primary_cells", "shed_cells", "settled"):
        assert frame[column].is_monotonic_increasing, column
    assert (frame["patients_alive"] == LANES).all()


def test_the_agent_frame_agrees_with_the_arrays(finished):
    frame = finished.datacollector.get_agent_vars_dataframe()
    assert list(frame.columns) == ["organ", "cells", "sleeping", "colonies"]
    assert len(frame) == 16 * (1 + len(NICHES))
    end = frame.loc[420].set_index("organ")
    assert set(end.index) == {"primary", *NICHES}
    assert end.loc["primary", "cells"] == pytest.approx(finished.primary.cells.sum())
    for column, organ in enumerate(NICHES):
        assert end.loc[organ, "sleeping"] == finished.cells.sleeping[:, column].sum()
        assert end.loc[organ, "colonies"] == finished.cells.colonies[:, column].sum()
        assert end.loc[organ, "cells"] == pytest.approx(finished.burden_cells[:, column].sum())


def test_without_collection_nothing_is_collected():
    model = new_model(collect=False)
    model.run()
    assert len(model.datacollector.get_model_vars_dataframe()) == 0 and model.cells.settled.sum() > 0


def test_collecting_changes_nothing(finished):
    silent = new_model(collect=False, days=420)
    silent.run()
    assert np.array_equal(silent.cells.settled, finished.cells.settled)
    assert np.array_equal(silent.inert, finished.inert)
    assert (
        silent.cells.grown.column("start_log_cells").tobytes()
        == finished.cells.grown.column("start_log_cells").tobytes()
    )


def test_the_dead_leave_the_frame():
    """Lethal other causes: nobody is alive in the end, and the frame says so."""
    parameters = LaneParameters(virtual.values(other_cause_death_per_year_at_70=20.0), 40)
    hosts = virtual.plain_hosts(40)
    hosts.death_threshold[:] = np.linspace(0.01, 3.0, 40)
    model = MetastasisModel(hosts, parameters, seed=1, horizon_days=400, visible_cells=1e8)
    model.run()
    frame = model.datacollector.get_model_vars_dataframe()
    assert frame["patients_alive"].iloc[0] == 40 and frame["patients_alive"].is_monotonic_decreasing
    assert np.all(model.death_day >= 0) and not model.alive.any() and model.day < 400
    assert np.all(np.diff(model.death_day) >= 0), "who can bear less dies first"
    on_grid = frame["day"].to_numpy()
    assert frame["patients_alive"].tolist() == [int((model.death_day >= day).sum()) for day in on_grid]


# -- cells ---------------------------------------------------------------------------------------


def test_views_of_cells_agree_with_the_tallies(finished):
    cells = finished.cells
    views = list(cells.agents())
    assert len(views) == len(cells) == len({view.colony for view in views})
    counted = Counter((view.state, view.patient, view.organ) for view in views)
    for lane in range(LANES):
        for column, organ in enumerate(NICHES):
            assert counted[("sleeping", lane, organ)] == cells.sleeping[lane, column]
            assert counted[("cycling", lane, organ)] == cells.colonies[lane, column]
            grown = cells.woke[lane, column] - cells.extinct[lane, column] - cells.colonies[lane, column]
            assert counted[("grown", lane, organ)] == grown
    assert {view.state for view in views} == {"sleeping", "cycling", "grown"} and {view.source for view in views} == {
        "primary"
    }


def test_a_view_tells_a_cells_story(finished):
    for view in finished.cells.agents():
        assert 0 <= view.arrived_day < finished.day
        if view.state == "sleeping":
            assert view.cells == 1.0 and view.woke_day is None
        else:
            assert view.arrived_day <= view.woke_day < finished.day and view.cells >= 1.0
    small = [view.cells for view in finished.cells.agents() if view.state == "cycling"]
    identity, cells, _ = finished.cells.cycling(finished.day)
    assert len(small) == len(identity) and sum(small) == cells.sum()


def test_nothing_is_lost(finished):
    """Shed cells and settled cells are accounted for in every patient and niche."""
    cells = finished.cells
    assert np.array_equal(cells.settled, cells.died_asleep + cells.sleeping + cells.woke)
    ends = finished.died_in_transit + (finished.died_on_arrival + finished.inert + cells.settled).sum(axis=1)
    assert np.array_equal(finished.shed_total, ends) and finished.inert.sum() > 0 and finished.died_in_transit.sum() > 0


# -- the day -------------------------------------------------------------------------------------


def recorded_model(**options):
    """A model that writes down what it does."""
    calls = []

    class Recorded(MetastasisModel):
        pass

    for name in dir(MetastasisModel):
        if name in DAY:

            def call(self, name=name):
                calls.append(name)
                return getattr(MetastasisModel, name)(self)

            setattr(Recorded, name, call)
    return new_model(model=Recorded, collect=False, **options), calls


def test_a_day_runs_in_the_order_that_is_written_down():
    model, calls = recorded_model()
    for _ in range(3):
        model.step()
    assert tuple(calls) == DAY * 3
    assert DAY == (
        "treat",
        "signal",
        "grow",
        "shed",
        "circulate",
        "settle",
        "wake",
        "colonise",
        "die",
        "examine",
        "observe",
    )


def test_another_order_would_be_another_model(monkeypatch):
    """The tuple is what is executed: a model built with another order behaves otherwise."""
    usual, calls = recorded_model()
    usual.run()
    monkeypatch.setattr(engine, "DAY", ("wake", *(name for name in DAY if name != "wake")))
    other, other_calls = recorded_model()
    other.run()
    assert other_calls[:2] == ["wake", "treat"] and calls[:2] == ["treat", "signal"]
    assert not np.array_equal(usual.cells.grown.column("start_day"), other.cells.grown.column("start_day"))


def test_rates_are_frozen_at_the_start_of_the_day():
    """What is shed today comes from the size with which the day begins, whatever the tumour grows to by evening."""
    model = new_model(collect=False, death_per_pass=0.0)
    for _ in range(100):
        model.step()
    surface = model.primary.shedding_surface()
    before = model.primary.cells.copy()
    model.step()
    assert model.expected_shed == pytest.approx(3.0 * surface * model.rates.shedding)
    assert np.all(model.primary.cells > before)


# -- limits --------------------------------------------------------------------------------------


def test_too_many_lanes_are_refused():
    hosts = virtual.plain_hosts(65_536)
    with pytest.raises(ValueError, match="split the cohort into chunks"):
        MetastasisModel(hosts, LaneParameters(virtual.values(), 65_536), seed=1, horizon_days=10, visible_cells=1e8)


def test_too_long_a_follow_up_is_refused():
    with pytest.raises(ValueError, match="the limit is 32767"):
        new_model(days=40_000)
