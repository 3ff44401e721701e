"""`calibrate`: from published rows to the catalogue's numbers, with nothing by hand.

The organ pattern (`sim.analysis.organs`): soil, arrest and the sites' shedding from autopsies, in closed form, given
growth, frailty and deaths as the catalogue has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sim import catalog
from sim.analysis.organs import data, scores
from sim.analysis.organs.fit import BEDS, Body, OrganFit, Pattern
from sim.names import NICHES, ORGANS

LARGEST_SOIL = 0.2
"""Scale of the soil vector: only its product with the competent share is known."""
DRAWS, SEED = 2000, 1


def parameters_of(pattern: Pattern) -> dict[str, Any]:
    """The catalogue's blocks that a pattern sets: numbers, or numbers by key."""
    level = pattern.log_soil.max() - np.log(LARGEST_SOIL)
    soil = dict(zip(ORGANS, np.exp(pattern.log_soil - level), strict=True))
    soil["elsewhere"] = float(np.exp(np.mean(np.log(list(soil.values())))))
    return {
        "competent_share": float(np.exp(level)),
        "site_shedding_factor": dict(zip(pattern.sites, np.exp(pattern.log_site), strict=True)),
        "arrest_probability": dict(zip(BEDS, pattern.arrest, strict=True)),
        "soil": {niche: soil[niche] for niche in NICHES},
    }


@dataclass(frozen=True)
class OrganCalibration:
    """The fitted organ pattern: the mode `at` of `fit`, and what the catalogue makes of it."""

    fit: OrganFit
    at: np.ndarray

    @property
    def pattern(self) -> Pattern:
        """The mode in the catalogue's terms."""
        return self.fit.pattern(self.at)

    def write(self, path: Path) -> Path:
        """Write the catalogue's calibrated file to `path`; raises MachineError where it cannot be."""
        from sim.analysis.calibrated_file import write

        rows = [row.row for row in self.fit.rows]
        told = {
            "rows": f"{rows[0]} to {rows[-1]} ({len(rows)} autopsy rows of {data.FITTED_STUDY})",
            "given": "drainage, growth, frailty and deaths of the catalogue, which the autopsies did not move",
            "misfit_between_sites_logit_sd": self.pattern.misfit,
            "d2": scores.explained(self.fit.rows, self.fit.predicted(self.at)),
        }
        return write(path, "organs", parameters_of(self.pattern), rows, told)

    def report(self) -> str:
        """Observed and fitted shares, how much is explained, and every number with its 95 % interval."""
        return "\n".join([*self._shares(), "", *self._explained(), "", *self._numbers()])

    def _shares(self) -> list[str]:
        rows = data.of_fitted_sites()
        everything = OrganFit(rows, self.fit.body)
        lines = [f"{'site':<10}{'organ':<10}{'autopsies %':>12}{'closed form %':>15}"]
        for row, share in zip(rows, everything.predicted(self.at), strict=True):
            mark = "  direct extension, not fitted" if row.contiguous else ""
            lines.append(f"{row.site:<10}{row.organ:<10}{100 * row.share:>12.1f}{100 * share:>15.1f}{mark}")
        return lines

    def _explained(self) -> list[str]:
        rows = self.fit.rows
        law, rival = self.fit.predicted(self.at), scores.additive(rows)
        return [
            f"explained (D2) of {len(rows)} rows: flow only "
            f"{scores.explained(rows, scores.flow_only(rows, self.fit.body, self.pattern.arrest)):.2f}, "
            f"organ + site {scores.explained(rows, rival):.2f}, the law {scores.explained(rows, law):.2f}; "
            f"a law that is true reaches {scores.noise(rows)[1]:.2f}",
            f"misfit between sites, SD on the logit scale: {self.pattern.misfit:.2f}",
        ]

    def _numbers(self) -> list[str]:
        """Names, values and 95 % intervals by draws from the normal law at the mode."""
        spread = np.random.default_rng(SEED).multivariate_normal(self.at, self.fit.covariance(self.at), DRAWS)
        found = [_flat(parameters_of(self.fit.pattern(point))) for point in spread[:: DRAWS // 200]]
        lines = [f"{'number':<32}{'value':>12}{'95 % interval':>26}"]
        for name, value in _flat(parameters_of(self.pattern)).items():
            low, high = np.quantile([draw[name] for draw in found], (0.025, 0.975))
            lines.append(f"{name:<32}{value:>12.4g}{low:>13.3g} to {high:<10.3g}")
        return lines


def _flat(blocks: dict[str, Any]) -> dict[str, float]:
    out: dict[str, float] = {}
    for name, value in blocks.items():
        out |= {f"{name}.{key}": v for key, v in value.items()} if isinstance(value, dict) else {name: value}
    return out


def calibrate_organs(rows: Sequence[data.Count] | None = None) -> OrganCalibration:
    """Fit the organ pattern to `rows`, by default those of `data.fitted`."""
    rows = data.fitted() if rows is None else rows
    body = Body(data.FITTED_SITES)
    fit = OrganFit(rows, body)
    return OrganCalibration(fit, fit.maximum())


def calibrate(out: Path | None = None, write: bool = False) -> str:
    """Fit, and report; the numbers go to `out` where it is given, and with `write` over the catalogue's own file."""
    found = calibrate_organs()
    lines = [found.report()]
    for path in [*([out] if out is not None else []), *([catalog.CALIBRATED_FILE] if write else [])]:
        lines.append(f"written to {found.write(path).name}")
    if len(lines) == 1:
        lines.append("written nowhere: --write replaces the catalogue's numbers, --out FILE puts them elsewhere")
    return "\n".join(lines)
