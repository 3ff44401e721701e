"""`calibrate --part timing`: timing, stage and survival, from published rows to the catalogue's file.

Colorectal cancer first: it fixes the laws that all sites share. Breast and lung then tell the pace of bone and brain,
and pancreas and stomach move their own few numbers; nodes, depth and grade come last, and move nothing else. What the
organs' fit owns (a site's shedding, soil of lung, bone and brain) moves within its own uncertainty, or beside the
autopsies themselves; the strengths found so are printed, and `priors.toml` hands them to the organs' fit, which is to
be run again afterwards. The information is cut: autopsies do not move the laws of growth, and stages do not move the
soil of other organs.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from sim import catalog
from sim.analysis.natural_history import stages, targets, two_sites, uncertainty
from sim.analysis.natural_history.fit import PATIENTS, SEED, Measures, Problem
from sim.analysis.natural_history.values_file import FILE, blocks, write, write_strengths
from sim.catalog.parameters import LaneParameters
from sim.disease.body import own_organ_factor, route
from sim.names import ORGANS

PARTS = ("colorectal", targets.OF_TWO_SITES, "pancreas", "stomach", stages.PART)
STEPS = 4
GRAM_SHEDS_PER_DAY, GRAM_CELLS = 3.2e6, 1e9
"""Of a rat mammary tumour (CTC01): the formula of `shedding_per_day`."""
TOLD: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "colorectal": {"colon": ("liver", "lung", "bone")},
    targets.OF_TWO_SITES: {"breast": ("liver", "bone"), "lung": ("liver", "bone", "brain")},
}
"""Strengths, by part and site, that registries and relapses tell better than a few hundred autopsies do."""
PROFILES: Mapping[str, tuple[float, ...]] = {
    "symptom_cells": (1e11, 2e11, 4e11, 8e11, 1.6e12),
    "metastasis_growth_log_sd": (0.05, 0.15, 0.3, 0.45),
    "colony_growth_log_sd": (0.1, 0.25, 0.4, 0.55),
    "niche_pace.lung": (0.4, 0.55, 0.75, 1.0),
    "primary_gompertz_per_day": (0.0004, 0.0005, 0.0007, 0.0009),
}
"""What the rows hardly identify: threshold of symptoms against survival, spread of growth against timing, and so on."""


def problem(
    part: str,
    patients: int = PATIENTS,
    seed: int = SEED,
    kept: Path | None = None,
    given: Mapping[str, float] | None = None,
) -> Problem:
    """The fit of a part, "colorectal" or a site. `given` values go over the catalogue's; `kept` makes it resumable."""
    given = dict(given or {})
    if part == "colorectal":
        wanted, plain = targets.COLORECTAL, targets.measure_colorectal
    elif part == targets.OF_TWO_SITES:
        wanted, plain = two_sites.targets(), two_sites.measure
    elif part == stages.PART:
        wanted, plain = stages.TARGETS, stages.measure
    else:
        wanted, plain = targets.SITE_TARGETS[part], functools.partial(targets.measure_site, part)

    def measure(values: Mapping[str, float]) -> Measures:
        return plain(derived({**given, **values}), patients, seed)

    known = {name: p.value for name, p in catalog.load().items()} | given
    key = f"{part} {patients} {seed} {sorted(known.items())}"
    unknowns = stages.unknowns() if part == stages.PART else targets.unknowns(part)
    return Problem(unknowns, wanted, measure, kept, key)


def derived(values: Mapping[str, float]) -> dict[str, float]:
    """`values` with what follows from them by a formula of the catalogue, or is one for colon and rectum."""
    out = dict(values)
    if "metastatic_share.colon" in out:
        out["metastatic_share.rectum"] = out["metastatic_share.colon"]
    if "shedding_exponent" in out:
        out["shedding_per_day"] = GRAM_SHEDS_PER_DAY / GRAM_CELLS ** out["shedding_exponent"]
    return out


