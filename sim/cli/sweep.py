"""The command `sweep`, and what `check` says of a plan."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim import finding
from sim.cli.options import tell, workers_option
from sim.cli.values import PROGRAM, WholeNumber, cores, results_folder, shown
from sim.errors import InputError, Interrupted, MachineError

if TYPE_CHECKING:
    from sim.sweeps.block import Block
    from sim.sweeps.plan import Plan
    from sim.sweeps.run import Swept
    from sim.work.resuming import Executor

MOST_FAILURES_SHOWN = 3


class Shard(click.ParamType):
    """One share of several, as i/n."""

    name = "shard"

    def convert(
        self, value: str | tuple[int, int], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """The two numbers; anything else ends the command with what is allowed."""
        match = re.fullmatch(r"\s*(\d{1,6})\s*/\s*(\d{1,6})\s*", str(value))
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            self.fail(f"{value!r} is no share (allowed: i/n with i from 1 to n, such as 3/10)", param, ctx)
        return int(match[1]), int(match[2])


def plan_text(plan: Plan) -> str:
    """What a plan asks for, and about how long it takes on all cores of this machine."""
    from sim.sweeps.estimate import between_text, estimate_seconds

    workers = cores()
    between = between_text(*estimate_seconds(plan, workers))
    return f"{amount_text(plan)}; {between} with {workers} worker{'s' if workers > 1 else ''}"


def amount_text(plan: Plan) -> str:
    """The runs of a plan in words."""
    scenarios = len({variant.scenario.name for variant in plan.variants})
    design = f", {plan.design}" if plan.design else ""
    pairing = "paired seeds" if plan.paired else "independent seeds"
    number = plan.variants[0].scenario.posterior
    draws = f", under {number} draws of what is not known" if number else ""
    return (
        f"{len(plan.runs):,} runs ({len(plan.points):,} points in {scenarios} scenario{'s' if scenarios > 1 else ''}"
        f"{design}, {plan.replicates} replicate{'s' if plan.replicates > 1 else ''}, {pairing}) "
        f"of {plan.patients:,} patients in all{draws}"
    )


@click.command()
@click.argument("plan_file", metavar="PLAN")
@workers_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of the sweep. [default: results/sweeps/<plan>]",
)
@click.option(
    "--shard",
    type=Shard(),
    metavar="I/N",
    help="Compute only the I-th of N shares, into the same DIR as the others (job arrays).",
)
@click.option(
    "--cluster",
    metavar="ADDRESS",
    help="Compute on the workers of a Dask scheduler, e.g. tcp://host:8786 (docs/cluster.md).",
)
@click.option(
    "--shared",
    is_flag=True,
    help="With --cluster: its workers see DIR under the same path, and write what they compute there.",
)
@click.option(
    "--resume/--no-resume",
    default=True,
    show_default=True,
    help="Continue what is in DIR, or refuse a DIR that holds finished runs.",
)
@click.option(
    "--posterior",
    type=WholeNumber(minimum=1),
    metavar="N",
    help="Run the patients of every point under N draws of what is not known, in turn.",
)
@click.option("--retry-failed", is_flag=True, help="Compute runs again that failed before.")
@click.option("--quiet", is_flag=True, help="No progress bar and no summary: print the sweep's folder only.")
@click.pass_context
def sweep(
    context: click.Context,
    plan_file: str,
    workers: int | None,
    out: Path | None,
    shard: tuple[int, int] | None,
    cluster: str | None,
    shared: bool,
    resume: bool,
    posterior: int | None,
    retry_failed: bool,
    quiet: bool,
) -> None:
    """Run a plan of many runs, into one table.

    PLAN is a file, or the name of one in the folder plans; `check PLAN` says how many runs it has and about how
    long they take. The same command continues after whatever stopped it, and repeats nothing.
    """
    from sim.results.storage import refuse_what_is_no_text
    from sim.sweeps.plan import load
    from sim.sweeps.remarks import plan_remarks

    if cluster and workers:
        raise InputError("--cluster and --workers: the cluster has workers of its own; allowed: one of the two")
    if shared and not cluster:
        raise InputError("--shared: found without --cluster ADDRESS; the workers of this machine always share DIR")
    plan = load(plan_file, posterior)
    out = out or default_sweep_folder(plan)
    refuse_what_is_no_text(out.absolute())
    tell(plan_remarks(plan))
    if not quiet:
        click.echo(amount_text(plan))

    from sim.sweeps.run import run_sweep

    try:
        swept = run_sweep(
            plan,
            out=out,
            executor=_executor(workers, cluster, out if shared else None),
            progress=not quiet,
            shard=shard,
            resume=resume,
            retry_failed=retry_failed,
            command_line=[PROGRAM, *context.find_root().meta["arguments"]],
        )
    except KeyboardInterrupt:
        raise Interrupted(kept_text(plan, out) or "nothing was finished, and nothing was written") from None
    except MachineError as error:
        kept = kept_text(plan, out)
        if kept is None or "the same command continues" in str(error):
            raise
        raise MachineError(f"{error}\n{kept}") from error
    if not quiet:
        click.echo(outcome_text(swept))
    click.echo(shown(swept.folder) if quiet else f"results  {shown(swept.folder)}")
    if len(swept.machines) > 1:
        click.echo(mixed_text(swept.machines), err=True)


def _executor(workers: int | None, cluster: str | None, shared: Path | None) -> Executor[Block]:
    """Where the runs are computed."""
    if cluster is None:
        from sim.sweeps.executors import LocalExecutor

        return LocalExecutor(workers or cores())
    from sim.sweeps.cluster import ClusterExecutor
    from sim.sweeps.folder import SweepFolder

    return ClusterExecutor(
        cluster,
        None if shared is None else SweepFolder(shared.absolute()).parts,
        lambda text: click.echo(f"warning: {text}", err=True),
    )


def default_sweep_folder(plan: Plan) -> Path:
    """`results/sweeps/<plan>`: a changed plan keeps what still fits. Another plan of the same name has its own."""
    from sim.sweeps.folder import read_manifest

    folder = results_folder() / "sweeps" / plan.name
    try:
        found = read_manifest(folder)[0].get("plan", {}).get("file")
    except (InputError, AttributeError):
        found = None
    return finding.apart(folder, plan.path, found)


def kept_text(plan: Plan, out: Path) -> str | None:
    """What a sweep that was stopped left in `out`; None where it left nothing."""
    from sim.sweeps.folder import SweepFolder
    from sim.sweeps.parts import read_parts

    finished = {name for part in read_parts(SweepFolder(out).parts, alone=False) for name in part.runs}
    finished &= {run.name for run in plan.runs}
    if not finished:
        return None
    return (
        f"{len(finished):,} of {len(plan.runs):,} runs were finished and are kept in {shown(Path(out))}; "
        "the same command continues from there"
    )


def outcome_text(swept: Swept) -> str:
    """What a sweep came to."""
    lines = [f"{swept.finished:,} of {swept.planned:,} runs are finished ({swept.computed:,} computed now)"]
    if swept.aside:
        lines.append(f"{swept.aside:,} finished runs of another plan or program are kept aside")
    if swept.failures:
        lines.append(f"{len(swept.failures):,} runs failed; their errors stand in failures.parquet, such as:")
        lines += [f"  {error}" for error in sorted(set(swept.failures.values()))[:MOST_FAILURES_SHOWN]]
    if not swept.tables:
        lines.append("other shards are still being written: the last one makes the tables")
    elif swept.finished + len(swept.failures) < swept.planned:
        lines.append("the rest is not computed yet: run the other shards, or the same command without --shard")
    return "\n".join(lines)


def mixed_text(machines: Sequence[Mapping[str, str]]) -> str:
    """A warning where not all runs were made on one kind of machine."""
    differ = [key for key in machines[0] if len({machine[key] for machine in machines}) > 1]
    told = "; ".join(f"{key}: {', '.join(sorted({machine[key] for machine in machines}))}" for key in differ)
    return (
        f"warning: the runs were made on {len(machines)} kinds of machine, "
        f"and are equal only but for the last bits ({told})"
    )


def check_plan(name: str) -> None:
    """Say what `check` says of a plan. Raises InputError."""
    from sim.sweeps.estimate import points_that_cannot_be
    from sim.sweeps.plan import load
    from sim.sweeps.remarks import plan_remarks

    plan = load(name)
    refused = points_that_cannot_be(plan)
    click.echo(f"ok  {name}: {plan_text(plan)}")
    tell(plan_remarks(plan))
    if refused:
        number, error = next(iter(refused.items()))
        tell([f"{len(refused):,} of {len(plan.points):,} points cannot be computed, such as point {number}: {error}"])
