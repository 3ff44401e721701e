"""The command `ask`: run the arms of a scenario's comparison and say what came out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim import finding
from sim.cli.options import tell, workers_option
from sim.cli.values import PROGRAM, WholeNumber, cores, results_folder, shown
from sim.errors import InputError
from sim.names import LARGEST_SEED, MOST_PATIENTS

if TYPE_CHECKING:
    from sim.scenario.comparison import Question

EVERY = "all"


@click.command()
@click.argument("scenario", metavar="SCENARIO")
@click.option(
    "--patients",
    type=WholeNumber(minimum=2, maximum=MOST_PATIENTS),
    metavar="N",
    help="Number of virtual patients in every arm.",
)
@click.option("--small", is_flag=True, help="Ask the small cohort of [comparison.small], enriched as it says.")
@click.option(
    "--seed",
    "seeds",
    type=WholeNumber(minimum=0, maximum=LARGEST_SEED),
    metavar="N",
    multiple=True,
    default=(1,),
    show_default=True,
    help="Seed of every random draw, the same in all arms. Several: ask with each; across assumed sizes with the "
    "first.",
)
@workers_option
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder of the answers. [default: results]")
@click.option(
    "--posterior",
    type=WholeNumber(minimum=1),
    metavar="N",
    help="Ask under N draws of what is not known, and of the prior, instead of the catalogue's numbers.",
)
@click.option("--only-catalogue", is_flag=True, help="Do not ask again across the values of assumed parameters.")
@click.option("--quiet", is_flag=True, help="No progress bars.")
@click.pass_context
def ask(
    context: click.Context,
    scenario: str,
    patients: int | None,
    small: bool,
    seeds: tuple[int, ...],
    workers: int | None,
    out: Path | None,
    posterior: int | None,
    only_catalogue: bool,
    quiet: bool,
) -> None:
    """Answer the question of SCENARIO: run its arms, compare them patient by patient.

    SCENARIO is a file with a [comparison], or the name of one in the folder scenarios; "all" asks every
    scenario that has one, and writes a table and a page of all answers to the folder questions. Each arm is a run of
    its own below DIR/<scenario>/; what is finished is not run again.
    """
    from sim import scenario as scenarios
    from sim.scenario.comparison import load_comparison
    from sim.scenario.remarks import comparison_remarks

    if small and patients is not None:
        raise InputError("--patients: found with --small, which sets their number; allowed: one of them")
    seeds = tuple(dict.fromkeys(seeds))
    if posterior is not None and len(seeds) > 1:
        raise InputError(
            "--posterior: found with several seeds, whose answers share their draws; allowed: one seed, more --patients"
        )
    every = scenario == EVERY
    found = [load_comparison(file) for file in (scenarios.files() if every else [scenario])]
    if not every and found[0] is None:
        raise InputError(
            f"{scenario}: no [comparison] in this scenario; allowed: one with arms to compare "
            f"({', '.join(_with_comparison()) or 'none yet'})"
        )
    comparisons = [comparison.small() if small else comparison for comparison in found if comparison is not None]
    for comparison in comparisons:
        tell(comparison_remarks(comparison))

    if posterior is not None:
        from sim.analysis.drawn_answer import refuse_few_patients

        for comparison in comparisons:
            comparison.drawn(posterior)  # refused before anything is computed
            refuse_few_patients(posterior, patients or comparison.scenario.patients)

    from sim.analysis.answer_file import asked_by
    from sim.analysis.questions import ask as answer_question
    from sim.results.storage import check_file

    place = out or results_folder()
    if every:
        check_file(_table_folder(place, small, posterior) / "questions.csv")  # before anything is computed
    command_line = [PROGRAM, *context.find_root().meta["arguments"]]
    steps = _steps(comparisons, seeds, not only_catalogue and posterior is None, every)
    answers: dict[tuple[str, int], dict[str, Any]] = {}
    for turn, (comparison, seed, across) in enumerate(steps):
        if len(steps) > 1 and not quiet:
            click.echo(
                f"step {turn + 1} of {len(steps)}: {comparison.scenario.name}, seed {seed}"
                f"{', across assumed sizes' if across else ''}",
                err=True,
            )
        name = comparison.scenario.name
        folder = place / name / folder_name(comparison, seed, patients, small, posterior)
        folder = finding.apart(folder, comparison.scenario.path, asked_by(folder))
        answers[name, seed] = answer_question(
            comparison,
            seed=seed,
            out=folder,
            patients=patients,
            workers=workers or cores(),
            across=across,
            posterior=posterior,
            progress=not quiet,
            command_line=command_line,
        )
        click.echo(answer_text(answers[name, seed]) + f"\n\nanswer   {shown(folder)}\n")
        if every:
            _write_table(_table_folder(place, small, posterior), answers, steps[turn + 1 :], command_line)
    if every:
        click.echo(_verdict(list(answers.values())))
        click.echo(f"table    {shown(_table_folder(place, small, posterior))}")


def _table_folder(place: Path, small: bool, posterior: int | None) -> Path:
    return place / f"questions{'_small' if small else ''}{f'_posterior{posterior}' if posterior else ''}"


def _steps(
    comparisons: Sequence[Question], seeds: Sequence[int], across: bool, every: bool
) -> list[tuple[Question, int, bool]]:
    """(comparison, seed, across) in the order in which they are asked; runs of earlier steps are not made again.

    All questions come first at the scenarios' own numbers, seed by seed, then across assumed sizes with the first seed;
    small cohorts before large ones: a command that is stopped has answered what it could.
    """
    if not every:
        return [(comparison, seed, across and seed == seeds[0]) for comparison in comparisons for seed in seeds]
    order = sorted(comparisons, key=lambda comparison: comparison.scenario.patients * len(comparison.arms))
    steps = [(comparison, seed, False) for seed in seeds for comparison in order]
    return steps + [(comparison, seeds[0], True) for comparison in order if across and comparison.across]


def _write_table(
    folder: Path,
    answers: dict[tuple[str, int], dict[str, Any]],
    left: Sequence[tuple[Question, int, bool]],
    command_line: Sequence[str],
) -> None:
    """The answers so far, by scenario and seed: `questions.csv`, and `questions.md`, which names the steps left."""
    from sim.report.questions import page, rows
    from sim.results.manifest import commit
    from sim.results.storage import csv_text, write_text

    ordered = [answers[key] for key in sorted(answers)]
    waiting = [
        (comparison.scenario.name, "across assumed sizes" if across else f"seed {seed}")
        for comparison, seed, across in left
    ]
    write_text(folder / "questions.csv", csv_text(rows(ordered)))
    write_text(folder / "questions.md", page(ordered, waiting, command=" ".join(command_line), commit=commit()))


def _verdict(answers: Sequence[dict[str, Any]]) -> str:
    from sim.analysis.questions import seen

    names = dict.fromkeys(answer["scenario"] for answer in answers)
    missed = [name for name in names if not seen(*(answer for answer in answers if answer["scenario"] == name))]
    return f"{len(names) - len(missed)} of {len(names)} scenarios show what they must" + (
        f"; not: {', '.join(missed)}" if missed else ""
    )


def _with_comparison() -> list[str]:
    from sim import scenario as scenarios
    from sim.scenario.comparison import load_comparison

    found = []
    for file in scenarios.files():
        try:
            comparison = load_comparison(file)
        except InputError:
            continue  # another file's faults are not this command's
        if comparison is not None:
            found.append(comparison.scenario.name)
    return found


def folder_name(
    comparison: Question, seed: int, patients: int | None, small: bool, posterior: int | None = None
) -> str:
    """`ask_...`: one folder a seed and cohort, and number of draws."""
    cohort = f"seed{seed}_{patients or comparison.scenario.patients}patients"
    return f"ask_{'small_' if small else ''}{cohort}{f'_posterior{posterior}' if posterior else ''}"


def answer_text(answer: dict[str, Any]) -> str:
    """The arms, the expected directions with their intervals, the same across assumed sizes, and one sentence."""
    from sim.cli.tables import table, width
    from sim.report.questions import (
        DRAWN_HEAD,
        arm_label,
        beyond_text,
        by_construction,
        counts_texts,
        drawn_rows,
        enriched_text,
        holds_over,
        interval,
        number,
        sentence,
    )

    columns = width()
    arms = [
        (
            arm_label(arm),
            str(arm["patients"]),
            number(arm["mean"]),
            interval(arm),
        )
        for arm in answer["arms"]
    ]
    logrank = any("logrank_p" in found for found in answer["directions"])

    def told(found: dict[str, Any]) -> tuple[str, ...]:
        p = (number(found.get("logrank_p")),) if logrank else ()
        return (found["expected"], number(found["difference"]), interval(found), *p, found["seen"])

    head = ("expected", "difference", "95 % interval", *(("log-rank p",) if logrank else ()), "seen")
    about = [answer["question"]]
    about += [f"assumes: {answer['assumes']}"] if answer["assumes"] else []
    about += [text] if (text := enriched_text(answer)) else []
    about += [f"by construction: {reason}"] if (reason := by_construction(answer)) else []
    parts = [
        "\n".join(about),
        f"{answer['outcome']} ({answer['unit']}: {answer['meaning']})",
        table(("arm", "patients", "mean", "95 % interval"), arms, columns),
        table(head, [told(found) for found in answer["directions"]], columns)
        + (
            "\n(the log-rank test takes the arms for independent groups: cautious, since they are paired)"
            if logrank
            else ""
        ),
    ]
    parts += ["\n".join(texts)] if (texts := counts_texts(answer)) else []
    if answer.get("posterior"):
        draws = answer["posterior"]["draws"]
        parts.append(
            f"Under {draws} draws of what is not known: means of all draws above; P is that of {beyond_text(answer)}\n"
            + table(DRAWN_HEAD, drawn_rows(answer), columns)
        )
    if answer["across"]:
        rows = [
            (f"{point['parameter']} = {point['value']:g}", *told(found))
            for point in answer["across"]
            for found in point["directions"]
        ]
        over = [(expected, parameter, at) for expected, parameter, at in holds_over(answer)]
        parts += [
            "The sizes of what follows are assumed: the same at other values\n" + table(("at", *head), rows, columns),
            table(("does it hold?", "over", "seen"), over, columns),
        ]
    return "\n\n".join([*parts, sentence(answer)])
