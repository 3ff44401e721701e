"""The command `lineage`: who seeded whom in one patient of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli.values import WholeNumber

if TYPE_CHECKING:
    import pandas as pd

    from sim.analysis.family_tree import PatientLineage

UNKNOWN = "-"


@click.command()
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("patient", metavar="PATIENT", type=WholeNumber(minimum=0))
def lineage(run_folder: Path, patient: int) -> None:
    """Tell who seeded whom in PATIENT of RUN.

    Prints the tree of the colonies in Newick's format (branches in days), the migration between organs with
    its monoclonal and polyclonal colonies, the clones of the primary (share, potential, what each seeded) by size, and
    the colonies. RUN must have clones
    (--on lineage) or metastases that seed (--on secondary_seeding).
    """
    from sim.analysis.family_tree import patient_lineage
    from sim.results import reading as results

    click.echo(lineage_text(patient_lineage(results.open(run_folder), patient)))


def lineage_text(found: PatientLineage) -> str:
    """Newick's tree, then one table each, for people and for `cut`."""
    parts = [found.newick, _table(found.migration, "seeded from")]
    parts.append("no clones: the mechanism lineage was off" if found.clones is None else _table(found.clones, "clone"))
    parts.append(_table(found.colonies, "colony"))
    return "\n\n".join(parts)


def _table(frame: pd.DataFrame, first: str) -> str:
    from sim.cli.tables import table

    header = [first, *(name.replace("_", " ") for name in frame.columns[1:])]
    return table(header, [[_cell(value) for value in row] for row in frame.itertuples(index=False)], None)


def _cell(value: object) -> str:
    import pandas as pd

    if pd.isna(value):
        return UNKNOWN
    return f"{value:.4g}" if isinstance(value, float) else str(value)
