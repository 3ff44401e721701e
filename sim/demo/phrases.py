"""What a tab reads: texts with values filled in, and names of mechanisms, treatments and what-ifs.

A mechanism or treatment that the catalogues do not know yet is shown with the engine's own words.
"""

from __future__ import annotations

from collections.abc import Mapping

from sim.demo import texts
from sim.demo.settings import Settings
from sim.demo.treatments import MAIN_TREATMENTS, TREATMENTS
from sim.mechanisms import REGISTRY

MAIN_MECHANISMS = ("dual_blood_supply", "inflammation", "senescent_vesicles", "dormancy")
"""Shown first; all others stand under "more"."""
WHAT_IFS = (*(f"off.{name}" for name in MAIN_MECHANISMS), "soil.equal", "on.liver_fibrosis")
MORE_WHAT_IFS = ("age.40", "age.85", "site.rectum", "site.breast", *(f"treat.{name}" for name in MAIN_TREATMENTS))
"""What one click can change, the first ones always in sight (see `Settings.changed`)."""


class Phrases:
    """The texts of one language."""

    def __init__(self, language: str) -> None:
        self.catalogue: Mapping[str, str] = texts.load(language)

    def __call__(self, key: str, **values: object) -> str:
        """A text with its {placeholders} filled in. Raises KeyError for a key that is missing."""
        return self.catalogue[key].format(**values)

    def _known(self, key: str, otherwise: str) -> str:
        return self.catalogue.get(key, otherwise)

    def mechanism(self, name: str) -> str:
        """The name of a mechanism."""
        return self._known(f"mechanism.{name}", _sentence(REGISTRY[name].title))

    def mechanism_means(self, name: str, on: bool) -> str:
        """What a mechanism's state stands for in biology."""
        registered = REGISTRY[name].title if on else REGISTRY[name].off
        return self._known(f"mechanism.{name}.{'on' if on else 'off'}", registered)

    def treatment(self, name: str) -> str:
        """The name of a treatment."""
        return self._known(f"treatment.{name}", _sentence(name.replace("_", " ")))

    def treatment_means(self, name: str) -> str:
        """What a treatment does, in biology."""
        return _sentence(self._known(f"treatment.{name}.means", TREATMENTS[name]))

    def what_if(self, what_if: str) -> str:
        """The question on a what-if's button."""
        kind, _, name = what_if.partition(".")
        key = f"ui.if.{what_if}"
        if key in self.catalogue:
            return self.catalogue[key]
        return self(f"ui.if.generic.{kind}", what=self._thing(kind, name))

    def _thing(self, kind: str, name: str) -> str:
        if kind in ("on", "off"):
            return self.mechanism(name)
        if kind == "site":
            return self(f"site.{name}")
        return self.treatment(name) if kind == "treat" else name

    def arms(self, settings: Settings) -> list[str]:
        """The names of the bodies: what the first is, and what differs in the second."""
        if not settings.what_if:
            return [self("ui.arm.as_it_is")]
        kind, _, name = settings.what_if.partition(".")
        kind_of_text = "untreat" if kind == "treat" and name in settings.treatments else kind
        return [self("ui.arm.as_it_is"), self(f"ui.arm.{kind_of_text}", what=self._thing(kind, name))]

    def bodies(self, names: list[str]) -> list[str]:
        """Names with the letters of the bodies before them."""
        return [self("ui.body", letter=letter, name=name) for letter, name in zip("AB", names, strict=False)]

    def means(self, what_if: str) -> str:
        """What a what-if stands for in biology, in one sentence."""
        kind, _, name = what_if.partition(".")
        if kind in ("on", "off"):
            return self(f"ui.means.{kind}", what=self.mechanism_means(name, kind == "on"))
        return self(f"ui.means.{kind}")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
