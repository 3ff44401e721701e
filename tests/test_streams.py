"""Keyed random numbers: the published generator, never 0 or 1, and independent in every direction of the key."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit
from scipy import stats
from statistics_helpers import FALSE_ALARM, assert_counts, assert_follows, chi_square_p

from sim.disease import identity as identities
from sim.numerics import streams

# Random123 (Salmon et al. 2011), tests/kat_vectors, philox4x32 with 10 rounds: counter, key, output.
KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]
WORD = st.integers(0, 2**32 - 1)
DRAWS = 200_000


def words(text: str) -> list[int]:
    return [int(word, 16) for word in text.split()]


def philox_in_plain_integers(counter, key, rounds=10):
    """The generator written from the paper, on Python's integers."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(rounds):
        high0, low0 = divmod(0xD2511F53 * c0, 2**32)
        high1, low1 = divmod(0xCD9E8D57 * c2, 2**32)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return [c0, c1, c2, c3]


def compiled(counter, key):
    return [int(word) for word in streams.philox(*(np.uint64(word) for word in (*counter, *key)))]


@njit
def many(key, patient, index, days, tag, first, second):
    """Pairs of uniforms for arrays of keys of one length."""
    for i in range(first.size):
        first[i], second[i] = streams.uniforms(key[i], patient[i], index[i], days[i], tag[i])


def pairs(n=DRAWS, key=1, patient=0, index=0, days=0, tag=0):
    """First and second uniform, (n,) each; every part of the key a number or an array."""
    full = [np.broadcast_to(np.asarray(part, dtype=np.uint64), n).copy() for part in (key, patient, index, days, tag)]
    first, second = np.empty(n), np.empty(n)
    many(*full, first, second)
    return first, second


@pytest.mark.parametrize("counter, key, answer", KNOWN_ANSWERS)
def test_the_published_answers(counter, key, answer):
    assert compiled(words(counter), words(key)) == words(answer)
    assert philox_in_plain_integers(words(counter), words(key)) == words(answer)


@pytest.mark.parametrize("counter, key, answer", KNOWN_ANSWERS)
def test_a_round_too_few_is_noticed(counter, key, answer):
    assert philox_in_plain_integers(words(counter), words(key), rounds=9) != words(answer)


@given(st.tuples(WORD, WORD, WORD, WORD), st.tuples(WORD, WORD))
def test_any_counter_and_key(counter, key):
    assert compiled(counter, key) == philox_in_plain_integers(counter, key)


def test_the_extreme_words_give_neither_0_nor_1(monkeypatch):
    for word, expected in ((0, 2.0**-53), (2**32 - 1, 1.0 - 2.0**-53)):
        monkeypatch.setattr(streams, "philox", lambda *_, w=np.uint64(word): (w, w, w, w))
        plain = getattr(streams.uniforms, "py_func", streams.uniforms)
        with np.errstate(all="ignore"):
            both = plain(np.uint64(1), 0, 0, np.uint64(0), np.uint64(0))
        assert both == (expected, expected)
        assert 0.0 < expected < 1.0


@given(st.integers(0, 2**64 - 1), st.lists(st.tuples(WORD, WORD, WORD, WORD), min_size=1, max_size=30))
def test_many_at_once_are_the_same_numbers(key, cells):
    """`many_uniforms` is `uniforms`, bit for bit, whatever stands beside a cell."""
    columns = [np.array(column, dtype=np.uint64) for column in zip(*cells, strict=True)]
    first, second = np.empty(len(cells)), np.empty(len(cells))
    streams.many_uniforms(np.uint64(key), *columns, first, second)
    single = [streams.uniforms(np.uint64(key), *(np.uint64(word) for word in cell)) for cell in cells]
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == single


def test_53_bits_and_a_half_would_reach_1():
    """The broken variant that the choice of 52 bits avoids."""
    assert (np.float64(2**53 - 1) + 0.5) * 2.0**-53 == 1.0


DIRECTIONS = {
    "index": {"index": np.arange(DRAWS)},
    "patient": {"patient": np.arange(DRAWS)},
    "day": {"days": np.arange(DRAWS)},
    "seed": {"key": np.arange(DRAWS)},
    "high word of the seed": {"key": np.arange(DRAWS, dtype=np.uint64) << np.uint64(32)},
    "tag": {"tag": np.arange(DRAWS)},
}


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_uniform_and_independent_in_every_direction(direction):
    """KS finds a distance of 0.010; the 16 x 16 tables find a dependence of Cramer's phi above 0.05."""
    first, second = pairs(**DIRECTIONS[direction])
    assert first.min() > 0 and first.max() < 1 and len(np.unique(first)) == DRAWS
    for sample in (first, second):
        assert_follows(sample, stats.uniform.cdf)
    for one, other in ((first, second), (first[:-1], first[1:]), (second[:-1], first[1:]), (first[:-7], first[7:])):
        table = np.histogram2d(one, other, bins=16, range=[[0, 1], [0, 1]])[0]
        assert_counts(table, np.full((16, 16), len(one) / 256))


