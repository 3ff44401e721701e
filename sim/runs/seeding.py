"""From merged histograms to `seeding.parquet`: integers are added up, statistics taken once at the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from sim.names import ALL_ORGANS, CLOCKS, QUANTITIES, STAGES
from sim.numerics.bins import BINS, bin_middle

QUANTILES = (("q05", 0.05), ("q25", 0.25), ("q50", 0.5), ("q75", 0.75), ("q95", 0.95))


def merge(parts: Iterable[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Add up sparse histograms (see `ClockHistogram.sparse`), whatever their order."""
    parts = list(parts)
    out = {}
    for key, value in (("bin", "patients"), ("row", "total")):
        keys, place = np.unique(np.concatenate([part[key] for part in parts]), return_inverse=True)
        sums = np.zeros(len(keys), dtype=np.int64)
        np.add.at(sums, place, np.concatenate([part[value] for part in parts]))
        out[key], out[value] = keys, sums
    return out


def seeding_table(merged: Mapping[str, Mapping[str, np.ndarray]], every_days: int) -> dict:
    """Columns of `seeding.parquet` from the merged histograms of both clocks.

    A quantile is the middle of its bin: exact below 32, within 3.1 % above.
    """
    clocks = [_clock_columns(clock, merged[clock], every_days) for clock in CLOCKS if len(merged[clock]["bin"])]
    return {name: np.concatenate([columns[name] for columns in clocks]) for name in clocks[0]}


def _clock_columns(clock: str, part: Mapping[str, np.ndarray], every_days: int) -> dict:
    row_of_bin, bins, patients = part["bin"] // BINS, part["bin"] % BINS, part["patients"]
    rows, start = np.unique(row_of_bin, return_index=True)
    at_risk = np.add.reduceat(patients, start)
    cumulative = np.cumsum(patients)
    before = cumulative[start] - patients[start]
    total = np.zeros(len(rows), dtype=np.int64)
    known = np.searchsorted(part["row"], rows)
    inside = known < len(part["row"])
    hit = np.flatnonzero(inside)[part["row"][known[inside]] == rows[inside]]
    total[hit] = part["total"][known[hit]]
    zero = np.where(bins[start] == 0, patients[start], 0)
    columns = {
        "clock": np.full(len(rows), clock),
        "day": rows // QUANTITIES * every_days,
        "organ": np.array(ALL_ORGANS)[rows % QUANTITIES // len(STAGES)],
        "stage": np.array(STAGES)[rows % len(STAGES)],
        "mean": total / at_risk,
    }
    for name, share in QUANTILES:
        wanted = before + np.ceil(share * at_risk).astype(np.int64)
        columns[name] = bin_middle(bins[np.searchsorted(cumulative, wanted)])
    columns["share_of_patients"] = 1.0 - zero / at_risk
    columns["n_at_risk"] = at_risk
    return _with_untold(columns, rows)


def _with_untold(columns: dict, rows: np.ndarray) -> dict:
    """Rows of stages that a run did not compute, null but for the patients at risk; `rows` are quantities by day."""
    told = np.unique(rows % len(STAGES))
    known = STAGES.index("settled")
    like = np.flatnonzero(rows % len(STAGES) == known)
    parts, order = [columns], [rows]
    for stage in set(range(len(STAGES))) - set(told.tolist()):
        more = {name: values[like].copy() for name, values in columns.items()}
        more["stage"] = np.full(len(like), STAGES[stage])
        for name in ("mean", "share_of_patients", *(name for name, _ in QUANTILES)):
            more[name] = np.full(len(like), np.nan)
        parts.append(more)
        order.append(rows[like] - known + stage)
    place = np.argsort(np.concatenate(order), kind="stable")
    return {name: np.concatenate([part[name] for part in parts])[place] for name in columns}
