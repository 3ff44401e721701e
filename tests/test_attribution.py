"""Attribution: arms are the runs that they stand for, shares add up, and nothing depends on how it was computed."""

import json

import numpy as np
import pandas as pd
import pytest
from quick_cohort import chunk_files, scenario_file

from sim import scenario as scenarios
from sim.analysis import attribution, products, shapley
from sim.analysis.resampling import Resampled, interval
from sim.cli import main
from sim.errors import InputError
from sim.mechanisms import REGISTRY
from sim.names import NICHES
from sim.runs import counterfactuals
from sim.runs.counterfactuals import Counterfactual, metastases_by_arm
from sim.runs.run import run_scenario
from sim.work import resuming as kept
from sim.work import workers

PATIENTS, SEED = 30, 3
FOUR = ("dual_blood_supply", "inflammation", "senescent_vesicles", "dormancy")
TWO = ("inflammation", "dormancy")


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """The quick scenario with a body that its small tumours inflame, and the four headline mechanisms on."""
    return scenarios.load(scenario_file(tmp_path_factory.mktemp("scenario"), PATIENTS)).with_(
        set_=["il6_half_cells=3e5", "niche_time_days=7"]
    )


def small_chunks(monkeypatch, lanes: int = 100) -> None:
    monkeypatch.setattr(counterfactuals, "LANES", lanes)


@pytest.fixture(scope="module")
def finished(quick, tmp_path_factory):
    """The folder of an attribution to all four mechanisms, and its table."""
    out = tmp_path_factory.mktemp("attribution") / "x"
    attribution.attribute(quick, seed=SEED, out=out, mechanisms=FOUR)
    return out, pd.read_parquet(out / "attribution.parquet")


def part(table, name, *, outcome="colonies", gain=2.0):
    """Rows of one part by organ."""
    mine = table[(table.part == name) & (table.outcome == outcome) & (table.inflammation_gain == gain)]
    return mine.set_index("organ")


# What is counted


@pytest.mark.parametrize("off", [(), ("dormancy",), ("inflammation", "dual_blood_supply")])
def test_an_arm_is_the_run_that_it_stands_for(quick, tmp_path, off):
    """The same metastases, patient by patient and organ by organ, as `run --off ...` writes."""
    run = run_scenario(quick.with_(off=off), seed=SEED, out=tmp_path / "x")
    seen = run.metastases[run.metastases.detected_day.notna()]
    expected = (
        seen.groupby(["patient", "organ"])
        .size()
        .reindex(pd.MultiIndex.from_product([range(PATIENTS), NICHES]), fill_value=0)
    )
    counts = metastases_by_arm(
        quick,
        [Counterfactual(), Counterfactual(frozenset(off)), Counterfactual(frozenset(FOUR))],
        SEED,
        np.arange(PATIENTS),
    )
    assert counts.shape == (PATIENTS, 3, len(NICHES)) and counts[:, 1].sum() > 50
    assert np.array_equal(counts[:, 1], expected.to_numpy().reshape(PATIENTS, len(NICHES)))


def test_shares_and_what_is_left_sum_to_all_on(finished):
    _, table = finished
    for _, rows in table.groupby(["outcome", "inflammation_gain", "organ"]):
        rows = rows.set_index("part")
        assert rows.value.drop("all on").sum() == pytest.approx(rows.value["all on"], abs=1e-12)
        if rows.value["all on"]:
            assert rows.share.drop("all on").sum() == pytest.approx(1.0, abs=1e-9)
            assert rows.share["all on"] == 1.0
        else:
            assert rows.share.isna().all()
    assert not table.order_standard_error.any()
    known = table.value_low.notna()
    assert (table.value_low <= table.value)[known].all() and (table.value <= table.value_high)[known].all()


def test_values_are_those_of_the_arms(finished):
    """Everybody can compute the shares again from arms.parquet: here the baseline, all on, and one player by its formula."""
    out, table = finished
    stored = pd.read_parquet(out / "arms.parquet")
    assert set(stored.off) >= {"", ",".join(FOUR), "dormancy"} and len(stored) == 3 * 16 * 14
    liver = stored[(stored.organ == "liver") & (stored.inflammation_gain == 2.0)].set_index("off").metastases
    assert part(table, "all on").value["liver"] == liver[""] / PATIENTS > 0
    assert part(table, "all off").value["liver"] == liver[",".join(FOUR)] / PATIENTS
    share = 0.0
    for off, count in liver.items():
        out_of = [name for name in off.split(",") if name]
        if "dormancy" in out_of:
            size = 4 - len(out_of)
            weight = {0: 1 / 4, 1: 1 / 12, 2: 1 / 12, 3: 1 / 4}[size]
            without = ",".join(name for name in out_of if name != "dormancy")
            share += weight * (liver[without] - count) / PATIENTS
    assert part(table, "dormancy").value["liver"] == pytest.approx(share, abs=1e-12)


