"""The first fit: organ soil, arrest, site scale and frailty from autopsies, in closed form.

Given frailty X, visible metastases of an organ are Poisson with mean X x site factor x arrest x soil x
competent share x exposure, so the share of patients with at least one is E[1 - exp(-X ...)]
(`sim.analysis.closed_form.theory`, `sim.analysis.closed_form.exposure`). One soil vector serves all sites. Deaths from
metastases are left out of the fit (they need the cells); the full calibration by simulation comes later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import least_squares
from scipy.special import expit

from sim import catalog
from sim import scenario as scenarios
from sim.analysis.closed_form.exposure import Exposure, expected_metastases, measure, visible_within
from sim.catalog.parameters import LaneParameters
from sim.disease.body import own_organ_factor, route
from sim.names import DAYS_PER_YEAR, NICHES, ORGANS

FITTED_SITES = ("colon", "breast", "lung", "pancreas", "stomach")
FITTED_AUTOPSIES = "diSibio2008"
"""The study whose autopsies are fitted; other tables of the same sites are kept beside it."""
ROW_NAME = {"muscle": "skeletal muscle"}
SEED, PATIENTS = 1, 300
MODEL_SHARE_SD = 0.04
"""What a model with one soil for all sites may miss, beyond sampling: four per cent of the patients."""
TIMING_SHARE_SD = 0.02
"""The same for the two registry figures on timing."""
PRIOR_SD = {"arrest": 2.0, "frailty": 0.25, "site": 1.0, "soil": 2.0}
PRIOR_FRAILTY_LOG_SD = 4.0
LARGEST_SOIL = 0.2
"""Scale of the soil vector: only its product with the competent share is known."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)


@dataclass(frozen=True)
class Observed:
    """One published share of patients: the row's id, where it belongs, the share and the patients behind it."""

    row: str
    site: str
    organ: str
    share: float
    patients: int


def autopsy_rows() -> list[Observed]:
    """The autopsy rows that a blood-borne model speaks of; the primary's own organ only where it is paired (lung)."""
    organ_of = {ROW_NAME.get(organ, organ): organ for organ in ORGANS}
    found = []
    for row in catalog.literature().values():
        if row["study"] == FITTED_AUTOPSIES and row["primary"] in FITTED_SITES and row["organ"] in organ_of:
            if row["primary"] == row["organ"] != "lung":
                continue
            patients = int(row["note"].split("n=")[1].split(";")[0])
            found.append(
                Observed(row["id"], row["primary"], organ_of[row["organ"]], float(row["value"]) / 100, patients)
            )
    return found


def timing_rows() -> list[Observed]:
    """Synchronous, and five-year metachronous, liver metastases of colorectal cancer, from a registry.

    The rows give no number of patients: their weight is TIMING_SHARE_SD alone.
    """
    rows = catalog.literature()
    return [Observed(key, "colon", "liver", float(rows[key]["value"]) / 100, 10**9) for key in ("CRC01", "CRC02")]


