"""Commands; no science. Heavy imports stand inside the commands that need them: `--help` stays instant."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import click

from sim.cli.ask import ask
from sim.cli.attribute import attribute
from sim.cli.compare import compare
from sim.cli.demo import demo
from sim.cli.export_lesson import export_lesson
from sim.cli.lineage import lineage
from sim.cli.options import Interrupted
from sim.cli.options import change_options as _change_options
from sim.cli.options import load as _load
from sim.cli.options import scenario_argument as _scenario_argument
from sim.cli.options import tell as _tell
from sim.cli.plot import plot
from sim.cli.report import report
from sim.cli.sensitivity import sensitivity
from sim.cli.sweep import sweep
from sim.cli.values import Memory, WholeNumber, cores, default_run_folder, finished_patients, shown
from sim.errors import InputError, MachineError
from sim.names import LARGEST_SEED, VERSION

PROGRAM = "run_sim.py"
EXIT_MACHINE, EXIT_INPUT, EXIT_INTERRUPTED, EXIT_BROKEN_PIPE = 1, 2, 130, 141


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(VERSION, prog_name="metastatic-seeding")
@click.option(
    "--debug", is_flag=True, expose_value=False, help="Show the traceback of an internal error (or SIM_DEBUG=1)."
)
def cli() -> None:
    """Virtual patients, virtual blood, virtual seeds: a model of blood-borne metastasis.

    Start with: run_sim.py run scenarios/colorectal.toml
    """


@cli.command("list")
def list_command() -> None:
    """List the scenarios and the mechanisms."""
    from sim import mechanisms, scenario
    from sim.cli.tables import listing_text

    click.echo(listing_text(scenario.listing(), mechanisms.REGISTRY))


@cli.command()
@_scenario_argument
@_change_options
@click.option("--json", "as_json", is_flag=True, help="Print everything that is resolved as JSON.")
def show(scenario, patients, on, off, set_, as_json) -> None:
    """Show all resolved parameters with their sources.

    One line a parameter of SCENARIO: value, unit, kind of evidence, range and source, and what each
    mechanism's off means. The options show what a run with the same options would use.
    """
    resolved, comparison = _load(scenario, patients, on, off, set_)
    if as_json:
        click.echo(json.dumps(resolved.to_dict(), indent=2, ensure_ascii=False))
        return
    from sim import mechanisms
    from sim.cli.tables import scenario_text

    click.echo(scenario_text(resolved, mechanisms.REGISTRY, comparison))


@cli.command()
@click.argument("scenarios", metavar="SCENARIO...", nargs=-1, required=True)
@click.pass_context
def check(context, scenarios) -> None:
    """Check scenarios, and plans of sweeps, without running them.

    Prints a line for each, for a plan with the number of its runs and about how long they take; the exit
    code is 2 if any is wrong. What cannot act (a treatment without the mechanism that it needs) is remarked upon.
    """
    from sim.cli.sweep import check_plan
    from sim.scenario.comparison import load_whole
    from sim.scenario.remarks import comparison_remarks, remarks
    from sim.sweeps.plan_file import is_plan

    worst = 0
    for name in scenarios:
        if Path(name).name.startswith("_"):
            click.echo(f"base {name} (others extend it; checked with them)")
            continue
        try:
            if is_plan(name):
                check_plan(name)
                continue
            scenario, comparison = load_whole(name)
            found = remarks(scenario)
            if comparison is not None:
                found += comparison_remarks(comparison)
            click.echo(f"ok  {name}")
            _tell(found)
        except (InputError, MachineError) as error:
            click.echo(f"error: {error}", err=True)
            worst = max(worst, error.exit_code)
    context.exit(worst)


@cli.command()
@_scenario_argument
@_change_options
@click.option(
    "--seed",
    type=WholeNumber(minimum=0, maximum=LARGEST_SEED),
    metavar="N",
    default=1,
    show_default=True,
    help="Seed of every random draw.",
)
@click.option(
    "--workers",
    type=WholeNumber(minimum=1),
    metavar="N",
    help="Processes to use; results do not depend on it. [default: all cores]",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of the results. [default: results/<scenario>/<run>]",
)
@click.option("--quiet", is_flag=True, help="No progress bar and no summary: print the results' folder only.")
@click.option("--keep-seeds", is_flag=True, help="Also write seeds.parquet: every competent settled cell.")
@click.option("--keep-events", is_flag=True, help="Also write events.parquet: arrivals, wakings, deaths, by day.")
@click.option(
    "--tables",
    type=click.Choice(["all", "metastases"]),
    default="all",
    show_default=True,
    help="What to compute: with `metastases` no cell whose colony dies out, in a third of the time or so.",
)
@click.option("--max-memory", type=Memory(), metavar="SIZE", help="Refuse to run when more is needed, e.g. 4GB.")
@click.pass_context
def run(
    context, scenario, patients, on, off, set_, seed, workers, out, quiet, keep_seeds, keep_events, tables, max_memory
) -> None:
    """Run one cohort: results, summary table, figure.

    SCENARIO is a file, or the name of one in the folder scenarios. The same command writes the same
    tables again, with any number of workers.
    """
    from sim.results import reading as results
    from sim.scenario.remarks import remarks

    resolved, _ = _load(scenario, patients, on, off, set_)
    _tell(remarks(resolved))
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
        _draw(finished, out)
        return

    from sim.report.summary import summary_text

    click.echo(summary_text(finished))
    click.echo()
    click.echo(f"results  {shown(out)}")
    for figure in _draw(finished, out):
        click.echo(f"figure   {shown(figure)}")


def _kept(scenario, out: Path, before) -> str | None:
    """What a run that was stopped left in `out`; None where it left nothing new."""
    after = finished_patients(out)
    if after is None or after == before:
        return None
    return (
        f"{after[0]} of {scenario.patients} patients were finished and are kept, marked as interrupted, in {shown(out)}; "
        "the same command continues from there"
    )


def _draw(finished, folder: Path) -> list[Path]:
    from sim.plots import seeding_curves

    figures = folder / "figures"
    try:
        figures.mkdir(parents=True, exist_ok=True)
        return seeding_curves(finished, figures / "seeding_curves")
    except OSError as error:
        raise MachineError(
            f"the results are complete in {shown(folder)}, but the figure could not be written: {error.strerror or error}"
        ) from error


@cli.command()
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "--csv",
    "csv_folder",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder for the CSV files.",
)
def export(run_folder, csv_folder) -> None:
    """Write the tables of RUN as CSV, for a spreadsheet."""
    from sim.results import reading as results

    results.open(run_folder).export_csv(csv_folder)
    click.echo(shown(csv_folder))


@cli.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where to write the fitted numbers. [default: the catalogue's own file]",
)
@click.option("--quiet", is_flag=True, help="Do not print the report.")
def calibrate(out, quiet) -> None:
    """Fit organs, sites and timing to published rows.

    Writes the catalogue file of calibrated parameters, with what it was fitted to, and reports the fit.
    """
    if out is not None and (out.is_dir() or not out.parent.is_dir()):
        found = "a folder" if out.is_dir() else f"there is no folder {out.parent}"
        raise InputError(f"--out {out}: {found}; give a file, such as calibrated.toml, in an existing folder")
    from sim.analysis.calibration import calibrate as fit

    report = fit(out, quiet)
    if not quiet:
        click.echo(report)


@cli.command("compile")
def compile_command() -> None:
    """Compile the model's kernels now, so that no later start has to."""
    from sim.numerics import jit
    from sim.runs.warm_up import warm_up

    warm_up()
    click.echo(f"compiled into {shown(jit.cache_folder())}")


