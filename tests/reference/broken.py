"""Variants of the plain implementation that are wrong on purpose: a comparison that lets one pass is no test."""

from __future__ import annotations

from reference.plain import CYCLING, Cell, PlainModel
from reference.plain_patient import PlainPatient
from reference.plain_treated import TreatedPatient


class InvertedSleep(PlainModel):
    """Wrong: sleeps where it should not."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.sleep_probability = 1.0 - self.sleep_probability


class DoubleDeathAsleep(PlainModel):
    """Wrong: twice the hazard."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.sleeper_death_per_day *= 2.0
        self.death_asleep = 1.0 - (1.0 - self.death_asleep) ** 2


class SettleBeforeWake(PlainModel):
    """Wrong order: the clocks of today's arrivals run today already."""

    def step(self):
        for organ, number in self.arrivals().items():
            self.counts["settled", organ] += number
            for _ in range(number):
                self.cell_class(self, organ)
        self.agents.do("step")
        self.day += 1


class LateSleeper(Cell):
    """Wrong: it notices only a day later that it has enough energy."""

    def sleep(self):
        if self.energy_needed_days <= 0.0:
            self.state = CYCLING
            self.model.note("woke", self)
        else:
            self.energy_needed_days -= self.model.feeding[self.organ]
            if self.model.rng.random() < self.model.death_asleep:
                self.end("died_asleep")


class WakesADayLate(PlainModel):
    """Wrong: sleepers wake on the day after."""

    cell_class = LateSleeper


class TwiceTheNoise(PlainModel):
    """Wrong: births and deaths both too frequent; the mean growth is right."""

    too_frequent = 2.0

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        net = self.birth - self.death
        self.birth *= self.too_frequent
        self.death = self.birth - net


class ALittleMoreNoise(TwiceTheNoise):
    """Wrong, but not by much."""

    too_frequent = 1.15


class JumpAtTheSwitch(Cell):
    """Wrong: the colony gains half its size when its growth law changes."""

    def divide(self):
        super().divide()
        if self.state != CYCLING:
            self.cells *= 1.5


class JumpyColonies(PlainModel):
    """Wrong: a jump in size at the angiogenic switch."""

    cell_class = JumpAtTheSwitch


class ArrestBeforeDeath(PlainPatient):
    """Wrong order: a cell may arrest before the pass could kill it."""

    def bed_of_arrest(self, bed, death_per_pass):
        while True:
            kind = bed if bed in ("liver", "lung") else "other"
            if self.rng.random() < self.values[f"arrest_probability.{kind}"]:
                return bed
            if self.rng.random() < death_per_pass:
                return None
            bed = self.next_bed(bed)


class InvertedShunt(PlainPatient):
    """Wrong: an inverted probability."""

    def portal_vein(self):
        return "liver" if super().portal_vein() == "lung" else "lung"


class CalmLiver(PlainPatient):
    """Wrong: no inflammation."""

    def inflame(self):
        self.liver_readiness = 0.0


class SparesNoSleeper(TreatedPatient):
    """Wrong: a dose kills sleepers as it kills cycling cells."""

    def __init__(self, *args, **others):
        super().__init__(*args, **others)
        self.sleepers_left = self.cells_left


class KnowsNoResistance(TreatedPatient):
    """Wrong: what settles is always sensitive."""

    def __init__(self, *args, **others):
        super().__init__(*args, **others)
        self.resistant_share = dict.fromkeys(self.resistant_share, 0.0)


class ConstantResistantShare(TreatedPatient):
    """Wrong: a dose kills the sensitive cells of the primary, and its resistant share stays."""

    def give_drug(self, regimen):
        before = dict(self.resistant_share)
        super().give_drug(regimen)
        self.resistant_share = before


class HitsRestingCells(TreatedPatient):
    """Wrong: a drug hits the cells of large tumours that do not cycle too."""

    def cycling_share(self, cells, capacity):
        return 1.0


class TakesEveryDose(TreatedPatient):
    """Wrong: adherence is ignored."""

    def __init__(self, *args, regimens, **others):
        super().__init__(*args, regimens=[regimen._replace(adherence=1.0) for regimen in regimens], **others)


class LeavesNoResidue(TreatedPatient):
    """Wrong: resection is always complete."""

    def resection(self, regimen):
        self.cut(0.0)


class RadiatesTheBody(TreatedPatient):
    """Wrong: radiotherapy hits every organ."""

    def radiotherapy(self, regimen):
        for organ in ("liver", "lung"):
            super().radiotherapy(regimen._replace(organ=organ))


class OperatesOnEverybody(TreatedPatient):
    """Wrong: the liver is operated on whatever imaging shows elsewhere."""

    def operate(self, largest_cells):
        for cell in list(self.agents):
            if (
                cell.organ == "liver"
                and cell.state != "asleep"
                and self.values["imaging_threshold_cells"] <= cell.cells <= largest_cells
            ):
                cell.end("removed")


class AblatesAnySize(TreatedPatient):
    """Wrong: ablation knows no largest size."""

    def liver_ablation(self, regimen):
        self.liver_resection(regimen)


class HoldsEverybody(TreatedPatient):
    """Wrong: endocrine therapy works without the receptor."""

    def __init__(self, *args, **others):
        super().__init__(*args, **others)
        self.has_receptor = True


class SenescenceStaysAway(TreatedPatient):
    """Wrong: cleared senescent cells do not come back."""

    def step(self):
        cleared_before = self.cleared
        super().step()
        self.cleared = max(self.cleared, cleared_before)
