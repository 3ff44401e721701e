"""Both implementations on the same work, and what each of them produced as a `Sample`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from agreement_compare import Sample
from reference.plain import ASLEEP, PlainModel

from sim import catalog
from sim.catalog.parameters import LaneParameters
from sim.disease.colonise import grown_reach_days, grown_sizes
from sim.disease.hosts import Hosts
from sim.disease.identity import unpack
from sim.mechanisms import default_states, effective_parameters
from sim.model import MetastasisModel
from sim.names import MICROMETASTASIS_CELLS, NICHES
from sim.runs.tables import every_seed

AGE_YEARS = 67.0  # on day 0
LIFE = ("settled", "woke", "died_asleep", "extinct", "asleep", "colonies")


def parameter_values(**changes: float) -> dict[str, float]:
    """The catalogue's values, mechanisms in their default states, with changes; a dot in a name is written as two underscores."""
    catalogue = {name: float(parameter.value) for name, parameter in catalog.load().items()}
    values = effective_parameters(catalogue, default_states())
    changes = {name.replace("__", "."): float(value) for name, value in changes.items()}
    assert changes.keys() <= values.keys(), changes.keys() - values.keys()
    return values | changes


# -- the engine --------------------------------------------------------------------------------------


def run_engine(
    values: Mapping[str, float],
    *,
    lanes: int,
    days: int,
    seed: int,
    site: str = "colon",
    frailty: float = 1.0,
    diagnosis_day: int | None = None,
    treatments=(),
    **traits,
) -> MetastasisModel:
    """The engine for `days` days on equal patients, who leave then; diagnosed then too, or earlier and all of them treated. `traits` of `Hosts`."""
    diagnosis_day = days if diagnosis_day is None else diagnosis_day
    assert days % 7 == 0, "small colonies are up to date at the end of a week"
    ones = np.ones(lanes)
    hosts = Hosts(
        np.arange(lanes),
        np.full(lanes, site),
        ones * (AGE_YEARS + diagnosis_day / 365.25),
        ones,
        ones * frailty,
        ones,
        np.full(lanes, diagnosis_day),
        ones * np.inf,
        **traits,
    )
    model = MetastasisModel(
        hosts,
        LaneParameters(values, lanes),
        seed=seed,
        horizon_days=days - diagnosis_day,
        visible_cells=1e9,
        keep_seeds=True,
        collect=False,
        treatments=[(plan, np.ones(lanes, dtype=bool)) for plan in treatments],
    )
    model.run()
    assert model.day == days
    return model


def expected_settled_per_day(model: MetastasisModel) -> dict[str, float]:
    """Mean number of cells that settle in each organ on the engine's last day."""
    mean = model.expected_shed[0] * model.streams[0].chance[0]
    return {organ: float(m) for organ, m in zip(NICHES, mean, strict=True) if m > 0.0}


def engine_seeds(model: MetastasisModel) -> dict[str, np.ndarray]:
    """Every competent settled cell: lane, niche, day (of arrival), slept, and days of waking, of dying asleep
    and of extinction, -1 where it did not happen."""
    seeds = every_seed(model)
    out = unpack(seeds["identity"])
    out["identity"], out["slept"], out["woke_day"] = seeds["identity"], seeds["slept"], seeds["woke_day"]
    assert np.all(out["identity"][1:] > out["identity"][:-1]), "identities are unique"
    asleep_at_death = out["slept"] & (out["woke_day"] < 0)
    out["died_asleep_day"] = np.where(asleep_at_death, seeds["died_day"], -1)
    out["extinct_day"] = np.where(asleep_at_death, -1, seeds["died_day"])
    return out


