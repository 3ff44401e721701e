"""The bins of histograms of counts: below 32 one each; above, every octave has 16.

So a bin's middle is within 3.1 % of every count in it. Light: whoever reads histograms needs no compiled code.
"""

from __future__ import annotations

import numpy as np

EXACT, PER_OCTAVE = 32, 16
BINS = EXACT + PER_OCTAVE * 58
"""Enough for every 64-bit count."""


def bin_middle(index: np.ndarray) -> np.ndarray:
    """The middle of a bin, float64; exact below 32."""
    index = np.asarray(index)
    octave = np.maximum(index // PER_OCTAVE - 1, 0)
    low = np.where(index < EXACT, index, (index - PER_OCTAVE * octave).astype(float) * 2.0**octave)
    return low + np.where(index < EXACT, 0.0, (2.0**octave - 1.0) / 2.0)
