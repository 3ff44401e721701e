"""Parameters by lane: one device for patients who differ, paired arms, and the points of a sweep."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from sim.names import NICHES


class LaneParameters:
    """Values of all parameters for every lane; those equal everywhere are kept once.

    `p["name"]` is a read-only array of shape (lanes,), `p.by_niche("soil")` of shape (lanes, niches).
    Raises KeyError for a name that the catalogue does not have.
    """

    def __init__(self, columns: Mapping[str, float | np.ndarray], lanes: int):
        self.lanes = lanes
        self._columns = dict(columns)
        self._arrays: dict[str, np.ndarray] = {}

    @classmethod
    def stack(cls, arms: Sequence[Mapping[str, float]], arm_of_lane: np.ndarray) -> LaneParameters:
        """Lanes of several arms: `arms[arm_of_lane[i]]` holds the values of lane i."""
        columns: dict[str, float | np.ndarray] = {}
        for name, value in arms[0].items():
            values = [arm[name] for arm in arms]
            same = all(v == value for v in values)
            columns[name] = float(value) if same else np.asarray(values, dtype=float)[arm_of_lane]
        return cls(columns, len(arm_of_lane))

    def replaced(self, **columns: np.ndarray) -> LaneParameters:
        """A copy with other values of some parameters."""
        return LaneParameters(self._columns | columns, self.lanes)

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._arrays:
            array = np.full(self.lanes, self._columns[name], dtype=float)
            array.flags.writeable = False
            self._arrays[name] = array
        return self._arrays[name]

    def by_niche(self, name: str) -> np.ndarray:
        """The vector `name.<niche>`, read-only, shape (lanes, niches)."""
        if name not in self._arrays:
            array = np.ascontiguousarray(np.stack([self[f"{name}.{niche}"] for niche in NICHES], axis=1))
            array.flags.writeable = False
            self._arrays[name] = array
        return self._arrays[name]

    def derived(self, name: str, function: Callable[[LaneParameters], np.ndarray]) -> np.ndarray:
        """`function(self)`, computed once under a name of its own: for what depends on parameters alone."""
        if name not in self._arrays:
            self._arrays[name] = function(self)
        return self._arrays[name]

    def by_site(self, pattern: str, site_of_lane: Sequence[str] | np.ndarray) -> np.ndarray:
        """The value of `pattern` with `{site}` filled in by each lane's primary site, shape (lanes,)."""
        sites = np.asarray(site_of_lane)
        out = np.empty(self.lanes)
        for site in np.unique(sites):
            mine = sites == site
            out[mine] = self[pattern.format(site=site)][mine]
        return out
