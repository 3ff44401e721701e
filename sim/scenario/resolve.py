"""A scenario: one question, resolved to every number that a run needs, frozen.

    scenario = load("scenarios/colorectal.toml").with_(patients=20, off=["dormancy"])

Files extend one another; the command line changes what is loaded by the same rules and with the same
messages. pydantic is imported only where a file is checked.
"""

from __future__ import annotations

import dataclasses
import math
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sim import catalog, finding, mechanisms
from sim.catalog import Parameter
from sim.catalog import posterior as posterior_draws
from sim.catalog.checks import parameter_value, unknown_parameter
from sim.catalog.posterior import POSTERIOR
from sim.errors import InputError, MachineError
from sim.mechanisms import effective_parameters
from sim.messages import describe, printable, unknown
from sim.names import MOST_PATIENTS
from sim.scenario.chain import shown
from sim.scenario.read import read
from sim.scenario.treatments import plans
from sim.treatments.base import Plan
from sim.units import UnitError

DEFAULT_OUTPUT_EVERY_DAYS = 28


@dataclass(frozen=True)
class AgeDistribution:
    """Age at diagnosis: a normal distribution cut off at `low_years` and `high_years`."""

    mean_years: float
    sd_years: float
    low_years: float
    high_years: float


@dataclass(frozen=True)
class Override:
    """A value in the catalogue's unit that replaces the catalogue's, and why."""

    value: float
    reason: str


@dataclass(frozen=True)
class ResolvedParameter:
    """A parameter as the run uses it.

    An override has kind "override", its reason as the source and `reason` set; `parameter` is
    always the catalogue's entry.
    """

    value: float
    unit: str
    kind: str
    source: str
    reason: str | None
    parameter: Parameter


