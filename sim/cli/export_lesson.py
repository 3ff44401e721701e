"""The command `export-lesson`: a handout of one lesson."""

from __future__ import annotations

from pathlib import Path

import click

from sim.cli.values import PROGRAM, shown
from sim.errors import InputError

_ABOUT = f"""Write a lesson as one HTML file that needs neither Python nor a network.

It replays the patient in both bodies and shows the curves of a cohort, all computed now. LESSON is one of
those that the classroom offers ({PROGRAM} export-lesson help lists them)."""


@click.command("export-lesson", help=_ABOUT)
@click.argument("lesson", metavar="LESSON")
@click.option("--language", metavar="CODE", default="en", show_default=True, help="Language of the texts: en or zh.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where to write it. [default: <lesson>.<language>.html]",
)
@click.option("--quiet", is_flag=True, help="No progress bar: print the file only.")
def export_lesson(lesson: str, language: str, out: Path | None, quiet: bool) -> None:
    """Write a handout of one lesson."""
    from sim.demo import lessons, texts

    code = texts.find(language)
    if lesson == "help":
        for name in lessons.names():
            click.echo(f"{name:22} {texts.load(code)[f'lesson.{name}.title']}")
        return
    chosen = lessons.load(lesson)
    path = out or Path(f"{chosen.name}.{code}.html")
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise InputError(
            f"--out {path}: found {'a folder' if path.is_dir() else 'no such folder'}; allowed: a file in an "
            "existing folder"
        )

    from sim.demo import handout
    from sim.results.storage import check_file

    check_file(path)  # before anything is computed
    from sim.work.progress import Bar

    bar = Bar(1, chosen.name, not quiet)
    try:
        computed = handout.content(chosen, bar.show)
    finally:
        bar.close()
    handout.write(path, handout.page(chosen, code, computed))
    click.echo(shown(path))