for command in (ask, sweep, attribute, sensitivity, plot, compare, report, demo, export_lesson, lineage):
    cli.add_command(command)


def _fail(message: str, code: int) -> int:
    click.echo(f"error: {message}", err=True)
    return code


def _internal_error(error: Exception, debug: bool) -> int:
    if debug:
        traceback.print_exception(error)
    detail = " ".join(str(error).split()) or "no details"
    hint = "" if debug else " (a defect of this program; SIM_DEBUG=1 shows where)"
    return _fail(f"internal error: {type(error).__name__}: {detail}{hint}", EXIT_MACHINE)


def _usage(error: click.UsageError) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return EXIT_INPUT
    command = error.ctx.command_path if error.ctx else PROGRAM
    return _fail(f"{error.format_message()}\nsee: {command} --help", EXIT_INPUT)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code: 0 done, 1 the machine failed, 2 wrong input, 130 Ctrl-C."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments or os.environ.get("SIM_DEBUG", "0") not in ("", "0")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without UTF-8 must not stop a run
    try:
        code = _invoke([word for word in arguments if word != "--debug"])
        sys.stdout.flush()
        return code
    except click.UsageError as error:
        return _usage(error)
    except click.ClickException as error:
        return _fail(error.format_message(), error.exit_code)
    except (InputError, MachineError) as error:
        return _fail(str(error), error.exit_code)
    except Interrupted as kept:
        click.echo(f"\ninterrupted: {kept}", err=True)
        return EXIT_INTERRUPTED
    except (KeyboardInterrupt, click.Abort):
        click.echo("\ninterrupted", err=True)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output is gone (`| head`): say nothing, also not at the interpreter's last flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return EXIT_BROKEN_PIPE
    except MemoryError:
        return _fail("there is not enough memory: use fewer patients or fewer workers", EXIT_MACHINE)
    except OSError as error:
        if debug:
            traceback.print_exception(error)
        place = f": {error.filename}" if error.filename else ""
        return _fail(f"{error.strerror or error}{place}", EXIT_MACHINE)
    except Exception as error:
        return _internal_error(error, debug)


def _invoke(arguments: list[str]) -> int:
    try:
        with cli.make_context(PROGRAM, list(arguments)) as context:
            context.meta["arguments"] = arguments
            cli.invoke(context)
    except click.exceptions.Exit as finished:
        return finished.exit_code
    return 0