def test_what_the_model_says_of_its_mechanisms(finished):
    """Portal blood and inflammation feed the liver; sleep delays; inflammation acts nowhere but on the liver.

    In 30 patients with hundreds of metastases all four are far beyond chance: each interval excludes zero.
    """
    _, table = finished
    assert part(table, "dual_blood_supply").value_low["liver"] > 0
    assert part(table, "dual_blood_supply").value_high["lung"] < 0
    assert part(table, "inflammation").value_low["liver"] > 0
    assert part(table, "dormancy").value_high["all"] < 0
    assert not part(table, "inflammation").value.drop(["liver", "all"]).any()


def test_a_mechanism_at_its_null_gets_exactly_zero(quick, tmp_path):
    still = quick.with_(set_=["vesicle_release=0"])
    attribution.attribute(still, seed=SEED, out=tmp_path / "x", mechanisms=["senescent_vesicles", "dormancy"])
    table = pd.read_parquet(tmp_path / "x" / "attribution.parquet")
    none = table[table.part == "senescent_vesicles"]
    assert len(none) == 2 * 14
    assert not none[["value", "value_low", "value_high"]].to_numpy().any()
    assert table[table.part == "dormancy"].value.any()
    assert none.inflammation_gain.isna().all(), "inflammation is no player here, so there is one block"


# Soil and inflammation


def liver_at(scenario, gains, soils, patients: int) -> np.ndarray:
    """Liver metastases by patient and pair of gain and soil."""
    stacked = [
        Counterfactual(values=((products.GAIN, gain), (products.SOIL, soil)))
        for gain, soil in zip(gains, soils, strict=True)
    ]
    return metastases_by_arm(scenario, stacked, SEED, np.arange(patients))[:, :, NICHES.index("liver")]


def test_the_refitted_soil_keeps_the_share_of_patients(quick):
    """At either end of the gain as many of 400 patients get liver metastases as at its value.

    About 40 % do; the paired difference has a standard error below 1.5 points, and 4 of them are allowed (false alarm
    below 1e-4). Without the refit the shares are over 20 points apart.
    """
    even = quick.with_(set_=["frailty_log_sd=1", "competent_share=1e-6", "other_cause_death_per_year_at_70=0"])
    gains = products.assumed_gains(even)
    assert gains == [2.0, 0.0, 6.0]
    soils = products.refitted_soils(even, gains, seed=SEED)
    assert soils[0] == pytest.approx(even.parameters["soil.liver"].value, rel=1e-9)
    assert soils[1] > 1.5 * soils[0] > 3 * soils[2]
    some = liver_at(even, gains, soils, 400) > 0
    error = (some * 1.0 - some[:, :1]).std(axis=0, ddof=1) / 20
    assert 0.3 < some[:, 0].mean() < 0.6 and (error < 0.015).all()
    assert (np.abs(some.mean(axis=0) - some[:, 0].mean()) <= 4 * error).all()
    apart = (liver_at(even, gains, [soils[0]] * 3, 400) > 0).mean(axis=0)
    assert apart[2] - apart[1] > 0.2


def test_where_everybody_has_liver_metastases_the_refitted_soil_keeps_their_number(quick):
    """150 patients of equal frailty with 130 liver metastases each: paired differences have a standard error of 0.1 %; 1 % is allowed."""
    even = quick.with_(set_=["frailty_log_sd=0", "competent_share=2e-4", "other_cause_death_per_year_at_70=0"])
    gains = products.assumed_gains(even)
    counts = liver_at(even, gains, products.refitted_soils(even, gains, seed=SEED), 150)
    mean, error = counts.mean(axis=0), (counts - counts[:, :1]).std(axis=0, ddof=1) / np.sqrt(150)
    assert mean[0] > 100 and (error < 0.0015 * mean[0]).all()
    assert mean == pytest.approx(np.full(3, mean[0]), rel=0.01)


def test_the_share_of_inflammation_is_given_across_its_range(finished):
    _, table = finished
    shares = [part(table, "inflammation", gain=gain).share["liver"] for gain in (0.0, 2.0, 6.0)]
    assert shares[0] == 0.0 < shares[1] < shares[2]


