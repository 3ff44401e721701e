"""What a tab of the classroom is set to: a frozen record that lives in the page's address.

Because the address holds all of it, a reload or a restarted server continues where the class was.
Whatever comes from the page is resolved by the scenario loader, and refused in its own words.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, urlencode

from sim import mechanisms, scenario
from sim.errors import InputError
from sim.finding import SCENARIOS
from sim.messages import describe, unknown
from sim.names import DAYS_PER_YEAR, LARGEST_SEED, MOST_PATIENTS, NICHES
from sim.scenario import Scenario

BASE = "colorectal.toml"
"""What the classroom starts from: follow-up, observation and everything that the page does not set."""
COHORT_PATIENTS = 300
LARGEST_PATIENT = MOST_PATIENTS - 1
MOST_VOTES = 999
EQUAL_SOIL = 0.001
"""Every organ's soil in the thought experiment of equal soils, within the range of the fitted ones."""
_HAS_IT: Mapping[str, Mapping[str, float]] = {"liver_fibrosis": {"fibrosis_prevalence": 1.0}}
"""Conditions that some patients have: switched on here, this patient has it."""
_NOTHING: Mapping = MappingProxyType({})
_PLACE = re.compile(r"^.*?classroom\.toml(?:, line \d+)?: ")


@dataclass(frozen=True)
class Settings:
    """One tab's state. Texts that the loader reads (`age`, `horizon`) keep what was typed.

    `mechanisms` holds what differs from the default; `treatments` the start of each in days after diagnosis;
    `soil` is "equal" where every organ has the same, else empty. `what_if` is what differs in the second body
    (see `changed`), empty for one body alone.
    """

    language: str = "en"
    primary: str = "colon"
    age: str = "67"
    horizon: str = "5"
    mechanisms: Mapping[str, bool] = field(default_factory=lambda: _NOTHING)
    treatments: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    soil: str = ""
    what_if: str = "off.dual_blood_supply"
    seed: str = "1"
    patient: str = "29"
    lesson: str = ""
    step: int = 0
    votes: tuple[int, ...] = ()

    # -- in the address ----------------------------------------------------------------------------

    def query(self) -> str:
        """The part of the address after the question mark; what is as it starts is left out."""
        start = Settings()
        pairs = [
            (key, getattr(self, name)) for key, name in _KEYS.items() if getattr(self, name) != getattr(start, name)
        ]
        for key, state in (("on", True), ("off", False)):
            names = sorted(name for name, value in self.mechanisms.items() if value is state)
            pairs += [(key, ",".join(names))] if names else []
        if self.treatments:
            pairs.append(("treat", ",".join(f"{name}@{start}" for name, start in sorted(self.treatments.items()))))
        if self.step:
            pairs.append(("step", self.step))
        if any(self.votes):
            pairs.append(("votes", ",".join(map(str, self.votes))))
        return urlencode(pairs, safe=",@")

    @classmethod
    def from_query(cls, query: str) -> Settings:
        """The settings in an address; keys that it does not know are ignored (see `unknown_keys`).

        Raises InputError for a value that cannot be, in one message a line.
        """
        known = _pairs(query)
        problems: list[str] = []
        states: dict[str, bool] = {}
        values: dict[str, Any] = {name: known.pop(key) for key, name in _KEYS.items() if key in known}
        for key, state in (("on", True), ("off", False)):
            states |= {name: state for name in known.pop(key, "").split(",") if name}
        values["mechanisms"] = MappingProxyType(states)
        treatments = dict(entry.partition("@")[::2] for entry in known.pop("treat", "").split(",") if entry)
        values["treatments"] = MappingProxyType({name: start or "0" for name, start in treatments.items()})
        try:
            values["step"] = whole("step", known.pop("step", "0"), 99)
            votes = known.pop("votes", "")
            values["votes"] = tuple(whole("votes", count, MOST_VOTES) for count in votes.split(",")) if votes else ()
        except InputError as error:
            problems.append(str(error))
        if problems:
            raise InputError("\n".join(problems))
        return cls(**values)

    @staticmethod
    def unknown_keys(query: str) -> list[str]:
        """Keys of an address that are none of ours, such as those that chat programs add."""
        return [key for key in _pairs(query) if key not in (*_KEYS, *_MORE_KEYS)]

    # -- in the model ------------------------------------------------------------------------------

    def with_(self, **changes: Any) -> Settings:
        """A copy with changes; mappings are frozen."""
        frozen: dict[str, Any] = {
            name: MappingProxyType(dict(value)) if isinstance(value, Mapping) else value
            for name, value in changes.items()
        }
        return dataclasses.replace(self, **frozen)

    def resolve(self) -> Scenario:
        """The scenario of the first body. Raises InputError in the scenario loader's own words."""
        return load_keys(self.text())

    def text(self) -> str:
        """The scenario file of the first body."""
        age, horizon = f"{self.age} years", f"{self.horizon} years"
        lines = [
            f"extends = {_quoted(BASE)}",
            'title = "Classroom"',
            'question = "What if?"',
            f"primary = {_quoted(self.primary)}",
            f"horizon = {_quoted(horizon)}",
            "[cohort]",
            f"patients = {COHORT_PATIENTS}",
            "[cohort.age]",
            f"mean = {_quoted(age)}",
            'sd = "0.1 years"',
            f"low = {_quoted(age)}",
            f"high = {_quoted(age)}",
            "[mechanisms]",
            *(f"{_quoted(name)} = {str(state).lower()}" for name, state in self.mechanisms.items()),
        ]
        lines += [
            "[parameters]",
            *(
                f"{_quoted(name)} = {{ value = {value}, reason = {_quoted(reason)} }}"
                for name, value, reason in self._overrides()
            ),
        ]
        for name, start in self.treatments.items():
            lines += [
                "[[treatments]]",
                f"name = {_quoted(name)}",
                'after = "diagnosis"',
                f"start_days = {_quoted(f'{start} days')}",
            ]
        return "\n".join(lines) + "\n"

    def _overrides(self) -> Iterator[tuple[str, float, str]]:
        """Parameters that differ from the catalogue: name, value, reason. Raises InputError."""
        if self.soil not in ("", "equal"):
            raise InputError(f"soil: found {describe(self.soil)}; allowed: equal, or nothing")
        if self.soil:
            for niche in NICHES:
                yield f"soil.{niche}", EQUAL_SOIL, "a thought experiment: every organ the same soil"
        for name, on in self.mechanisms.items():
            if on and name in mechanisms.REGISTRY:
                for parameter, value in _HAS_IT.get(name, _NOTHING).items():
                    yield parameter, value, "this patient has it"

    def changed(self) -> Settings | None:
        """The second body's settings: these, with the one thing changed that `what_if` names; None for one body.

        `off.<mechanism>`, `on.<mechanism>`, `age.<years>`, `site.<primary>`, `soil.equal`, `treat.<treatment>`
        (given at diagnosis, or left out where the first body has it). Raises InputError for anything else.
        """
        if not self.what_if:
            return None
        kind, _, what = self.what_if.partition(".")
        if kind in ("on", "off"):
            if what not in mechanisms.REGISTRY:
                raise InputError(f"what if: {unknown('mechanism', what, mechanisms.REGISTRY)}")
            return self.with_(mechanisms={**self.mechanisms, what: kind == "on"})
        if kind == "age":
            return self.with_(age=what)
        if kind == "site":
            return self.with_(primary=what)
        if kind == "soil":
            return self.with_(soil=what)
        if kind == "treat":
            given = dict(self.treatments)
            if what in given:
                del given[what]
            else:
                given[what] = "0"
            return self.with_(treatments=given)
        raise InputError(
            f"what if: found {describe(self.what_if)}; allowed: on, off, age, site, soil or treat, a point, and a name"
        )

    def arms(self) -> list[Scenario]:
        """The scenarios of one or two bodies. Raises InputError with all that is wrong."""
        other = self.changed()
        return [self.resolve()] if other is None else [self.resolve(), other.resolve()]

    @classmethod
    def of_arms(cls, arms: Sequence[Scenario], seed: int, patient: int) -> Settings:
        """The settings nearest to what a lesson showed: its first body, and what first differs in the second."""
        first, other = arms[0], arms[-1]
        usual = scenario.load(SCENARIOS / BASE).mechanisms
        settings = cls(
            primary=first.primary,
            age=f"{first.age.mean_years:g}",
            horizon=f"{first.horizon_days / DAYS_PER_YEAR:g}",
            seed=str(seed),
            patient=str(patient),
        ).with_(
            mechanisms={name: on for name, on in first.mechanisms.items() if on != usual[name]},
            treatments={plan.name: str(plan.start_days) for plan in first.treatments},
        )
        differing = [
            f"{'on' if on else 'off'}.{name}" for name, on in other.mechanisms.items() if on != first.mechanisms[name]
        ]
        if other.age != first.age:
            differing.append(f"age.{other.age.mean_years:g}")
        if other.primary != first.primary:
            differing.append(f"site.{other.primary}")
        differing += [
            f"treat.{name}"
            for name in sorted({plan.name for plan in first.treatments} ^ {plan.name for plan in other.treatments})
        ]
        if (
            len({other.parameters[f"soil.{niche}"].value for niche in NICHES}) == 1
            and other.parameters != first.parameters
        ):
            differing.append("soil.equal")
        return settings.with_(what_if=differing[0] if differing else "")

    def numbers(self) -> tuple[int, int]:
        """Seed and patient. Raises InputError."""
        return whole("seed", self.seed, LARGEST_SEED), whole("patient", self.patient, LARGEST_PATIENT)


