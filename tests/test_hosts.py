"""What a public host and pre-commit would run: checked against the workflow's schema, which comes with check-jsonschema."""

import subprocess
import sys

import pytest
import yaml

WORKFLOW = ".github/workflows/tests.yml"


def check(file):
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(file)]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_workflow_fits_its_schema(repository, tmp_path):
    pytest.importorskip("check_jsonschema")
    done = check(repository / WORKFLOW)
    assert done.returncode == 0, done.stdout + done.stderr
    broken = (repository / WORKFLOW).read_text(encoding="utf-8").replace("runs-on:", "runs-at:", 1)
    (tmp_path / "broken.yml").write_text(broken, encoding="utf-8")
    assert check(tmp_path / "broken.yml").returncode == 1


def test_the_workflow_names_every_platform_and_python(repository):
    jobs = yaml.safe_load((repository / WORKFLOW).read_text(encoding="utf-8"))["jobs"]
    matrix = jobs["tests"]["strategy"]["matrix"]
    assert [name.split("-")[0] for name in matrix["os"]] == ["ubuntu", "macos", "windows"]
    assert matrix["python"] == ["3.11", "3.12", "3.13"]


def test_pre_commit_calls_make_lint_and_fetches_nothing(repository):
    (repo,) = yaml.safe_load((repository / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert repo["repo"] == "local"
    assert [hook["entry"] for hook in repo["hooks"]] == ["make lint"] and repo["hooks"][0]["language"] == "system"
