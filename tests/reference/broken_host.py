"""Variants of the whole plain patient that are wrong on purpose: a comparison that lets one pass is no test."""

from __future__ import annotations

from reference.plain import ASLEEP
from reference.plain_host import HostCell, HostPatient
from reference.plain_seeds import WEEK_DAYS

# -- signals ---------------------------------------------------------------------------------------------


class DosesLastADay(HostPatient):
    """Wrong: a dose acts on its own day only."""

    def keep_up(self, regimen):
        self.acts_until[regimen.name] = self.day + 1

    p2rx7_inhibition = mirna_silencing = il6_blockade = stat3_blockade = checkpoint_inhibition = keep_up


class Ineffective(HostPatient):
    """Wrong: a treatment leaves its signal alone."""

    treatment = ""

    def left_by(self, treatment, block):
        return 1.0 if treatment == self.treatment else super().left_by(treatment, block)


class NoP2rx7Inhibition(Ineffective):
    """Wrong: vesicles are released all the same."""

    treatment = "p2rx7_inhibition"


class NoSilencing(Ineffective):
    """Wrong: miRNAs act all the same."""

    treatment = "mirna_silencing"


class NoIl6Blockade(Ineffective):
    """Wrong: IL-6 reaches the liver all the same."""

    treatment = "il6_blockade"


class NoStat3Blockade(Ineffective):
    """Wrong: STAT3 acts all the same."""

    treatment = "stat3_blockade"


class BlocksOnlyTheTumoursIl6(HostPatient):
    """Wrong: a blockade leaves the IL-6 of fat alone."""

    def il6(self):
        left = self.left_by("il6_blockade", "il6_block")
        return super().il6() + (1.0 - left) * (self.values["obesity_il6_gain"] * self.adiposity + self.wave)


class EverybodyIsLean(HostPatient):
    """Wrong: body weight makes no difference."""

    def __init__(self, *args, bmi, **others):
        super().__init__(*args, **others)


class NoScars(HostPatient):
    """Wrong: nobody has a diseased liver."""

    def __init__(self, *args, **others):
        super().__init__(*args, **others)
        self.is_scarred = False


class NoWound(HostPatient):
    """Wrong: an operation inflames nothing."""

    def end_day(self):
        super().end_day()
        self.wave = 0.0


class CalmOrgans(HostPatient):
    """Wrong: an inflamed organ feeds its sleepers as any other."""

    def treat(self):
        super().treat()
        self.feeding = dict(self.fed)


# -- seeds -------------------------------------------------------------------------------------------------


class FrailClusters(HostPatient):
    """Wrong: clusters die in transit as single cells do."""

    def enter_blood(self, first_bed, death_per_pass, able, clones, parent):
        super().enter_blood(first_bed, self.values["death_per_pass"], able, clones, parent)


class LoneFounder(HostCell):
    """It begins to cycle with one cell, however many came."""

    def __init__(self, model, organ):
        super().__init__(model, organ)
        self.cells = 1


class ClustersOfOne(HostPatient):
    """Wrong: a cluster founds as a single cell does."""

    cell_class = LoneFounder


class NoWayBack(HostPatient):
    """Wrong: mesenchymal cells need not turn back."""

    def __init__(self, site, values, **others):
        super().__init__(site, {**values, "emt_return_cost": 0.0}, **others)


class ClippedPositions(HostPatient):
    """Wrong: positions beyond an end of the axis are put on it."""

    def draw_position(self):
        return min(1.0, max(0.0, self.rng.normal(self.values["emt_mean"], self.values["emt_sd"])))


class SleepsAsShed(HostCell):
    """It sleeps as the average shed cell would, not as those that settled do."""

    def falls_asleep(self):
        self.seed = self.seed._replace(position=self.model.draw_position())
        return super().falls_asleep()


class SleepOfTheShed(HostPatient):
    """Wrong: positions of the settled are those of the shed."""

    cell_class = SleepsAsShed


class NoMotility(HostPatient):
    """Wrong: stem-like cells are shed as others are."""

    def __init__(self, site, values, **others):
        super().__init__(site, {**values, "stem_motility": 1.0}, **others)


class OxygenEverywhere(HostPatient):
    """Wrong: no niche is hypoxic."""

    def __init__(self, site, values, **others):
        super().__init__(site, {**values, "hypoxia_sleep_gain": 0.0}, **others)


class StemCellsDieAsOthers(HostPatient):
    """Wrong: drugs kill stem-like cells as others."""

    def left_of_cells(self, log10_kill, stem_share):
        return super().left_of_cells(log10_kill, 0.0)


class OneResistance(HostPatient):
    """Wrong: who resists one drug resists the other."""

    def give_drug(self, regimen):
        super().give_drug(regimen)
        for cell in self.agents:
            if cell.resists:
                cell.resists = set(self.resistant_share)


