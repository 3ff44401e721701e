"""Clusters, clones and metastases that seed: the streams of shed events, and the descent of what they found.

Statistical checks fail a correct program with probability 2e-9 each (see `statistics_helpers`); seeds are fixed.
"""

import numpy as np
import pytest
from scipy import stats
from statistics_helpers import MOST_STANDARD_ERRORS, assert_counts, assert_discrete, assert_poisson_total
from virtual_patients import NOTHING_ACTS, drawn_model, on, plain_model, values

from sim.disease import colonise
from sim.disease import descent_kernels as descent
from sim.disease.body import route
from sim.disease.clones import potentials
from sim.disease.descent import Descent
from sim.disease.identity import CLUSTER_INDEX, PROMISING_INDEX, colony_id, pack, unpack
from sim.disease.shedding import metastases_shed
from sim.names import NICHES
from sim.runs import tables
from sim.runs.descent_columns import DescentColumns

LIVER, LUNG = (NICHES.index(organ) for organ in ("liver", "lung"))


def ran(*args, **kwargs):
    """A model of equal patients, run to its end."""
    model = plain_model(*args, **kwargs)
    model.run()
    return model


def imagined(lane: int, niche: int, *, first_index: int = 0, days: int = 100) -> np.ndarray:
    """Identities of a hundred arrivals from the primary on each of some days."""
    return np.array(
        [pack(lane, day, first_index + index, niche, 0) for day in range(days) for index in range(100)], dtype=np.uint64
    )


# -- clusters -------------------------------------------------------------------------------------------


def test_a_cluster_has_two_cells_and_a_geometric_number_more():
    """Of the doomed k more with P ~ (f (1 - p))^k, of the promising with P ~ f^k (1 - (1 - p)^(k + 2)); together f^k."""
    model = plain_model(1, 10, cluster_share=0.1, cluster_mean_cells=5.0)
    identity = imagined(0, 3, first_index=CLUSTER_INDEX, days=400)
    f, p = 0.75, model.law.promising[0, 3]
    assert_discrete(model.cells.founders(identity), stats.geom(p=1.0 - f * (1.0 - p), loc=1))
    more = np.arange(400)
    weight = f**more * (1.0 - (1.0 - p) ** (more + 2))
    promising = identity + np.uint64(PROMISING_INDEX << 8)
    assert_discrete(model.cells.founders(promising), stats.rv_discrete(values=(more + 2, weight / weight.sum())))
    assert model.law.promising_cluster[0, 3] == pytest.approx(0.25 * weight.sum())
    assert np.all(model.cells.founders(identity - np.uint64(CLUSTER_INDEX << 8)) == 1), "a single cell is one"
    pairs = plain_model(1, 10, cluster_share=0.1, cluster_mean_cells=2.0)
    assert np.all(pairs.cells.founders(identity) == 2)


def test_clusters_share_transit_and_potential_are_as_the_catalogue_says():
    """Counts of events, deaths in the blood and settled cells by stream, against the routing's probabilities."""
    model = ran(
        20,
        140,
        **NOTHING_ACTS,
        cluster_share=0.04,
        cluster_potential=30.0,
        cluster_transit_death_factor=0.3,
        death_per_pass=0.3,
    )
    single, cluster = model.streams
    events = single.shed.sum() + cluster.shed.sum()
    assert_counts([single.shed.sum(), cluster.shed.sum()], [0.96 * events, 0.04 * events])
    p = model.parameters
    for stream, death in ((single, 0.3), (cluster, 0.09)):
        alone = route(p.replaced(death_per_pass=np.full(20, death)), ["colon"] * 20)
        died = stream.died_in_transit.sum()
        assert_counts(
            [died, stream.shed.sum() - died],
            np.array([alone.died_in_transit[0], 1.0 - alone.died_in_transit[0]]) * stream.shed.sum(),
        )
        potential = 30.0 if stream.cluster else 1.0
        chance = (alone.arrest[0] * 0.1).sum() * 1e-3 * potential
        assert stream.settled.sum() > 500
        assert_poisson_total(int(stream.settled.sum()), chance * float(stream.shed.sum()))


