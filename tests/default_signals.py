"""Start a process that Ctrl-C can stop, however the tests themselves were started.

A shell that starts a job in the background lets it ignore SIGINT, and a program hands what it ignores down to
every program that it starts: without this, a test that interrupts its child waits for ever in a background job.
"""

from __future__ import annotations

import os
import subprocess
import sys

# The process that will be interrupted replaces the one that restores the signal: same number, same group. Nothing is done
# between fork and exec (`preexec_fn`), which is unsafe, and from Python 3.12 on warned about, where threads run.
_RESTORE = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"


def start(command: list[str], **options) -> subprocess.Popen:
    """`subprocess.Popen` of a command whose program is a full path, with SIGINT as a terminal's own job has it."""
    restored = command if os.name == "nt" else [sys.executable, "-I", "-S", "-c", _RESTORE, *command]
    return subprocess.Popen(restored, **options)
