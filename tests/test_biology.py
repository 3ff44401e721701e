"""The mechanisms of hosts, seeds and soils: null is absence, nothing is lost with all of them on, and each does what its law says.

Statistical checks fail a correct program with probability 2e-9 each (see `statistics_helpers`); seeds are fixed.
"""

import itertools

import numpy as np
import pytest
from scipy import integrate, stats
from statistics_helpers import MOST_STANDARD_ERRORS, assert_counts, assert_follows
from test_conservation import walk
from virtual_patients import NOTHING_ACTS, drawn_model, off, on, plain_hosts, plain_model, values

from sim import catalog
from sim.catalog.parameters import LaneParameters
from sim.disease import colonise
from sim.disease.clones import potentials
from sim.disease.colonies import ColonyLaw
from sim.disease.identity import unpack
from sim.disease.signals import Rates, Signals
from sim.mechanisms import REGISTRY, emt, immune_surveillance
from sim.mechanisms.senescent_vesicles import senescent_share
from sim.model import MetastasisModel
from sim.names import NICHES
from sim.runs.tables import every_seed

NEW = [name for name, mechanism in REGISTRY.items() if not mechanism.default]
LIVER, LUNG, BONE = (NICHES.index(organ) for organ in ("liver", "lung", "bone"))
NOTICED = {"inflammatory_awakening": {"organ_inflammation__lung": 1.0}, "liver_fibrosis": {"fibrosis_prevalence": 1.0},
           "obesity": {"bmi_mean": 35.0, "immune_clearance_per_day": 0.01}, "angiogenesis": {"avascular_limit_cells": 3000.0},
           "dual_feeding": {"avascular_limit_cells": 3000.0}}  # fmt: skip
"""What patients must be like for a mechanism to show within half a year."""


# -- off is on at the null ------------------------------------------------------------------------------


def of_lanes(model, chosen: np.ndarray) -> dict[str, np.ndarray]:
    """All that a finished model holds of some lanes, lane numbers taken out."""
    cells = model.cells
    out = {
        name: getattr(cells, name)[chosen]
        for name in ("settled", "sleeping", "woke", "died_asleep", "extinct", "colonies")
    }
    out |= {name: getattr(model, name)[chosen] for name in
            ("shed_total", "died_in_transit", "died_on_arrival", "inert", "last_day", "burden_cells", "energy_clock",
             "hazard_clock")}  # fmt: skip
    out["primary_cells"] = model.primary.cells[chosen]
    for table in ("small", "grown"):
        rows = getattr(cells, table)
        lane = unpack(rows.column("identity"))["lane"]
        order = np.argsort(rows.column("identity"), kind="stable")
        order = order[np.isin(lane[order], np.flatnonzero(chosen))]
        out |= {
            f"{table}.{name}": rows.column(name)[order] for name in rows._dtypes if name not in ("identity", "shedder")
        }
        out[f"{table}.identity"] = rows.column("identity")[order] & np.uint64((1 << 48) - 1)
    return out


def same(one: dict, other: dict) -> bool:
    """Equal to the last bit."""
    return all(one[name].tobytes() == other[name].tobytes() for name in one)


@pytest.mark.parametrize("name", NEW)
def test_a_lane_at_the_null_is_a_lane_without_the_mechanism(name):
    """Beside lanes in which it acts, the mechanism's code runs for a lane at its null too, and changes no bit of it."""
    patients = 6
    base = values(frailty_log_sd=1.0, **NOTICED.get(name, {}))
    acting = values(frailty_log_sd=1.0, **(on(name) | NOTICED.get(name, {})))
    if name == "secondary_seeding":
        acting["secondary_shedding_factor"] = 1.0
    alone = drawn_model(np.arange(patients), [base], horizon_days=90)
    arm_of_lane = np.repeat([0, 1], patients)
    beside = drawn_model(np.tile(np.arange(patients), 2), [base, acting], arm_of_lane=arm_of_lane, horizon_days=90)
    assert REGISTRY[name] not in alone.mechanisms and REGISTRY[name] in beside.mechanisms
    for model in (alone, beside):
        model.run()
    everybody = np.ones(patients, dtype=bool)
    assert alone.cells.settled.sum() > 1000 and alone.cells.grown.count > 10
    assert same(of_lanes(alone, everybody), of_lanes(beside, arm_of_lane == 0))
    assert not same(of_lanes(alone, everybody), of_lanes(beside, arm_of_lane == 1))


