"""Values of command-line options, and where a run goes by default."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.finding import HOME, IS_CHECKOUT
from sim.units import memory_bytes

if TYPE_CHECKING:
    from sim.scenario import Scenario


def _program() -> str:
    """How this program was called, as a person would type it again."""
    called = Path(sys.argv[0] or "-")
    if called.name == "__main__.py" and called.parent.name == "sim":
        return "python -m sim"
    name = called.name.removesuffix(".exe")
    return name if name in ("run_sim.py", "metseed") else "run_sim.py" if IS_CHECKOUT else "metseed"


PROGRAM = _program()


class WholeNumber(click.ParamType):
    """A whole number from `minimum` to `maximum`, both allowed."""

    name = "whole number"

    def __init__(self, minimum: int, maximum: int | None = None) -> None:
        self.minimum, self.maximum = minimum, maximum

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number; anything else ends the command with what is allowed."""
        allowed = f"{self.minimum} or more" if self.maximum is None else f"{self.minimum} to {self.maximum}"
        try:
            number = int(value)
        except ValueError:
            self.fail(f"{value!r} is not a whole number (allowed: {allowed})", param, ctx)
        if number < self.minimum or (self.maximum is not None and number > self.maximum):
            self.fail(f"{number} is not allowed (allowed: {allowed})", param, ctx)
        return number


class Memory(click.ParamType):
    """An amount of memory such as 500MB, 4GB or 2GiB, as bytes."""

    name = "memory size"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The bytes; anything else ends the command with what is allowed."""
        size = memory_bytes(str(value))
        value = value if len(str(value)) <= 40 else f"{str(value)[:40]}..."
        if size is None:
            self.fail(
                f"{value!r} is not an amount of memory (allowed: a number and a unit, such as 500MB, 4GB or 2GiB)",
                param,
                ctx,
            )
        if size < 1:
            self.fail(f"{value!r} is no memory at all", param, ctx)
        return size


def cores() -> int:
    """Cores that this process may use: fewer than the machine has, in a container or under a scheduler."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def results_folder() -> Path:
    """Where results go by default: beside the program in a checkout, else below the current folder."""
    return (HOME if IS_CHECKOUT else Path.cwd()) / "results"


def default_run_folder(
    scenario: Scenario, seed: int, *, keep_seeds: bool, keep_events: bool, tables: str = "all"
) -> Path:
    """`results/<scenario>/<run>`; <run> differs whenever seed, patients, parameters or tables differ."""
    return _folder(
        scenario,
        f"seed{seed}_{scenario.patients}patients",
        [keep_seeds, keep_events, *([] if tables == "all" else [tables])],
    )


def default_analysis_folder(scenario: Scenario, kind: str, seed: int, asked: Sequence) -> Path:
    """`results/<scenario>/<kind>_...`; another name whenever seed, patients, parameters or what was `asked` differ."""
    return _folder(scenario, f"{kind}_seed{seed}_{scenario.patients}patients", asked)


def _folder(scenario: Scenario, name: str, asked: Sequence) -> Path:
    resolved = {key: value for key, value in scenario.to_dict().items() if key != "path"}
    identity = json.dumps([resolved, *asked], sort_keys=True, default=str)
    short = hashlib.sha256(identity.encode()).hexdigest()[:8]
    return results_folder() / scenario.name / f"{name}_{short}"


def finished_patients(folder: Path) -> tuple[int, int] | None:
    """Patients that an interrupted run in `folder` holds, and when it was written (ns); None if there is none."""
    file = folder / "manifest.json"
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
        if manifest["status"] != "interrupted":
            return None
        return int(manifest["patients_finished"]), file.stat().st_mtime_ns
    except (OSError, ValueError, KeyError, TypeError):
        return None


def shown(path: Path) -> str:
    """`path` as a person in the current folder would type it."""
    try:
        return str(path.resolve().relative_to(Path.cwd().resolve()))
    except ValueError:
        return str(path)
