"""The command `check`: scenarios and plans, read but not run."""

from __future__ import annotations

from pathlib import Path

import click

from sim.cli.options import tell
from sim.errors import InputError, MachineError


@click.command()
@click.argument("scenarios", metavar="SCENARIO...", nargs=-1, required=True)
@click.pass_context
def check(context: click.Context, scenarios: tuple[str, ...]) -> None:
    """Check scenarios, and plans of sweeps, without running them.

    Prints a line for each, for a plan with the number of its runs and between what times they take; the exit
    code is 2 if any is wrong, also where values that are fine one by one do not fit together. What cannot act (a
    treatment without the mechanism that it needs) is remarked upon.
    """
    from sim.cli.sweep import check_plan
    from sim.runs.buildable import refuse_unbuildable
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
            arms = [] if comparison is None else [arm.scenario for arm in comparison.arms]
            refuse_unbuildable([scenario, *arms])
            found = remarks(scenario)
            if comparison is not None:
                found += comparison_remarks(comparison)
            click.echo(f"ok  {name}")
            tell(found)
        except (InputError, MachineError) as error:
            click.echo(f"error: {error}", err=True)
            worst = max(worst, error.exit_code)
    context.exit(worst)