# -- nothing is lost ------------------------------------------------------------------------------------


def test_nothing_is_lost_with_every_mechanism_on():
    """On every day: what each stream shed has ended, what settled and what woke is somewhere."""
    arm = values(
        **on(*REGISTRY) | {"stem_share": 0.5}, competent_share=0.002, frailty_log_sd=1.0, avascular_limit_cells=3000.0
    )
    arm["secondary_shedding_factor"] = 1.0
    model = drawn_model(np.arange(8), [arm], seed=4, horizon_days=120)
    walk(model)
    for stream in model.streams:
        ends = stream.died_in_transit + (stream.died_on_arrival + stream.inert + stream.settled).sum(axis=1)
        assert np.array_equal(stream.shed, ends)
    assert len(model.streams) == 2 + len(NICHES) and all(stream.shed.sum() > 0 for stream in model.streams)
    assert model.streams[1].settled.sum() > 1000 and sum(stream.settled.sum() for stream in model.streams[2:]) > 100
    assert model.cells.extinct.sum() > 100 and model.cells.grown.count > 100 and model.cells.died_asleep.sum() > 100


# -- the body's signals ----------------------------------------------------------------------------------


def a_day(name: str, lanes: int = 4, *, hosts=None, burden_cells=None, **changes):
    """Rates and signals after one day of this mechanism alone, in patients of 67 years."""
    parameters = LaneParameters(values(**(on(name) | changes)), lanes)
    hosts = hosts or plain_hosts(lanes)
    burden = np.zeros((lanes, len(NICHES))) if burden_cells is None else burden_cells
    signals, rates = Signals(hosts.age_years, np.full(lanes, 5e8), burden, hosts), Rates.base(lanes)
    mechanism = REGISTRY[name]
    for act in (lambda: mechanism.start(signals, parameters), lambda: mechanism.advance(signals, parameters)):
        act()
    mechanism.act(rates, signals, parameters)
    return rates, signals, parameters


def hosts_with(**traits):
    """Equal patients with some traits of their own, (lanes,) arrays."""
    (lanes,) = {len(values) for values in traits.values()}
    hosts = plain_hosts(lanes)
    for name, values_ in traits.items():
        object.__setattr__(hosts, name, np.asarray(values_))
    return hosts


def test_obesity_adds_il6_and_senescence_and_divides_t_cells():
    _, signals, p = a_day("obesity", hosts=hosts_with(bmi=np.array([20.0, 25.0, 35.0, 45.0])))
    tens = np.array([0.0, 0.0, 1.0, 2.0])
    assert signals.il6_extra == pytest.approx(p["obesity_il6_gain"] * tens)
    assert signals.senescence_factor == pytest.approx(1.0 + p["obesity_senescence_gain"] * tens)
    assert signals.t_cell_factor == pytest.approx(1.0 / (1.0 + p["obesity_t_cell_cost"] * tens))


def test_obesity_reaches_stat3_vesicles_and_t_cells():
    """The three meet their readers: an obese patient's IL-6, vesicles and T cells differ from a lean one's by those factors."""
    parameters = LaneParameters(values(**on("obesity", "immune_surveillance")), 2)
    hosts = hosts_with(bmi=np.array([25.0, 35.0]))
    model = MetastasisModel(hosts, parameters, seed=1, horizon_days=1, visible_cells=1e8, collect=False)
    model.step()
    level, p = model.signals.level, {name: values[0] for name in catalog.load() for values in [parameters[name]]}
    assert level["il6"][1] - level["il6"][0] == pytest.approx(p["obesity_il6_gain"])
    share = senescent_share(model.signals.age_years, parameters)
    assert level["vesicles"] == pytest.approx(p["vesicle_release"] * share * [1.0, 1.0 + p["obesity_senescence_gain"]])
    assert level["t_cells"][0] / level["t_cells"][1] == pytest.approx(1.0 + p["obesity_t_cell_cost"])


