"""The command `run`: one cohort."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli.options import change_options, load, scenario_argument, tell, workers_option
from sim.cli.values import PROGRAM, Memory, WholeNumber, cores, default_run_folder, finished_patients, shown
from sim.errors import Interrupted, MachineError
from sim.names import LARGEST_SEED

if TYPE_CHECKING:
    from sim.results.reading import Run
    from sim.scenario import Scenario


@click.command()
@scenario_argument
@change_options
@click.option(
    "--seed",
    type=WholeNumber(minimum=0, maximum=LARGEST_SEED),
    metavar="N",
    default=1,
    show_default=True,
    help="Seed of every random draw.",
)
@workers_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of the results. [default: results/<scenario>/<run>]",
)
@click.option("--quiet", is_flag=True, help="No progress bar and no summary: print the results' folder only.")
@click.option(
    "--no-figure", is_flag=True, help="Do not draw the seeding curves: starts faster; `plot` draws them later."
)
@click.option("--keep-seeds", is_flag=True, help="Also write seeds.parquet: every competent settled cell.")
@click.option("--keep-events", is_flag=True, help="Also write events.parquet: arrivals, wakings, deaths, by day.")
@click.option(
    "--posterior",
    type=WholeNumber(minimum=1),
    metavar="N",
    help="Run patients under N draws of what is not known, in turn, instead of the catalogue's numbers.",
)
@click.option(
    "--tables",
    type=click.Choice(["all", "metastases"]),
    default="all",
    show_default=True,
    help="What to compute: with `metastases` no cell whose colony dies out: the same metastases in less time.",
)
@click.option("--max-memory", type=Memory(), metavar="SIZE", help="Refuse to run when more is needed, e.g. 4GB.")
@click.pass_context
def run(
    context: click.Context,
    scenario: str,
    patients: int | None,
    on: tuple[str, ...],
    off: tuple[str, ...],
    set_: tuple[str, ...],
    seed: int,
    workers: int | None,
    out: Path | None,
    quiet: bool,
    no_figure: bool,
    keep_seeds: bool,
    keep_events: bool,
    posterior: int | None,
    tables: str,
    max_memory: int | None,
) -> None:
    """Run one cohort: results, summary table, figure.

    SCENARIO is a file, or the name of one in the folder scenarios. The same command writes the same
    tables again, with any number of workers.
    """
    from sim.results import reading as results
    from sim.scenario.remarks import remarks

    resolved, _ = load(scenario, patients, on, off, set_)
    if posterior is not None:
        resolved = resolved.with_(posterior=posterior)
    tell(remarks(resolved))
    if out is None:
        out = default_run_folder(resolved, seed, keep_seeds=keep_seeds, keep_events=keep_events, tables=tables)
    results.check_writable(out)  # before anything is computed
    before = finished_patients(out)

    from sim.runs.run import run_scenario

    try:
        finished = run_scenario(
            resolved,
            seed=seed,
            out=out,
            workers=workers or cores(),
            progress=not quiet,
            keep_seeds=keep_seeds,
            keep_events=keep_events,
            tables=tables,
            command_line=[PROGRAM, *context.find_root().meta["arguments"]],
            max_memory_bytes=max_memory,
        )
    except KeyboardInterrupt:
        raise Interrupted(_kept(resolved, out, before) or "nothing was finished, and nothing was written") from None
    except MachineError as error:
        kept = _kept(resolved, out, before)
        if kept is None:
            raise
        raise MachineError(f"{error}\n{kept}") from error
    if quiet:
        click.echo(shown(out))
        if not no_figure:
            _draw(finished, out)
        return

    from sim.report.summary import summary_text

    click.echo(summary_text(finished))
    click.echo()
    click.echo(f"results  {shown(out)}")
    for figure in [] if no_figure else _draw(finished, out):
        click.echo(f"figure   {shown(figure)}")


def _kept(scenario: Scenario, out: Path, before: tuple[int, int] | None) -> str | None:
    """What a run that was stopped left in `out`; None where it left nothing new."""
    after = finished_patients(out)
    if after is None or after == before:
        return None
    return (
        f"{after[0]} of {scenario.patients} patients were finished and are kept, marked as interrupted, in "
        f"{shown(out)}; the same command continues from there"
    )


def _draw(finished: Run, folder: Path) -> list[Path]:
    from sim.plots import seeding_curves

    figures = folder / "figures"
    try:
        figures.mkdir(parents=True, exist_ok=True)
        return seeding_curves(finished, figures / "seeding_curves")
    except OSError as error:
        raise MachineError(
            f"the results are complete in {shown(folder)}, but the figure could not be written: "
            f"{error.strerror or error}"
        ) from error