def test_a_cluster_dies_out_only_if_all_its_cells_do():
    """Extinction of colonies followed for half a year: the mean over sizes of (d/b)^k, found if off by 6 %."""
    days = 300
    model = ran(8, days, **NOTHING_ACTS, cluster_share=1.0, cluster_potential=1.0, cluster_mean_cells=4.0, sleep_probability=0.0,
                competent_share=0.02, metastasis_capacity_cells=1e7, keep_seeds=True)  # fmt: skip
    seeds = tables.every_seed(model)
    old = unpack(seeds["identity"])["day"] < days - 200
    early, died = seeds["identity"][old], seeds["died_day"][old] >= 0
    ratio = (model.law.death / model.law.birth)[0, 0]
    chance = ratio ** model.cells.founders(early).astype(float)
    away = (died.sum() - chance.sum()) / np.sqrt((chance * (1.0 - chance)).sum())
    assert 0.5 < ratio < 0.98 and early.size > 1000
    assert abs(away) < MOST_STANDARD_ERRORS


# -- metastases that seed ---------------------------------------------------------------------------------

SEEDING = {**NOTHING_ACTS, "sleep_probability": 0.0, "competent_share": 0.003, "metastasis_gompertz_per_day": 0.03,
           "secondary_shedding_factor": 1.0, "metastasis_capacity_cells": 1e7}  # fmt: skip


@pytest.fixture(scope="module")
def seeding():
    """Metastases of colon tumours that seed others: the finished model and its descent."""
    model = ran(12, 280, **SEEDING)
    return model, DescentColumns(model)


def test_metastases_seed_along_their_own_veins(seeding):
    """From the liver the lung comes first; the settled of every organ's stream are split as its routing says."""
    model, _ = seeding
    sources = {stream.code: stream for stream in model.streams}
    liver = sources[1 + LIVER]
    assert liver.settled.sum() > 500 and liver.settled[:, LUNG].sum() > 3 * liver.settled[:, LIVER].sum()
    chance = liver.routing.arrest[0] / liver.routing.arrest[0].sum()
    assert_counts(liver.settled.sum(axis=0), chance * liver.settled.sum())
    grown = unpack(model.cells.grown.column("identity"))
    assert np.any((grown["source"] == 1 + LIVER) & (grown["niche"] == LUNG)), "lung metastases of liver metastases"


def test_without_the_factor_every_metastasis_comes_from_the_primary():
    model = ran(6, 280, **SEEDING | {"secondary_shedding_factor": 0.0})
    assert len(model.streams) == 1 and model.metastatic_surface.sum() == 0.0
    assert model.cells.grown.count > 100
    assert np.all(unpack(model.cells.grown.column("identity"))["source"] == 0)
    parent, clone = (
        DescentColumns(model).parent_colony(model.cells.grown.column("identity")),
        DescentColumns(model).clone_of(model.cells.grown.column("identity")),
    )
    assert np.ma.getmaskarray(parent).all() and np.ma.getmaskarray(clone).all()


def test_what_metastases_shed_is_the_sum_of_their_surfaces():
    """Poisson counts of a source with one colony of known size a lane; beyond the organ's capacity no more than that."""
    model = plain_model(400, 7, **SEEDING)
    surface = np.zeros((400, len(NICHES)))
    surface[:, LIVER] = 1e4**0.66
    liver = next(stream for stream in model.streams if stream.code == 1 + LIVER)
    expected = liver.expected_events(np.zeros(400), surface)
    assert expected == pytest.approx(3.0 * 1e4**0.66 * 7)
    assert liver.sheds_on(7) and not liver.sheds_on(8), "once a week, for the week"
    assert model.streams[0].sheds_on(8), "the primary every day"
    liver.shed_events(model.key, model.hosts.patient, model.living, 7, expected)
    assert_poisson_total(int(liver.shed.sum()), float(expected.sum()))
    burden = np.array([[1e6, 2e7]])
    assert metastases_shed(np.array([[10.0, 10.0]]), burden, np.array([1e7])) == pytest.approx(np.array([[10.0, 5.0]]))


