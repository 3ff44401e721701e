"""What body weight, scars, an operation and four drugs do to the body's signals, written plainly.

IL-6 and STAT3 for the liver's niche, vesicles for the primary, inflammation for the sleepers. A drug that is kept up
acts until the next dose is due.
"""

from __future__ import annotations

from math import exp

from reference.plain_treated import Regimen, TreatedPatient

LEAN_BMI, STEP_BMI = 25.0, 10.0


class SignalPatient(TreatedPatient):
    """A patient with a body-mass index, whose liver may be scarred."""

    def __init__(self, site: str, values, *, bmi: float = LEAN_BMI, **others):
        super().__init__(site, values, **others)
        self.adiposity = max(bmi - LEAN_BMI, 0.0) / STEP_BMI
        self.is_scarred = self.rng.random() < values["fibrosis_prevalence"]
        self.wave = 0.0  # of inflammation, after an operation
        self.acts_until = {}

    # -- what is given ---------------------------------------------------------------------------

    def keep_up(self, regimen: Regimen) -> None:
        """A dose acts until the next one is due."""
        self.acts_until[regimen.name] = self.day + regimen.every_days

    p2rx7_inhibition = mirna_silencing = il6_blockade = stat3_blockade = checkpoint_inhibition = keep_up

    def acts(self, treatment: str) -> bool:
        """Whether it is being given."""
        return self.day < self.acts_until.get(treatment, 0)

    def left_by(self, treatment: str, block: str) -> float:
        """Share of a signal that a treatment leaves today."""
        return 1.0 - self.values[block] if self.acts(treatment) else 1.0

    def resection(self, regimen: Regimen) -> None:
        """The wound is inflamed."""
        super().resection(regimen)
        self.wave += self.values["surgery_inflammation"]

    # -- signals ---------------------------------------------------------------------------------

    def treat(self) -> None:
        """Inflammation, wherever it is from, feeds the sleepers."""
        super().treat()
        for organ in self.feeding:
            inflamed = self.values[f"organ_inflammation.{organ}"] + self.wave
            self.feeding[organ] *= 1.0 + self.values["awakening_gain"] * inflamed

    def end_day(self) -> None:
        """The wound heals."""
        super().end_day()
        self.wave *= exp(-1.0 / self.values["surgery_inflammation_days"])

    def il6(self) -> float:
        """Of the tumour, of fat and of the wound, as far as it is not bound."""
        all_il6 = super().il6() + self.values["obesity_il6_gain"] * self.adiposity + self.wave
        return all_il6 * self.left_by("il6_blockade", "il6_block")

    def stat3(self) -> float:
        """As far as no inhibitor takes it away."""
        return super().stat3() * self.left_by("stat3_blockade", "stat3_block")

    def senescent_share(self) -> float:
        """Fatty livers hold more of them."""
        return super().senescent_share() * (1.0 + self.values["obesity_senescence_gain"] * self.adiposity)

    def vesicles(self) -> float:
        """Those released, as far as their miRNAs are not silenced."""
        return (
            super().vesicles()
            * self.left_by("p2rx7_inhibition", "p2rx7_block")
            * self.left_by("mirna_silencing", "mirna_block")
        )

    def receptivity(self, organ: str) -> float:
        """Scars keep seeds out of the liver."""
        scars = self.values["fibrosis_receptivity"] if organ == "liver" and self.is_scarred else 1.0
        return super().receptivity(organ) * scars
