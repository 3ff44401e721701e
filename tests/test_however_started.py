"""The commands behind `make audit` and `make hostile`: what they conclude from what they see."""

import audit
import hostile_runs
import pytest

PACKAGE = {"name": "x", "version": "1.0", "vulns": []}
KNOWN = {"id": "CVE-1", "fix_versions": ["1.1"]}


@pytest.mark.parametrize(
    "answer, code, words",
    [
        ({"dependencies": [PACKAGE]}, audit.CLEAN, "clean: 1 packages"),
        ({"dependencies": [PACKAGE | {"vulns": [KNOWN]}]}, audit.FOUND, "FOUND x 1.0: CVE-1 (mended in 1.1)"),
        ({"dependencies": [{"name": "y", "skip_reason": "no network"}, PACKAGE]}, audit.NOT_AUDITED, "NOT AUDITED"),
        ({"dependencies": [{"name": "y", "skip_reason": "?"}, PACKAGE | {"vulns": [KNOWN]}]}, audit.FOUND, "FOUND"),
        ({"dependencies": []}, audit.NOT_AUDITED, "NOT AUDITED"),
        (None, audit.NOT_AUDITED, "NOT AUDITED"),
        ([], audit.NOT_AUDITED, "NOT AUDITED"),
    ],
)
def test_what_was_not_looked_at_is_not_clean(answer, code, words):
    found, lines = audit.verdict(answer)
    assert found == code and any(words in line for line in lines)


def test_licences_are_listed():
    told = audit.licences()
    assert any(line.startswith("numpy: ") and "BSD" in line for line in told) and len(told) > 50


@pytest.mark.long
@pytest.mark.parametrize("way", ["busy", "background", "locale", "folder", "order-2"])
def test_a_suite_is_green_however_it_is_started(tmp_path, way):
    assert hostile_runs.run(way, ["tests/test_units.py", "tests/test_layout.py"], tmp_path)[0] == "ok"


def test_a_suite_that_fails_is_told(tmp_path):
    assert hostile_runs.run("order-1", ["tests/no_such_test.py"], tmp_path)[0] == "FAILED"
