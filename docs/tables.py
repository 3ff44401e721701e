"""The manual's tables, made from the catalogue, the registries and the table contract: nothing is typed twice."""

from __future__ import annotations

import inspect
from pathlib import Path

from sim import catalog, scenario
from sim.catalog import transcription as readings_of
from sim.mechanisms import REGISTRY
from sim.scenario.resolve import ROOT


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
        (f"`{path.resolve().relative_to(ROOT).as_posix()}`", title, question)
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
            f"{row['doi_or_url']} ({', '.join(text for text in (row['evidence'], row['era'], row['survival']) if text)})\n"  # noqa: E501
        )
    return "\n".join(line.replace("|", "\\|").replace("<", "&lt;") for line in lines)


def transcription() -> str:
    """The second transcription in counts, and every number that differs or disagrees, both shown."""
    statuses = readings_of.STATUSES
    rows = catalog.literature()
    counts = _table(
        ("", *statuses), [(name, *(found[s] for s in statuses)) for name, found in readings_of.counts().items()]
    )
    differs = _table(
        ("row", "first reading", "second reading", "why"),
        [(r.id, r.first["value"], r.second["value"], r.second["note"]) for r in readings_of.differing()],
    )
    pairs = [
        (
            key,
            row["quantity"],
            f"{row['primary']}, {row['organ']}",
            f"{row['value']} {row['unit']}",
            f"{other} {rows[other]['value']}",
        )
        for key, row in rows.items()
        for other in row["disagrees_with"].split()
        if tuple(rows).index(key) < tuple(rows).index(other)
    ]
    apart = _table(("row", "quantity", "of", "value", "against"), pairs)
    marked = _table(
        ("row", "of", "why"),
        [(k, f"{r['primary']}, {r['organ']}", r["contiguous"]) for k, r in rows.items() if r["contiguous"]],
    )
    return (
        f"## Counts by status\n\n{counts}\n## Numbers that differ\n\n{differs}\n"
        f"## Organs reached by direct extension\n\n{marked}\n## Published numbers that disagree\n\n{apart}"
    )


def drainage() -> str:
    """Venous drainage of every site from anatomy, with its sources; ways out that nothing speaks of are left out."""
    rows = [
        (
            site,
            vein.replace("_", " "),
            row["share"],
            f"{row['low']} to {row['high']}",
            row["status"],
            row["reason"],
            row["citation"],
        )
        for site, veins in readings_of.drainage().items()
        for vein, row in veins.items()
        if row["status"] != "unverified"
    ]
    return _table(("site", "vein", "share", "range", "status", "why", "source"), rows)


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
    "transcription": ("Numbers typed twice", transcription),
    "drainage": ("Venous drainage", drainage),
}


def write(folder: Path) -> None:
    """Write every table as a page of its own into `folder`."""
    folder.mkdir(exist_ok=True)
    for name, (title, make) in PAGES.items():
        (folder / f"{name}.md").write_text(f"# {title}\n\n{make()}", encoding="utf-8")
    (folder / "day.md").write_text(day(), encoding="utf-8")
    (folder / "results.md").write_text(results(), encoding="utf-8")
