"""Run the cells of the notebook beside this file and store what they show: `python docs/execute_notebook.py`.

A notebook is JSON, and ours uses nothing of Jupyter but its format: so that it is tested without Jupyter.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import json
import sys
from pathlib import Path

FILE = Path(__file__).parent / "notebook.ipynb"


def executed(notebook: dict) -> dict:
    """The notebook with what its cells show now; cells share their names, as in Jupyter. Raises what a cell raises."""
    names: dict = {"__name__": "__main__"}
    cells, count = [], 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            count += 1
            cell = {**cell, "execution_count": count, "outputs": _outputs("".join(cell["source"]), names, count)}
        cells.append(cell)
    return {**notebook, "cells": cells}


def _outputs(source: str, names: dict, count: int) -> list[dict]:
    """Run one cell: what it prints, and what its last line is."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, f"cell {count}", "exec"), names)
        shown = None if last is None else eval(compile(ast.Expression(last.value), f"cell {count}", "eval"), names)
    outputs = []
    if printed.getvalue():
        outputs.append({"name": "stdout", "output_type": "stream", "text": printed.getvalue().splitlines(True)})
    if shown is not None:
        data: dict = {"text/plain": repr(shown).splitlines(True)}
        if hasattr(shown, "_repr_png_"):
            data["image/png"] = base64.b64encode(shown._repr_png_()).decode("ascii")
        elif hasattr(shown, "_repr_html_"):
            data["text/html"] = shown._repr_html_().splitlines(True)
        outputs.append({"data": data, "execution_count": count, "metadata": {}, "output_type": "execute_result"})
    return outputs


def main() -> None:
    """Execute the notebook in its place."""
    sys.path.insert(0, str(FILE.parent.parent))
    notebook = executed(json.loads(FILE.read_text(encoding="utf-8")))
    FILE.write_text(json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