def test_t_cells_fall_with_age_and_with_the_livers_burden():
    burden = np.zeros((4, len(NICHES)))
    burden[3, LIVER], burden[2, LUNG] = 1e10, 1e10
    hosts = hosts_with(age_years=np.array([20.0, 70.0, 20.0, 20.0]))
    rates, signals, p = a_day("immune_surveillance", hosts=hosts, burden_cells=burden, liver_drain_half_cells=1e10)
    expected = [1.0, np.exp(-50.0 * p["t_cell_decline_per_year"][0]), 1.0, 0.5]
    assert signals.level["t_cells"] == pytest.approx(expected)
    assert rates.clearance == pytest.approx(np.outer(expected, np.full(len(NICHES), p["immune_clearance_per_day"][0])))
    assert immune_surveillance.YOUNG_YEARS == 20.0


def test_stem_like_cells_alone_are_competent():
    rates, _, p = a_day("stemness", stem_share=0.1, stem_motility=2.5)
    assert rates.competence == pytest.approx(0.25)
    assert p.lanes == 4


def test_hypoxia_and_inflammation_of_a_niche():
    rates, _, _ = a_day("hypoxia", hypoxia_sleep_gain=0.5)
    assert np.all(rates.sleep == 0.0), "where nobody sleeps, nobody sleeps more"
    rates, _, _p = a_day("inflammatory_awakening", awakening_gain=4.0, organ_inflammation__lung=0.5)
    assert rates.feeding[:, LUNG] == pytest.approx(3.0)
    assert np.all(np.delete(rates.feeding, LUNG, axis=1) == 1.0)


def test_scarred_livers_take_fewer_seeds_in_as_many_patients_as_have_them():
    """Their share has a standard error of 0.7 %: a prevalence off by 6 % in 4,000 patients is found."""
    luck = (np.arange(4000) + 0.5) / 4000
    rates, _, _ = a_day(
        "liver_fibrosis", hosts=hosts_with(luck=luck), lanes=4000, fibrosis_prevalence=0.25, fibrosis_receptivity=0.3
    )
    scarred = rates.receptivity[:, LIVER] != 1.0
    assert np.array_equal(scarred, luck < 0.25)
    assert rates.receptivity[scarred, LIVER] == pytest.approx(0.3)
    assert np.all(np.delete(rates.receptivity, LIVER, axis=1) == 1.0)
    drawn = drawn_model(np.arange(4000), [values()], horizon_days=1).hosts.luck
    assert_counts([(drawn < 0.25).sum(), (drawn >= 0.25).sum()], [1000, 3000])


def test_the_optimum_of_emt_lies_in_the_middle():
    """Settled cells over the catalogue's range: least at the epithelial end, most at about the declared optimum, fewer at the mesenchymal end."""
    declared = catalog.load()["emt_mean"]
    means = np.linspace(declared.low, declared.high, 49)
    p = LaneParameters({**values(**on("emt")), "emt_mean": means}, 49)
    success, settled = emt.settled_positions(p["emt_mean"], p["emt_sd"], p["emt_escape_gain"], p["emt_return_cost"])
    position = settled @ emt.POSITIONS
    best = means[success.argmax()]
    assert declared.direction == "^" and abs(best - declared.optimum) <= 0.05
    assert success[0] < 0.4 * success.max() and success[-1] < 0.8 * success.max()
    assert np.all(np.diff(success[: success.argmax() + 1]) > 0) and np.all(np.diff(success[success.argmax() :]) < 0)
    assert np.all(np.diff(position) > 0), "mesenchymal tumours settle mesenchymal cells"


