"""A whole patient: every mechanism and every treatment, written plainly.

On top of signals and seeds: T cells clear small colonies, and under checkpoint inhibition attack those that have grown;
colonies wait for vessels, and grow faster where two inflows feed them; who arrives where oxygen is short sleeps more often.
Each colony has a pace: of its patient, its organ and its own, by which births, deaths and growth go faster alike.
"""

from __future__ import annotations

from math import exp, log

from reference.plain import ASLEEP, GROWN, birth_and_death
from reference.plain_seeds import WEEK_DAYS, SeedPatient
from reference.plain_treated import TreatedCell

YOUNG_YEARS = 20.0


class HostCell(TreatedCell):
    """A cell or a cluster that settled, with what it brought along, and the colony it founds."""

    def __init__(self, model: HostPatient, organ: str):
        self.seed = model.next_seed(organ)
        self.clones = self.seed.clones
        self.rest_days = model.rng.exponential(model.values["angiogenic_delay_days"])
        self.is_certain = False  # so large that it no longer dies out by chance
        self.pace = model.pace * model.values[f"niche_pace.{organ}"] * model.draw_own_pace()
        super().__init__(model, organ)
        self.cells = self.seed.founders
        if self.seed.parent is not None:
            self.resists = set(self.seed.parent.resists)

    def falls_asleep(self) -> bool:
        """More often without oxygen, and the more mesenchymal it is."""
        v, model = self.model.values, self.model
        sleep = min(1.0, model.sleep_probability * (1.0 + v["hypoxia_sleep_gain"] * v[f"niche_hypoxia.{self.organ}"]))
        return model.rng.random() < min(1.0, sleep * (1.0 + v["emt_sleep_gain"] * self.seed.position))

    def divide(self) -> None:
        """Births and deaths, unless T cells clear it; at the avascular limit it begins to rest."""
        model = self.model
        if not self.is_certain and model.rng.random() < 1.0 - exp(-model.clearance_per_day):
            self.end("extinct")
            return
        net = model.net_growth_per_day(self.organ) * self.pace
        birth = self.births_per_day(net)
        self.cells = birth_and_death(model.rng, self.cells, birth, birth - net, model.single_events_below_cells)
        if self.cells == 0:
            self.end("extinct")
            return
        self.look_for_metastasis()
        if self.cells >= model.avascular_limit_cells:
            self.state = GROWN
            since = log(self.cells / model.avascular_limit_cells) / net  # it reached the limit so many days ago
            self.cells = model.avascular_limit_cells * exp(net * max(since - self.rest_days, 0.0))
            self.rest_days = max(self.rest_days - since, 0.0)

    def births_per_day(self, net: float) -> float:
        """As much faster as it grows: the chance of dying out is that of any colony."""
        return self.model.birth * self.pace

    def grow(self) -> None:
        """Rest, then a day of Gompertz growth, or what is left of it."""
        model = self.model
        rest_today = min(self.rest_days, 1.0)
        self.rest_days -= rest_today
        gap = log(model.capacity_cells / self.cells)
        rate = model.gompertz_per_day * model.fed_by(self.organ) * self.pace
        self.cells = model.capacity_cells * exp(-gap * exp(-rate * (1.0 - rest_today)))
        self.look_for_metastasis()


class HostPatient(SeedPatient):
    """A patient with T cells; `liver_cells` of its grown metastases, at the end of the last week."""

    cell_class = HostCell

    def __init__(self, site: str, values, **others):
        super().__init__(site, values, **others)
        self.liver_cells, self.clearance_per_day = 0.0, 0.0
        blind = any([self.rng.random() < values[f"{gene}_loss_prevalence"] for gene in ("jak", "pten")])  # noqa: C419  (both are drawn)
        hypermutated = self.rng.random() < values["pole_prevalence"]
        self.response = 0.0 if blind else values["pole_response_factor"] if hypermutated else 1.0
        self.pace = self.draw_pace()

    # -- growth of metastases --------------------------------------------------------------------------

    def draw_pace(self) -> float:
        """Of all the patient's metastases."""
        return exp(self.values["metastasis_growth_log_sd"] * self.draw_trait())

    def draw_own_pace(self) -> float:
        """Of one of them."""
        return exp(self.values["colony_growth_log_sd"] * self.draw_trait())

    def draw_trait(self) -> float:
        """A standard normal number, none too far out."""
        while True:
            z = self.rng.standard_normal()
            if abs(z) <= self.values["trait_truncation_sd"]:
                return z

    def fed_by(self, organ: str) -> float:
        """Factor on growth: the liver's second inflow, as far as no shunt takes it away."""
        v = self.values
        return (
            1.0 + (v["liver_growth_factor"] - 1.0) * (1.0 - v["portocaval_shunt_fraction"]) if organ == "liver" else 1.0
        )

    def net_growth_per_day(self, organ: str) -> float:
        """Births less deaths before the switch."""
        return self.gompertz_per_day * log(self.capacity_cells / self.avascular_limit_cells) * self.fed_by(organ)

    def certain_cells(self, organ: str) -> float:
        """Size from which on the noise of what follows is small, and T cells no longer clear it."""
        net = self.net_growth_per_day(organ)
        certain = (2.0 * self.birth - net) / net / self.values["colony_noise"] ** 2
        return (
            max(certain, self.values["clearance_until_cells"]) if self.values["immune_clearance_per_day"] else certain
        )

    # -- T cells -----------------------------------------------------------------------------------------

    def t_cells(self) -> float:
        """As a share of those of a lean young person without liver metastases."""
        v = self.values
        age_years = self.age_years + self.day / 365.25
        level = exp(-v["t_cell_decline_per_year"] * max(age_years - YOUNG_YEARS, 0.0))
        level /= (1.0 + self.liver_cells / v["liver_drain_half_cells"]) * (
            1.0 + v["obesity_t_cell_cost"] * self.adiposity
        )
        return level * (1.0 + v["checkpoint_gain"] * self.response) if self.acts("checkpoint_inhibition") else level

    def treat(self) -> None:
        """T cells of today; let loose, they attack what has grown, once a week."""
        super().treat()
        level = self.t_cells()
        self.clearance_per_day = self.values["immune_clearance_per_day"] * level
        if self.acts("checkpoint_inhibition") and self.clearance_per_day and self.day % WEEK_DAYS == 0:
            rate = self.values["checkpoint_shrink_per_day"] * self.response * level
            for cell in list(self.agents):
                if cell.is_certain:
                    cell.lose(exp(-WEEK_DAYS * rate))

    # -- the end of a week ---------------------------------------------------------------------------------

    def end_day(self) -> None:
        """Once a week colonies are measured."""
        super().end_day()
        if self.day % WEEK_DAYS:
            return
        awake = [cell for cell in self.agents if cell.state != ASLEEP]
        for cell in awake:
            cell.is_certain = cell.cells >= min(self.certain_cells(cell.organ), self.avascular_limit_cells)
        self.shedding_colonies = [(cell, cell.cells) for cell in awake if cell.is_certain]
        self.liver_cells = sum(cells for cell, cells in self.shedding_colonies if cell.organ == "liver")