@dataclass(frozen=True)
class Scenario:
    """Everything that a run needs but its seed. Durations in days, ages in years, values in the catalogue's units."""

    name: str
    path: Path
    title: str
    question: str
    primary: str
    patients: int
    age: AgeDistribution
    horizon_days: float
    observe: str
    output_every_days: int
    mechanisms: Mapping[str, bool]
    overrides: Mapping[str, Override]
    parameters: Mapping[str, ResolvedParameter]
    treatments: tuple[Plan, ...] = ()
    posterior: int = 0
    """So many draws of calibrated and assumed numbers: patients run under their own in turn. 0: the catalogue's."""
    which_draws: str = POSTERIOR
    """Draws of the posterior, or of the prior: what is believed before any fit."""

    def with_(
        self,
        *,
        patients: int | None = None,
        on: Iterable[str] = (),
        off: Iterable[str] = (),
        set_: Iterable[str] = (),
        posterior: int | None = None,
        which: str = POSTERIOR,
        reason: str = "command line",
    ) -> Scenario:
        """A copy with what the command line changes; `set_` holds "name=value" texts, the value with a unit or without.

        `posterior` is the number of draws that patients run under, `which` the file that they are of.

        Raises InputError with all problems, one a line, each naming its option.
        """
        problems: list[str] = []
        on, off = list(on), list(off)
        if patients is not None:
            problems += _patients_problems(patients)
        if posterior is not None:
            problems += _posterior_problems(posterior, which)
        states = dict(self.mechanisms)
        for option, names, state in (("--on", on, True), ("--off", off, False)):
            for name in names:
                if name not in mechanisms.REGISTRY:
                    problems.append(f"{option} {name}: {unknown('mechanism', name, mechanisms.REGISTRY)}")
                states[name] = state
        problems += [f"--on {name}: found with --off {name}; allowed: one of them" for name in on if name in off]
        overrides = dict(self.overrides)
        added: set[str] = set()
        for item in set_:
            try:
                name, value = _assignment(item)
            except UnitError as error:
                problems.append(f"--set {item}: {error}")
                continue
            if name in added:
                problems.append(f"--set {item}: found {name} twice; allowed: once")
            added.add(name)
            overrides[name] = Override(value, reason)
        if problems:
            raise InputError("\n".join(printable(problem) for problem in problems))
        parameters = _resolve(overrides)
        _refuse_empty_shares(parameters, self.primary, reason)
        return dataclasses.replace(
            self,
            patients=self.patients if patients is None else patients,
            mechanisms=MappingProxyType(states),
            overrides=MappingProxyType(overrides),
            parameters=parameters,
            posterior=self.posterior if posterior is None else posterior,
            which_draws=self.which_draws if posterior is None else which,
        )

    def values(self) -> dict[str, float]:
        """The value of every parameter, by name, whatever is switched on."""
        return {name: parameter.value for name, parameter in self.parameters.items()}

    def effective(
        self, values: Mapping[str, float] | None = None, mechanisms: Mapping[str, bool] | None = None
    ) -> dict[str, float]:
        """The values with which a run computes: with the nulls of mechanisms that are off.

        `values` and `mechanisms` replace the scenario's own, by name.
        """
        return effective_parameters(self.values() | dict(values or {}), {**self.mechanisms, **(mechanisms or {})})

    def arms(self) -> list[dict[str, float]]:
        """`effective` values of every draw that patients run under, one where `posterior` is 0.

        What the scenario sets itself is set in every draw.
        """
        return [self.drawn(number) for number in range(max(self.posterior, 1))]

    def drawn(
        self,
        number: int,
        values: Mapping[str, float] | None = None,
        mechanisms: Mapping[str, bool] | None = None,
    ) -> dict[str, float]:
        """The same of the draw of that number; `values` and `mechanisms` are set on top, as in `effective`."""
        if not self.posterior:
            return self.effective(values, mechanisms)
        known = self.parameters.keys() - self.overrides.keys()
        draw = posterior_draws.draw(number, self.which_draws)
        mine = {name: value for name, value in draw.items() if name in known}
        return self.effective(mine | dict(values or {}), mechanisms)

    def _draws_told(self) -> dict[str, Any]:
        """Which draws these are, for what depends on them."""
        of = {} if self.which_draws == POSTERIOR else {"of": self.which_draws}
        return {"draws": self.posterior, "file": posterior_draws.digest(self.which_draws), **of}

    def to_dict(self) -> dict[str, Any]:
        """Everything resolved, as plain values for JSON; holds no path of this machine."""
        inside = self.path.is_relative_to(finding.HOME)
        return {
            **({"posterior": self._draws_told()} if self.posterior else {}),
            "name": self.name,
            "file": self.path.relative_to(finding.HOME).as_posix() if inside else self.path.name,
            "title": self.title,
            "question": self.question,
            "primary": self.primary,
            "patients": self.patients,
            "age": dataclasses.asdict(self.age),
            "horizon_days": self.horizon_days,
            "observe": self.observe,
            "output_every_days": self.output_every_days,
            "mechanisms": dict(self.mechanisms),
            "treatments": [dataclasses.asdict(plan) for plan in self.treatments],
            "overrides": {name: dataclasses.asdict(override) for name, override in self.overrides.items()},
            "parameters": {
                name: {
                    "value": p.value,
                    "unit": p.unit,
                    "kind": p.kind,
                    "source": p.source,
                    "reason": p.reason,
                    "low": p.parameter.low,
                    "high": p.parameter.high,
                    "meaning": p.parameter.meaning,
                    "outcome": p.parameter.outcome,
                    "direction": p.parameter.direction,
                    "optimum": p.parameter.optimum,
                }
                for name, p in self.parameters.items()
            },
        }

    def __getstate__(self) -> dict[str, Any]:
        # Read-only views cannot be pickled, and scenarios travel to worker processes.
        state = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {key: dict(value) if isinstance(value, MappingProxyType) else value for key, value in state.items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for key, value in state.items():
            object.__setattr__(self, key, MappingProxyType(value) if isinstance(value, dict) else value)


def load(path: Path | str, *, text: str | None = None) -> Scenario:
    """The scenario in a file, resolved.

    `path` is a file, or the name of one in the `scenarios` folder ("colorectal", "autopsy/colon"). `text` stands
    for the contents of a file that need not exist (the classroom's page); `path` says where it would be.
    Raises InputError with every problem of the file and of what it extends, one a line, each with
    file, line, key, what was found and what is allowed.
    """
    file = find(path) if text is None else Path(path)
    return from_merged(file, read(file, text=text))


def from_merged(file: Path, merged: Mapping[str, Any], name: str | None = None) -> Scenario:
    """The scenario of a file's merged keys (see `scenario_read.read`); `name` where it is not the file's own."""
    overrides = {name: Override(**entry) for name, entry in merged.get("parameters", {}).items()}
    states = mechanisms.default_states() | merged.get("mechanisms", {})
    parameters = _resolve(overrides)
    _refuse_empty_shares(parameters, merged["primary"], shown(file))
    return Scenario(
        name=name or scenario_name(file),
        path=file.resolve(),
        title=merged["title"],
        question=" ".join(merged["question"].split()),
        primary=merged["primary"],
        patients=merged["cohort"]["patients"],
        age=AgeDistribution(**{f"{key}_years": value for key, value in merged["cohort"]["age"].items()}),
        horizon_days=merged["horizon"],
        observe=merged.get("observe", "imaging"),
        output_every_days=int(merged.get("output_every", DEFAULT_OUTPUT_EVERY_DAYS)),
        mechanisms=MappingProxyType(states),
        overrides=MappingProxyType(overrides),
        parameters=parameters,
        treatments=plans(merged.get("treatments", ())),
    )


def find(path: Path | str) -> Path:
    """The file that `path` names, or the folder (which reading refuses). Raises InputError where there is none."""
    return finding.find(path, finding.SCENARIOS, "scenario")


def files() -> list[Path]:
    """The scenario files that come with the program, without bases (names with _ first); those in sub-folders last."""
    return finding.files(finding.SCENARIOS)


def listing() -> list[tuple[Path, str, str, str]]:
    """(path, title, question, primary) of each scenario that comes with the program, sorted.

    The path is what one may type here: the name alone where the file does not lie below this folder. A broken file is
    listed too: its title says so, its question is the first problem, its primary "?".
    """
    rows = []
    for file in files():
        path = Path(shown(file))
        path = Path(finding.handle(file, finding.SCENARIOS)) if path.is_absolute() else path
        try:
            scenario = load(file)
        except (InputError, MachineError) as error:
            rows.append((path, "(broken)", str(error).splitlines()[0], "?"))
        else:
            rows.append((path, scenario.title, scenario.question, scenario.primary))
    return rows


def scenario_name(file: Path) -> str:
    """The short name of a scenario, as tables and folders have it: two files may have one."""
    resolved = Path(os.path.abspath(file))
    text = finding.handle(resolved, finding.SCENARIOS) if resolved.is_relative_to(finding.SCENARIOS) else resolved.stem
    return re.sub(r"[^\w-]+", "_", text).strip("_") or "scenario"


def _resolve(overrides: Mapping[str, Override]) -> Mapping[str, ResolvedParameter]:
    resolved = {}
    for name, parameter in catalog.load().items():
        override = overrides.get(name)
        resolved[name] = ResolvedParameter(
            value=parameter.value if override is None else override.value,
            unit=parameter.unit,
            kind=parameter.kind if override is None else "override",
            source=parameter.source if override is None else override.reason,
            reason=None if override is None else override.reason,
            parameter=parameter,
        )
    return MappingProxyType(resolved)


def _refuse_empty_shares(parameters: Mapping[str, ResolvedParameter], primary: str, where: str) -> None:
    """Shares are scaled to sum to one, which needs one above zero."""
    for vector in ("arterial_share", f"drainage.{primary}"):
        shares = [parameter.value for name, parameter in parameters.items() if name.startswith(f"{vector}.")]
        if shares and not 0 < sum(shares) < math.inf:
            raise InputError(
                f"{where}: {vector}: found shares that sum to {sum(shares):g}; "
                "allowed: at least one above 0, and a finite sum"
            )


def _patients_problems(patients: Any) -> list[str]:

    if isinstance(patients, int) and not isinstance(patients, bool) and 1 <= patients <= MOST_PATIENTS:
        return []
    return [f"--patients {patients}: found {describe(patients)}; allowed: a whole number, 1 to {MOST_PATIENTS:,}"]


def _posterior_problems(posterior: int, which: str) -> list[str]:
    most = posterior_draws.number(which)
    if 1 <= posterior <= most:
        return []
    allowed = f"a whole number of draws, 1 to {most}" if most else "nothing: there are no draws (calibrate --draws)"
    return [f"--posterior {posterior}: found {describe(posterior)}; allowed: {allowed}"]


def _assignment(item: str) -> tuple[str, float]:
    """Name and value of a "name=value" text. Raises UnitError with the words of the refusal."""
    name, sign, text = item.partition("=")
    name = name.strip()
    if not sign or not name:
        raise UnitError('found no name and value; allowed: name=value, such as soil.liver=0.3 or "name=3 days"')
    refusal = unknown_parameter(name, catalog.load())
    if refusal is not None:
        raise UnitError(refusal)
    return name, parameter_value(catalog.load()[name], text)