def test_the_law_of_emt_against_cells_one_by_one():
    """Mean success and mean position of the settled, by drawing a million cells (standard errors below 0.2 %)."""
    rng = np.random.default_rng(5)
    mean, sd, gain, cost = 0.5, 0.15, 4.0, 3.0
    cells = stats.truncnorm((0 - mean) / sd, (1 - mean) / sd, mean, sd).rvs(10**6, random_state=rng)
    weight = np.exp(gain * cells - cost * cells**4)
    success, settled = emt.settled_positions(*(np.array([x]) for x in (mean, sd, gain, cost)))
    assert success[0] == pytest.approx(weight.mean(), rel=0.01)
    assert settled @ emt.POSITIONS == pytest.approx((weight * cells).sum() / weight.sum(), rel=0.01)


def exact_emt(mean, sd, gain, cost):
    """Mean success, and mean position of the settled, by adaptive quadrature of the law itself."""
    nearest = min(max(mean, 0.0), 1.0)
    scale = min(sd, sd**2 / abs(mean - nearest)) if mean != nearest else sd
    edges = sorted({0.0, 1.0, *np.clip(nearest + scale * np.array([-40, -8, -2, 0, 2, 8, 40]), 0.0, 1.0)})

    def integral(of):
        def law(m):
            return of(m) * np.exp(-0.5 * ((m - mean) ** 2 - (nearest - mean) ** 2) / sd**2)

        return sum(integrate.quad(law, low, high, epsrel=1e-10)[0] for low, high in itertools.pairwise(edges))

    def success(m):
        return np.exp(gain * m - cost * m**4)

    total = integral(success)
    return total / integral(lambda m: 1.0), integral(lambda m: m * success(m)) / total


@pytest.mark.parametrize("gain, cost", [(4.0, 3.0), (1.0, 8.0), (8.0, 1.0)])
def test_the_law_of_emt_wherever_the_catalogue_allows_it(gain, cost):
    """Also where the cells of a tumour lie closer together than POSITIONS do, and beyond an end of the axis: within 1.5 %."""
    declared = {name: catalog.load()[f"emt_{name}"] for name in ("mean", "sd")}
    means = np.array([declared["mean"].minimum, -0.3, 0.0, 0.013, 0.3, 0.7, 1.0, 1.05, 1.2, declared["mean"].maximum])
    sds = np.array([declared["sd"].minimum, 0.02, 0.049, 0.05, 0.1, 0.15, 0.3])
    mean, sd = (grid.ravel() for grid in np.meshgrid(means, sds))
    lanes = len(mean)
    law = {
        "emt_mean": mean,
        "emt_sd": sd,
        "emt_escape_gain": gain,
        "emt_return_cost": cost,
        "emt_sleep_gain": 0.5,
        "emt_reference_mean": 0.3,
    }
    p = LaneParameters({**values(**on("emt")), **law}, lanes)
    signals, rates = (
        Signals(np.full(lanes, 67.0), np.full(lanes, 5e8), np.zeros((lanes, len(NICHES))), plain_hosts(lanes)),
        Rates.base(lanes),
    )
    rates.sleep += 0.5
    emt.act(rates, signals, p)
    success, position = np.array([exact_emt(m, s, gain, cost) for m, s in zip(mean, sd, strict=True)]).T
    at_reference = np.array([exact_emt(0.3, s, gain, cost)[0] for s in sd])
    assert rates.competence == pytest.approx(success / at_reference, rel=0.015)
    assert rates.sleep[:, BONE] == pytest.approx(0.5 * (1.0 + 0.5 * position), rel=0.005)
    alone = Rates.base(1)
    one = LaneParameters(
        {**values(**on("emt")), **{name: value[:1] if np.ndim(value) else value for name, value in law.items()}}, 1
    )
    emt.act(alone, Signals(np.full(1, 67.0), np.full(1, 5e8), np.zeros((1, len(NICHES))), plain_hosts(1)), one)
    assert alone.competence[0] == rates.competence[0], "whatever the other lanes are"


