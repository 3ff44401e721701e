"""The benchmarks, one part a function; each returns its raw runs and puts its figures into the report."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from statistics import median

from benchmarks import rival_c, rival_metaspread
from benchmarks.measure import in_fresh_process, log_log_slope, median_of, median_ratio, rate
from benchmarks.startup import COMMANDS, measure
from benchmarks.work import headline, pinned

KEYS = (
    "ratio_vs_plain_mesa",
    "ratio_vs_plain_mesa_do",
    "ratio_single_patient",
    "ratio_vs_c",
    "ratio_vs_c_xoshiro",
    "ratio_vs_metaspread",
    "settled_cells_per_cpu_second",
    "headline_cpu_seconds",
    "dormancy_off_cpu_seconds",
    "bytes_per_cell",
    "slope_patients",
    "slope_cells",
    "speedup_2_workers",
    "cost_of_every_mechanism",
    *COMMANDS,
)
SAME_CELLS = {"shed": 1e-5} | dict.fromkeys(("settled", "sleeping", "woke", "died_asleep", "extinct", "grown"), 1e-2)
"""Counts in which the C rival may differ by so much, or by chance: it sheds the same cells, the rest has other keys."""


def check_work(run: dict, work: dict) -> None:
    """The headline run did the pinned work. Raises ValueError where it did not."""
    settled = run["settled"] / work["patients"]
    if abs(settled / work["settled_cells_per_patient"] - 1.0) > 0.01:
        raise ValueError(f"{settled:.0f} cells settled a patient, pinned are {work['settled_cells_per_patient']}")
    if run["shed"] / work["patients"] < work["shed_cells_per_patient"]:
        raise ValueError(f"only {run['shed'] / work['patients']:.3g} cells were shed a patient")


def check_same_cells(engine: dict, c: dict) -> None:
    """The C rival made the same cells as the engine. Raises ValueError where a count differs by more than it may."""
    for name, share in SAME_CELLS.items():
        if abs(engine[name] - c[name]) > max(share * engine[name], 6.0 * (2.0 * engine[name]) ** 0.5 * (share > 1e-5)):
            raise ValueError(f"{name}: {engine[name]} in the engine, {c[name]} in C")


def _c_programs(say) -> dict[str, Path]:
    if rival_c.compiler() is None:
        say("C: no compiler on this machine (gcc or cc), its rows stay empty")
        return {}
    folder = Path(tempfile.mkdtemp(prefix="life_cycle_"))
    return {variant: rival_c.compile_rival(variant, folder) for variant in rival_c.VARIANTS}


def cohort(report: dict, say) -> dict:
    """The headline cohort with and without dormancy, in turn with C and plain Mesa."""
    toml = pinned()
    repeats, patients = toml["repeats"]["headline"], toml["work"]["patients"]
    programs = _c_programs(say)
    runs: dict[str, list[dict]] = {}

    def add(name: str, run: dict) -> dict:
        runs.setdefault(name, []).append(run)
        say(f"{name}: {run['cpu_seconds']:.2f} CPU s")
        return run

    for _ in range(repeats):
        for dormancy in (True, False):
            ending = "" if dormancy else "_dormancy_off"
            engine = add(f"engine{ending}", in_fresh_process("engine", {"dormancy": dormancy}))
            check_work(engine, toml["work"])
            if programs:
                work = headline() if dormancy else headline().without_dormancy()
                file = rival_c.write_work(work, programs["keyed"].parent / "work.bin")
                for variant, program in programs.items():
                    add(f"c_{variant}{ending}", rival_c.run(program, file, 0, patients))
                check_same_cells(engine, runs[f"c_keyed{ending}"][-1])
        for activation in ("shuffle_do", "do"):
            add(f"mesa_{activation}", in_fresh_process("rival_mesa", {"activation": activation}))

    rates = {name: [rate(run) for run in group] for name, group in runs.items()}
    seconds = {name: [run["cpu_seconds"] for run in group] for name, group in runs.items()}
    report["headline_cpu_seconds"] = median_of(runs["engine"], "cpu_seconds")
    report["dormancy_off_cpu_seconds"] = median_of(runs["engine_dormancy_off"], "cpu_seconds")
    report["settled_cells_per_cpu_second"] = runs["engine"][0]["settled"] / report["headline_cpu_seconds"]
    report["bytes_per_cell"] = median_of(runs["engine"], "bytes_per_cell")
    report["ratio_vs_plain_mesa"] = median_ratio(rates["engine"], rates["mesa_shuffle_do"])
    report["ratio_vs_plain_mesa_do"] = median_ratio(rates["engine"], rates["mesa_do"])
    if programs:
        report["ratio_vs_c"] = median_ratio(seconds["engine"], seconds["c_keyed"])
        report["ratio_vs_c_xoshiro"] = median_ratio(seconds["engine"], seconds["c_xoshiro"])
    return runs


def single_patient(report: dict, say) -> dict:
    """One patient with about 20,000 cells alive, against plain Mesa."""
    toml = pinned()
    settled = toml["single_patient"]["settled"]
    runs: dict[str, list[dict]] = {"engine": [], "mesa_shuffle_do": []}
    for _ in range(toml["repeats"]["headline"]):
        runs["engine"].append(in_fresh_process("engine", toml["single_patient"]))
        runs["mesa_shuffle_do"].append(in_fresh_process("rival_mesa", {"activation": "shuffle_do", "settled": settled}))
        say("single patient: " + ", ".join(f"{k} {v[-1]['cpu_seconds']:.2f} CPU s" for k, v in runs.items()))
    report["ratio_single_patient"] = median_ratio(*([rate(run) for run in group] for group in runs.values()))
    return runs


def growth(report: dict, say) -> dict:
    """CPU seconds and peak memory in patients, in settled cells a patient, and in years."""
    toml = pinned()
    g, repeats = toml["growth"], toml["repeats"]["growth"]
    series = {
        "patients": [{"patients": n, "settled": g["patients_settled"]} for n in g["patients"]],
        "settled": [{"patients": g["settled_patients"], "settled": n} for n in g["settled"]],
        "years": [{"patients": g["years_patients"], "days": round(365.25 * n)} for n in g["years"]],
    }
    out: dict = {}
    for name, settings in series.items():
        runs = [[in_fresh_process("engine", s) for s in settings] for _ in range(repeats)]
        columns = list(zip(*runs, strict=True))
        out[name] = {
            "sizes": g[name],
            "cpu_seconds": [median_of(column, "cpu_seconds") for column in columns],
            "peak_bytes": [median_of(column, "peak_bytes") for column in columns],
        }
        say(
            f"growth in {name}: "
            + ", ".join(
                f"{size:,}: {cpu:.2f} s {peak / 2**20:.0f} MiB"
                for size, cpu, peak in zip(*out[name].values(), strict=True)
            )
        )
    report["slope_patients"] = log_log_slope(out["patients"]["sizes"], out["patients"]["cpu_seconds"])
    report["slope_cells"] = log_log_slope(out["settled"]["sizes"], out["settled"]["cpu_seconds"])
    return out


def metaspread(report: dict, say, engine_rate: float) -> dict:
    """Agent-steps per CPU-second of MetaSpread; the ratio is against its better figure."""
    toml = pinned()
    m = toml["metaspread"]
    try:
        python = rival_metaspread.install(m["version"])
    except (OSError, subprocess.CalledProcessError) as error:
        say(f"MetaSpread: could not be installed ({error}), its rows stay empty")
        return {"error": str(error)}
    out = {}
    for cells, steps in zip(m["cells"], m["steps"], strict=True):
        runs = [rival_metaspread.run(python, cells, steps) for _ in range(toml["repeats"]["metaspread"])]
        out[str(cells)] = median_of(runs, "agent_steps_per_cpu_second")
        say(f"MetaSpread, {cells} cells: {out[str(cells)]:,.0f} agent-steps per CPU-second")
    report["ratio_vs_metaspread"] = engine_rate / max(out.values())
    return {"agent_steps_per_cpu_second": out, "ratio_at_default": engine_rate / out[str(m["cells"][0])]}


def every_mechanism(report: dict, say) -> dict:
    """CPU seconds of a cohort with the default mechanisms and with all, in turn."""
    toml = pinned()
    runs: dict[str, list[dict]] = {"default": [], "every": []}
    for _ in range(toml["repeats"]["headline"]):
        for name, group in runs.items():
            group.append(in_fresh_process("every_mechanism", {**toml["every_mechanism"], "every": name == "every"}))
        say(
            "mechanisms: "
            + ", ".join(
                f"{v[-1]['mechanisms']} on {v[-1]['cpu_seconds']:.2f} CPU s, {v[-1]['settled']:,} cells settled"
                for v in runs.values()
            )
        )
    report["cost_of_every_mechanism"] = median_ratio(
        *([run["cpu_seconds"] for run in runs[name]] for name in ("every", "default"))
    )
    return runs


def workers(report: dict, say) -> dict:
    """Wall seconds of one worker against two, in turn."""
    toml = pinned()
    repeats, one, two = toml["repeats"]["workers"], [], []
    settings = {"workers": 1, "seconds": toml["workers"]["seconds"]}
    for _ in range(repeats):
        one.append(in_fresh_process("workers", settings))
        settings = {"workers": 1, "patients": one[0]["patients"]}
        two.append(in_fresh_process("workers", settings | {"workers": 2}))
        say(
            f"{settings['patients']} patients: 1 worker {one[-1]['wall_seconds']:.1f} s, "
            f"2 workers {two[-1]['wall_seconds']:.1f} s"
        )
    report["speedup_2_workers"] = median_ratio(*([run["wall_seconds"] for run in group] for group in (one, two)))
    return {"one": one, "two": two}


def startup(report: dict, say) -> dict:
    """Put the medians into the report; return every measurement."""
    seconds = measure()
    for name, took in seconds.items():
        report[name] = median(took)
        say(f"{' '.join(COMMANDS[name])}: {report[name]:.2f} CPU s")
    return seconds
