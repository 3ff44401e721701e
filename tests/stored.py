"""Stored results as another hand would leave them: rewritten and sealed again, or as written before there were digests."""

from __future__ import annotations

import json
from pathlib import Path

from sim.results import sealed


def rewrite(
    folder: Path, name: str = "manifest.json", *, digests: bool = True, without: tuple[str, ...] = (), **changes
) -> None:
    """Change keys of a manifest, and seal it with the digests of what is there now; or write it as before digests."""
    file = folder / name
    manifest = json.loads(file.read_text(encoding="utf-8")) | changes
    for key in (sealed.DIGEST, *without, *(() if digests else (sealed.FILES,))):
        manifest.pop(key, None)
    if digests and sealed.FILES in manifest:
        manifest[sealed.FILES] = {
            name: sealed.digest_of(folder / name) for name in manifest[sealed.FILES] if (folder / name).is_file()
        }
    text = json.dumps(manifest, indent=2, ensure_ascii=False)
    file.write_bytes(sealed.seal(text) if digests else text.encode())


def flip(file: Path, bit: int) -> None:
    """Change one bit of a file."""
    content = bytearray(file.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    file.write_bytes(content)