def test_every_parent_grew_in_the_source_organ_of_the_same_patient_before(seeding):
    model, lineage = seeding
    grown = model.cells.grown.column("identity")
    parent, has = lineage.parents(grown)
    child, mother = unpack(grown[has]), unpack(parent[has])
    assert has.sum() > 200 and np.array_equal(has, unpack(grown)["source"] > 0)
    assert np.array_equal(child["lane"], mother["lane"]) and np.array_equal(child["source"] - 1, mother["niche"])
    start = dict(zip(grown.tolist(), model.cells.grown.column("start_day").tolist(), strict=True))
    assert all(start[int(one)] <= day for one, day in zip(parent[has], child["day"], strict=True))
    assert len(np.unique(parent[has])) > 50


def test_parents_are_drawn_by_what_they_shed(seeding):
    """Twenty thousand imagined children of one liver on its last day: chi-square against cells^exponent."""
    model, _lineage = seeding
    day = 280
    rows = model.cells.grown
    parts = unpack(rows.column("identity"))
    lane = int(np.bincount(parts["lane"][parts["niche"] == LIVER]).argmax())
    mine = (parts["lane"] == lane) & (parts["niche"] == LIVER) & (rows.column("start_day") <= day)
    weight = (
        colonise.grown_sizes(
            np.full(mine.sum(), float(day)),
            *(rows.column(name)[mine] for name in ("start_day", "start_log_cells", "delay_days")),
            *model.law.of_colonies(parts["lane"][mine], parts["niche"][mine]),
        )
        ** 0.66
    )
    settled = np.array([pack(lane, day, i, LUNG, 1 + LIVER) for i in range(20_000)], dtype=np.uint64)
    model.descent.weigh(model.cells.grown, model.law, model.alive | True, day)
    shedder, _, _ = model.descent.draw(1 + LIVER, settled, day)
    parent = model.descent.shedders.column("identity")[shedder]
    assert mine.sum() > 10 and len(parent) == 20_000
    counts = np.array([(parent == identity).sum() for identity in rows.column("identity")[mine]])
    assert counts.sum() == 20_000
    assert_counts(counts, 20_000 * weight / weight.sum())
    fewer, _, _ = model.descent.draw(1 + LIVER, settled[:500], day)
    assert np.array_equal(fewer, shedder[:500]), "a child's parent hangs on no other child"


# -- self-seeding ---------------------------------------------------------------------------------------


def test_what_returns_joins_the_primary_and_is_not_shed():
    """Constant shedding of c cells a day from a primary at rest: it gains share x c a day, the blood gets the rest."""
    chosen = {**NOTHING_ACTS, "shedding_exponent": 0.0, "shedding_per_day": 50.0, "primary_gompertz_per_day": 1e-12}
    none, some = (ran(30, 100, **chosen, self_seeding_share=share) for share in (0.0, 0.2))
    assert none.primary.cells == pytest.approx(1.0)
    assert some.primary.cells == pytest.approx(1.0 + 100 * 10.0)
    assert_poisson_total(int(none.shed_total.sum()), 30 * 100 * 50.0)
    assert_poisson_total(int(some.shed_total.sum()), 30 * 100 * 40.0)


def test_metastases_cells_return_too_and_the_diagnosed_size_is_the_primarys():
    """Three arms: nothing returns, the primary's own cells do, those of metastases too (which are seen a little later)."""
    arms = {
        "nothing": {},
        "own": {"self_seeding_share": 0.05, "secondary_shedding_factor": 0.0},
        "all": {"self_seeding_share": 0.05},
    }
    diagnosed, end = {}, {}
    for name, change in arms.items():
        model = drawn_model(np.arange(5), [values(**SEEDING | change)], horizon_days=120)
        diagnosed[name] = np.zeros(5)
        while model.running:
            model.step()
            due = model.day == model.hosts.diagnosis_day
            diagnosed[name][due] = model.primary.cells[due]
        assert model.primary.cells_at_diagnosis == pytest.approx(diagnosed[name])
        end[name] = model.primary.cells
    assert np.all(diagnosed["own"] > 1.01 * diagnosed["nothing"])
    assert np.all(end["all"] > end["own"]) and np.all(end["all"] <= 1e7 * (1.0 + 1e-12))