def strengths(site: str, values: Mapping[str, float]) -> dict[str, float]:
    """Log of site shedding x arrest x soil x competent share by organ, as `priors.toml` states them."""
    one = LaneParameters(dict(values), 1)
    arrest = route(one, [site]).arrest[0] * own_organ_factor(one, [site])[0]
    level = values["competent_share"] * values[f"site_shedding_factor.{site}"]
    found = {o: float(arrest[i]) * values[f"soil.{o}"] * level for i, o in enumerate(ORGANS)}
    return {organ: float(np.log(x)) for organ, x in found.items() if x > 0.0}


def calibrate_timing(
    out: Path | None = None,
    overwrite: bool = False,
    *,
    parts: tuple[str, ...] = PARTS,
    patients: int = PATIENTS,
    steps: int = STEPS,
    kept: Path | None = None,
    profiles: bool = False,
) -> str:
    """Fit, and report; the numbers go to `out` where it is given, and with `overwrite` over the catalogue's own file.

    About ten minutes for colorectal cancer and three a site on one core at 3,000 patients. With `kept`, a file, every
    evaluation is kept there, and a stopped fit goes on; `profiles` adds those of PROFILES.
    """
    given: dict[str, float] = {}
    lines: list[str] = []
    known: dict[str, dict] = {}
    for part in parts:
        found = problem(part, patients, kept=kept, given=given)
        best = found.fit(steps=steps)
        given |= found.values(best)
        lines += _report(part, found, best)
        if overwrite and part != stages.PART:  # what is seen at diagnosis moves nothing, and is not drawn
            known[part] = uncertainty.of_part(found, best)
        if profiles and part == "colorectal":
            lines += _profiles(found, best)
    mine = blocks()
    fitted = {name: value for name, value in derived(given).items() if name.partition(".")[0] in mine}
    for path in [*([out] if out is not None else []), *([FILE] if overwrite else [])]:
        lines.append(f"written to {write(path, fitted).name}")
    if known:
        lines.append(f"written to {uncertainty.write(known).name}: how well they are known")
    if overwrite and (told := _told(parts, given)):
        lines.append(f"strengths handed to {write_strengths(told).name}: run --part organs next")
    if overwrite and stages.mine(given):
        lines.append(f"written to {stages.write(given)}")
    if not (out or overwrite):
        lines.append("nothing is written: --write puts the numbers into the catalogue, --out FILE beside it")
    return "\n".join(lines)


def _told(parts: Sequence[str], values: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """What the parts tell the organs' fit: log strength by site and organ."""
    all_values = {name: p.value for name, p in catalog.load().items()} | derived(values)
    return {
        site: {organ: log for organ, log in strengths(site, all_values).items() if organ in organs}
        for part in parts
        for site, organs in TOLD.get(part, {}).items()
    }


def _report(part: str, found: Problem, best: np.ndarray) -> list[str]:
    measured, off = found.measures(best), found.residuals(best)
    lines = ["", f"{part}: {found.evaluations} simulations, loss {found.loss(best):.1f}"]
    lines.append(f"{'measure':<30}{'published or bound':>22}{'sketch':>10}{'SDs off':>9}")
    for target, gap in zip(found.targets, off, strict=False):
        wanted = f"{target.value:g}" if target.value is not None else f"{target.low:g} to {target.high:g}"
        lines.append(f"{target.name:<30}{wanted:>22}{measured[target.name]:>10.2f}{gap:>9.1f}")
    values = found.values(best)
    lines += [f"{name:<40}{value:.4g}" for name, value in values.items()]
    for site, organs in _told((part,), values).items():
        lines.append(f"known strength of {site}: " + ", ".join(f"{organ} {log:.2f}" for organ, log in organs.items()))
    return lines


def _profiles(found: Problem, best: np.ndarray) -> list[str]:
    lines = ["", "profiles: one number held, the others fitted again; loss above the best"]
    least = found.loss(best)
    for name, grid in PROFILES.items():
        for value, loss, measured in found.profile(name, grid, best):
            lines.append(
                f"{name:<30}{value:>10.3g}{loss - least:>8.1f}  "
                f"median survival {measured['median survival']:.1f} months, above 1 kg {measured['above 1 kg']:.1f} %, "
                f"third quartile {measured['third quartile']:.1f} months, "
                f"lung at relapse {measured['lung at relapse']:.0f} %"
            )
    return lines
