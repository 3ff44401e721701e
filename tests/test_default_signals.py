"""A child that a test interrupts hears Ctrl-C, also where the tests run as a background job, which ignores it."""

import os
import signal
import subprocess
import sys

import pytest
from default_signals import start

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C otherwise")
HEARS = [sys.executable, "-c", "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"]


@pytest.fixture
def in_the_background():
    """SIGINT ignored, as a shell starts a background job."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_child_of_a_background_job_hears_ctrl_c(in_the_background):
    """Without `start` the child is deaf: the defect that this helper is there for."""
    assert subprocess.run(HEARS, capture_output=True, text=True, check=True).stdout == "False\n"
    with start(HEARS, stdout=subprocess.PIPE, text=True) as process:
        assert process.communicate(timeout=60)[0] == "True\n"


def test_the_process_is_the_one_that_was_asked_for(in_the_background, tmp_path):
    """The signal goes to this number and this group: a process in between would take it instead."""
    code = "import os, signal; print(os.getpid() == os.getpgid(0), os.getcwd(), flush=True); signal.pause()"
    with start(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout.readline().decode() == f"True {tmp_path}\n"
        os.killpg(process.pid, signal.SIGINT)
        _, complaint = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT and b"KeyboardInterrupt" in complaint
