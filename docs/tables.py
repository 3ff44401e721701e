"""The manual's tables, made from the catalogue, the registries and the table contract: nothing is typed twice."""

from __future__ import annotations

import inspect
from pathlib import Path

from sim import catalog, scenario
from sim.mechanisms import REGISTRY


def _cell(text) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")


def _table(head: tuple[str, ...], rows) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _range(low: float, high: float) -> str:
    return "fixed" if low == high else f"{low:.4g} to {high:.4g}"


def _entry(stem: str, members: list) -> str:
    """One parameter, or one that exists for every organ or site, as two paragraphs."""
    first = members[0]
    unit = "" if first.unit == "1" else f" {first.unit}"
    sign = {
        "+": "raises",
        "-": "lowers",
        "^": f"raises (up to {first.optimum}; beyond that, lowers)",
        "0": "does not move",
    }
    moves = {(p.outcome, p.direction) for p in members}
    says = (
        f"raising it {sign[first.direction]} *{first.outcome.replace('_', ' ')}*"
        if len(moves) == 1
        else "each moves its own outcome"
    )
    if len(members) == 1:
        head = f"`{first.name}` = **{first.value:.6g}{unit}** ({_range(first.low, first.high)}; {first.kind}; {says})"
    else:
        told = [p for p in members if p.value or len(members) <= 20]
        keys = "; ".join(f"{p.name.partition('.')[2]} {p.value:.4g} ({_range(p.low, p.high)})" for p in told)
        others = "; all others 0" if len(told) < len(members) else ""
        head = f"`{stem}`{f' in **{unit.strip()}**' if unit else ''} ({first.kind}): {keys}{others}"
    sources = list(dict.fromkeys(p.source for p in members))
    return f"{head}\n: {first.meaning}. *{' / '.join(sources)}*\n"


def parameters() -> str:
    """Every parameter: value, unit, range, kind and source, by the mechanism that it belongs to."""
    groups: dict[str, dict[str, list]] = {}
    for parameter in catalog.load().values():
        stems = groups.setdefault(parameter.mechanism or "body, tumour and patients", {})
        stems.setdefault(parameter.name.partition(".")[0], []).append(parameter)
    return "\n".join(
        f"## {group.replace('_', ' ').capitalize()}\n\n" + "\n".join(_entry(*item) for item in stems.items())
        for group, stems in groups.items()
    )


def mechanisms() -> str:
    """Every mechanism, what off means, and its null."""
    rows = [
        (f"`{m.name}`", m.title, m.off, ", ".join(f"`{k}` = {v:g}" for k, v in m.null.items()))
        for m in REGISTRY.values()
    ]
    return _table(("mechanism", "on", "off means", "null"), rows)


def treatments() -> str:
    """Every treatment with what it does."""
    from sim.treatments import REGISTRY as TREATMENTS

    return _table(("treatment", "does"), [(f"`{t.name}`", t.title) for t in TREATMENTS.values()])


def scenarios() -> str:
    """Every scenario with its question, by its path in the repository wherever the manual is built from."""
    rows = [
        (f"`{path.resolve().relative_to(scenario.ROOT).as_posix()}`", title, question)
        for path, title, question, _ in scenario.listing()
    ]
    return _table(("scenario", "title", "question"), rows)


def literature() -> str:
    """Every published row that the catalogue may cite."""
    lines = []
    for key, row in catalog.literature().items():
        spread = f" ({row['low']} to {row['high']})" if row["low"] and row["high"] else ""
        where = ", ".join(text for text in (row["primary"], row["organ"], row["species"]) if text)
        lines.append(
            f"**{key}** {row['quantity']}: {row['value']}{spread} {row['unit']}\n: {where}. *{row['citation']}* "
            f"{row['doi_or_url']} ({row['evidence']})\n"
        )
    return "\n".join(line.replace("|", "\\|").replace("<", "&lt;") for line in lines)


def results() -> str:
    """The tables of a run (results/README.md, which a test keeps equal to the contract)."""
    page = (Path(__file__).parent.parent / "results" / "README.md").read_text(encoding="utf-8")
    return page.replace("](../docs/", "](../")  # as seen from where the page is built


def day() -> str:
    """The order of a day, with the first line of what each step says of itself."""
    from sim.model import DAY, MetastasisModel

    lines = [
        f"{number}. **{step}.** {inspect.getdoc(getattr(MetastasisModel, step)).splitlines()[0]}"
        for number, step in enumerate(DAY, start=1)
    ]
    return "\n".join(lines) + "\n"


PAGES = {
    "parameters": ("Parameters", parameters),
    "mechanisms": ("Mechanisms", mechanisms),
    "treatments": ("Treatments", treatments),
    "scenarios": ("Scenarios", scenarios),
    "literature": ("Published numbers", literature),
}


def write(folder: Path) -> None:
    """Write every table as a page of its own into `folder`."""
    folder.mkdir(exist_ok=True)
    for name, (title, make) in PAGES.items():
        (folder / f"{name}.md").write_text(f"# {title}\n\n{make()}", encoding="utf-8")
    (folder / "day.md").write_text(day(), encoding="utf-8")
    (folder / "results.md").write_text(results(), encoding="utf-8")
