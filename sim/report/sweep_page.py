"""Build the page of a sweep from its folder."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sim.analysis.factors import effects
from sim.errors import InputError
from sim.report.page import Figure, command_line, numbers, provenance, render
from sim.report.summary import SCOPE

if TYPE_CHECKING:
    from sim.sweeps.read import Sweep

ORGANS = ("all", "liver", "lung", "bone")


def heat_maps_of(sweep: Sweep) -> list[Figure]:
    """The heat maps of a sweep over its first two factors; none where fewer than two vary."""
    from sim.plots.sweep import write_sweep

    with TemporaryDirectory() as folder:
        try:
            paths = write_sweep(sweep, folder, ("svg",), "slide")
        except InputError:
            return []
        return [
            Figure(
                path.stem.replace("_", " ").capitalize(),
                "incidence over two factors, the mean over all others",
                path.read_bytes(),
            )
            for path in paths
        ]


def sweep_page(sweep: Sweep, figures: Sequence[Figure]) -> str:
    """The page of a `sim.sweeps.read.Sweep` as HTML text, in English, self-contained."""
    manifest = sweep.manifest
    plan = manifest["plan"]
    runs = sweep.runs
    last = runs[runs["year"] == runs.groupby("scenario")["year"].transform("max")]
    factors = [factor["name"] for factor in manifest["factors"]]
    results = {
        str(scenario): {
            "any organ" if organ == "all" else organ: effects(group[group["organ"] == organ], factors)
            for organ in ORGANS
        }
        for scenario, group in last.groupby("scenario")
    }
    failed = sweep.failures
    # One entry a scenario: variants differ in cohort or treatment, which the plan's text tells.
    scenarios = {entry["name"]: entry for entry in manifest["scenarios"]}
    return render(
        "sweep.html",
        title=plan["title"] or plan["name"],
        question=_question(plan["text"]),
        status=manifest["status"],
        sweep=manifest,
        design=plan["design"],
        years=f"{last['year'].max():g}",
        results=results,
        figures=figures,
        plan_text=plan["text"],
        failures=[] if failed is None else failed["error"].tolist(),
        scenarios=[
            {"title": f"{entry['title']} ({name})", "numbers": numbers(entry["parameters"])}
            for name, entry in scenarios.items()
        ],
        command=command_line(manifest),
        scope=" ".join(SCOPE),
        manifest=provenance(
            {key: value for key, value in manifest.items() if key not in ("plan", "factors", "scenarios")}
        ),
    )


def _question(text: str) -> str:
    try:
        return str(tomllib.loads(text).get("question") or "")
    except tomllib.TOMLDecodeError:
        return ""