# -- clones ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clones():
    """Clusters, clones and seeding metastases together, with their descent."""
    model = drawn_model(np.arange(12), [values(**SEEDING | {"secondary_shedding_factor": 0.2}, cluster_share=0.05,
                                                     cluster_potential=30.0, clone_potential_log_sd=1.0)], horizon_days=120, keep_seeds=True)  # fmt: skip
    model.run()
    return model, DescentColumns(model)


def test_founders_are_of_a_clone_by_share_and_potential(clones):
    model, lineage = clones
    lane = 3
    identity = imagined(lane, LIVER)
    table = lineage.founders(identity)
    weight = (
        model.hosts.clone_share[lane]
        * potentials(model.hosts.clone_z, model.parameters["clone_potential_log_sd"])[lane]
    )
    assert np.all(table["cells"] == 1)
    assert_counts(np.bincount(table["clone"].data, minlength=weight.size), 10_000 * weight / weight.sum())


def test_a_clusters_founders_are_drawn_each_on_its_own(clones):
    """Two cells of a pair are of one clone with the sum of the squared shares (binomial)."""
    model, lineage = clones
    lane = 3
    identity = imagined(lane, LIVER, first_index=CLUSTER_INDEX)
    pairs = identity[model.cells.founders(identity) == 2]
    weight = (
        model.hosts.clone_share[lane]
        * potentials(model.hosts.clone_z, model.parameters["clone_potential_log_sd"])[lane]
    )
    together = ((weight / weight.sum()) ** 2).sum()
    mono = int((~np.ma.getmaskarray(lineage.clone_of(pairs))).sum())
    assert_counts([mono, pairs.size - mono], [together * pairs.size, (1.0 - together) * pairs.size])


def test_clones_are_counted_as_their_cells_settle(clones):
    """Every founding cell once, of clusters and of metastases' seeds too; and every colony for each clone among its founders."""
    model, lineage = clones
    identity = tables.every_seed(model)["identity"]
    parts = unpack(identity)
    assert (parts["index"] >= CLUSTER_INDEX).any() and (parts["source"] > 0).any()
    row, clone = lineage._clones_of_founders(identity)
    counted = np.zeros_like(model.descent.seeded)
    np.add.at(counted, (parts["lane"][row], clone), 1)
    assert np.array_equal(model.descent.seeded, counted) and counted.sum() > len(identity) > 1000
    found = tables.Metastases(model)
    table, founders = lineage.clones(found.identity), tables.founders_table(lineage, found)
    assert table["seeded"].tolist() == counted.ravel().tolist()
    patient_of = dict(
        zip(
            *(tables.metastases_table(model, found, lineage)[name].tolist() for name in ("colony", "patient")),
            strict=True,
        )
    )
    pairs = [
        (patient_of[colony], clone)
        for colony, clone in zip(founders["colony"].tolist(), founders["clone"].tolist(), strict=True)
    ]
    assert table["metastases"].tolist() == [
        pairs.count(pair) for pair in zip(table["patient"].tolist(), table["clone"].tolist(), strict=True)
    ]


def test_a_colonys_clone_is_its_parents(clones):
    model, lineage = clones
    identity = np.sort(model.cells.grown.column("identity"))
    parent, has = lineage.parents(identity)
    clone, of_parent = lineage.clone_of(identity[has]), lineage.clone_of(parent[has])
    assert has.sum() > 100 and not np.ma.getmaskarray(clone).any(), "a single cell is of one clone"
    known = ~np.ma.getmaskarray(of_parent)
    assert known.any() and (~known).any()
    assert np.array_equal(clone.data[known], of_parent.data[known])
    mixed = lineage.founders(parent[has][~known])
    pairs = set(zip(mixed["colony"].tolist(), mixed["clone"].tolist(), strict=True))
    ids = colony_id(model.hosts.patient[unpack(parent[has])["lane"]], parent[has])[~known]
    assert all(pair in pairs for pair in zip(ids.tolist(), clone.data[~known].tolist(), strict=True)), (
        "one of its parent's"
    )


