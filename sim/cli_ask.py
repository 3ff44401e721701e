"""The command `ask`: run the arms of a scenario's comparison and say what came out."""

from __future__ import annotations

from pathlib import Path

import click

from sim.cli_values import LARGEST_SEED, REPOSITORY, WholeNumber, cores, shown
from sim.errors import InputError

EVERY = "all"


@click.command()
@click.argument("scenario", metavar="SCENARIO")
@click.option("--patients", type=WholeNumber(minimum=2), metavar="N", help="Number of virtual patients in every arm.")
@click.option("--seed", type=WholeNumber(minimum=0, maximum=LARGEST_SEED), metavar="N", default=1, show_default=True, help="Seed of every random draw, the same in all arms.")
@click.option("--workers", type=WholeNumber(minimum=1), metavar="N", help="Processes to use; results do not depend on it. [default: all cores]")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder of the answer. [default: results/<scenario>/ask_...]")
@click.option("--only-catalogue", is_flag=True, help="Do not ask again across the values of unpublished parameters.")
@click.option("--quiet", is_flag=True, help="No progress bars.")
@click.pass_context
def ask(context, scenario, patients, seed, workers, out, only_catalogue, quiet) -> None:
    """Answer the question of SCENARIO: run its arms, compare them patient by patient.

    SCENARIO is a file with a [comparison], or the name of one in the folder scenarios; "all" asks every
    scenario that has one. Each arm is a run of its own below the folder of the answer.
    """
    from sim import scenario as scenarios
    from sim.scenario_comparison import load_comparison

    every = scenario == EVERY
    if every and out is not None:
        raise InputError("--out: found with all; allowed: with one scenario (each answer goes to its own folder)")
    comparisons = [load_comparison(file) for file in (scenarios.files() if every else [scenario])]
    if not every and comparisons[0] is None:
        raise InputError(f"{scenario}: no [comparison] in this scenario; allowed: one with arms to compare "
                         f"({', '.join(_with_comparison()) or 'none yet'})")

    from sim.analysis.questions import ask as answer_question
    from sim.analysis.questions import seen

    verdicts = []
    for comparison in filter(None, comparisons):
        folder = out or default_answer_folder(comparison, seed, patients)
        answer = answer_question(
            comparison, seed=seed, out=folder, patients=patients, workers=workers or cores(), across=not only_catalogue,
            progress=not quiet, command_line=["run_sim.py", *context.find_root().meta["arguments"]])
        click.echo(answer_text(answer) + f"\n\nanswer   {shown(folder)}\n")
        verdicts.append((comparison.scenario.name, seen(answer)))
    if every:
        missed = [name for name, as_expected in verdicts if not as_expected]
        click.echo(f"{len(verdicts) - len(missed)} of {len(verdicts)} scenarios show what they must" + (f"; not: {', '.join(missed)}" if missed else ""))


def _with_comparison() -> list[str]:
    from sim import scenario as scenarios
    from sim.scenario_comparison import load_comparison

    found = []
    for file in scenarios.files():
        try:
            comparison = load_comparison(file)
        except InputError:
            continue  # another file's faults are not this command's
        if comparison is not None:
            found.append(comparison.scenario.name)
    return found


def default_answer_folder(comparison, seed: int, patients: int | None) -> Path:
    """`results/<scenario>/ask_...`: one folder a seed and cohort."""
    base = REPOSITORY if (REPOSITORY / "run_sim.py").is_file() else Path.cwd()
    return base / "results" / comparison.scenario.name / f"ask_seed{seed}_{patients or comparison.scenario.patients}patients"


def _value(number: float | None) -> str:
    return "-" if number is None else f"{number:.3g}"


def _interval(found: dict) -> str:
    return f"{_value(found['low'])} to {_value(found['high'])}"


def answer_text(answer: dict) -> str:
    """The arms, the expected directions with their intervals, the same across unpublished sizes, and one sentence."""
    from sim.cli_tables import table, width

    columns = width()
    arms = [(arm["arm"] + (f" ({arm['only']})" if arm["only"] else ""), str(arm["patients"]), _value(arm["mean"]), _interval(arm))
            for arm in answer["arms"]]
    directions = [(found["expected"], _value(found["difference"]), _interval(found), found["seen"]) for found in answer["directions"]]
    parts = [
        f"{answer['question']}",
        f"{answer['outcome']} ({answer['unit']}: {answer['meaning']})",
        table(("arm", "patients", "mean", "95 % interval"), arms, columns),
        table(("expected", "difference", "95 % interval", "seen"), directions, columns),
    ]
    if answer["across"]:
        rows = [(f"{point['parameter']} = {point['value']:g}", found["expected"], _value(found["difference"]), _interval(found), found["seen"])
                for point in answer["across"] for found in point["directions"]]
        parts.append("Nobody has published the size of what follows: the same at other values\n"
                     + table(("at", "expected", "difference", "95 % interval", "seen"), rows, columns))
    return "\n\n".join([*parts, sentence(answer)])


def sentence(answer: dict) -> str:
    """What came out, in one plain sentence."""
    from sim.analysis.questions import NO, UNCLEAR, YES

    verdicts = [found["seen"] for found in answer["directions"]]
    told = "; ".join(f"{found['expected']} (difference {_value(found['difference'])}, 95 % {_interval(found)})" for found in answer["directions"])
    if all(verdict == YES for verdict in verdicts):
        head = "As expected"
    elif NO in verdicts:
        head = "Not as expected"
    else:
        head = "Too few patients to tell"
    at_values = [found["seen"] for point in answer["across"] for found in point["directions"]]
    across = ""
    if at_values:
        across = f"; across unpublished sizes it is seen clearly in {at_values.count(YES)} of {len(at_values)}"
        across += f" and reversed in {at_values.count(NO)}" if NO in at_values else ""
        across += f", unclear in {at_values.count(UNCLEAR)}" if UNCLEAR in at_values else ""
    return f"{head}: {answer['outcome']}, {told}{across}."
