"""A patient under treatment, written plainly: every cell is asked in turn what a dose does to it.

A morning's treatments come before anything else of the day. Nothing here is taken from `sim`: no thinned birth and death
law, no jump of a clock, no keyed draw. A cell that arrives today is not hit today.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log
from typing import NamedTuple

from reference.plain import ASLEEP, CYCLING, GROWN, Cell
from reference.plain_patient import PlainPatient

DRUGS = ("chemotherapy", "targeted_therapy")


class Regimen(NamedTuple):
    """A treatment (a method of `TreatedPatient`): its first day, how often, how many days apart, and the share of doses taken."""

    name: str
    first_day: int
    times: int = 1
    every_days: int = 1
    adherence: float = 1.0
    organ: str | None = None


class TreatedCell(Cell):
    """A cell, or the colony it founds, that may resist a drug as a whole."""

    def __init__(self, model: TreatedPatient, organ: str):
        super().__init__(model, organ)
        self.resists = {drug for drug in DRUGS if model.rng.random() < model.resistant_share[drug]}

    def take_drug(self, drug: str) -> None:
        """A dose: a sleeper dies or does not, a colony loses those of its cycling cells that die, or it resists."""
        model = self.model
        if drug in self.resists:
            return
        if self.state == ASLEEP:
            if model.rng.random() >= model.sleepers_left[drug]:
                self.end("died_asleep")
            return
        self.lose(model.cells_left[drug] ** model.cycling_share(self.cells, model.capacity_cells))
        if self.cells and model.rng.random() < model.values[f"acquired_resistance.{drug}"]:
            self.resists.add(drug)

    def lose(self, left: float) -> None:
        """Each cell survives with probability `left`; a large colony's number is the expected one."""
        if self.state == GROWN:
            self.cells *= left
            if self.cells >= self.model.avascular_limit_cells:
                return
            self.state, self.cells, left = CYCLING, round(self.cells), 1.0
        self.cells = int(self.model.rng.binomial(self.cells, left))
        if self.cells == 0:
            self.end("extinct")


class TreatedPatient(PlainPatient):
    """A patient with regimens; besides what `PlainPatient` keeps: `counts["removed", organ]`, and whether his tumour has the receptor."""

    cell_class = TreatedCell

    def __init__(self, site: str, values, *, regimens: Sequence[Regimen], **others):
        super().__init__(site, values, **others)
        self.regimens = regimens
        self.fed = dict(self.feeding)
        self.cut_day, self.cut_cells = 0, 1.0
        self.resistant_share = {drug: values[f"resistant_share.{drug}"] for drug in DRUGS}
        self.cells_left = {
            drug: self.left_of_cells(values[f"log10_kill.{drug}"], values["stem_share"]) for drug in DRUGS
        }
        self.sleepers_left = {  # a sleeper is a founder, and all founders are stem-like
            drug: self.left_of_cells(values[f"log10_kill.{drug}"] * (1.0 - values[f"sleeper_sparing.{drug}"]), 1.0)
            for drug in DRUGS
        }
        self.has_receptor = self.rng.random() < values["hormone_receptor_share"]
        self.cleared = 0.0

    def left_of_cells(self, log10_kill: float, stem_share: float) -> float:
        """Chance that a cell outlives a dose: the stem-like die less often."""
        dies = 1.0 - 10.0**-log10_kill
        return 1.0 - dies * (1.0 - stem_share * self.values["stem_drug_resistance"])

    def step(self) -> None:
        """Treat, then let the day take its course."""
        self.treat()
        super().step()
        self.end_day()

    def treat(self) -> None:
        """This morning's treatments."""
        self.feeding = dict(self.fed)
        for regimen in self.regimens:
            since = self.day - regimen.first_day
            due = 0 <= since < regimen.times * regimen.every_days and since % regimen.every_days == 0
            if due and self.rng.random() < regimen.adherence:
                getattr(self, regimen.name)(regimen)

    def end_day(self) -> None:
        """What was cleared comes back."""
        self.cleared *= exp(-1.0 / self.values["senescence_return_days"])

    # -- the primary ---------------------------------------------------------------------------------

    def primary_cells(self, day: float) -> float:
        """Gompertz growth from what was left when it was last cut."""
        if self.cut_cells == 0.0:
            return 0.0
        log_capacity = log(self.values["primary_capacity_cells"])
        return exp(
            log_capacity - (log_capacity - log(self.cut_cells)) * exp(-self.primary_rate_per_day * (day - self.cut_day))
        )

    def cut(self, left: float) -> None:
        """Leave a share of the primary; less than a cell is none."""
        cells = self.primary_cells(self.day) * left
        self.cut_day, self.cut_cells = self.day, cells if cells >= 1.0 else 0.0

    def cycling_share(self, cells: float, capacity: float) -> float:
        """Share of a tumour's cells that cycle: all up to the avascular limit, fewer the slower it grows."""
        return min(1.0, log(capacity / cells) / log(capacity / self.avascular_limit_cells))

    def senescent_share(self) -> float:
        """What senolytics have left of it."""
        return super().senescent_share() * (1.0 - self.cleared)

    # -- treatments ----------------------------------------------------------------------------------

    def give_drug(self, regimen: Regimen) -> None:
        """Cycling cells die everywhere; in the primary those that resist become a larger share."""
        drug, cells = regimen.name, self.primary_cells(self.day)
        if cells:
            dies = 1.0 - self.cells_left[drug] ** self.cycling_share(cells, self.values["primary_capacity_cells"])
            left = self.resistant_share[drug] + (1.0 - self.resistant_share[drug]) * (1.0 - dies)
            self.cut(left)
            self.resistant_share[drug] /= left
        self.agents.do("take_drug", drug)

    def chemotherapy(self, regimen: Regimen) -> None:
        """One drug."""
        self.give_drug(regimen)

    def targeted_therapy(self, regimen: Regimen) -> None:
        """Another, with a kill and a resistance of its own."""
        self.give_drug(regimen)

    def radiotherapy(self, regimen: Regimen) -> None:
        """Cells of one organ die unless they sleep, whatever they resist."""
        for cell in list(self.agents):
            if cell.organ == regimen.organ and cell.state != ASLEEP:
                cell.lose(self.values["radiotherapy_surviving_fraction"])

    def resection(self, regimen: Regimen) -> None:
        """The primary is cut out, but for a residue."""
        self.cut(self.values["resection_residual_share"])

    def operate(self, largest_cells: float) -> None:
        """Take the liver's visible metastases up to a size, where imaging shows none elsewhere."""
        seen = [
            cell
            for cell in self.agents
            if cell.state != ASLEEP and cell.cells >= self.values["imaging_threshold_cells"]
        ]
        if all(cell.organ == "liver" for cell in seen):
            for cell in seen:
                if cell.cells <= largest_cells:
                    cell.end("removed")

    def liver_resection(self, regimen: Regimen) -> None:
        """All of them."""
        self.operate(float("inf"))

    def liver_ablation(self, regimen: Regimen) -> None:
        """The small ones."""
        self.operate(self.values["ablation_largest_cells"])

    def endocrine_therapy(self, regimen: Regimen) -> None:
        """Niches feed the sleepers of receptor-positive tumours less today."""
        if self.has_receptor:
            self.feeding = {organ: fed * (1.0 - self.values["endocrine_hold"]) for organ, fed in self.fed.items()}

    def senolytic(self, regimen: Regimen) -> None:
        """Senescent cells of the liver are cleared; they come back."""
        self.cleared = 1.0 - (1.0 - self.cleared) * (1.0 - self.values["senolytic_clearance"])
