"""What sleep costs: looks at sleepers, counted, passes after broken promises among them."""

import pytest
from sleeping import Recorded, Weather, run
from virtual_patients import NOTHING_ACTS, plain_model


def test_looks_with_everything_on():
    """All four mechanisms, on the catalogue's slow clocks for four years."""
    model = plain_model(20, 1500, seed=2, model=Recorded, primary_gompertz_per_day=0.005, dormancy_narrow_scale_days=1200.0,
                        dormancy_broad_scale_days=7300.0, sleeper_death_per_day=0.0005, competent_share=1e-3)  # fmt: skip
    model.run()
    settled = model.cells.settled.sum()
    assert settled > 10_000 and model.filed_again == 0
    assert model.cells.looks / settled <= 6
    ended = model.cells.promising["died_asleep"].sum()
    assert model.cells.looks >= ended, "who dies asleep was looked at"


@pytest.mark.parametrize("lanes", [10, 60])
def test_looks_while_feeding_and_hazard_change_every_day(lanes):
    """A factor of four between the slowest and the fastest day; passes after broken promises are looks too.

    However many patients share a chunk: one patient's broken promise must not cost the others a pass each.
    """
    model = run(Weather, lanes=lanes, days=400)
    settled = model.cells.settled.sum()
    assert settled > 10_000 and model.passes > 0
    assert model.cells.looks >= model.filed_again > 0, "passes are counted"
    assert model.cells.looks / settled <= 6


class OneByOne(Weather):
    """The broken variant: each niche renews its own promise only, and everybody's sleepers are filed anew each time."""

    def _keep_promises(self):
        found, headroom = False, 1.25 if self.day else 1.0
        for rate, promise in zip((self.rates.feeding, self.rates.sleeper_death), self._promises, strict=True):
            above = rate > promise
            promise[above] = headroom * rate[above]
            found |= bool(above.any())
        if found and self.day:
            self.cells.file_sleepers_again(self.day, self.energy_clock, self.hazard_clock, *self._promises)


def test_needless_passes_are_noticed():
    model = run(OneByOne, lanes=60, days=150)
    assert model.cells.looks / model.cells.settled.sum() > 6


def test_a_night_in_which_nothing_happens_costs_no_look():
    model = plain_model(5, 400, **NOTHING_ACTS, sleep_probability=1.0, sleeper_death_per_day=0.0, dormancy_narrow_share=1.0,
                        dormancy_narrow_scale_days=5000.0, dormancy_narrow_shape=50.0)  # fmt: skip
    model.run()
    assert model.cells.settled.sum() > 1000
    assert model.cells.looks == 0 and model.cells.woke.sum() == 0