def test_neighbouring_bits_of_the_key_share_nothing():
    """Two streams whose keys differ in one bit: correlation below 0.014 at 200,000 draws, and no equal value."""
    base = {"key": 12345, "patient": 77, "days": 4321, "tag": 999}
    first, _ = pairs(index=np.arange(DRAWS), **base)
    for part, value in base.items():
        for bit in range(0, 32, 5):
            other, _ = pairs(index=np.arange(DRAWS), **{**base, part: value ^ (1 << bit)})
            assert abs(np.corrcoef(first, other)[0, 1]) * np.sqrt(DRAWS) < 6.2
            assert not np.any(first == other)


def test_a_linear_congruence_is_noticed():
    """The same table finds the lattice of a poor generator (RANDU's high bits hide it, its triples do not; here a small one)."""
    state = np.empty(DRAWS, dtype=np.int64)
    state[0] = 1
    for i in range(1, DRAWS):
        state[i] = (state[i - 1] * 69 + 1) % 2**16
    weak = state / 2**16
    table = np.histogram2d(weak[:-1], weak[1:], bins=64, range=[[0, 1], [0, 1]])[0]
    assert chi_square_p(table, np.full((64, 64), (DRAWS - 1) / 4096)) < FALSE_ALARM


@given(st.permutations(range(20)), st.integers(0, 2**64 - 1), st.integers(1, 255))
def test_a_trait_depends_on_the_patients_id_alone(order, seed, purpose):
    patients = np.array(order)
    together = streams.patient_uniforms(seed, patients, purpose)
    alone = np.array([streams.patient_uniforms(seed, np.array([patient]), purpose)[0] for patient in patients])
    assert np.array_equal(together, alone)
    assert len(np.unique(together)) == 20


def test_purposes_are_distinct():
    purposes = {name: value for name, value in vars(streams).items() if name.isupper() and not name.startswith("_")}
    assert len(purposes) >= 15
    assert len(set(purposes.values())) == len(purposes)
    assert all(0 < value < 256 for value in purposes.values())


@given(st.integers(0, 65535), st.integers(0, 65535), st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_words_of_the_counter_hold_their_fields(first, second, purpose, organ, source):
    assert divmod(int(streams.days_word(first, second)), 65536) == (first, second)
    tag = int(streams.tag_word(purpose, organ, source))
    assert (tag >> 24, tag >> 16 & 255, tag >> 8 & 255, tag & 255) == (purpose, organ, source, 0)


DOOMED_IN_A_DAY, PROMISING_IN_A_SHELL = 1 << 18, 1 << 13
"""As many of a niche and day have an id of 20 bits, two of which tell clusters and the promising."""
INDICES = st.builds(
    lambda cluster, index: cluster * identities.CLUSTER_INDEX + index,
    st.booleans(),
    st.integers(0, DOOMED_IN_A_DAY - 1)
    | st.builds(
        lambda shell, number: identities.PROMISING_INDEX + shell * identities.IN_SHELL + number,
        st.integers(0, identities.SHELLS - 1),
        st.integers(0, PROMISING_IN_A_SHELL - 1),
    ),
)
"""Of single cells and of clusters, doomed ones and promising ones."""


@given(
    st.lists(
        st.tuples(
            st.integers(0, identities.MOST_LANES - 1),
            st.integers(0, identities.COLONY_DAYS - 1),
            INDICES,
            st.integers(0, 12),
            st.integers(0, 13),
        ),
        min_size=1,
        unique=True,
    )
)
def test_identities_hold_their_fields_and_colonies_have_ids_of_their_own(fields):
    packed = np.array([identities.pack(*field) for field in fields], dtype=np.uint64)
    parts = identities.unpack(packed)
    assert (
        list(zip(*(parts[name].tolist() for name in ("lane", "day", "index", "niche", "source")), strict=True))
        == fields
    )
    read = (identities.lane_of, identities.day_of, identities.index_of, identities.niche_of, identities.source_of)
    assert [tuple(int(part(cell)) for part in read) for cell in packed] == fields
    ids = identities.colony_id(parts["lane"] * 16, packed)
    assert len(set(ids.tolist())) == len(fields) and ids.min() >= 0


@pytest.mark.parametrize(
    "patient, day, index",
    [
        (identities.MOST_PATIENTS, 0, 0),
        (0, identities.COLONY_DAYS, 0),
        (0, 0, DOOMED_IN_A_DAY),
        (0, 0, identities.PROMISING_INDEX + PROMISING_IN_A_SHELL),
    ],
)
def test_an_id_that_would_not_fit_is_refused(patient, day, index):
    cell = np.array([identities.pack(0, day, index, 0, 0)], dtype=np.uint64)
    with pytest.raises(ValueError, match="does not fit"):
        identities.colony_id(np.array([patient]), cell)


@njit
def derived(n, exponential, normal):
    for i in range(n):
        exponential[i] = streams.exponential(np.uint64(5), 3, i, np.uint64(0), np.uint64(0))
        normal[i] = streams.normal(np.uint64(5), 3, i, np.uint64(0), np.uint64(0))


def test_exponential_and_normal():
    exponential, normal = np.empty(DRAWS), np.empty(DRAWS)
    derived(DRAWS, exponential, normal)
    assert_follows(exponential, stats.expon.cdf)
    assert_follows(normal, stats.norm.cdf)
    assert stats.norm.sf(np.abs(normal).max()) * DRAWS > 1e-7, "the tails are in place"
    assert np.abs(normal).max() > 4.0 and exponential.max() > 9.0