def test_a_gain_whose_soil_no_run_would_accept_is_left_out(quick):
    rich = quick.with_(set_=["soil.liver=0.9"])
    blocks, left_out = attribution.blocks_of(rich, FOUR, SEED)
    assert [block.gain for block in blocks] == [2.0, 6.0] and left_out == [0.0]


# Intervals


def test_resamples_do_not_depend_on_how_patients_come():
    values = np.random.default_rng(2).normal(size=(60, 3))
    whole, pieces = Resampled(3, seed=1, resamples=50), Resampled(3, seed=1, resamples=50)
    whole.add(np.arange(60), values)
    for start in range(0, 60, 7):
        pieces.add(np.arange(start, min(start + 7, 60)), values[start : start + 7])
    assert pieces.patients == 60
    assert pieces.means() == pytest.approx(whole.means(), rel=1e-12)
    assert whole.means()[0] == pytest.approx(values.mean(axis=0), rel=1e-12)


def test_intervals_hold_the_true_mean_as_often_as_they_say():
    """95 % intervals of 100 exponential values hold the mean in about 94 % of 200 trials; 88 to 99 % in all but one of 10^3 suites."""
    generator = np.random.default_rng(5)
    held = 0
    for trial in range(200):
        sums = Resampled(1, seed=trial, resamples=200)
        sums.add(np.arange(100), generator.exponential(size=(100, 1)))
        low, high = interval(sums.means()[1:])
        held += low[0] <= 1.0 <= high[0]
    assert 0.88 < held / 200 < 0.99


def test_an_interval_that_rests_on_too_few_resamples_is_null():
    resampled = np.ones((100, 2))
    resampled[:4, 0] = np.nan
    low, high = interval(resampled)
    assert np.isnan(low[0]) and np.isnan(high[0]) and low[1] == high[1] == 1.0


# More than six mechanisms


def test_sampled_orders_give_what_all_combinations_give(quick, finished, tmp_path, monkeypatch):
    """With the same patients the two differ by the sampling of orders alone, which is stated and widens the intervals."""
    monkeypatch.setattr(shapley, "MOST_EXACT", 3)
    monkeypatch.setattr(shapley.design, "__kwdefaults__", {**shapley.design.__kwdefaults__, "most_exact": 3})
    _, notes = attribution.attribute(quick, seed=SEED, out=tmp_path / "x", mechanisms=FOUR, orders=20)
    assert "20 sampled orders of 4 mechanisms" in notes[0]
    sampled, exact = pd.read_parquet(tmp_path / "x" / "attribution.parquet"), finished[1]
    players = sampled[sampled.part.isin(FOUR) & (sampled.outcome == "colonies")]
    same = exact.loc[players.index]
    assert (players.order_standard_error > 0).any()
    assert (np.abs(players.value - same.value) <= 5 * players.order_standard_error + 1e-12).all()
    assert ((players.value_high - players.value_low) >= 2 * 1.9 * players.order_standard_error).all()
    off = sampled[sampled.part.isin(["all off", "all on"])]
    assert np.allclose(off.value, exact.loc[off.index].value, rtol=0, atol=0)


def test_every_mechanism_of_the_registry_can_be_a_player(quick, tmp_path):
    """All that the program has, switched on together: sampled orders, sums that are exact, errors that are stated."""
    everything = quick.with_(patients=3, on=list(REGISTRY))
    _, notes = attribution.attribute(everything, seed=SEED, out=tmp_path / "x", orders=4)
    assert len(REGISTRY) > 6 and f"4 sampled orders of {len(REGISTRY)} mechanisms" in notes[0]
    table = pd.read_parquet(tmp_path / "x" / "attribution.parquet")
    assert set(table.part) == {"all off", *REGISTRY, "all on"}
    for _, rows in table.groupby(["outcome", "inflammation_gain", "organ"]):
        value = rows.set_index("part").value
        assert value.drop("all on").sum() == pytest.approx(value["all on"], abs=1e-9)
    assert table[table.part == "all on"].value.max() > 0 and (table.order_standard_error > 0).any()


# Workers, interruption, folders


def bytes_of(folder):
    return {file.name: file.read_bytes() for file in folder.glob("*.parquet")}


