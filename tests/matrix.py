"""A part of the tests on several Pythons, with the newest packages and with the oldest: `make matrix`.

The oldest are the lower ends of the ranges in pyproject.toml, as far as there are ready-made packages for that
Python. It says what ran, what failed, and what it could not find.
"""

import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
PLACE = REPOSITORY / ".venv" / "matrix"
TESTS = [f"tests/test_{name}.py" for name in ("scenario", "units", "cli", "model", "results", "experiment")]
KINDS = {"newest": "highest", "oldest": "lowest-direct", "mesa4": "highest"}
USUAL = ("newest", "oldest")
NEXT_MESA = "mesa[network]>=4.0.0a0"
"""The pre-release that pyproject.toml does not allow yet: `python -m tests.matrix 3.12 mesa4`, a look ahead."""
SHOWN = ("mesa", "numpy", "numba", "pandas", "pyarrow", "scipy", "pydantic", "matplotlib")
UV = [sys.executable, "-m", "uv", "--quiet"]


def interpreter(version: str) -> str | None:
    """A Python of this version on this machine: on the path, or where uv or pyenv keep theirs; None is downloaded."""
    found = subprocess.run([*UV, "python", "find", "--no-python-downloads", version], capture_output=True, text=True)
    if found.returncode == 0 and found.stdout.strip():
        return found.stdout.strip()
    kept = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
    return str(kept[-1]) if kept else shutil.which(f"python{version}")


def last_line(done: subprocess.CompletedProcess) -> str:
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[-1].strip("= ") if lines else f"exit code {done.returncode}"


def prepare(python: str, kind: str, place: Path) -> str:
    """Make the environment; return the versions of the packages that matter most. Raises LookupError where there is none."""
    pins = place.with_name(f"{place.name}.txt")
    command = [*UV, "pip", "compile", "pyproject.toml", "--extra", "test", "--resolution", KINDS[kind]]
    command += ["--only-binary", ":all:", "--python", python, "--no-header", "--no-annotate", "-o", str(pins)]
    if kind == "mesa4":
        ahead = place.with_name("mesa4-override.txt")
        ahead.write_text(NEXT_MESA + "\n", encoding="utf-8")
        command += ["--override", str(ahead), "--prerelease", "if-necessary-or-explicit"]
    asked = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    if asked.returncode:
        raise LookupError(f"no such set of packages: {' '.join(asked.stderr.split())[:600]}")
    subprocess.run([*UV, "venv", "--clear", "--python", python, str(place)], check=True)
    install = [*UV, "pip", "install", "--python", str(place), "--only-binary", ":all:", "-r", str(pins)]
    made = subprocess.run(install, cwd=REPOSITORY, capture_output=True, text=True)
    if made.returncode:
        raise LookupError(f"packages that cannot be installed: {' '.join(made.stderr.split())[:600]}")
    versions = dict(line.split("==") for line in pins.read_text(encoding="utf-8").splitlines() if "==" in line)
    return ", ".join(f"{name} {versions[name].split()[0]}" for name in SHOWN)


def run(python: str, kind: str, version: str, tests: list[str]) -> tuple[bool, str]:
    """Whether the tests pass there, and what to say of it."""
    place = PLACE / f"{version}-{kind}"
    try:
        versions = prepare(python, kind, place)
    except LookupError as error:
        return False, f"NOT FOUND {error}"
    inside = place / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    done = subprocess.run(
        [str(inside), "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    place.with_name(f"{place.name}.log").write_text(done.stdout + done.stderr, encoding="utf-8")
    return done.returncode == 0, f"{last_line(done)} ({versions})"


def main(arguments: list[str]) -> int:
    """`python -m tests.matrix [3.11 3.12 ...] [newest|oldest|mesa4] [tests/test_x.py ...]`."""
    versions = [word for word in arguments if word[:1].isdigit()] or ["3.11", "3.12", "3.13"]
    kinds = [word for word in arguments if word in KINDS] or list(USUAL)
    tests = [word for word in arguments if word.endswith(".py")] or TESTS
    PLACE.mkdir(parents=True, exist_ok=True)
    good = True
    for version in versions:
        python = interpreter(version)
        for kind in kinds:
            passed, said = (
                run(python, kind, version, tests) if python else (False, "NOT FOUND no such Python on this machine")
            )
            good &= passed
            print(f"{'ok    ' if passed else 'FAILED'} Python {version}, {kind} packages: {said}", flush=True)
    print(f"logs of the tests: {PLACE.relative_to(REPOSITORY)}/*.log")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