def test_tables_tell_the_same_story(clones):
    """founders.parquet adds up to metastases.parquet; a clone stands there where one clone founded the colony."""
    model, lineage = clones
    found = tables.Metastases(model)
    metastases, founders = tables.metastases_table(model, found, lineage), tables.founders_table(lineage, found)
    colony, row = np.unique(founders["colony"], return_inverse=True)
    assert np.array_equal(colony, np.sort(metastases["colony"])) and len(colony) > 300
    assert np.array_equal(
        np.bincount(row, founders["cells"]).astype(int), metastases["founders"][np.argsort(metastases["colony"])]
    )
    several = np.bincount(row)[np.argsort(np.argsort(metastases["colony"]))] > 1
    assert np.array_equal(several, np.ma.getmaskarray(metastases["clone"])) and several.any()
    from_primary = metastases["source"] == "primary"
    assert np.array_equal(
        from_primary, np.ma.getmaskarray(metastases["parent_colony"])
    ) and 0 < from_primary.sum() < len(from_primary)
    empty = lineage.founders(found.identity[:0])
    assert all(len(column) == 0 for column in empty.values()) and len(lineage.clone_of(found.identity[:0])) == 0


def test_every_small_ancestor_leads_to_the_primary():
    """Its parent has a row in one of the two tables and arrived before it; some descend from metastases themselves.

    Parents rest at the avascular limit for 300 days on average: many are overtaken by their children.
    """
    model = drawn_model(np.arange(12), [values(**SEEDING | {"secondary_shedding_factor": 3.0, "angiogenic_delay_days": 300.0},
                                               clone_potential_log_sd=1.0)], horizon_days=220)  # fmt: skip
    model.run()
    found, lineage = tables.Metastases(model), DescentColumns(model)
    listed, small = tables.metastases_table(model, found, lineage), tables.ancestors_table(model, lineage, found)
    from_metastases = ~np.ma.getmaskarray(small["parent_colony"])
    assert len(small["colony"]) > 20 and 0 < from_metastases.sum() < len(from_metastases)
    assert not set(small["colony"].tolist()) & set(listed["colony"].tolist())
    both = {name: np.ma.concatenate([np.ma.asarray(table[name]) for table in (listed, small)]) for name in small}
    row = {colony: i for i, colony in enumerate(both["colony"].tolist())}
    child = np.flatnonzero(~np.ma.getmaskarray(both["parent_colony"]))
    parent = np.array([row[colony] for colony in both["parent_colony"][child].tolist()])
    assert (both["arrived_day"][parent] < both["arrived_day"][child]).all() and (
        both["organ"][parent] == both["source"][child]
    ).all()
    assert (both["patient"][parent] == both["patient"][child]).all() and (
        both["source"][np.ma.getmaskarray(both["parent_colony"])] == "primary"
    ).all()
    assert set(small["colony"].tolist()) <= set(both["parent_colony"][child].tolist()), (
        "each is an ancestor of somebody"
    )
    assert not np.ma.getmaskarray(both["clone"])[child].any()


# -- what metastases pass on ------------------------------------------------------------------------------

TWO_COLONIES = np.array([1e4, 1e5])


def with_two_colonies(lanes: int = 300, **changes):
    """Patients with clones, two colonies in every liver (of 10^4 and 10^5 cells on day 0), on the morning of day 7."""
    model = drawn_model(np.arange(lanes), [values(**SEEDING | {"secondary_shedding_factor": 30.0, "metastasis_gompertz_per_day": 1e-9}
                                                  | {"competent_share": 0.002, "clone_potential_log_sd": 1.5} | changes)], horizon_days=60, keep_seeds=True)  # fmt: skip
    identity = np.array([pack(lane, 0, 2**20 + i, LIVER, 0) for lane in range(lanes) for i in (0, 1)], dtype=np.uint64)
    model.cells.grown.append(identity=identity, woke=0, traits=0, since=0, start_day=0.0, start_log_cells=np.log(np.tile(TWO_COLONIES, lanes)),
                             delay_days=1e9, pace=1.0, shedder=-1)  # fmt: skip
    while model.day < 7:
        model.step()
    power = potentials(model.hosts.clone_z, model.parameters["clone_potential_log_sd"])
    of_colony = power[
        np.repeat(np.arange(lanes), 2), model.descent.clones(identity, np.zeros(2 * lanes, dtype=np.int64))
    ].reshape(lanes, 2)
    return model, identity, power, of_colony


