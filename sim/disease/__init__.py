"""The course of an illness, in its order.

A patient (`hosts`) has a body of vessels and capillary beds (`body`) in which `signals` rise and fall. The
`primary` grows (`growth`), a mixture of `clones`, and sheds (`shedding`) into the blood; what is shed is arrested,
dies or settles (`settling`), and from then on has an `identity`. Settled cells (`cells`) are promising or doomed
(`shells`). The promising may `sleep` (as `sleepers`), found colonies (`founders`, `birth_death`, `small_colonies`,
`small_sizes`, `colonies`, `colonise`) in the organs (`niches`) and grow into `metastases`, whose sizes lie on
`trajectories`. The `doomed` have lives (`doomed_lives`, `doomed_colonies`, `doomed_records`) by their `clocks` when
somebody asks, and are counted (`doomed_counts`). Metastases shed in turn (`descent`, `parents`), and may resist
(`resistance`) the `doses` that a treatment gives. The illness comes to light (`presentation`) at some `stage`, doctors
look for metastases (`follow_up`, `imaging`), and in the end a patient dies of something (`death`).

A file whose name ends in `_kernels` is the compiled half of its neighbour. It is loaded when it is first used, and
numba with it: mechanisms are on the path of `list` and `show`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType


def __getattr__(name: str) -> ModuleType:
    if not name.endswith("_kernels"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module(f"{__name__}.{name}")