def small_colonies(model: MetastasisModel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Identity, cells and resisted drugs of every small colony at the end of a run, promising and doomed."""
    small = model.cells.small
    lanes = np.ones(len(model.alive), dtype=bool)
    cells = small.sizes(model.day, lanes, np.zeros(model.cells.settled.shape))
    doomed = model.cells.doomed.everybody(model.day)
    there = doomed.cells > 0
    return (
        np.concatenate([small.column("identity"), doomed.identity[there]]),
        np.concatenate([cells, doomed.cells[there]]),
        np.concatenate([small.column("traits") & 127, doomed.kind[there].astype(np.uint8)]),
    )


def engine_life(model: MetastasisModel, organs) -> Sample:
    """Counts of every stage and waiting times asleep, by organ."""
    seeds, cells = engine_seeds(model), model.cells
    lanes = len(model.alive)

    def count(chosen, niche):
        return np.bincount(seeds["lane"][chosen & (seeds["niche"] == niche)], minlength=lanes)

    sample = Sample()
    grown = unpack(cells.grown.column("identity"))
    for organ in organs:
        niche = NICHES.index(organ)
        counts = {
            "settled": cells.settled[:, niche],
            "woke": count(seeds["woke_day"] >= 0, niche),
            "died_asleep": cells.died_asleep[:, niche],
            "extinct": cells.extinct[:, niche],
            "asleep": cells.sleeping[:, niche],
            "colonies": cells.colonies[:, niche] + np.bincount(grown["lane"][grown["niche"] == niche], minlength=lanes),
        }
        sample.counts |= {f"{what} {organ}": counts[what] for what in LIFE}
        for what in ("woke", "died_asleep"):
            mine = (seeds["niche"] == niche) & (seeds[f"{what}_day"] >= 0)
            sample.values[f"{what} {organ}"] = (seeds[f"{what}_day"] - seeds["day"])[mine]
    return sample


def growth_law(model: MetastasisModel) -> tuple[np.ndarray, ...]:
    """What the engine's kernels ask for of deterministic growth, a row a grown colony."""
    grown = model.cells.grown
    where = unpack(grown.column("identity"))
    starts = (grown.column(name) for name in ("start_day", "start_log_cells", "delay_days"))
    return (*starts, *model.law.of_colonies(where["lane"], where["niche"], grown.column("pace")))


def engine_first_metastasis(model: MetastasisModel) -> np.ndarray:
    """Day on which each lane's first colony reaches 10^6 cells; the number of days where none does."""
    grown = model.cells.grown
    lane = unpack(grown.column("identity"))["lane"]
    reached = grown_reach_days(np.full(lane.size, np.log(MICROMETASTASIS_CELLS)), *growth_law(model))
    first = np.full(len(model.alive), float(model.day))
    np.minimum.at(first, lane, np.ceil(reached) - 1.0)  # reached at the end of day d means within day d
    return first


def engine_sizes(model: MetastasisModel, age_days: int) -> np.ndarray:
    """Cells of every colony that was founded `age_days` ago by a cell that never slept; 0 for those gone."""
    seeds, grown = engine_seeds(model), model.cells.grown
    small, small_cells, _ = small_colonies(model)
    founded = model.day - 1 - age_days  # it cycles from the end of that day
    identity = seeds["identity"][(seeds["day"] == founded) & ~seeds["slept"]]
    late = grown_sizes(np.full(grown.count, float(model.day)), *growth_law(model))
    cells = np.zeros(identity.size)
    for colonies, sizes in ((small, small_cells), (grown.column("identity"), late)):
        mine = unpack(colonies)["day"] == founded
        cells[np.searchsorted(identity, colonies[mine])] = sizes[mine]
    return cells


def engine_arrivals(model: MetastasisModel) -> Sample:
    """What became of every shed cell of a patient, and the days on which cells settled."""
    seeds = engine_seeds(model)
    tallies = {"died_on_arrival": model.died_on_arrival, "inert": model.inert, "settled": model.cells.settled}
    return _arrivals(model.shed_total, model.died_in_transit, tallies, seeds["day"], seeds["niche"])


def _arrivals(shed, died_in_transit, tallies, settled_day, settled_niche) -> Sample:
    """`shed`, `died_in_transit` (replicas,), `tallies` (replicas, niches), days and niches of settled cells."""
    sample = Sample(counts={"shed": shed, "died_in_transit": died_in_transit})
    sample.counts |= {what: tally.sum(axis=1) for what, tally in tallies.items()}
    for niche, organ in enumerate(NICHES):
        for what, tally in {"arrested": sum(tallies.values()), **tallies}.items():
            sample.shares[f"{what} {organ}"] = int(tally[:, niche].sum()), int(shed.sum())
    in_liver = settled_niche == NICHES.index("liver")
    sample.values = {"settling day, liver": settled_day[in_liver], "settling day, elsewhere": settled_day[~in_liver]}
    return sample


# -- the plain one -----------------------------------------------------------------------------------


def run_plain(make: Callable[[int], PlainModel], replicas: int, days: int, first_seed: int) -> list[PlainModel]:
    """As many models with seeds of their own, each for `days` days."""
    models = []
    for seed in range(first_seed, first_seed + replicas):
        model = make(seed)
        for _ in range(days):
            model.step()
        models.append(model)
    return models


def plain_life(models, organs) -> Sample:
    """As `engine_life`."""
    sample = Sample()
    for organ in organs:
        living = [[cell.state == ASLEEP for cell in model.agents if cell.organ == organ] for model in models]
        for what in LIFE[:4]:
            sample.counts[f"{what} {organ}"] = np.array([model.counts[what, organ] for model in models])
        sample.counts[f"asleep {organ}"] = np.array([sum(asleep) for asleep in living])
        sample.counts[f"colonies {organ}"] = np.array([len(asleep) - sum(asleep) for asleep in living])
        for what in ("woke", "died_asleep"):
            sample.values[f"{what} {organ}"] = np.array(
                [e.day - e.arrived_day for model in models for e in model.events if (e.what, e.organ) == (what, organ)]
            )
    return sample


def plain_first_metastasis(models) -> np.ndarray:
    """As `engine_first_metastasis`."""
    return np.array(
        [min((e.day for e in model.events if e.what == "metastasis"), default=model.day) for model in models],
        dtype=float,
    )


def plain_arrivals(make, replicas: int, days: int, first_seed: int) -> Sample:
    """As `engine_arrivals`, watching the patients day by day."""
    shed, died_in_transit, settled_day, settled_niche = [], [], [], []
    tallies = {what: [] for what in ("died_on_arrival", "inert", "settled")}
    for seed in range(first_seed, first_seed + replicas):
        model = make(seed)
        before = np.zeros(len(NICHES), dtype=int)
        for day in range(days):
            model.step()
            now = np.array([model.counts["settled", organ] for organ in NICHES])
            settled_niche.append(np.repeat(np.arange(len(NICHES)), now - before))
            settled_day.append(np.full(len(settled_niche[-1]), day))
            before = now
        shed.append(model.shed)
        died_in_transit.append(model.died_in_transit)
        for what, rows in tallies.items():
            rows.append([model.counts[what, organ] for organ in NICHES])
    return _arrivals(
        np.array(shed),
        np.array(died_in_transit),
        {what: np.array(rows) for what, rows in tallies.items()},
        np.concatenate(settled_day),
        np.concatenate(settled_niche),
    )
