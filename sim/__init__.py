"""Metastatic seeding: blood-borne metastasis as plumbing times soil times time.

    import sim

    run = sim.run("colorectal", patients=500, seed=1, off=["dormancy"])
    run.incidence("liver"); run.plot("seeding")

`load`, `run`, `ask`, `compare`, `sweep`, `validate` and `claims` are what it gives, and `sim.open` for what lies in a
folder of results (which `from sim import *` must not put in the place of Python's own). They are imported when they
are first asked for: `import sim` itself stays instant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim import names

if TYPE_CHECKING:
    from sim.library import ask, claims, compare, load, run, sweep, validate
    from sim.library import open as open  # noqa: A004

__version__ = names.VERSION
__all__ = ["ask", "claims", "compare", "load", "run", "sweep", "validate"]
_OPEN = "open"

if not TYPE_CHECKING:  # a type checker that saw it would believe in every name

    def __getattr__(name: str) -> object:
        """One of the library's functions, which is from then on simply there."""
        if name not in (*__all__, _OPEN):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from sim import library

        globals()[name] = found = getattr(library, name)
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, _OPEN})
