"""The lessons: one TOML file each in `lessons/`, its words in the text catalogues under `lesson.<name>.`.

A file names the base scenario, seed and patient of the film, the organ that the curves start with, the options
of the prediction with the model's answer, and the bodies: each a name (`arm.<name>`) and what it changes,
in the form of a scenario file.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sim import scenario
from sim.errors import InputError
from sim.finding import SCENARIOS
from sim.messages import describe, listed, unknown
from sim.names import LARGEST_SEED, MOST_PATIENTS, NICHES
from sim.results.shape import Many, Within, Words, fault
from sim.scenario import Scenario, chain

FOLDER = Path(__file__).parent / "lessons"
TEXTS = (
    "title",
    "aim",
    "intro",
    "prediction",
    "watch",
    "many",
    "explanation",
    "source",
    "simplified",
    "question.1",
    "question.2",
    "answer.1",
    "answer.2",
)
"""What every lesson has in every language, besides its options."""


_SHAPE = {
    "order": int,
    "minutes": Within(1, 60),
    "scenario": str,
    "both?": str,
    "seed": Within(0, LARGEST_SEED),
    "patient": Within(0, MOST_PATIENTS - 1),
    "patients": Within(1, MOST_PATIENTS),
    "organ": Words((*NICHES, "all")),
    "options": Many(str),
    "answer": str,
    "arms": Many({"name": str, "changes?": str}),
}


@dataclass(frozen=True)
class Lesson:
    """One lesson. `options` are text keys, `answer` the index of what the model shows; `patients` the cohort's size."""

    name: str
    minutes: int
    arms: tuple[Scenario, ...]
    names: tuple[str, ...]
    seed: int
    patient: int
    patients: int
    organ: str
    options: tuple[str, ...]
    answer: int

    def keys(self) -> list[str]:
        """The text keys that it needs."""
        return (
            [f"lesson.{self.name}.{text}" for text in TEXTS]
            + list(self.options)
            + [f"arm.{name}" for name in self.names]
        )


@cache
def _raw() -> dict[str, dict]:
    files = {file.stem: tomllib.loads(file.read_text(encoding="utf-8")) for file in FOLDER.glob("*.toml")}
    return dict(sorted(files.items(), key=lambda item: item[1]["order"]))


@cache
def names() -> tuple[str, ...]:
    """All lessons in teaching order; a lesson whose mechanisms or treatments the engine lacks is left out."""
    return tuple(name for name in _raw() if _possible(name))


def _possible(name: str) -> bool:
    try:
        load(name)
    except InputError:
        return False
    return True


@cache
def load(name: str) -> Lesson:
    """A lesson by name. Raises InputError for an unknown one, or in the scenario loader's words."""
    if name not in _raw():
        raise InputError(f"LESSON: {unknown('lesson', name, _raw())}")
    return _lesson(name, _raw()[name])


def parse(file: Path) -> Lesson:
    """A lesson from a file that need not be among ours. Raises InputError."""
    raw = chain.parse(file, chain.read_text(file, "a lesson"), "a lesson")[0]
    wrong = fault(raw, _SHAPE)
    if wrong is None and raw["answer"] not in raw["options"]:
        wrong = f"answer: found {describe(raw['answer'])}; allowed: {listed(raw['options'])}"
    if wrong is not None:
        raise InputError(f"{chain.shown(file)}: {wrong}")
    return _lesson(file.stem, raw)


def _lesson(name: str, raw: dict) -> Lesson:
    arms = tuple(_arm(name, raw, arm) for arm in raw["arms"])
    options = tuple(f"lesson.{name}.option.{option}" for option in raw["options"])
    return Lesson(
        name=name,
        minutes=raw["minutes"],
        arms=arms,
        names=tuple(arm["name"] for arm in raw["arms"]),
        seed=raw["seed"],
        patient=raw["patient"],
        patients=raw["patients"],
        organ=raw["organ"],
        options=options,
        answer=raw["options"].index(raw["answer"]),
    )


def _arm(name: str, raw: dict, arm: dict) -> Scenario:
    text = "\n".join(
        [
            f"extends = {json.dumps(raw['scenario'] + '.toml')}",
            f"title = {json.dumps(name + ': ' + arm['name'])}",
            raw.get("both", ""),
            arm.get("changes", ""),
        ]
    )
    return scenario.load(SCENARIOS / f"lesson_{name}.toml", text=text)
