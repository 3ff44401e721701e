"""Who descends from whom: the parent of a colony that a metastasis seeded, and the clone of a founding cell."""

from __future__ import annotations

import math

import numpy as np

from sim.jit import kernel
from sim.kernels.colonise import grown_log_cells
from sim.kernels.identity import day_of, index_of, lane_of, niche_of, source_of
from sim.streams import CLONE, PARENT, days_word, tag_word, uniform


@kernel
def draw_parents(key, patient, child, first, end, since, until, start_day, start_log_cells, delay, early_rate, limit_log_cells,
                 limit_gap, gompertz_rate, exponent, chosen):
    """The row of each child's parent, -1 where there was none.

    Row r of the grown colonies' paths is a candidate of child i if first[i] <= r < end[i] (its patient, its source
    organ) and it tells the size on the day on which the child was shed; it is chosen in proportion to cells^`exponent` (lanes,)
    on that day, which is what it sheds. Rows are in order of identity.
    """
    for i in range(child.size):
        ident = child[i]
        lane, day = lane_of(ident), day_of(ident)
        chosen[i] = -1
        total = 0.0
        for turn in range(2):  # first the sum of all, then the one on which the draw falls
            left = 0.0
            if turn == 1:
                left = total * uniform(key, patient[lane], index_of(ident), days_word(day, 0),
                                       tag_word(PARENT, niche_of(ident), source_of(ident)))
            for r in range(first[i], end[i]):
                if since[r] <= day <= until[r]:
                    surface = math.exp(exponent[lane] * grown_log_cells(
                        day - start_day[r], start_log_cells[r], delay[r], early_rate[r], limit_log_cells[r],
                        limit_gap[r], gompertz_rate[r]))
                    if turn == 0:
                        total += surface
                    else:
                        chosen[i] = r
                        left -= surface
                        if left < 0.0:
                            break


@kernel
def draw_clones(key, patient, identity, founder, cumulative, out):
    """The clone of founding cell number `founder` of each identity: cumulative weights (lanes, clones), the last 1."""
    for i in range(identity.size):
        ident = identity[i]
        lane = lane_of(ident)
        u = uniform(key, patient[lane], index_of(ident), days_word(day_of(ident), founder[i]),
                    tag_word(CLONE, niche_of(ident), source_of(ident)))
        clone = 0
        while clone < cumulative.shape[1] - 1 and u >= cumulative[lane, clone]:
            clone += 1
        out[i] = clone


@kernel
def draw_founders(key, patient, identity, founders, out):
    """Which of a parent's `founders` each child descends from: any of them alike, as a number from 0."""
    for i in range(identity.size):
        ident = identity[i]
        u = uniform(key, patient[lane_of(ident)], index_of(ident), days_word(day_of(ident), 0),
                    tag_word(CLONE, niche_of(ident), source_of(ident)))
        out[i] = min(np.int64(math.floor(u * founders[i])), founders[i] - 1)
