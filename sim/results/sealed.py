"""Digests of stored files: a bit that a disk, a copy or a cable changed is found before a number is read.

A sealed manifest is JSON whose last line is the digest of all lines above it; its key `files` holds those of the files
beside it. Page checksums of the tables alone would leave changed headers, and the manifest itself, unnoticed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sim.errors import InputError

FILES = "files"
DIGEST = "digest"
_LONGEST_SEED = 25
NOTE = "written before results had digests: damage cannot be told from numbers"
_LAST_LINE = b'"' + DIGEST.encode() + b'": "'


def digest_of(source: Path | bytes) -> str:
    """SHA-256 of a file or of bytes, in hexadecimal digits. Raises OSError."""
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digests_in(folder: Path) -> dict[str, str]:
    """The digest of every file below a folder, by its path in it with forward slashes. Raises OSError."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): digest_of(path) for path in files}


def seal(text: str) -> bytes:
    """A JSON object as indented text, with the digest of all its lines as its last line."""
    body = text.rstrip().removesuffix("}").rstrip()
    above = (body + ("" if body.endswith("{") else ",") + "\n").encode("utf-8", errors="backslashreplace")
    return above + _LAST_LINE + digest_of(above).encode() + b'"}\n'


def unseal(file: Path, again: str) -> tuple[dict[str, Any], bool]:
    """The object in a manifest (without its digest), and whether it was sealed; `again` says how to make it anew.

    Raises InputError, which names the file, where it is damaged, or no JSON object; FileNotFoundError.
    """
    try:
        content = file.read_bytes()
        value = json.loads(content.decode("utf-8"))
    except FileNotFoundError:
        raise
    except RecursionError:
        raise InputError(f"{file}: cannot be read: its values lie too deep in each other; {again}") from None
    except (ValueError, OSError) as error:
        raise InputError(f"{file}: cannot be read: {error}; {again}") from error
    if not isinstance(value, dict):
        return {}, False
    found = value.pop(DIGEST, None)
    value = _with_whole_seed(value)
    above, mark, _ = content.rpartition(_LAST_LINE)
    if (found is not None or FILES in value) and (not mark or digest_of(above) != found):
        raise InputError(
            f"{file}: damaged: it is not what was written (found: lines whose digest differs from the one in the last "
            f"line); {again}"
        )
    return value, found is not None


def _with_whole_seed(manifest: dict[str, Any]) -> dict[str, Any]:
    """Seeds above 2^53 are stored as text, since most readers of JSON round them; here they are numbers again."""
    seed = manifest.get("seed")
    if isinstance(seed, str) and seed.isascii() and seed.isdigit() and len(seed) < _LONGEST_SEED:
        return manifest | {"seed": int(seed)}
    return manifest


def check_file(file: Path, digests: Iterable[str], again: str) -> None:
    """Raises InputError, which names the file, where it is missing or has none of these digests."""
    try:
        found = digest_of(file)
    except FileNotFoundError:
        raise InputError(f"{file}: the file is missing; {again}") from None
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}; {again}") from error
    if found not in digests:
        raise InputError(f"{file}: damaged: it is not what was written (its digest differs); {again}")


def check_files(folder: Path, digests: Mapping[str, str], names: Iterable[str], again: str) -> None:
    """Compare files of a folder with their digests. Raises InputError that names the first that is damaged."""
    for name in names:
        file = folder / name
        if name not in digests:
            raise InputError(f"{file}: not among the files that its manifest names; {again}")
        check_file(file, [digests[name]], again)
