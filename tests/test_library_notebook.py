"""The notebook of the manual runs from start to end, writes nothing, and shows what it stores."""

import importlib.util
import json
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"
MOST_BYTES = 600_000


def test_the_notebook_runs(tmp_path, monkeypatch):
    file = DOCS / "notebook.ipynb"
    stored = json.loads(file.read_text(encoding="utf-8"))
    assert stored["nbformat"] == 4 and file.stat().st_size < MOST_BYTES
    spec = importlib.util.spec_from_file_location("execute_notebook", DOCS / "execute_notebook.py")
    runner = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(runner)
    monkeypatch.chdir(tmp_path)
    now = runner.executed(stored)
    assert list(tmp_path.iterdir()) == []
    cells = [(cell["source"], cell["outputs"], then["outputs"]) for cell, then in
             zip(stored["cells"], now["cells"], strict=True) if cell["cell_type"] == "code"]  # fmt: skip
    assert len(cells) > 8
    for source, before, after in cells:
        kinds = [[(one["output_type"], sorted(one.get("data", ()))) for one in outputs] for outputs in (before, after)]
        assert kinds[0] == kinds[1], f"execute it again (docs/execute_notebook.py): {''.join(source)}"
    said = "".join(text for _, _, outputs in cells for one in outputs for text in one.get("text", ()))
    assert "With dormancy switched off" in said


def test_the_library_is_in_the_manual():
    import sim
    from sim import library

    text = (DOCS / "library.md").read_text(encoding="utf-8")
    assert "library" in (DOCS / "index.md").read_text(encoding="utf-8").split("```")[1].split()
    for name in (*sim.__all__, "open"):
        assert f"sim.{name}(" in text
    members = text.partition(":members: ")[2].partition("\n")[0].split(", ")
    assert sorted(members) == sorted(library.__all__)
