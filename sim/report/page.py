"""Build the page of a run: everything in it comes from the run's own folder, so that an old run can be told later."""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from sim.errors import InputError
from sim.mechanisms import REGISTRY
from sim.report.summary import SCOPE, summary_text
from sim.results import incidence

if TYPE_CHECKING:
    from sim.results.reading import Run

TEMPLATES = Path(__file__).parent


@dataclass(frozen=True)
class Figure:
    """A picture with its caption; `svg` is the bytes of the file."""

    title: str
    caption: str
    svg: bytes

    @property
    def source(self) -> str:
        """The picture as a data address: the page needs no other file."""
        return "data:image/svg+xml;base64," + base64.b64encode(self.svg).decode("ascii")


@dataclass(frozen=True)
class Number:
    """A parameter as the run used it."""

    name: str
    value: str
    range: str
    kind: str
    meaning: str
    source: str


def numbers(parameters: Mapping[str, Mapping]) -> list[Number]:
    """The parameters of a manifest's scenario, as a reader wants them."""
    return [
        Number(
            name,
            f"{p['value']:.6g} {'' if p['unit'] == '1' else p['unit']}".strip(),
            "fixed" if p["low"] == p["high"] else f"{p['low']:.4g} to {p['high']:.4g}",
            p["kind"],
            p["meaning"],
            p["reason"] or p["source"],
        )
        for name, p in parameters.items()
    ]


def _mechanisms(states: Mapping[str, bool]) -> list[dict]:
    """On or off, with what either means; a mechanism that this version does not know has its name only."""
    rows = []
    for name, on in states.items():
        known = REGISTRY.get(name)
        rows.append({"name": name, "on": on, "title": known.title if known else "", "off": known.off if known else ""})
    return rows


def command_line(manifest: Mapping) -> str:
    """The command that made the run, without the folder that it was written to."""
    words, out = list(manifest.get("command_line") or []), []
    while words:
        word = words.pop(0)
        if word == "--out":
            words = words[1:]
        elif not word.startswith("--out="):
            out.append(word)
    return "python " + shlex.join(out) if out else ""


def figures_of(run: Run) -> list[Figure]:
    """Every figure that the run has something for, in slide size."""
    from sim.plots import figures

    drawn = []
    with TemporaryDirectory() as folder:
        for name, kind in figures.FIGURES.items():
            try:
                (path,) = figures.write(name, [run], folder, "slide", ("svg",))
            except InputError:
                continue  # the run has nothing to draw there
            title = kind.file.replace("_", " ").capitalize()
            drawn.append(Figure(title, kind.shows, path.read_bytes()))
    return drawn


def run_page(run: Run, figures: Sequence[Figure]) -> str:
    """The page of a run as HTML text, in English, self-contained."""
    manifest = run.manifest
    scenario = manifest["scenario"]
    return render(
        "run.html",
        title=str(scenario.get("title") or scenario.get("name", "")),
        question=str(scenario.get("question") or ""),
        status=manifest["status"],
        patients=incidence.patients_text(run),
        scenario=scenario,
        seed=manifest["seed"],
        summary=summary_text(run),
        scope=" ".join(SCOPE),
        changes=incidence.changes_text(run),
        mechanisms=_mechanisms(scenario.get("mechanisms", {})),
        treatments=scenario.get("treatments") or [],
        overrides=scenario.get("overrides", {}),
        numbers=numbers(scenario.get("parameters", {})),
        figures=figures,
        command=command_line(manifest),
        manifest=provenance(manifest),
    )


def provenance(manifest: Mapping) -> dict[str, str]:
    """What made it, one line a fact: everything in the manifest that is not the scenario."""
    facts: dict[str, str] = {}
    for key, value in manifest.items():
        if key in ("scenario", "command_line") or value in (None, "", [], {}):
            continue
        if isinstance(value, Mapping):
            facts |= {f"{key}: {inner}": str(item) for inner, item in value.items() if item not in (None, "")}
        else:
            facts[key.replace("_", " ")] = str(value) if not isinstance(value, list) else json.dumps(value)
    return facts


def render(template: str, **context: Any) -> str:
    """Fill a template of this folder; every text is escaped."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**context)
