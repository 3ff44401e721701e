"""The rows that the organ pattern is fitted to: counts of autopsied patients by primary site and organ."""

from __future__ import annotations

from dataclasses import dataclass

from sim import catalog
from sim.names import ORGANS, SITES

FITTED_SITES = ("colon", "breast", "lung", "pancreas", "stomach")
FITTED_STUDY = "diSibio2008"
"""The study whose autopsies are fitted, once; other tables of the same sites are laid beside the fit."""
ROW_NAME = {"muscle": "skeletal muscle"}
DRAINAGES = {"portal": ("colon", "pancreas", "stomach"), "caval": ("breast",), "pulmonary venous": ("lung",)}
"""The fitted sites by the vein that takes most of their blood."""


@dataclass(frozen=True)
class Count:
    """`seen` of `patients` autopsied had a metastasis of the site in the organ; `row` is the published row's id.

    `contiguous` says why the organ is reached by direct extension, "" where it is not.
    """

    row: str
    site: str
    organ: str
    seen: int
    patients: int
    contiguous: str = ""

    @property
    def share(self) -> float:
        """Share of the patients, 0 to 1."""
        return self.seen / self.patients


def counts(study: str = FITTED_STUDY, sites: tuple[str, ...] = SITES) -> list[Count]:
    """Counts of a study's autopsies of these sites, in the organs that a blood-borne model speaks of, zeros kept.

    The primary's own organ only where it is paired (lung). The count is the published percentage of the number of
    patients, which stands in the row's note.
    """
    organ_of = {ROW_NAME.get(organ, organ): organ for organ in ORGANS}
    found = []
    for row in catalog.literature().values():
        if row["study"] != study or row["primary"] not in sites or row["organ"] not in organ_of:
            continue
        if row["primary"] == row["organ"] != "lung":
            continue
        patients = int(row["note"].split("n=")[1].split(";")[0])
        seen = round(float(row["value"]) * patients / 100)
        organ = organ_of[row["organ"]]
        found.append(Count(row["id"], row["primary"], organ, seen, patients, row["contiguous"]))
    return found


def of_fitted_sites() -> list[Count]:
    """The five sites' rows of the fitted study, those of direct extension included."""
    return counts(FITTED_STUDY, FITTED_SITES)


def fitted() -> list[Count]:
    """What is fitted. Direct extension is not blood-borne: rows marked `contiguous`, before any fit, are left out."""
    return [row for row in of_fitted_sites() if not row.contiguous]
