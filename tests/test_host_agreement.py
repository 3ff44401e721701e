"""The other mechanisms and treatments in the engine against the plain second implementation, `reference.plain_host`.

As in `test_treated_agreement`: means over patients agree within the tolerances of `host_agreement.WORK`; every comparison has a
false-alarm rate below 1e-6 and finds a true difference of twice its tolerance with the same certainty; samples too small for
that raise TooWeak. With `make long` there are eight times as many plain patients, and tolerances are two fifths as wide.
What `reference.broken_host` gets wrong on purpose is caught (a few here, mostly by half as many patients; all with `make long`).
"""

from __future__ import annotations

import functools
from dataclasses import replace

import pytest
from agreement_compare import Sample, Tolerances, differences, disagreements, mean_difference
from host_agreement import LONG_ONLY, WORK, at_length, engine_hosts, plain_hosts
from reference import broken_host as wrong
from reference.plain_host import HostPatient
from test_treated_agreement import of_half_as_many
from treated_agreement import compared

FOR_EVERY_COMMIT = (wrong.NoSilencing, wrong.NoIl6Blockade, wrong.BoundAtFirst, wrong.AlikeOrgans, wrong.LostReturn)
HARD_TO_SEE = (wrong.BoundAtFirst, wrong.AlikeOrgans)
"""What differs by so little that it takes all patients."""
CAUGHT = [
    ("obesity and vesicles", wrong.NoP2rx7Inhibition, {"shed"}),
    ("obesity and vesicles", wrong.NoSilencing, {"shed"}),
    ("obesity and vesicles", wrong.DosesLastADay, {"shed"}),
    ("obesity and vesicles", wrong.EverybodyIsLean, {"shed"}),
    ("obesity and the liver's niche", wrong.NoIl6Blockade, {"settled liver"}),
    ("obesity and the liver's niche", wrong.NoStat3Blockade, {"settled liver"}),
    ("obesity and the liver's niche", wrong.EverybodyIsLean, {"settled liver"}),
    ("obesity and the liver's niche", wrong.BlocksOnlyTheTumoursIl6, {"settled liver"}),
    ("scars and clusters", wrong.NoScars, {"slept liver"}),
    ("scars and clusters", wrong.FrailClusters, {"settled lung"}),
    ("scars and clusters", wrong.ClustersOfOne, {"extinct lung"}),
    ("stem-like and mesenchymal cells", wrong.NoMotility, {"settled liver", "settled lung"}),
    ("stem-like and mesenchymal cells", wrong.NoWayBack, {"settled liver", "settled lung"}),
    ("stem-like and mesenchymal cells", wrong.ClippedPositions, {"settled liver", "settled lung"}),
    ("stem-like and mesenchymal cells", wrong.SleepOfTheShed, {"slept lung"}),
    ("stem-like and mesenchymal cells", wrong.OxygenEverywhere, {"slept liver"}),
    ("T cells", wrong.ClearsSleepers, {"died_asleep liver", "died_asleep lung"}),
    ("T cells", wrong.AgelessTCells, {"colonies liver", "colonies lung"}),
    ("T cells", wrong.NoDrain, {"colonies liver", "colonies lung"}),
    ("T cells", wrong.EverybodyIsLean, {"colonies liver", "colonies lung"}),
    ("checkpoint inhibition", wrong.BoundAtFirst, {"log10 cells liver", "log10 cells lung"}),
    ("checkpoint inhibition", wrong.ClearsTheGrown, {"log10 cells liver", "log10 cells lung"}),
    ("markers", wrong.NoMarkers, {"colonies liver", "colonies lung"}),
    ("paces", wrong.AlikeOrgans, {"log10 cells liver"}),
    ("paces", wrong.AlikeColonies, {"log10 cells liver", "log10 cells lung"}),
    ("paces", wrong.PaceOfGrowthAlone, {"colonies lung"}),
    ("paces", wrong.AlikeSites, {"slept liver", "slept lung"}),
    ("vessels", wrong.NeverRests, {"log10 cells liver", "log10 cells lung"}),
    ("vessels", wrong.FedThroughAShunt, {"log10 cells liver"}),
    ("inflamed organs", wrong.NoWound, {"woke liver"}),
    ("inflamed organs", wrong.CalmOrgans, {"woke lung"}),
    ("metastases that seed", wrong.NoLitre, {"settled lung"}),
    ("metastases that seed", wrong.SeedsOfThePrimary, {"settled liver"}),
    ("metastases that seed", wrong.SeedsOnceADay, {"settled lung"}),
    ("seeds that resist", wrong.ForgetfulSeeds, {"chemotherapy resisted lung"}),
    ("cells that return", wrong.LostReturn, {"shed", "log10 primary"}),
    ("two drugs and stem-like cells", wrong.StemCellsDieAsOthers, {"colonies liver", "colonies lung"}),
    ("two drugs and stem-like cells", wrong.OneResistance, {"targeted_therapy resisted lung"}),
]


@functools.cache
def engine(name: str):
    """The engine's sample of a work, computed once."""
    return engine_hosts(WORK[name])


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long if name in LONG_ONLY else ()) for name in WORK]
)
def test_hosts_agree(name):
    found = disagreements(compared(plain_hosts(WORK[name]), engine(name), WORK[name]))
    assert not found, found


@pytest.mark.long
@pytest.mark.parametrize("name", WORK)
def test_many_hosts_agree(name):
    work = at_length(WORK[name])
    found = disagreements(compared(plain_hosts(work, first_seed=100_000), engine_hosts(work, seed=9), work))
    assert not found, found


@pytest.mark.parametrize(
    "name, broken, caught",
    [
        pytest.param(
            *case, marks=() if case[1] in FOR_EVERY_COMMIT else pytest.mark.long, id=f"{case[0]}-{case[1].__name__}"
        )
        for case in CAUGHT
    ],
)
def test_a_broken_host_is_caught(name, broken, caught):
    work = of_half_as_many(WORK[name]) if broken in FOR_EVERY_COMMIT and broken not in HARD_TO_SEE else WORK[name]
    plain = plain_hosts(work, broken, first_seed=5000)
    for what in caught:
        tolerance = work.fine_tolerance if what in work.fine else work.tolerance
        found = mean_difference(plain.counts[what], engine(name).counts[what], tolerance)
        assert not found.agrees, (what, found)


@pytest.mark.long
def test_paces_set_patients_apart():
    """The variance between patients of the lung's metastases: within a factor of three, and a third where all go at one pace."""
    name = "log10 cells lung"
    theirs = Sample({name: engine("paces").counts[name]})

    def apart(patient_class):
        ours = Sample({name: plain_hosts(WORK["paces"], patient_class, first_seed=5000).counts[name]})
        return differences(ours, theirs, Tolerances(mean=0.08, spread=1.1))[f"spread {name}"]

    assert apart(HostPatient).agrees
    alike = apart(wrong.AlikePatients)
    assert not alike.agrees and alike.found < 0.0, alike


@pytest.mark.long
def test_clones_set_patients_apart():
    """The variance between patients of what settles: within a factor of three, and a tenth where all clones are alike."""
    work, name = replace(WORK["clones that seed"], plain=1000, engine=6000), "settled lung"
    theirs = Sample({name: engine_hosts(work).counts[name]})

    def apart(patient_class):
        ours = Sample({name: plain_hosts(work, patient_class, first_seed=7000).counts[name]})
        return differences(ours, theirs, Tolerances(mean=0.26, spread=1.1))[f"spread {name}"]

    assert apart(HostPatient).agrees
    alike = apart(wrong.AlikeClones)
    assert not alike.agrees and alike.found < 0.0, alike
