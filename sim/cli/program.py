"""The group of all commands, one file each, and their exit codes."""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from sim.cli.ask import ask
from sim.cli.attribute import attribute
from sim.cli.calibrate import calibrate
from sim.cli.check import check
from sim.cli.claims import claims
from sim.cli.compare import compare
from sim.cli.compile import compile_command
from sim.cli.demo import demo
from sim.cli.export import export
from sim.cli.export_lesson import export_lesson
from sim.cli.lineage import lineage
from sim.cli.listing import list_command
from sim.cli.options import tell
from sim.cli.plot import plot
from sim.cli.report import report
from sim.cli.run import run
from sim.cli.sensitivity import sensitivity
from sim.cli.show import show
from sim.cli.sweep import sweep
from sim.cli.validate import validate
from sim.cli.values import PROGRAM
from sim.errors import InputError, Interrupted, MachineError, Remark
from sim.machine import EXIT_TERMINATED, terminated_like_interrupted
from sim.names import VERSION

EXIT_MACHINE, EXIT_INPUT, EXIT_INTERRUPTED, EXIT_BROKEN_PIPE = 1, 2, 130, 141


_ABOUT = f"""Virtual patients, virtual blood, virtual seeds: a model of blood-borne metastasis.

Start with: {PROGRAM} run colorectal"""


@click.group(help=_ABOUT, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(VERSION, prog_name="metastatic-seeding")
@click.option(
    "--debug", is_flag=True, expose_value=False, help="Show the traceback of an internal error (or SIM_DEBUG=1)."
)
def cli() -> None:
    """The group of all commands."""


for command in (
    list_command,
    show,
    check,
    run,
    ask,
    sweep,
    attribute,
    sensitivity,
    validate,
    claims,
    plot,
    compare,
    report,
    lineage,
    export,
    export_lesson,
    demo,
    calibrate,
    compile_command,
):
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


def _open_what_is_closed() -> None:
    """A program may be started without output (`>&-`): what we open must not take the number of a standard stream."""
    for number, name in ((0, "stdin"), (1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            try:
                os.fstat(number)
            except OSError:
                os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
            mode = "r" if number == 0 else "w"
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code: 0 done, 1 machine failed, 2 wrong input, 130 or 143 stopped."""
    with terminated_like_interrupted() as was_terminated, _remarks_in_words():
        code = _main(arguments)
        return EXIT_TERMINATED if was_terminated() and code == EXIT_INTERRUPTED else code


@contextmanager
def _remarks_in_words() -> Iterator[None]:
    """What the program below us remarks while it opens results stands beside them, a line each, like other remarks."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", Remark)
        show = warnings.showwarning

        def say(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
            if issubclass(category, Remark):
                tell([str(message)])
            else:
                show(message, category, *place, **more)

        warnings.showwarning = say
        yield


def _main(arguments: Sequence[str] | None) -> int:
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments or os.environ.get("SIM_DEBUG", "0") not in ("", "0")
    _open_what_is_closed()
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
    except UnicodeEncodeError as error:
        if not any("\udc80" <= character <= "\udcff" for character in error.object):
            return _internal_error(error, debug)
        around = error.object[max(0, error.start - 40) : error.end + 40].split("\n")[0].strip(' ",')
        told = around.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="backslashreplace")
        return _fail(f"{told}: found a name that is not UTF-8; allowed: names in UTF-8", EXIT_INPUT)
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
