"""Are the packages of constraints.txt known to be vulnerable, and under what licences do they stand? `make audit`.

Three exits: 0 clean, 1 something was found, 2 not audited (no network, no answer, a package that could not be looked up): what was
not looked at is not clean.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

CONSTRAINTS = Path(__file__).resolve().parent.parent / "constraints.txt"
CLEAN, FOUND, NOT_AUDITED = 0, 1, 2
PATIENCE_SECONDS = 600
LONGEST_LICENCE = 60


def verdict(answer: Mapping | None) -> tuple[int, list[str]]:
    """The exit, and lines that say why, of what pip-audit told as JSON; None where it told nothing."""
    if (
        not isinstance(answer, Mapping)
        or not isinstance(answer.get("dependencies"), list)
        or not answer["dependencies"]
    ):
        return NOT_AUDITED, ["NOT AUDITED: pip-audit gave no answer"]
    found, skipped = [], []
    for package in answer["dependencies"]:
        name = f"{package.get('name')} {package.get('version', '')}".strip()
        if "skip_reason" in package:
            skipped.append(f"not looked up: {name}: {package['skip_reason']}")
        for known in package.get("vulns", []):
            fixed = ", ".join(known.get("fix_versions", [])) or "no version yet"
            found.append(f"FOUND {name}: {known.get('id')} (mended in {fixed})")
    if found:
        return FOUND, found + skipped
    if skipped:
        return NOT_AUDITED, [*skipped, "NOT AUDITED: see above"]
    return CLEAN, [f"clean: {len(answer['dependencies'])} packages, none known to be vulnerable"]


def audit() -> Mapping | None:
    """What pip-audit says of exactly the pinned versions."""
    command = [sys.executable, "-m", "pip_audit", "--strict", "--disable-pip", "--no-deps", "--format", "json",
               "--progress-spinner", "off", "--requirement", str(CONSTRAINTS)]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
        return json.loads(done.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return None


def licences() -> list[str]:
    """A line a pinned package that is installed: its licence, as it says itself."""
    out = []
    for line in CONSTRAINTS.read_text(encoding="utf-8").splitlines():
        name = line.partition("==")[0]
        if "==" not in line or line.startswith("#"):
            continue
        try:
            about = metadata.metadata(name)
        except metadata.PackageNotFoundError:
            continue
        classes = [
            value.rpartition(" :: ")[2] for value in about.get_all("Classifier") or [] if value.startswith("License ::")
        ]
        told = (
            about.get("License-Expression") or ", ".join(classes) or (about.get("License") or "").strip().split("\n")[0]
        )
        out.append(f"{name}: {told[:LONGEST_LICENCE] or 'not told'}")
    return out


def main() -> int:
    """Print licences and verdict."""
    print("\n".join(licences()))
    code, lines = verdict(audit())
    print("\n".join(lines))
    return code


if __name__ == "__main__":
    sys.exit(main())
