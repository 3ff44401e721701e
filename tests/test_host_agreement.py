"""The other mechanisms and treatments in the engine against the plain second implementation, `reference.plain_host`.

As in `test_treated_agreement`: means over patients agree within the tolerances of `host_agreement.WORK`; every comparison has a
false-alarm rate below 1e-6 and finds a true difference of twice its tolerance with the same certainty; samples too small for
that raise TooWeak. With `make long` there are eight times as many plain patients, and tolerances are two fifths as wide.
What `reference.broken_host` gets wrong on purpose is caught (a few here; all with `make long`).
"""

from __future__ import annotations

import functools

import pytest
from agreement_compare import Sample, Tolerances, differences, disagreements
from host_agreement import LONG_ONLY, WORK, at_length, engine_hosts, plain_hosts
from reference import broken_host as wrong
from reference.plain_host import HostPatient
from treated_agreement import compared

FOR_EVERY_COMMIT = (wrong.NoSilencing, wrong.NoIl6Blockade, wrong.BoundAtFirst, wrong.SeedsOfThePrimary, wrong.LostReturn)
CAUGHT = [
    ("obesity and vesicles", wrong.NoP2rx7Inhibition, {"mean shed"}),
    ("obesity and vesicles", wrong.NoSilencing, {"mean shed"}),
    ("obesity and vesicles", wrong.DosesLastADay, {"mean shed"}),
    ("obesity and vesicles", wrong.EverybodyIsLean, {"mean shed"}),
    ("obesity and the liver's niche", wrong.NoIl6Blockade, {"mean settled liver"}),
    ("obesity and the liver's niche", wrong.NoStat3Blockade, {"mean settled liver"}),
    ("obesity and the liver's niche", wrong.EverybodyIsLean, {"mean settled liver"}),
    ("obesity and the liver's niche", wrong.BlocksOnlyTheTumoursIl6, {"mean settled liver"}),
    ("scars and clusters", wrong.NoScars, {"mean slept liver"}),
    ("scars and clusters", wrong.FrailClusters, {"mean settled lung"}),
    ("scars and clusters", wrong.ClustersOfOne, {"mean extinct lung"}),
    ("stem-like and mesenchymal cells", wrong.NoMotility, {"mean settled liver", "mean settled lung"}),
    ("stem-like and mesenchymal cells", wrong.NoWayBack, {"mean settled liver", "mean settled lung"}),
    ("stem-like and mesenchymal cells", wrong.ClippedPositions, {"mean settled liver", "mean settled lung"}),
    ("stem-like and mesenchymal cells", wrong.SleepOfTheShed, {"mean slept lung"}),
    ("stem-like and mesenchymal cells", wrong.OxygenEverywhere, {"mean slept liver"}),
    ("T cells", wrong.ClearsSleepers, {"mean died_asleep liver", "mean died_asleep lung"}),
    ("T cells", wrong.AgelessTCells, {"mean colonies liver", "mean colonies lung"}),
    ("T cells", wrong.NoDrain, {"mean colonies liver", "mean colonies lung"}),
    ("T cells", wrong.EverybodyIsLean, {"mean colonies liver", "mean colonies lung"}),
    ("checkpoint inhibition", wrong.BoundAtFirst, {"mean log10 cells liver", "mean log10 cells lung"}),
    ("checkpoint inhibition", wrong.ClearsTheGrown, {"mean log10 cells liver", "mean log10 cells lung"}),
    ("markers", wrong.NoMarkers, {"mean colonies liver", "mean colonies lung"}),
    ("vessels", wrong.NeverRests, {"mean log10 cells liver", "mean log10 cells lung"}),
    ("vessels", wrong.FedThroughAShunt, {"mean log10 cells liver"}),
    ("inflamed organs", wrong.NoWound, {"mean woke liver"}),
    ("inflamed organs", wrong.CalmOrgans, {"mean woke lung"}),
    ("metastases that seed", wrong.NoLitre, {"mean settled lung"}),
    ("metastases that seed", wrong.SeedsOfThePrimary, {"mean settled liver"}),
    ("metastases that seed", wrong.SeedsOnceADay, {"mean settled lung"}),
    ("metastases that seed", wrong.ForgetfulSeeds, {"mean chemotherapy resisted lung"}),
    ("cells that return", wrong.LostReturn, {"mean shed", "mean log10 primary"}),
    ("two drugs and stem-like cells", wrong.StemCellsDieAsOthers, {"mean colonies liver", "mean colonies lung"}),
    ("two drugs and stem-like cells", wrong.OneResistance, {"mean targeted_therapy resisted lung"}),
]


@functools.cache
def engine(name: str):
    """The engine's sample of a work, computed once."""
    return engine_hosts(WORK[name])


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.long if name in LONG_ONLY else ()) for name in WORK])
def test_hosts_agree(name):
    found = disagreements(compared(plain_hosts(WORK[name]), engine(name), WORK[name]))
    assert not found, found


@pytest.mark.long
@pytest.mark.parametrize("name", WORK)
def test_many_hosts_agree(name):
    work = at_length(WORK[name])
    found = disagreements(compared(plain_hosts(work, first_seed=100_000), engine_hosts(work, seed=9), work))
    assert not found, found


@pytest.mark.parametrize("name, broken, caught", [
    pytest.param(*case, marks=() if case[1] in FOR_EVERY_COMMIT else pytest.mark.long, id=f"{case[0]}-{case[1].__name__}") for case in CAUGHT])
def test_a_broken_host_is_caught(name, broken, caught):
    found = disagreements(compared(plain_hosts(WORK[name], broken, first_seed=5000), engine(name), WORK[name]))
    assert caught <= found.keys(), found


@pytest.mark.long
def test_clones_set_patients_apart():
    """The variance between patients of what settles: within a factor of three, and a tenth where all clones are alike."""
    work, name = WORK["clones that seed"], "settled lung"

    def apart(patient_class):
        samples = (plain_hosts(work, patient_class, first_seed=7000), engine("clones that seed"))
        return differences(*(Sample({name: sample.counts[name]}) for sample in samples), Tolerances(mean=0.26, spread=1.1))[f"spread {name}"]

    assert apart(HostPatient).agrees
    alike = apart(wrong.AlikeClones)
    assert not alike.agrees and alike.found < 0.0, alike