class ClosedForm:
    """Expected shares for a vector of unknowns: log site factors, log soils, three logit arrests, log frailty SD."""

    def __init__(self, patients: int = PATIENTS) -> None:
        self.autopsies = {site: scenarios.load(f"autopsy/{site}") for site in FITTED_SITES}
        self.base = self.autopsies["colon"]
        self.values = self.base.values()
        self.cut_sd = self.values["frailty_truncation_sd"]
        self.autopsy, self.timing = autopsy_rows(), timing_rows()
        exposure = measure(self.base, seed=SEED, patients=patients)
        weeks = len(exposure.shed) + 1
        dead = exposure.last_day
        at_autopsy = visible_within(self.base, self.values["autopsy_threshold_cells"], weeks)
        self.at_death = expected_metastases(exposure, at_autopsy, dead, dead)
        self._set_timing(exposure)
        self.start = np.concatenate(
            [
                np.zeros(len(FITTED_SITES)),
                np.full(len(ORGANS), np.log(0.05 * self.values["competent_share"])),
                np.zeros(3),
                [np.log(PRIOR_FRAILTY_LOG_SD)],
            ]
        )

    def _set_timing(self, exposure: Exposure) -> None:
        diagnosis = exposure.diagnosis_day
        follow_up = 5 * DAYS_PER_YEAR
        longest = int((diagnosis.max() + follow_up) // 7) + 2
        imaging = visible_within(self.base, self.values["imaging_threshold_cells"], longest)
        self.synchronous = expected_metastases(exposure, imaging, diagnosis, diagnosis)
        months = np.arange(1, 61)
        self.later = [
            expected_metastases(exposure, imaging, diagnosis + m * DAYS_PER_YEAR / 12, diagnosis) for m in months
        ]

    def _parts(self, unknown: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
        sites, organs = len(FITTED_SITES), len(ORGANS)
        return (
            unknown[:sites],
            unknown[sites : sites + organs],
            unknown[sites + organs : sites + organs + 3],
            unknown[-1],
        )

    def arrests(self, logits: np.ndarray) -> dict[str, np.ndarray]:
        """Arrest x own-organ factor by site, (niches,) each."""
        values = dict(self.values)
        for name, value in zip(("liver", "lung", "other"), logits, strict=True):
            values[f"arrest_probability.{name}"] = float(np.clip(expit(value), 0.001, 0.999))
        parameters = LaneParameters(values, len(FITTED_SITES))
        factor = own_organ_factor(parameters, FITTED_SITES)
        return dict(zip(FITTED_SITES, route(parameters, FITTED_SITES).arrest * factor, strict=True))

    def _none(self, means: np.ndarray, log_sd: float) -> np.ndarray:
        """P(no metastasis) by lane, averaged over frailty; means (..., lanes)."""
        z = _NODES * self.cut_sd
        weight = _WEIGHTS * np.exp(-0.5 * z**2)
        frailty = np.exp(log_sd * z)
        return np.tensordot(np.exp(-means[..., None] * frailty), weight / weight.sum(), axes=1)

    def _mean(
        self,
        exposure: tuple[np.ndarray, np.ndarray],
        unknown: np.ndarray,
        site: str,
        organ: str,
        arrests: Mapping[str, np.ndarray],
    ) -> np.ndarray:
        site_factors, soils, _, _ = self._parts(unknown)
        place = ORGANS.index(organ)
        plain, liver = exposure
        strength = np.exp(site_factors[FITTED_SITES.index(site)] + soils[place]) * arrests[site][place]
        return strength * (liver if organ == "liver" else plain)

    def shares(self, unknown: np.ndarray) -> np.ndarray:
        """Expected shares: autopsy rows, then synchronous and five-year metachronous liver metastases."""
        arrests = self.arrests(self._parts(unknown)[2])
        log_sd = float(np.exp(unknown[-1]))
        means = np.stack([self._mean(self.at_death, unknown, o.site, o.organ, arrests) for o in self.autopsy])
        out = 1.0 - self._none(means, log_sd).mean(axis=1)
        clean = self._none(self._mean(self.synchronous, unknown, "colon", "liver", arrests), log_sd)
        still = self._none(self._mean(self.later[-1], unknown, "colon", "liver", arrests), log_sd)
        later = 1.0 - still.sum() / clean.sum()
        return np.concatenate([out, [1.0 - clean.mean(), later]])

    def metachronous_quartiles_months(self, unknown: np.ndarray) -> np.ndarray:
        """Quartiles of the time to the first metastasis (any organ) of those who relapse within five years."""
        arrests = self.arrests(self._parts(unknown)[2])
        log_sd = float(np.exp(unknown[-1]))

        def clear(exposure: tuple[np.ndarray, np.ndarray]) -> float:
            means = sum((self._mean(exposure, unknown, "colon", organ, arrests) for organ in ORGANS), np.zeros(()))
            return self._none(means, log_sd).mean()

        clean = clear(self.synchronous)
        relapsed = np.array([1.0 - clear(later) / clean for later in self.later])
        return np.interp(np.array([0.25, 0.5, 0.75]) * relapsed[-1], relapsed, np.arange(1, 61))

    def residuals(self, unknown: np.ndarray) -> np.ndarray:
        """Differences of shares over their SD, and the priors."""
        observed = self.autopsy + self.timing
        seen = np.array([o.share for o in observed])
        patients = np.array([o.patients for o in observed])
        shrunk = (seen * patients + 0.5) / (patients + 1)
        extra = np.array([MODEL_SHARE_SD] * len(self.autopsy) + [TIMING_SHARE_SD] * len(self.timing))
        sd = np.sqrt(shrunk * (1 - shrunk) / patients + extra**2)
        sites, soils, arrest, log_sd = self._parts(unknown)
        return np.concatenate(
            [
                (seen - self.shares(unknown)) / sd,
                sites / PRIOR_SD["site"],
                [sites.sum() / 0.01],
                (soils - soils.mean()) / PRIOR_SD["soil"],
                arrest / PRIOR_SD["arrest"],
                [(log_sd - np.log(PRIOR_FRAILTY_LOG_SD)) / PRIOR_SD["frailty"]],
            ]
        )

    def fit(self) -> np.ndarray:
        """The unknowns that meet the rows best."""
        return least_squares(self.residuals, self.start, method="trf", x_scale="jac", max_nfev=200).x


def calibrate(out: Path | None = None, quiet: bool = False) -> str:
    """Fit, write the catalogue file (`out`, by default the catalogue's own) and return a report."""
    model = ClosedForm()
    unknown = model.fit()
    sites, soils, arrest, log_sd = model._parts(unknown)
    level = soils.max() - np.log(LARGEST_SOIL)
    soil = dict(zip(ORGANS, np.exp(soils - level), strict=True))
    soil["elsewhere"] = float(np.exp(np.mean(np.log(list(soil.values())))))
    fitted = {
        "frailty_log_sd": float(np.exp(log_sd)),
        "competent_share": float(np.exp(level)),
        "site_shedding_factor": dict(zip(FITTED_SITES, np.exp(sites - sites.mean()), strict=True)),
        "arrest_probability": dict(zip(("liver", "lung", "other"), expit(arrest), strict=True)),
        "soil": {niche: soil[niche] for niche in NICHES},
    }
    from sim.analysis.calibrated_file import write

    rms = float(np.sqrt(np.mean(model.residuals(unknown)[: len(model.autopsy)] ** 2)))
    path = write(out or catalog.CALIBRATED_FILE, fitted, [o.row for o in model.autopsy], rms)
    return _report(model, unknown, fitted, rms, path)


def _report(model: ClosedForm, unknown: np.ndarray, fitted: Mapping[str, Any], rms: float, path: Path) -> str:
    share = model.shares(unknown)
    lines = [f"{'site':<10}{'organ':<10}{'autopsies %':>12}{'closed form %':>15}"]
    lines += [
        f"{o.site:<10}{o.organ:<10}{100 * o.share:>12.1f}{100 * s:>15.1f}"
        for o, s in zip(model.autopsy, share, strict=False)
    ]
    lines.append("")
    for o, s, what in zip(model.timing, share[-2:], ("synchronous", "metachronous, 5 years"), strict=True):
        lines.append(f"liver, {what} ({o.row}): registry {100 * o.share:.1f} %, closed form {100 * s:.1f} %")
    quartiles = model.metachronous_quartiles_months(unknown)
    lines.append(
        "months to the first metachronous metastasis, quartiles (CRC20, not fitted): published 10 17 29, "
        "closed form " + " ".join(f"{q:.0f}" for q in quartiles)
    )
    lines.append(
        f"residuals of the autopsy rows: {rms:.2f} SD (sampling, and {100 * MODEL_SHARE_SD:.0f} % of patients for "
        "the model)"
    )
    for name, value in fitted.items():
        text = " ".join(f"{k}={v:.3g}" for k, v in value.items()) if isinstance(value, dict) else f"{value:.4g}"
        lines.append(f"{name}: {text}")
    lines.append(f"written to {path.name}")
    return "\n".join(lines)
