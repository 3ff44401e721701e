"""Wrong input that once ended in an internal error: one message and exit code 2, nothing half written."""

import os
import subprocess
import sys

import pytest

unix = pytest.mark.skipif(os.name == "nt", reason="names are text there, and streams cannot be closed so")
NO_TEXT = os.fsdecode(b"o\xff")


def call(repository, folder, *arguments, redirect=""):
    command = [sys.executable, str(repository / "run_sim.py"), *map(str, arguments)]
    if redirect:
        command = ["sh", "-c", f'"$@" {redirect}', "sh", *command]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@unix
@pytest.mark.parametrize("redirect", [">&-", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("arguments", [["list"], ["--help"]])
def test_closed_streams_are_no_defect(repository, tmp_path, arguments, redirect):
    done = call(repository, tmp_path, *arguments, redirect=redirect)
    assert done.returncode == 0 and done.stderr == ""


@unix
@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "colorectal", "--patients", "1"],
        ["sweep", "factorial"],
        ["ask", "portal_vein", "--small"],
        ["sensitivity", "colorectal"],
    ],
)
def test_an_output_path_that_is_no_text_is_refused_before_anything_is_computed(repository, tmp_path, arguments):
    done = call(repository, tmp_path, *arguments, "--out", NO_TEXT)
    error = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert done.returncode == 2 and len(error) == 1 and "found a name that is not UTF-8" in error[0]
    assert "o\\xff" in error[0] and len(error[0]) < 400 and list(tmp_path.iterdir()) == []


DEEP = ".".join(["a"] * 5000) + " = 1\n"


@pytest.mark.parametrize("head", ['extends = "colorectal"\n', 'title = "P"\nscenarios = ["colorectal"]\n'])
@pytest.mark.parametrize("line, words", [('"[key]" = 1\n', 'unknown key "[key]"'), (DEEP, "nested over 50 deep")])
def test_strange_keys_are_refused_in_words(repository, tmp_path, head, line, words):
    (tmp_path / "strange.toml").write_text(head + line, encoding="utf-8")
    done = call(repository, tmp_path, "check", "strange.toml")
    assert done.returncode == 2 and words in done.stderr and "internal" not in done.stderr


def test_a_key_that_is_spelt_like_a_mark_keeps_its_place(repository, tmp_path):
    text = 'extends = "colorectal"\n[cohort]\n"[key]" = 1\n[parameters]\n"soil.liver" = { "[key]" = 1 }\n'
    (tmp_path / "strange.toml").write_text(text, encoding="utf-8")
    said = call(repository, tmp_path, "check", "strange.toml").stderr
    assert 'line 3: cohort."[key]": unknown key "[key]"' in said
    assert 'line 5: parameters."soil.liver"."[key]": unknown key "[key]"' in said


@pytest.mark.parametrize("digits", [400, 5000])
def test_more_memory_than_there_is(repository, tmp_path, digits):
    done = call(repository, tmp_path, "run", "colorectal", "--max-memory", "9" * digits + "GB")
    assert done.returncode == 2 and "is not an amount of memory" in done.stderr and len(done.stderr) < 300
