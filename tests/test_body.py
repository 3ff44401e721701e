"""Vessels: where a shed cell first stops. Probabilities sum to one, and small circuits solve by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from virtual_patients import off, values

from sim.analysis.closed_form import theory
from sim.catalog.parameters import LaneParameters
from sim.disease import body
from sim.names import NICHES, ORGANS, SITES, VEINS

LIVER, LUNG, BONE, KIDNEY, ELSEWHERE = (NICHES.index(name) for name in ("liver", "lung", "bone", "kidney", "elsewhere"))
EXACT = 1e-13


def route(site: str, **overrides) -> body.Routing:
    return body.route(LaneParameters(values(**overrides), 1), [site])


def arrest(site: str, **overrides) -> np.ndarray:
    """Arrest by niche of one patient, (niches,)."""
    return route(site, **overrides).arrest[0]


def arteries_only_to(*beds: str) -> dict[str, float]:
    """Equal arterial shares for these beds and none for the others."""
    return {f"arterial_share__{bed}": float(bed in beds) for bed in body.BEDS if bed != "lung"}


SHARE = st.floats(0.0, 1.0)


@given(
    arrest=st.tuples(SHARE, SHARE, SHARE).filter(lambda three: max(three) > 1e-3), death=SHARE, shunt=SHARE, compensation=SHARE,
    arteries=st.lists(SHARE, min_size=13, max_size=13).filter(lambda s: sum(s) > 1e-6),
    drainage=st.lists(SHARE, min_size=6, max_size=6).filter(lambda s: sum(s) > 1e-6),
)  # fmt: skip
def test_every_shed_cell_ends_somewhere(arrest, death, shunt, compensation, arteries, drainage):
    """All fourteen sites, any vessels: arrest and death in transit are probabilities that sum to one."""
    beds = [bed for bed in body.BEDS if bed != "lung"]
    parameters = values(
        **{f"arrest_probability__{bed}": a for bed, a in zip(("liver", "lung", "other"), arrest, strict=True)},
        **{f"arterial_share__{bed}": a for bed, a in zip(beds, arteries, strict=True)},
        **{f"drainage__{site}__{vein}": a for site in SITES for vein, a in zip(VEINS, drainage, strict=True)},
        death_per_pass=death,
        portocaval_shunt_fraction=shunt,
        hepatic_artery_compensation=compensation,
    )
    lanes = LaneParameters(parameters, len(SITES))
    routing = body.route(lanes, SITES)
    total = routing.arrest.sum(axis=1) + routing.died_in_transit
    assert np.all(routing.arrest >= 0) and np.all(routing.died_in_transit >= 0)
    assert total == pytest.approx(1.0, abs=1e-9)


def test_sums_at_the_catalogues_drainage():
    routing = body.route(LaneParameters(values(), len(SITES)), SITES)
    assert routing.arrest.sum(axis=1) + routing.died_in_transit == pytest.approx(1.0, abs=EXACT)
    assert routing.arrest.shape == (14, 13)


def test_the_matrix_of_passages_keeps_every_cell():
    lanes = LaneParameters(values(portocaval_shunt_fraction=0.3, hepatic_artery_compensation=0.5), 1)
    assert body.passage_matrix(lanes).sum(axis=2) == pytest.approx(1.0, abs=EXACT)
    assert body.entry_distribution(lanes, ["oesophagus"]).sum() == pytest.approx(1.0, abs=EXACT)
    assert body.arterial_distribution(lanes).sum() == pytest.approx(1.0, abs=EXACT)


# -- by hand -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "site, organ",
    [("colon", "liver"), ("stomach", "liver"), ("breast", "lung"), ("kidney", "lung"), ("melanoma", "lung")],
)
def test_the_first_bed_that_lets_nothing_pass_gets_all(site, organ):
    death = 0.05
    everything = arrest(site, death_per_pass=death, **{f"arrest_probability__{organ}": 1.0})
    assert everything[NICHES.index(organ)] == pytest.approx(1 - death, abs=EXACT)
    assert everything.sum() == pytest.approx(1 - death, abs=EXACT)


def test_a_liver_that_lets_all_pass_leaves_the_colon_to_the_lung():
    through = arrest("colon", arrest_probability__liver=0.0, arrest_probability__lung=1.0, death_per_pass=0.0)
    assert through[LUNG] == pytest.approx(1.0, abs=EXACT)


def test_a_first_bed_by_hand():
    """Liver, lung, then the arteries: the first three arrests of a colon cell, with all else stopping."""
    a_liver, a_lung, death = 0.3, 0.6, 0.1
    first = arrest("colon", arrest_probability__liver=a_liver, arrest_probability__lung=a_lung, arrest_probability__other=1.0,
                   death_per_pass=death, **arteries_only_to("kidney", "bone"))  # fmt: skip
    alive = 1 - death
    into_arteries = alive * (1 - a_liver) * alive * (1 - a_lung)
    assert first[LIVER] == pytest.approx(alive * a_liver, abs=EXACT)
    assert first[LUNG] == pytest.approx(alive * (1 - a_liver) * alive * a_lung, abs=EXACT)
    assert first[KIDNEY] == first[BONE] == pytest.approx(into_arteries * alive / 2, abs=EXACT)


@given(SHARE, SHARE, st.floats(0.01, 1.0))
def test_two_beds_in_a_circle_are_a_geometric_series(in_lung, elsewhere, death):
    """All arteries lead to the kidney: lung, kidney, lung, ..."""
    routing = route("breast", arrest_probability__lung=in_lung, arrest_probability__other=elsewhere, death_per_pass=death,
                    **arteries_only_to("kidney"))  # fmt: skip
    first, second, died = theory.two_bed_circuit(in_lung, elsewhere, death)
    assert routing.arrest[0, [LUNG, KIDNEY]] == pytest.approx([first, second], abs=EXACT, rel=1e-10)
    assert routing.died_in_transit[0] == pytest.approx(died, abs=EXACT, rel=1e-10)


@pytest.mark.parametrize("organ", sorted(set(ORGANS) - {"liver", "lung"}))
def test_a_bed_that_alone_stops_cells_gets_them_all(organ):
    shares = arteries_only_to(organ, "rest")
    held = arrest("breast", arrest_probability__liver=0.0, arrest_probability__lung=0.0, arrest_probability__other=0.5,
                  death_per_pass=0.0, **shares)  # fmt: skip
    assert held[NICHES.index(organ)] == pytest.approx(0.5, abs=1e-12) and held[ELSEWHERE] == pytest.approx(
        0.5, abs=1e-12
    )


def test_what_stops_in_the_gut_or_the_rest_is_elsewhere():
    for bed in ("gut", "rest"):
        held = arrest("lung", arrest_probability__other=1.0, death_per_pass=0.0, **arteries_only_to(bed))
        assert held[ELSEWHERE] == pytest.approx(1.0, abs=EXACT)


def test_portal_organs_drain_into_the_liver():
    """A cell that passes the spleen meets the liver next; one that passes the muscle meets the lung."""
    through = dict(
        arrest_probability__other=0.0, arrest_probability__liver=1.0, arrest_probability__lung=0.0, death_per_pass=0.2
    )
    for bed in body.PORTAL_BEDS:
        assert arrest("lung", **through, **arteries_only_to(bed))[LIVER] == pytest.approx(0.8**2, abs=EXACT)
    assert arrest("lung", **through, **arteries_only_to("muscle"))[LIVER] == 0.0


def test_the_vertebral_plexus_leads_to_bone_and_the_thoracic_duct_to_the_lung():
    for vein, niche in (
        ("vertebral", BONE),
        ("thoracic_duct", LUNG),
        ("azygos", LUNG),
        ("caval", LUNG),
        ("portal", LIVER),
    ):
        shares = {f"drainage__prostate__{name}": float(name == vein) for name in VEINS}
        held = arrest(
            "prostate",
            **shares,
            death_per_pass=0.0,
            **{f"arrest_probability__{bed}": 1.0 for bed in ("liver", "lung", "other")},
        )
        assert held[niche] == pytest.approx(1.0, abs=EXACT)


# -- the liver's two inflows ---------------------------------------------------------------------


def test_with_a_shunt_the_colon_seeds_the_lung_first():
    on, shunted = arrest("colon"), arrest("colon", portocaval_shunt_fraction=1.0)
    assert on[LIVER] > on[LUNG] and np.argmax(on) == LIVER
    assert np.argmax(shunted) == LUNG and shunted[LUNG] > 5 * shunted[LIVER]
    assert 0 < shunted[LIVER] < 0.1 * on[LIVER], "the artery still feeds the liver"


def test_off_is_a_complete_shunt_bit_for_bit():
    for site in SITES:
        off_way, shunt_way = route(site, **off("dual_blood_supply")), route(site, portocaval_shunt_fraction=1.0)
        assert np.array_equal(off_way.arrest, shunt_way.arrest)
        assert np.array_equal(off_way.died_in_transit, shunt_way.died_in_transit)


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
@settings(max_examples=30)
def test_more_shunt_less_liver_more_lung(one, other):
    low, high = sorted((one, other))
    less, more = (arrest("colon", portocaval_shunt_fraction=shunt) for shunt in (low, high))
    assert more[LIVER] <= less[LIVER] + EXACT and more[LUNG] >= less[LUNG] - EXACT


def test_the_hepatic_artery_makes_up_for_part_of_the_shunt():
    shunted = {"portocaval_shunt_fraction": 1.0}
    none, some, most = (
        arrest("breast", hepatic_artery_compensation=share, **shunted)[LIVER] for share in (0.0, 0.3, 0.6)
    )
    assert none < some < most
    assert arrest("breast", hepatic_artery_compensation=0.6)[LIVER] == arrest("breast")[LIVER], (
        "no shunt, nothing to make up for"
    )
    lanes = LaneParameters(values(portocaval_shunt_fraction=1.0, hepatic_artery_compensation=0.5), 1)
    before = LaneParameters(values(), 1)
    portal = sum(before[f"arterial_share.{bed}"][0] for bed in body.PORTAL_BEDS)
    all_shares = sum(before[f"arterial_share.{bed}"][0] for bed in body.BEDS if bed != "lung")
    expected = (before["arterial_share.liver"][0] + 0.5 * portal) / (all_shares + 0.5 * portal)
    assert body.arterial_distribution(lanes)[0, LIVER] == pytest.approx(expected, abs=EXACT)


def test_the_rectums_two_drainages_move_liver_and_lung():
    upper = arrest("rectum", drainage__rectum__portal=1.0, drainage__rectum__caval=0.0)
    lower = arrest("rectum", drainage__rectum__portal=0.0, drainage__rectum__caval=1.0)
    both = arrest("rectum", drainage__rectum__portal=0.5, drainage__rectum__caval=0.5)
    assert upper[LIVER] > 2 * lower[LIVER] and lower[LUNG] > 1.5 * upper[LUNG]
    assert both == pytest.approx((upper + lower) / 2, abs=EXACT)
    assert upper == pytest.approx(arrest("colon"), abs=EXACT)


# -- lanes, soil, refusals -----------------------------------------------------------------------


def test_a_lane_does_not_depend_on_its_neighbours():
    arms = [values(), values(arrest_probability__lung=0.9), values(**off("dual_blood_supply"))]
    arm_of_lane = np.array([0, 1, 2] * 50)
    sites = [SITES[i % 14] for i in range(150)]
    together = body.route(LaneParameters.stack(arms, arm_of_lane), sites)
    for lane in (0, 1, 2, 57, 149):
        alone = body.route(LaneParameters(arms[arm_of_lane[lane]], 1), [sites[lane]])
        assert np.array_equal(together.arrest[lane], alone.arrest[0])
        assert together.died_in_transit[lane] == alone.died_in_transit[0]


def test_a_body_that_stops_nothing_is_refused():
    nothing = {"death_per_pass": 0.0, "arrest_probability__lung": 0.0, "arrest_probability__other": 0.0}
    with pytest.raises(ValueError, match="for ever"):
        route("colon", **nothing, arrest_probability__liver=0.0)
    # A liver that would stop cells is no help to those who never meet it.
    with pytest.raises(ValueError, match="for ever"):
        route("breast", **nothing, arrest_probability__liver=0.5, **arteries_only_to("muscle"))
    assert arrest("colon", **nothing, arrest_probability__liver=0.5)[LIVER] == pytest.approx(1.0, abs=EXACT)


def test_the_own_organ_takes_its_factor_and_no_other_does():
    sites = ["lung", "kidney", "colon"]
    factor = body.own_organ_factor(
        LaneParameters(values(own_organ_receptivity__lung=0.7, own_organ_receptivity__kidney=0.2), 3), sites
    )
    expected = np.ones((3, 13))
    expected[0, LUNG], expected[1, KIDNEY] = 0.7, 0.2
    assert np.array_equal(factor, expected)


def test_a_transposed_passage_matrix_is_noticed(monkeypatch):
    """The broken variant: cells that flow upstream."""
    right = body.passage_matrix
    monkeypatch.setattr(body, "passage_matrix", lambda parameters: np.swapaxes(right(parameters), 1, 2))
    with pytest.raises((AssertionError, ValueError)):
        test_portal_organs_drain_into_the_liver()
    with pytest.raises((AssertionError, ValueError)):
        test_a_first_bed_by_hand()