def check_seeds_of_metastases(**changes) -> None:
    """What an organ's metastases shed founds colonies as its clones do: chances, counts, and whose clone the seeds are of."""
    model, identity, power, of_colony = with_two_colonies(**changes)
    model.step()
    primary, liver = model.streams[0], next(stream for stream in model.streams if stream.code == 1 + LIVER)
    weight = TWO_COLONIES**0.66
    expected = (weight * of_colony).sum(axis=1) / weight.sum()  # of the average shed cell
    of_primary = (model.hosts.clone_share * power).sum(axis=1)
    per_potential = [(stream.chance.sum(axis=1) / (stream.routing.arrest * model.viable).sum(axis=1)) / potential
                     for stream, potential in ((primary, of_primary), (liver, expected))]  # fmt: skip
    assert per_potential[1] == pytest.approx(per_potential[0], rel=1e-6), "the same cancer, but for its clones"
    settled = liver.settled_today.sum(axis=1)
    assert_poisson_total(int(settled.sum()), float((liver.expected * liver.chance.sum(axis=1)).sum()))
    seeds = np.array([pack(lane, 7, i, niche, 1 + LIVER) for lane, niche in zip(*np.nonzero(liver.settled_today), strict=True)
                      for i in range(liver.settled_today[lane, niche])], dtype=np.uint64)  # fmt: skip
    parent, has = model.descent.parents(seeds)
    lane = unpack(parent)["lane"]
    mine = has & np.isin(parent, identity)
    assert mine.sum() > 2000 and has.all() and np.array_equal(unpack(seeds)["lane"], lane)
    share = (weight * of_colony)[:, 0] / (weight * of_colony).sum(axis=1)
    from_first = (parent == identity[2 * lane]) & mine
    away = (from_first.sum() - share[lane[mine]].sum()) / np.sqrt((share * (1 - share))[lane[mine]].sum())
    assert abs(away) < MOST_STANDARD_ERRORS, f"{away:.1f} standard errors"
    none = np.zeros(len(seeds), dtype=np.int64)
    assert np.array_equal(model.descent.clones(seeds, none)[mine], model.descent.clones(parent, none)[mine]), (
        "its parent's clone"
    )
    with pytest.raises(KeyError, match="never settled"):
        model.descent.parents(seeds + np.uint64(1 << 28))


@pytest.mark.parametrize("others", [(), ("stemness", "emt")])
def test_seeds_of_a_metastasis_have_its_clones_potential(others):
    """Also with stemness and EMT on: states that a metastasis has as the primary has them, so that both found alike."""
    check_seeds_of_metastases(**on(*others))


def test_seeds_of_metastases_with_the_primarys_mean_are_noticed(monkeypatch):
    """The broken variant: the clone is passed on, its potential is not."""
    right = Descent.weigh

    def forget(descent, *args):
        right(descent, *args)
        descent.mean_potential[:] = 1.0

    monkeypatch.setattr(Descent, "weigh", forget)
    with pytest.raises(AssertionError, match="the same cancer"):
        check_seeds_of_metastases()


