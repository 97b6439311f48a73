"""Recordings of one length are taken together, each of them once."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sklearn_linrnn._core.equal_lengths import BLOCK, alike, alike_steps, stacked

rng = np.random.default_rng(0)
LENGTHS = {
    "none": [],
    "one": [7],
    "equal": [5] * 40,
    "ragged": rng.integers(1, 9, 100).tolist(),
    "long": [BLOCK, 3, BLOCK + 1, BLOCK, BLOCK // 2, BLOCK // 2, BLOCK // 2, 3],
}


@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
def test_each_recording_is_in_one_block_of_its_length(lengths):
    blocks = list(alike(lengths))
    assert_array_equal(np.sort(np.concatenate([[], *blocks])), np.arange(len(lengths)))
    for places in blocks:
        assert len({lengths[place] for place in places}) == 1
        assert len(places) == 1 or sum(lengths[place] for place in places) <= BLOCK


def test_recordings_are_stacked_in_the_order_of_their_places():
    parts = [rng.normal(size=(length, 2)) for length in LENGTHS["ragged"]]
    for places in alike(list(map(len, parts))):
        for found, place in zip(stacked(parts, places), places, strict=True):
            assert_array_equal(found, parts[place])


def test_steps_take_values_of_all_to_those_of_each_recording():
    for lengths in ([7], LENGTHS["equal"], LENGTHS["ragged"]):
        flat = rng.normal(size=(sum(lengths), 2))
        parts = np.split(flat, np.cumsum(lengths)[:-1])
        for places, steps in alike_steps(lengths):
            assert_array_equal(flat[steps], stacked(parts, places))