@pytest.mark.parametrize("hypoxia", [0.0, 0.5])
def test_sleep_of_cells_that_each_have_a_position(hypoxia):
    """A million cells drawn, settled by their own success, asleep by their own capped chance; where a cap of the mean is wrong.

    At a base of 0.8 (or more in a hypoxic niche) a gain of one brings cells beyond m = 0.25 to certain sleep. Standard
    error of the share asleep below 0.0005; a cap of the mean is off by over ten of them.
    """
    rng = np.random.default_rng(6)
    mean, sd, gain, cost, base, sleep_gain = 0.3, 0.15, 4.0, 3.0, 0.8, 1.0
    cells = stats.truncnorm((0 - mean) / sd, (1 - mean) / sd, mean, sd).rvs(2 * 10**6, random_state=rng)
    success = np.exp(gain * cells - cost * cells**4)
    settled = cells[rng.random(cells.size) < success / success.max()]
    chance = np.minimum(base * (1.0 + 0.25 * hypoxia) * (1.0 + sleep_gain * settled), 1.0)
    asleep = rng.random(settled.size) < chance
    model = plain_model(1, 10, **on("emt") | {"emt_mean": mean, "emt_sleep_gain": sleep_gain, "sleep_probability": base,
                                          "hypoxia_sleep_gain": 0.25, "niche_hypoxia__bone": hypoxia})  # fmt: skip
    of_engine = model.rates.sleep[0, BONE]
    standard_error = np.sqrt(of_engine * (1.0 - of_engine) / settled.size)
    assert standard_error < 0.0005
    assert abs(asleep.mean() - of_engine) < MOST_STANDARD_ERRORS * standard_error
    of_mean = min(1.0, base * (1.0 + 0.25 * hypoxia) * (1.0 + sleep_gain * settled.mean()))
    assert abs(of_mean - of_engine) > 10 * standard_error


def test_emt_in_the_engine():
    """Competence relative to the reference tumour, and sleep by the position of those who settle."""
    lanes = 3
    p = LaneParameters({**values(**on("emt"), emt_reference_mean=0.3), "emt_mean": np.array([0.0, 0.3, 0.7])}, lanes)
    signals, rates = (
        Signals(np.full(lanes, 67.0), np.full(lanes, 5e8), np.zeros((lanes, len(NICHES))), plain_hosts(lanes)),
        Rates.base(lanes),
    )
    rates.sleep += 0.5
    emt.act(rates, signals, p)
    assert rates.competence[1] == 1.0 and rates.competence[0] < 1.0 < rates.competence[2]
    _, settled = emt.settled_positions(p["emt_mean"], p["emt_sd"], p["emt_escape_gain"], p["emt_return_cost"])
    assert rates.sleep[:, BONE] == pytest.approx(0.5 * (1.0 + p["emt_sleep_gain"] * (settled @ emt.POSITIONS))), (
        "far from the cap"
    )


def test_a_primarys_competence_is_its_clones_mean_potential():
    """Potentials average one over clones, so heterogeneity changes who seeds and not how much, on average."""
    model = drawn_model(np.arange(20_000), [values(clone_potential_log_sd=1.0)], horizon_days=1)
    hosts = model.hosts
    power = potentials(hosts.clone_z, model.parameters["clone_potential_log_sd"])
    assert hosts.clone_share.sum(axis=1) == pytest.approx(1.0)
    assert_follows(hosts.clone_z[:, 3], stats.norm.cdf)
    assert_follows(hosts.clone_share[:, 5], stats.beta(1, hosts.clone_share.shape[1] - 1).cdf)
    model.step()
    assert model.rates.competence == pytest.approx((hosts.clone_share * power).sum(axis=1))
    error = model.rates.competence.std() / np.sqrt(20_000)
    assert abs(model.rates.competence.mean() - 1.0) < MOST_STANDARD_ERRORS * error < 0.05


