"""A patient with few shed cells, written plainly: each cell walks the vessels bed by bed, by chance.

The primary grows, sheds, and every shed cell is followed alone: from the vein by which it leaves,
through one capillary bed after another, until it dies or sticks; then whether it lives, and whether
it can found a colony. What settles lives on as in `plain.py`. No matrix, no thinning, no tallies drawn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import exp, log

from reference.plain import PlainModel

ORGANS = (
    "liver",
    "lung",
    "bone",
    "brain",
    "adrenal",
    "kidney",
    "spleen",
    "thyroid",
    "pancreas",
    "heart",
    "skin",
    "muscle",
)
DRAINS_INTO_PORTAL_VEIN = ("spleen", "pancreas", "gut")
FED_BY_LEFT_HEART = (*(organ for organ in ORGANS if organ != "lung"), "gut", "rest")
BED_BEHIND = {"caval": "lung", "azygos": "lung", "thoracic_duct": "lung", "vertebral": "bone"}
VEINS = ("portal", "pulmonary_venous", *BED_BEHIND)
HOURS = 24


def choose(rng, weights: Mapping[str, float]) -> str:
    """One of the names, each with a chance in proportion to its weight."""
    target = rng.random() * sum(weights.values())
    for name, weight in weights.items():
        target -= weight
        if target < 0.0:
            return name
    return next(name for name in reversed(weights) if weights[name] > 0.0)


class PlainPatient(PlainModel):
    """A patient from the first malignant cell on, without death of the patient.

    `site`: the primary; `values`: all parameters by their names in the catalogue; `age_years` on day 0;
    `frailty` multiplies the competent share, `growth_factor` the primary's growth rate. Besides what
    `PlainModel` keeps: `counts[what, organ]` for died_on_arrival and inert, `shed` and `died_in_transit`.
    """

    def __init__(
        self,
        site: str,
        values: Mapping[str, float],
        *,
        age_years: float = 67.0,
        frailty: float = 1.0,
        growth_factor: float = 1.0,
        activation: str = "do",
        seed: int = 0,
        single_events_below_cells: int = 0,
    ):
        super().__init__(
            dict.fromkeys((*ORGANS, "elsewhere"), 0.0),
            values,
            activation=activation,
            seed=seed,
            single_events_below_cells=single_events_below_cells,
        )
        self.site, self.age_years = site, age_years
        self.sleep_probability = min(1.0, values["sleep_probability"] * values[f"site_sleep_factor.{site}"])
        self.sleeper_death_per_day = values["sleeper_death_per_day"] * values[f"site_sleeper_death_factor.{site}"]
        self.death_asleep = 1.0 - exp(-self.sleeper_death_per_day)
        self.competent_share = values["competent_share"] * frailty
        self.primary_rate_per_day = values["primary_gompertz_per_day"] * growth_factor
        self.shed = self.died_in_transit = 0
        self.saa = self.liver_readiness = 0.0
        self.veins = {vein: values[f"drainage.{site}.{vein}"] for vein in VEINS}
        self.arteries = {bed: values[f"arterial_share.{bed}"] for bed in FED_BY_LEFT_HEART}
        lost_inflow = values["portocaval_shunt_fraction"] * sum(self.arteries[bed] for bed in DRAINS_INTO_PORTAL_VEIN)
        self.arteries["liver"] += values["hepatic_artery_compensation"] * lost_inflow

    def primary_cells(self, day: float) -> float:
        """Gompertz growth from one cell on day 0."""
        log_capacity = log(self.values["primary_capacity_cells"])
        return exp(log_capacity * (1.0 - exp(-self.primary_rate_per_day * day)))

    # -- what the body's signals do --------------------------------------------------------------

    def inflame(self) -> None:
        """IL-6 drives STAT3, STAT3 drives SAA, SAA makes the liver ready; an hour at a time (Euler).

        The engine holds SAA still for a day while the niche follows it. In the tests' fast disease that
        lets 2 % more cells die in the liver, which is within the tolerance.
        """
        v, stat3 = self.values, self.stat3()
        for _ in range(HOURS):
            self.liver_readiness += (self.saa - self.liver_readiness) / v["niche_time_days"] / HOURS
            self.saa += (stat3 - self.saa) / v["saa_time_days"] / HOURS

    def il6(self) -> float:
        """Today's IL-6, as a share of the tumour's own maximum."""
        cells = self.primary_cells(self.day)
        return cells / (cells + self.values["il6_half_cells"])

    def stat3(self) -> float:
        """Today's STAT3 activity in hepatocytes, a share."""
        il6, power = self.il6(), self.values["stat3_hill_exponent"]
        return il6**power / (il6**power + self.values["stat3_half_il6"] ** power)

    def senescent_share(self) -> float:
        """Share of the liver's cells that are senescent at today's age."""
        v = self.values
        age_years = self.age_years + self.day / 365.25
        return v["senescent_share_maximum"] / (
            1.0 + exp((v["senescence_half_age_years"] - age_years) / v["senescence_width_years"])
        )

    def vesicles(self) -> float:
        """Those of senescent hepatocytes, in units of the level that halves PTEN and LATS2."""
        return self.values["vesicle_release"] * self.senescent_share()

    def shedding_factor(self) -> float:
        """Vesicles hold PTEN and LATS2 down; what the two no longer hold back is shed."""
        left_of_each = 1.0 / (1.0 + self.vesicles())
        return 1.0 + self.values["emt_shedding_gain"] * (1.0 - left_of_each**2)

    def receptivity(self, organ: str) -> float:
        """Factor on an organ's soil today."""
        return 1.0 + self.values["inflammation_gain"] * self.liver_readiness if organ == "liver" else 1.0

    # -- one shed cell ---------------------------------------------------------------------------

    def portal_vein(self) -> str:
        """The liver, unless a shunt takes the blood to the vena cava."""
        return "lung" if self.rng.random() < self.values["portocaval_shunt_fraction"] else "liver"

    def first_bed(self) -> str:
        """The bed behind the vein by which the cell leaves the primary."""
        vein = choose(self.rng, self.veins)
        if vein == "portal":
            return self.portal_vein()
        return choose(self.rng, self.arteries) if vein == "pulmonary_venous" else BED_BEHIND[vein]

    def next_bed(self, bed: str) -> str:
        """Where the blood goes from a bed."""
        if bed == "lung":
            return choose(self.rng, self.arteries)
        return self.portal_vein() if bed in DRAINS_INTO_PORTAL_VEIN else "lung"

    def bed_of_arrest(self, bed: str, death_per_pass: float) -> str | None:
        """Walk on from a bed; None for a cell that dies on its way."""
        while self.rng.random() >= death_per_pass:
            kind = bed if bed in ("liver", "lung") else "other"
            if self.rng.random() < self.values[f"arrest_probability.{kind}"]:
                return bed
            bed = self.next_bed(bed)
        return None

    def fate_on_arrival(self, organ: str, competent_share: float) -> str:
        """What becomes of a cell that was arrested in an organ."""
        viable = self.values[f"soil.{organ}"] * self.receptivity(organ)
        if organ == self.site:
            viable *= self.values[f"own_organ_receptivity.{organ}"]
        if self.rng.random() >= viable:
            return "died_on_arrival"
        return "settled" if self.rng.random() < competent_share else "inert"

    def follow(self, first_bed: str, death_per_pass: float, competent_share: float) -> str | None:
        """Follow one shed cell, and count what becomes of it; the organ where it settles, or None."""
        bed = self.bed_of_arrest(first_bed, death_per_pass)
        if bed is None:
            self.died_in_transit += 1
            return None
        organ = bed if bed in ORGANS else "elsewhere"
        fate = self.fate_on_arrival(organ, competent_share)
        if fate == "settled":
            return organ
        self.counts[fate, organ] += 1
        return None

    def expected_shed(self) -> float:
        """Mean number of cells that the primary sheds today."""
        v = self.values
        exponent = v["shedding_exponent"]
        surface = sum(self.primary_cells(self.day + (hour + 0.5) / HOURS) ** exponent for hour in range(HOURS)) / HOURS
        rate = v["shedding_per_day"] * v[f"site_shedding_factor.{self.site}"] * self.shedding_factor()
        return rate * surface

    def arrivals(self) -> Mapping[str, int]:
        """Shed today's cells and follow each of them; returns those that settled, by organ."""
        self.inflame()
        shed = self.rng.poisson(self.expected_shed())
        self.shed += shed
        settled = (
            self.follow(self.first_bed(), self.values["death_per_pass"], self.competent_share) for _ in range(shed)
        )
        return Counter(organ for organ in settled if organ is not None)
