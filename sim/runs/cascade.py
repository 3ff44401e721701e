"""The steps of the cascade, and their summed counts as `cascade.parquet`: light, for a parent that computes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sim.names import NICHES
from sim.results.schema import ALL, PRIMARY

FOLLOWS = {
    "shed": None,
    "died_in_transit": "shed",
    "arrested": "shed",
    "died_on_arrival": "arrested",
    "inert": "arrested",
    "settled": "arrested",
    "died_asleep": "settled",
    "woke": "settled",
    "extinct": "woke",
    "micrometastasis": "woke",
    "macrometastasis": "micrometastasis",
}
"""The step that each step of the cascade is a share of."""
ONLY_IN_ALL = ("shed", "died_in_transit")
ONE_SUM = ("died_asleep", "woke", "extinct")
"""Steps that are not counted by source."""
SOURCES = (PRIMARY, *NICHES)
"""Sources of events, by the code of their stream."""


def cascade_table(counts: Mapping[str, np.ndarray]) -> dict[str, list[Any]]:
    """Columns of `cascade.parquet` from the summed counts.

    Where metastases shed too, the steps of all sources together come first, then those of each source that
    shed anything, as far as they are counted by source.
    """
    shed = counts["shed"].sum(axis=1)
    sources = [0, *np.flatnonzero(shed[1:]) + 1]
    groups = [(PRIMARY, None)] if len(sources) == 1 else [(ALL, None), *((SOURCES[code], code) for code in sources)]
    rows: dict[str, list[Any]] = {"source": [], "organ": [], "step": [], "cells": [], "share_of_previous": []}
    for source, code in groups:
        for place, organ in enumerate((*NICHES, ALL)):

            def number(step: str, place: int = place, organ: str = organ, code: int | None = code) -> int:
                by_niche = counts[step].sum(axis=0) if code is None else counts[step][code]
                return int(by_niche.sum() if organ == ALL else by_niche[place])

            for step, follows in FOLLOWS.items():
                if step not in counts:  # of cells that were not computed
                    continue
                previous = follows if follows in counts else None
                if (organ != ALL and step in ONLY_IN_ALL) or (code is not None and step in ONE_SUM):
                    continue
                base = (
                    0
                    if previous is None
                    or (organ != ALL and previous in ONLY_IN_ALL)
                    or (code is not None and previous in ONE_SUM)
                    else number(previous)
                )
                for column, value in zip(
                    rows, (source, organ, step, number(step), number(step) / base if base else np.nan), strict=True
                ):
                    rows[column].append(value)
    return rows