_KEYS = {
    "lang": "language",
    "site": "primary",
    "age": "age",
    "years": "horizon",
    "soil": "soil",
    "if": "what_if",
    "seed": "seed",
    "patient": "patient",
    "lesson": "lesson",
}


_MORE_KEYS = ("on", "off", "treat", "step", "votes")
_MOST_PAIRS = 100


def _pairs(query: str) -> dict[str, str]:
    """The keys and values of an address; nothing of one that holds more than anybody would type."""
    try:
        return dict(parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_PAIRS))
    except ValueError:
        return {}


def whole(name: str, found: str, largest: int) -> int:
    """A whole number from 0 to `largest`. Raises InputError."""
    if not (found.isascii() and found.isdigit() and len(found) < 30 and int(found) <= largest):
        raise InputError(f"{name}: found {describe(found)}; allowed: a whole number, 0 to {largest}")
    return int(found)


def load_keys(text: str) -> Scenario:
    """A scenario from a text in the form of a file. Raises InputError without the name of a file that nobody wrote."""
    try:
        return scenario.load(SCENARIOS / "classroom.toml", text=text)
    except InputError as error:
        lines = (_PLACE.sub("", line) for line in str(error).splitlines())
        # the youngest and the oldest are the one age that the page sets: one refusal of it is enough
        raise InputError(
            "\n".join(line for line in lines if not line.startswith(("cohort.age.low:", "cohort.age.high:")))
        ) from None


def _quoted(text: str) -> str:
    """A TOML string; characters that TOML refuses become question marks, and the loader shows what it found."""
    clean = "".join(c if c.isprintable() and not 0xD800 <= ord(c) <= 0xDFFF else "?" for c in str(text)[:200])
    return json.dumps(clean, ensure_ascii=False)
