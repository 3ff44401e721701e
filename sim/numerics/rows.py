"""Growable columns of equal length: rows that are appended in bulk, and kept in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

_GROWTH = 1.5


class Rows:
    """Growable columns of equal length."""

    def __init__(self, **dtypes: npt.DTypeLike) -> None:
        self.count = 0
        self._dtypes = dtypes
        for name, dtype in dtypes.items():
            setattr(self, name, np.empty(64, dtype=dtype))

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> np.ndarray: ...  # a column with its room, by its name

    def append(self, **columns: Any) -> None:
        """Add as many rows as the arrays among the columns have; scalars are repeated."""
        end = self.reserve(next(len(values) for values in columns.values() if np.ndim(values)))
        for name, values in columns.items():
            getattr(self, name)[self.count : end] = values
        self.count = end

    def reserve(self, rows: int) -> int:
        """Make room for so many more rows; returns how many there will be with them."""
        end = self.count + rows
        held = len(getattr(self, self.names[0]))
        if end > held:
            room = int(max(end, _GROWTH * held))
            for name, dtype in self._dtypes.items():
                new = np.empty(room, dtype=dtype)
                new[: self.count] = self.column(name)
                setattr(self, name, new)
        return end

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self._dtypes)

    def keep(self, chosen: np.ndarray) -> None:
        """Keep these rows only, (count,) bool, in their order."""
        count = int(chosen.sum())
        for name in self._dtypes:
            getattr(self, name)[:count] = self.column(name)[chosen]
        self.count = count

    def column(self, name: str) -> np.ndarray:
        """The filled part of a column (a view)."""
        return getattr(self, name)[: self.count]