# -- what becomes of cells ---------------------------------------------------------------------------------


def test_hypoxic_niches_put_more_arrivals_to_sleep():
    model = plain_model(20, 120, **NOTHING_ACTS, competent_share=0.02, hypoxia_sleep_gain=1.0, niche_hypoxia__bone=0.6,
                        niche_hypoxia__lung=0.0, niche_hypoxia__liver=1.0, sleep_probability=0.5, keep_seeds=True)  # fmt: skip
    model.run()
    seeds = every_seed(model)
    slept, niche = seeds["slept"], unpack(seeds["identity"])["niche"]
    for organ, chance in ((BONE, 0.8), (LUNG, 0.5)):
        asleep, awake = slept[niche == organ].sum(), (~slept[niche == organ]).sum()
        assert asleep + awake > 500
        assert_counts([asleep, awake], [chance * (asleep + awake), (1.0 - chance) * (asleep + awake)])
    assert (niche == LIVER).sum() > 1000 and slept[niche == LIVER].all(), "0.5 x (1 + 1) is always"


def test_small_colonies_survive_t_cells_as_long_as_their_hazard_says():
    """Pure birth, so only T cells end a colony: each survives with exp(-hazard x days); found if off by 8 %."""
    hazard, days = 0.02, 140
    model = plain_model(10, days, **NOTHING_ACTS, sleep_probability=0.0, cycling_birth_per_day=0.0, competent_share=0.05,
                        metastasis_gompertz_per_day=1e-5, immune_clearance_per_day=hazard, t_cell_decline_per_year=0.0,
                        keep_seeds=True)  # fmt: skip
    model.run()
    cells = model.cells
    assert cells.grown.count == 0 and cells.sleeping.sum() == 0
    arrived = unpack(cells.seeds.column("identity"))["day"]
    survives = np.exp(-hazard * np.maximum(days - 1 - arrived, 0))
    away = (cells.colonies.sum() - survives.sum()) / np.sqrt((survives * (1.0 - survives)).sum())
    assert abs(away) < MOST_STANDARD_ERRORS
    assert cells.extinct.sum() > 2000 and cells.colonies.sum() > 2000


def test_without_t_cells_pure_birth_loses_no_colony():
    model = plain_model(
        4, 140, **NOTHING_ACTS, sleep_probability=0.0, cycling_birth_per_day=0.0, metastasis_gompertz_per_day=1e-5
    )
    model.run()
    assert model.cells.extinct.sum() == 0 and model.cells.colonies.sum() > 100


def test_t_cells_miss_the_sleepers():
    chosen = {**NOTHING_ACTS, "sleep_probability": 1.0, "sleeper_death_per_day": 0.0, "competent_share": 0.01}
    spared, hunted = (plain_model(6, 120, **chosen, immune_clearance_per_day=rate) for rate in (0.0, 0.5))
    for model in (spared, hunted):
        model.run()
    assert np.array_equal(spared.cells.sleeping, hunted.cells.sleeping) and spared.cells.sleeping.sum() > 300
    assert hunted.cells.extinct.sum() > spared.cells.extinct.sum()


def test_colonies_wait_for_vessels_an_exponential_time():
    chosen = {**NOTHING_ACTS, "sleep_probability": 0.0, "competent_share": 0.1}
    at_once, waiting = (plain_model(6, 200, **chosen, angiogenic_delay_days=mean) for mean in (0.0, 90.0))
    for model in (at_once, waiting):
        model.run()
    delay = waiting.cells.grown.column("delay_days")
    assert delay.size > 5000 and np.all(at_once.cells.grown.column("delay_days") == 0.0)
    assert_follows(delay, stats.expon(scale=90.0).cdf)
    reach = []
    for model in (at_once, waiting):
        grown = model.cells.grown
        parts = unpack(grown.column("identity"))
        law = (
            *(grown.column(name) for name in ("start_day", "start_log_cells", "delay_days")),
            *model.law.of_colonies(parts["lane"], parts["niche"]),
        )
        reach.append(
            [colonise.grown_reach_days(np.full(delay.size, np.log(cells)), *law) for cells in (0.99e5, 1.01e5)]
        )
    assert np.array_equal(reach[0][0], reach[1][0]), "growth up to the avascular limit is unchanged"
    assert reach[1][1] - reach[0][1] == pytest.approx(delay), "beyond it everything is late by the rest"


