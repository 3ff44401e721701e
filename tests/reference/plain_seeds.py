"""What enters the blood, from where, and what it is able to do, written plainly: each event carries its own traits.

Cells of the primary have a clone, and a position between epithelial (0) and mesenchymal (1); some leave in clusters, some
return. Grown metastases shed along their own organ's veins, each by itself, and what they shed is of their clone.
"""

from __future__ import annotations

from math import exp
from typing import NamedTuple

from reference.plain import Cell
from reference.plain_patient import BED_BEHIND, ORGANS, choose
from reference.plain_signals import SignalPatient

CLONES = 8
WEEK_DAYS = 7
STEPS = 1000  # of the sum over the axis


class Seed(NamedTuple):
    """What an event that settled brings with it: cells, positions on the axis and clones of them, and the colony from which it comes."""

    founders: int
    position: float
    clones: tuple[int, ...]
    parent: Cell | None


class SeedPatient(SignalPatient):
    """A patient whose shed cells differ; `seeds` holds today's that settled, by organ, until the cells are made."""

    def __init__(self, site: str, values, **others):
        super().__init__(site, values, **others)
        self.share_of_clone = dict(enumerate(self.rng.dirichlet([1.0] * CLONES)))
        log_sd = values["clone_potential_log_sd"]
        self.potential = [exp(log_sd * z - 0.5 * log_sd**2) for z in self.rng.standard_normal(CLONES)]
        self.at_reference = self.mean_success(values["emt_reference_mean"])
        self.seeds: dict[str, list[Seed]] = {}
        self.shedding_colonies: list[tuple[Cell, float]] = []  # at the end of the last week, with their cells
        self.returned = 0

    # -- the axis ----------------------------------------------------------------------------------

    def success(self, position: float) -> float:
        """Escape, and the cost of turning back."""
        return exp(self.values["emt_escape_gain"] * position - self.values["emt_return_cost"] * position**4)

    def mean_success(self, mean: float) -> float:
        """Over the cells of a tumour: positions are normal, and those outside 0..1 do not occur."""
        positions = [(step + 0.5) / STEPS for step in range(STEPS)]
        weights = [exp(-0.5 * ((position - mean) / self.values["emt_sd"]) ** 2) for position in positions]
        return sum(weight * self.success(position) for weight, position in zip(weights, positions, strict=True)) / sum(
            weights
        )

    def draw_position(self) -> float:
        """Of a cell of the primary, or of a metastasis."""
        while True:
            position = self.rng.normal(self.values["emt_mean"], self.values["emt_sd"])
            if 0.0 <= position <= 1.0:
                return position

    # -- what is shed --------------------------------------------------------------------------------

    def next_seed(self, organ: str) -> Seed:
        """The next of today's settled that becomes a cell of the model."""
        return self.seeds[organ].pop()

    def arrivals(self):
        """Everything that enters the blood today, one after the other."""
        self.inflame()
        self.seeds = {organ: [] for organ in self.settled_per_day}
        returned_before = self.returned
        for _ in range(self.rng.poisson(self.expected_shed())):
            self.leave_primary()
        if self.day % WEEK_DAYS == 0:
            for colony, cells in self.shedding_colonies:
                for _ in range(self.rng.poisson(WEEK_DAYS * self.shed_per_day(colony, cells))):
                    self.leave_metastasis(colony)
        self.join_primary(self.returned - returned_before)
        return {organ: len(seeds) for organ, seeds in self.seeds.items()}

    def leave_primary(self) -> None:
        """A cell, or a cluster of some."""
        founders, death_per_pass, able = 1, self.values["death_per_pass"], 1.0
        if self.rng.random() < self.values["cluster_share"]:
            founders = 1 + self.rng.geometric(1.0 / (self.values["cluster_mean_cells"] - 1.0))
            death_per_pass *= self.values["cluster_transit_death_factor"]
            able = self.values["cluster_potential"]
        clones = tuple(choose(self.rng, self.share_of_clone) for _ in range(founders))
        self.enter_blood(self.first_bed, death_per_pass, able, clones, None)

    def leave_metastasis(self, colony: Cell) -> None:
        """A single cell, of the clone of one of the founders of its colony."""
        clone = colony.clones[self.rng.integers(len(colony.clones))]
        self.enter_blood(lambda: self.bed_behind(colony.organ), self.values["death_per_pass"], 1.0, (clone,), colony)

    def enter_blood(
        self, first_bed, death_per_pass: float, able: float, clones: tuple[int, ...], parent: Cell | None
    ) -> None:
        """Back to the primary, or on along the vessels."""
        if self.rng.random() < self.values["self_seeding_share"]:
            self.returned += 1
            return
        self.shed += 1
        position = self.draw_position()
        able *= self.values["stem_share"] * self.values["stem_motility"] * self.success(position) / self.at_reference
        able *= sum(self.potential[clone] for clone in clones) / len(clones)
        organ = self.follow(first_bed(), death_per_pass, self.competent_share * able)
        if organ is not None:
            self.seeds[organ].append(Seed(len(clones), position, clones, parent))

    def bed_behind(self, organ: str) -> str:
        """Where the blood of an organ goes first; of the rest of the body, through the vena cava."""
        return self.next_bed(organ) if organ in ORGANS else BED_BEHIND["caval"]

    def join_primary(self, cells: int) -> None:
        """What returned grows on in it, tonight."""
        tonight = self.primary_cells(self.day + 1)
        if cells and tonight:
            self.cut_day, self.cut_cells = self.day + 1, min(tonight + cells, self.values["primary_capacity_cells"])

    # -- metastases -----------------------------------------------------------------------------------

    def shed_per_day(self, colony: Cell, cells: float) -> float:
        """By its surface; an organ's metastases shed no more than a litre of them."""
        v = self.values
        in_organ = sum(others for other, others in self.shedding_colonies if other.organ == colony.organ)
        litre = min(1.0, v["metastasis_capacity_cells"] / in_organ)
        return v["shedding_per_day"] * v["secondary_shedding_factor"] * cells ** v["shedding_exponent"] * litre
