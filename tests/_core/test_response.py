"""Convolutions by blocks are those of the definition."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_linrnn._core.response import FRAME, convolve


@pytest.mark.parametrize(
    ("shape", "n_outputs", "n_lags"),
    [
        ((1, 1), 1, 1),
        ((30, 2), 3, 30),
        ((30, 1), 2, 50),  # more lags than time steps
        ((3 * FRAME, 2), 2, 7),
        ((2 * FRAME + 1, 1), 1, FRAME),
        ((40, 20, 3), 2, 5),
        ((2, 3 * FRAME, 40), 1, 2),  # one block at a time
    ],
    ids=str,
)
def test_convolutions_are_those_of_the_definition(shape, n_outputs, n_lags):
    rng = np.random.default_rng(0)
    inputs, response = rng.normal(size=shape), rng.normal(size=(n_outputs, shape[-1], n_lags))
    recordings = inputs if inputs.ndim == 3 else inputs[None]
    expected = [
        [
            sum(np.convolve(recording[:, c], one[c])[: shape[-2]] for c in range(shape[-1]))
            for one in response
        ]
        for recording in recordings
    ]
    found = convolve(inputs, response)
    assert found.shape == (*shape[:-1], n_outputs)
    assert_allclose(
        found if found.ndim == 3 else found[None], np.swapaxes(expected, 1, 2), atol=1e-11
    )


def test_what_overflows_is_infinite():
    inputs = np.full((3 * FRAME, 1), 1e308)
    assert np.isinf(convolve(inputs, np.full((1, 1, 3), 1e308))).all()