def test_liver_metastases_grow_faster_by_the_factor():
    """The early rate and the Gompertz rate both: any size is reached in 1/1.25 of the days, in the liver alone."""
    law = plain_model(1, 10, **on("dual_feeding") | {"liver_growth_factor": 1.25}).law
    plain = plain_model(1, 10).law
    days = {}
    for name, of in (("fed", law), ("plain", plain)):
        for niche in (LIVER, LUNG):
            rates = of.of_colonies(np.array([0]), np.array([niche]))
            days[name, niche] = [colonise.grown_reach_days(np.log([cells]), np.zeros(1), np.zeros(1), np.zeros(1), *rates)[0]
                                 for cells in (1e3, 1e5, 1e8)]  # fmt: skip
    assert days["plain", LIVER] == pytest.approx(1.25 * np.array(days["fed", LIVER]))
    assert days["plain", LUNG] == days["fed", LUNG]


def test_one_inflow_feeds_no_better_than_other_organs():
    """The factor falls with the portal inflow that a shunt takes away: whole, half, exactly one; bits of a null stay."""
    shunts = np.array([0.0, 0.25, 0.5, 0.9, 1.0])
    p = {**values(**on("dual_feeding")), "liver_growth_factor": 1.2, "portocaval_shunt_fraction": shunts}
    law, plain = ColonyLaw(LaneParameters(p, 5)), ColonyLaw(LaneParameters(p | {"liver_growth_factor": 1.0}, 5))
    factor = law.gompertz_per_day[:, LIVER] / plain.gompertz_per_day[:, LIVER]
    assert factor == pytest.approx(1.0 + 0.2 * (1.0 - shunts)) and np.all(np.diff(factor) < 0)
    assert law.gompertz_per_day[0, LIVER] == 0.01 * 1.2, "without a shunt, to the bit"
    for rate in ("gompertz_per_day", "early_rate_per_day", "death"):
        assert np.array_equal(getattr(law, rate)[4], getattr(plain, rate)[4]), "one inflow, to the bit"
        assert np.array_equal(
            np.delete(getattr(law, rate), LIVER, axis=1), np.delete(getattr(plain, rate), LIVER, axis=1)
        )
    many = LaneParameters(
        {**values(), "liver_growth_factor": 1.0, "portocaval_shunt_fraction": np.linspace(0.0, 1.0, 9973)}, 9973
    )
    assert np.all(ColonyLaw(many).gompertz_per_day == 0.01), "the null of dual feeding is exact under every shunt"


def test_dual_feeding_does_nothing_without_the_dual_blood_supply():
    """The whole course of fifty patients, bit for bit; with the portal vein it does something."""

    def course(**given):
        model = plain_model(50, 200, seed=3, **given, avascular_limit_cells=3000.0, competent_share=1e-2)
        model.run()
        return of_lanes(model, np.ones(50, dtype=bool))

    shunted = off("dual_blood_supply")
    assert same(course(**shunted), course(**shunted, **on("dual_feeding")))
    assert not same(course(), course(**on("dual_feeding")))


def test_the_clock_of_an_inflamed_organ_runs_faster():
    days = 60
    model = plain_model(3, days, **NOTHING_ACTS, awakening_gain=4.0, organ_inflammation__lung=0.5, feeding__lung=2.0)
    model.run()
    assert model.energy_clock[:, LUNG] == pytest.approx(days * 2.0 * 3.0)
    assert model.energy_clock[:, LIVER] == pytest.approx(days * 1.0)