class NoLitre(HostPatient):
    """Wrong: all the metastases of an organ shed by their size."""

    def shed_per_day(self, colony, cells):
        v = self.values
        return v["shedding_per_day"] * v["secondary_shedding_factor"] * cells ** v["shedding_exponent"]


class SeedsOfThePrimary(HostPatient):
    """Wrong: metastases shed into the primary's veins."""

    def bed_behind(self, organ):
        return self.first_bed()


class SeedsOnceADay(HostPatient):
    """Wrong: what is shed in a week is one day's."""

    def shed_per_day(self, colony, cells):
        return super().shed_per_day(colony, cells) / WEEK_DAYS


class ForgetfulSeeds(HostPatient):
    """Wrong: what metastases shed resists no more often than the primary's cells."""

    def next_seed(self, organ):
        return super().next_seed(organ)._replace(parent=None)


class LostReturn(HostPatient):
    """Wrong: what returns to the primary is lost."""

    def join_primary(self, cells):
        pass


class AlikeClones(HostPatient):
    """Wrong: all clones have the mean potential."""

    def __init__(self, site, values, **others):
        super().__init__(site, {**values, "clone_potential_log_sd": 0.0}, **others)


# -- T cells and growth ---------------------------------------------------------------------------------------


class ClearsSleepers(HostPatient):
    """Wrong: T cells see the sleeping too."""

    def treat(self):
        super().treat()
        for cell in list(self.agents):
            if cell.state == ASLEEP and self.rng.random() < self.clearance_per_day:
                cell.end("died_asleep")


class AgelessTCells(HostPatient):
    """Wrong: they do not fall with age."""

    def __init__(self, site, values, **others):
        super().__init__(site, {**values, "t_cell_decline_per_year": 0.0}, **others)


class NoDrain(HostPatient):
    """Wrong: liver metastases drain no T cells."""

    def t_cells(self):
        self.liver_cells = 0.0
        return super().t_cells()


class AlwaysSmall(HostCell):
    """It is cleared whatever its size."""

    @property
    def is_certain(self):
        return False

    @is_certain.setter
    def is_certain(self, value):
        pass


class ClearsTheGrown(HostPatient):
    """Wrong: colonies are cleared until they reach the avascular limit, and none shrinks."""

    cell_class = AlwaysSmall


class BoundAtFirst(HostPatient):
    """Wrong: T cells attack what has grown as if they were not let loose yet on the first day of a dose."""

    def checkpoint_inhibition(self, regimen):
        self.fresh = self.acts_until.get(regimen.name, 0) < self.day
        super().checkpoint_inhibition(regimen)

    def t_cells(self):
        level = super().t_cells()
        if getattr(self, "fresh", False):
            self.fresh = False
            return level / (1.0 + self.values["checkpoint_gain"] * self.response)
        return level


class NoMarkers(HostPatient):
    """Wrong: every tumour responds alike."""

    def __init__(self, *args, **others):
        super().__init__(*args, **others)
        self.response = 1.0


class AlikePatients(HostPatient):
    """Wrong: metastases of all patients go at one pace."""

    def draw_pace(self):
        return 1.0


class AlikeColonies(HostPatient):
    """Wrong: all metastases of a patient go at one pace."""

    def draw_own_pace(self):
        return 1.0


class AlikeOrgans(HostPatient):
    """Wrong: an organ has no pace of its own."""

    def __init__(self, site, values, **others):
        super().__init__(site, {**values, "niche_pace.liver": 1.0, "niche_pace.lung": 1.0}, **others)


class SameTurnover(HostCell):
    """It divides as often as others do, and its cells die less often the faster it grows."""

    def births_per_day(self, net):
        return max(self.model.birth, net)


class PaceOfGrowthAlone(HostPatient):
    """Wrong: the pace of a colony changes its chance of dying out."""

    cell_class = SameTurnover


class AlikeSites(HostPatient):
    """Wrong: cells of all primaries sleep, and die asleep, as often."""

    def __init__(self, site, values, **others):
        alike = {f"site_sleep_factor.{site}": 1.0, f"site_sleeper_death_factor.{site}": 1.0}
        super().__init__(site, {**values, **alike}, **others)


class NeverRests(HostPatient):
    """Wrong: vessels are there at once."""

    def __init__(self, site, values, **others):
        super().__init__(site, {**values, "angiogenic_delay_days": 0.0}, **others)


class FedThroughAShunt(HostPatient):
    """Wrong: portal blood feeds the liver's metastases although a shunt takes it away."""

    def fed_by(self, organ):
        return self.values["liver_growth_factor"] if organ == "liver" else 1.0