def test_children_of_a_clusters_colony_are_of_its_founders_clones_by_potential(clones):
    """Ten thousand imagined seeds of one mixed colony: chi-square against the potentials of its founders' clones."""
    model, _ = clones
    power = potentials(model.hosts.clone_z, model.parameters["clone_potential_log_sd"])
    lane = 3
    for number in range(200):
        parent = pack(lane, 10, CLUSTER_INDEX + number, LIVER, 0)
        size = int(model.cells.founders(np.array([parent], dtype=np.uint64))[0])
        of_founders = model.descent.clones(np.full(size, parent, dtype=np.uint64), np.arange(size))
        if len(np.unique(of_founders)) > 2:
            break
    children = np.array([pack(lane, 70, i, LUNG, 1 + LIVER) for i in range(10_000)], dtype=np.uint64)
    cumulative = np.cumsum(model.hosts.clone_share[lane] * power[lane])
    mixture = np.empty((1, 8))
    descent.mix_clones(
        model.key, model.hosts.patient[lane], parent, size, cumulative / cumulative[-1], power[lane], mixture[0]
    )
    law = model.descent._clones._replace(
        clones=np.array([descent.MIXED], dtype=np.uint8), mixture=np.zeros(1, dtype=np.int32), mixtures=mixture
    )
    clone = np.array([descent.seed_clone(model.key, model.hosts.patient[lane], child, 0, law) for child in children])
    expected = np.bincount(of_founders, power[lane, of_founders], minlength=8)
    assert_counts(np.bincount(clone, minlength=8), 10_000 * expected / expected.sum())


def test_clones_are_counted_alike_whether_or_not_parents_are_remembered():
    """Kept seeds name their parents; without them a doomed seed's clone is counted by the same uniforms, clusters' too."""
    arm = values(**SEEDING | {"secondary_shedding_factor": 3.0}, cluster_share=0.05, cluster_potential=30.0,
                 clone_potential_log_sd=1.0)  # fmt: skip
    seeded = []
    for keep, doomed in ((True, True), (False, True), (False, False)):
        model = drawn_model(np.arange(6), [arm], horizon_days=150, keep_seeds=keep, doomed=doomed)
        model.run()
        seeded.append(model.descent.seeded)
    assert np.array_equal(seeded[0], seeded[1]) and not seeded[2].any()
    mixed = model.descent.shedders.column("clone") == descent.MIXED
    assert mixed.sum() > 10 and sum(stream.settled.sum() for stream in model.streams if stream.code) > 1000


def test_descent_does_not_hang_on_who_else_is_in_the_cohort(clones):
    """The same parents and clones for a patient alone as among twelve."""
    crowd, lineage = clones
    alone = drawn_model(np.array([3]), [values(**SEEDING | {"secondary_shedding_factor": 0.2}, cluster_share=0.05,
                                               cluster_potential=30.0, clone_potential_log_sd=1.0)], horizon_days=120)  # fmt: skip
    alone.run()
    told = []
    for model, descent_of in ((crowd, lineage), (alone, DescentColumns(alone))):
        found = tables.Metastases(model)
        table = tables.metastases_table(model, found, descent_of)
        mine = table["patient"] == 3
        told.append([np.ma.filled(table[name][mine], -1).tolist() for name in ("colony", "parent_colony", "clone")])
    assert told[0] == told[1] and max(told[0][1]) > 0


def test_seeds_that_were_kept_tell_their_clones():
    """Asleep, dead or grown: the clone of every seed, of those from metastases too; null for mixed clusters, and for all without clones."""
    kept = {}
    for log_sd in (0.0, 1.0):
        model = drawn_model(np.arange(3), [values(**SEEDING | {"secondary_shedding_factor": 0.2, "sleep_probability": 0.5}, cluster_share=0.05,
                                                  cluster_potential=30.0, clone_potential_log_sd=log_sd)], horizon_days=100, keep_seeds=True)  # fmt: skip
        model.run()
        found, lineage = tables.Metastases(model), DescentColumns(model)
        kept[log_sd] = tables.seeds_table(model, found, lineage), tables.metastases_table(model, found, lineage)
    assert np.ma.getmaskarray(kept[0.0][0]["clone"]).all()
    seeds, metastases = kept[1.0]
    null = np.ma.getmaskarray(seeds["clone"])
    assert (
        0.01 < null.mean() < 0.5
        and not null[seeds["source"] != "primary"].any()
        and (seeds["source"] != "primary").sum() > 50
    )
    colony = dict(zip(seeds["colony"].filled(-1).tolist(), seeds["clone"].filled(-1).tolist(), strict=True))
    assert [colony[one] for one in metastases["colony"].tolist()] == metastases["clone"].filled(-1).tolist()
