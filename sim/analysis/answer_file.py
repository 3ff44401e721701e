"""`answer.json`: what the file of an answered question must hold to be read, and whose it is."""

from __future__ import annotations

from pathlib import Path

from sim.errors import InputError
from sim.results import sealed
from sim.results.shape import Many, Within

ANSWER = "answer.json"
_REAL, _MAYBE = (int, float), (int, float, type(None))
_PATIENTS = Within(0, 2**63)
_DRAWN = {
    "draws": Within(0, 10**6),
    "no_effect": Within(0, 10**6),
    **dict.fromkeys(
        ("difference", "low", "high", "between_draws_sd", "chance_error", "predicted_low", "predicted_high"), _MAYBE
    ),
    "probability": _MAYBE,
}
_POINT = {
    "arms": Many(
        {
            "arm": str,
            "only": (str, type(None)),
            "patients": _PATIENTS,
            "mean": _MAYBE,
            "low": _MAYBE,
            "high": _MAYBE,
            "chosen_by_itself?": bool,
        }
    ),
    "directions": Many(
        {
            "expected": str,
            "patients": _PATIENTS,
            "difference": _MAYBE,
            "low": _MAYBE,
            "high": _MAYBE,
            "seen": str,
            "logrank_p?": _MAYBE,
            "diagnosed_in_some_arms?": _PATIENTS,
            "defined_in_some_arms?": _PATIENTS,
            "posterior?": _DRAWN,
            "prior?": _DRAWN,
            "by_construction?": str,
        }
    ),
}
SHAPE = {
    **dict.fromkeys(("scenario", "question", "outcome", "unit", "meaning"), str),
    "assumes": (str, type(None)),
    "enriched": Many({"parameter": str, "value": _REAL, "catalogue": _REAL, "reason": str}),
    "seed": Within(0, 2**63),
    "patients": _PATIENTS,
    "wall_seconds": Within(0.0, 1e12),
    "posterior?": {"draws": Within(0, 10**6), "least": _REAL},
    "by_construction?": str,
    **_POINT,
    "across": Many({"parameter": str, "value": _REAL, **_POINT}),
}
"""What readers of an answer rely on."""


def asked_by(out: Path) -> str | None:
    """The key (`sim.finding.key_of`) of the scenario whose answer lies in a folder; None where it is not told."""
    try:
        found = sealed.unseal(out / ANSWER, "ask again")[0].get("file")
    except (OSError, InputError):
        return None
    return found if isinstance(found, str) else None
