"""The film of one patient: the engine's own course in one or more arms, frame by frame, as plain values for JSON.

    base = load("colorectal")
    film = make([base, base.with_(off=["dual_blood_supply"])], names=["with", "without"], seed=1, patient=29)

`stream` gives the same in parts: progress, then a head without frames, then frames. `docs/film.md` describes the
format, and the player that draws it. A film is a pure function of its arms (scenarios), seed and patient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.demo.dots import common_scale, dots
from sim.demo.recording import COUNTS, Recording
from sim.demo.routes import paths
from sim.names import NEVER, NICHES
from sim.scenario import Scenario

if TYPE_CHECKING:
    from sim.model import MetastasisModel

FORMAT = 1
FRAME_DAYS = 7
"""Colonies are stepped weekly: no frame is shorter."""
MOST_FRAMES = 1500
FRAMES_A_PART = 120
_TRAVELLERS = 1000
_DOT_COLUMNS = ("organ", "source", "place", "arrived", "woke", "ended", "metastasis")


def _frame_days(last_day: int) -> int:
    return FRAME_DAYS * max(1, -(-last_day // (FRAME_DAYS * MOST_FRAMES)))


def _record(
    scenario: Scenario, seed: int, patient: int, frame_days: int | None, report: Callable[[float], None] | None
) -> Recording:
    from sim.runs.chunk import build_model

    model = build_model(scenario, seed=seed, patients=np.array([patient]), keep_seeds=True, collect=False)
    recording = Recording(model, frame_days or _frame_days(int(model.last_day.max())))
    try:
        recording.run(report)
    except BaseException:
        _free(recording)
        raise
    return recording


def _free(recording: Recording) -> None:
    """Mesa 3 keeps every model that had agents: keep only its shell."""
    recording.model.__dict__.clear()


def _treatment_events(model: MetastasisModel) -> list[dict]:
    """The day on which each treatment starts, as the engine gave it, for those whose occasion has come."""
    starts = [] if model.therapy is None else model.therapy.starts()
    return [{"day": int(day[0]), "kind": "treatment", "treatment": name} for name, day in starts if day[0] < NEVER]


def _events(recording: Recording, shown: list[dict]) -> list[dict]:
    """What a class should notice, by day: {"day", "kind", "organ"?, "treatment"?}; the text is `event.<kind>`."""
    model = recording.model
    out = [{"day": int(model.hosts.diagnosis_day[0]), "kind": "diagnosis"}, *_treatment_events(model)]
    for kind, quantity in (
        ("first_arrival", "settled"),
        ("first_metastasis", "micrometastasis"),
        ("first_visible", "macrometastasis"),
    ):
        for organ, changes in zip(NICHES, recording.counts[quantity], strict=True):
            if changes.steps:
                out.append({"day": changes.steps[0] * recording.frame_days, "kind": kind, "organ": organ})
    woken = [(dot["arrived"] + dot["woke"], NICHES[dot["organ"]]) for dot in shown if dot["woke"] > 0]
    if woken:
        day, organ = min(woken)
        out.append({"day": day, "kind": "first_waking", "organ": organ})
    if model.death_day[0] >= 0:
        out.append({"day": int(model.death_day[0]), "kind": "death"})
    return sorted(
        (event for event in out if event["day"] <= int(model.last_day[0])),
        key=lambda event: (event["day"], event["kind"], event.get("organ", "")),
    )


def _arm_head(name: str, scenario: Scenario, recording: Recording, shown: list[dict]) -> dict[str, Any]:
    from sim.runs.tables import DEATH_CAUSES

    model = recording.model
    sources = sorted({dot["source"] for dot in shown} | {0})
    ways = []
    for source in sources:
        ways += paths(model.parameters, scenario.primary, None if source == 0 else NICHES[source - 1])
    died = int(model.death_day[0]) >= 0
    return {
        "name": name,
        "primary": scenario.primary,
        "mechanisms": dict(scenario.mechanisms),
        "age_years": round(float(model.hosts.age_years[0]), 1),
        "diagnosis_day": int(model.hosts.diagnosis_day[0]),
        "last_day": int(model.last_day[0]),
        "death_day": int(model.death_day[0]) if died else None,
        "death_cause": DEATH_CAUSES[int(model.death_cause[0])] if died else None,
        "visible_cells": float(model.visible_cells[0]),
        "shed_cells": int(model.shed_total[0]),
        "paths": ways,
        "events": _events(recording, shown),
    }


def _columns(shown: Sequence[dict]) -> dict[str, list]:
    columns: dict[str, list] = {name: [int(dot[name]) for dot in shown] for name in _DOT_COLUMNS}
    columns["sizes"] = [[value for step in dot["sizes"] for value in step] for dot in shown]
    return columns


def _between(steps: list, first: int, end: int) -> list:
    """The part of a step function whose changes lie in frames `first` to `end` - 1."""
    return [value for i in range(0, len(steps), 2) if first <= steps[i] < end for value in steps[i : i + 2]]


def _arm_frames(recording: Recording, shown: list[dict], first: int, end: int) -> dict[str, Any]:
    days = recording.frame_days
    return {
        "counts": {name: [_between(c.steps, first, end) for c in recording.counts[name]] for name in COUNTS},
        "receptivity": [_between(c.steps, first, end) for c in recording.receptivity],
        **{
            name: _between(getattr(recording, name).steps, first, end)
            for name in ("shedding", "shed", "died_in_transit", "primary_log10_cells")
        },
        "dots": _columns([dot for dot in shown if first * days <= dot["arrived"] < end * days]),
    }


def stream(
    arms: Sequence[Scenario],
    *,
    names: Sequence[str],
    seed: int,
    patient: int,
    report: Callable[[float], None] | None = None,
) -> Iterator[dict[str, Any]]:
    """The film in parts, in order.

    `names` name the arms for the page (text keys `arm.<name>`, or what is to be shown).
    {"kind": "progress", "share"} while the engine computes, one {"kind": "head", ...}, then
    {"kind": "frames", "from", "to", "arms"}. `report(share of an arm)` is told in every frame; it may raise to stop.
    Raises InputError where an arm's values do not fit.
    """
    recordings: list[Recording] = []
    try:
        yield from _parts(arms, names, seed, patient, report, recordings)
    finally:
        for recording in recordings:
            _free(recording)


def _parts(
    arms: Sequence[Scenario],
    names: Sequence[str],
    seed: int,
    patient: int,
    report: Callable[[float], None] | None,
    recordings: list[Recording],
) -> Iterator[dict[str, Any]]:
    for i, resolved in enumerate(arms):
        yield {"kind": "progress", "share": i / len(arms)}
        frame_days = recordings[0].frame_days if recordings else None
        recordings.append(_record(resolved, seed, patient, frame_days, report))
    yield {"kind": "progress", "share": 1.0}
    scale = common_scale(recordings)
    shown = [dots(recording, scale) for recording in recordings]
    frames = max(recording.last_frame for recording in recordings) + 1
    shed = max(int(recording.model.shed_total[0]) for recording in recordings)
    first_day = min((d["arrived"] for arm in shown for d in arm), default=0)
    yield {
        "kind": "head",
        "format": FORMAT,
        "seed": seed,
        "patient": patient,
        "frame_days": recordings[0].frame_days,
        "frames": frames,
        "first_day": first_day,
        "organs": list(NICHES),
        "cells_per_dot": scale.cells,
        "metastases_per_dot": scale.metastases,
        "cells_per_traveller": _round_up(shed / _TRAVELLERS),
        "arms": [_arm_head(*of) for of in zip(names, arms, recordings, shown, strict=True)],
    }
    for first in range(0, frames, FRAMES_A_PART):
        end = min(first + FRAMES_A_PART, frames)
        last = end == frames  # cells that arrive on the last day itself
        yield {
            "kind": "frames",
            "from": first,
            "to": end,
            "arms": [_arm_frames(r, s, first, end + last) for r, s in zip(recordings, shown, strict=True)],
        }


def _round_up(cells: float) -> int:
    """The next of 1, 2, 5, 10, 20 ... so that a legend can say it."""
    power = 10 ** int(np.floor(np.log10(max(cells, 1.0))))
    return next(int(step * power) for step in (1, 2, 5, 10) if step * power >= cells)


def assemble(parts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """One film from the parts of `stream`."""
    film: dict[str, Any] = {}
    for part in parts:
        if part["kind"] == "head":
            film = {key: value for key, value in part.items() if key != "kind"}
            film["arms"] = [dict(arm) for arm in part["arms"]]
        elif part["kind"] == "frames":
            for arm, more in zip(film["arms"], part["arms"], strict=True):
                _extend(arm, more)
    return film


def _extend(whole: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict):
            _extend(whole.setdefault(key, {}), value)
        elif value and isinstance(value[0], list) and key != "sizes":
            for into, steps in zip(whole.setdefault(key, [[] for _ in value]), value, strict=True):
                into += steps
        else:
            whole.setdefault(key, []).extend(value)


def make(arms: Sequence[Scenario], *, names: Sequence[str], seed: int, patient: int) -> dict[str, Any]:
    """The whole film. Raises InputError where an arm's values do not fit."""
    return assemble(stream(arms, names=names, seed=seed, patient=patient))