def test_workers_and_interruptions_change_nothing(quick, tmp_path, monkeypatch):
    small_chunks(monkeypatch)
    asked = dict(seed=SEED, mechanisms=TWO)
    attribution.attribute(quick, out=tmp_path / "whole", **asked)
    attribution.attribute(quick, out=tmp_path / "two", workers=2, **asked)
    real, computed = workers.run_tasks, []

    def stopping(tasks, number, report, **_):
        for finished in real(tasks, number, report):
            yield finished
            computed.append(finished.task.name)
            if len(computed) == 2:
                raise KeyboardInterrupt

    monkeypatch.setattr(kept, "run_tasks", stopping)
    with pytest.raises(KeyboardInterrupt):
        attribution.attribute(quick, out=tmp_path / "stopped", **asked)
    assert len(chunk_files(tmp_path / "stopped")) == 2 and not (tmp_path / "stopped").exists()
    attribution.attribute(quick, out=tmp_path / "stopped", **asked)
    assert (
        len(computed)
        == len(set(computed))
        == len(counterfactuals.counterfactual_tasks(quick, [Counterfactual()] * 12, SEED))
        > 3
    )
    assert bytes_of(tmp_path / "whole") == bytes_of(tmp_path / "two") == bytes_of(tmp_path / "stopped")
    assert len(bytes_of(tmp_path / "whole")) == 2 and not chunk_files(tmp_path / "stopped")


def test_another_question_starts_anew(quick):
    arm = [Counterfactual(), Counterfactual(frozenset(["dormancy"]))]
    keys = {counterfactuals.counterfactuals_key(quick, arm, SEED), counterfactuals.counterfactuals_key(quick, arm, SEED + 1), counterfactuals.counterfactuals_key(quick, arm[:1], SEED),
            counterfactuals.counterfactuals_key(quick.with_(set_=["soil.liver=0.2"]), arm, SEED),
            counterfactuals.counterfactuals_key(quick, [Counterfactual(), Counterfactual(values=(("soil.liver", 0.2),))], SEED)}  # fmt: skip
    assert len(keys) == 5


def test_a_run_is_not_overwritten_by_an_attribution_nor_the_other_way_round(quick, finished, tmp_path):
    run_scenario(quick.with_(patients=2), seed=SEED, out=tmp_path / "run")
    with pytest.raises(InputError, match="found: run, allowed: attribution"):
        attribution.attribute(quick, seed=SEED, out=tmp_path / "run")
    with pytest.raises(InputError, match="found: attribution, allowed: run"):
        run_scenario(quick, seed=SEED, out=finished[0])
    assert json.loads((finished[0] / "manifest.json").read_text(encoding="utf-8"))["asked"]["mechanisms"] == list(FOUR)


# The command


def command(*arguments):
    return main(["attribute", *map(str, arguments)])


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--mechanisms", "dormacy"], ["--mechanisms dormacy", "dormancy"]),
        (["--mechanisms", "dormancy", "--off", "dormancy"], ["dormancy", "is off", "--on dormancy"]),
        (["--orders", "7"], ["--orders 7", "even"]),
        (
            ["--off", "dormancy", "--off", "inflammation", "--off", "senescent_vesicles", "--off", "dual_blood_supply"],
            ["no mechanism is on"],
        ),
        (["--outcome", "deaths"], ["colonies", "patients"]),
    ],
)
def test_wrong_input_ends_with_2_and_says_what_is_allowed(capsys, arguments, words):
    assert command("colorectal", *arguments) == 2
    message = capsys.readouterr().err
    assert all(word in message for word in words), message


def test_the_command_prints_a_table_and_draws_a_figure(tmp_path, capsys):
    file = scenario_file(tmp_path, 12)
    out = tmp_path / "x"
    assert (
        command(file, "--mechanisms", "dormancy,inflammation", "--workers", 1, "--out", out, "--outcome", "patients")
        == 0
    )
    printed = capsys.readouterr().out
    assert "all 4 combinations of 2 mechanisms, each in the same 12 patients" in printed
    for words in ("all organs", "all off", "dormancy", "known only as a product", "soil.liver"):
        assert words in printed, words
    assert all(len(line) <= 110 for line in printed.splitlines())
    assert sorted(file.name for file in (out / "figures").iterdir()) == ["attribution.pdf", "attribution.png"]
    table = pd.read_csv(out / "attribution.csv")
    assert table.equals(pd.read_parquet(out / "attribution.parquet").astype(table.dtypes.to_dict()))
    assert set(table.part) == {"all off", "inflammation", "dormancy", "all on"}
    assert command(file, "--mechanisms", "dormancy", "--workers", 1, "--out", out, "--quiet") == 0
    assert len(capsys.readouterr().out.splitlines()) == 1
