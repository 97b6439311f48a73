"""A prior for each channel."""

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_linrnn._core.priors.channel_priors import ChannelPriors
from sklearn_linrnn._core.priors.identification import DC
from sklearn_linrnn._core.priors.lag_weights import LinearRNN

DECAYS, SCALE = [0.2, 0.9, 0.5], [1.0, 0.0, 4.0]


def test_roots_are_those_of_each_channel():
    for prior in (LinearRNN(nu_f=2.0), DC(correlation=0.3)):
        priors = ChannelPriors.of(prior, DECAYS, SCALE)
        root = priors.root(4)
        for channel, scale in enumerate(SCALE):
            covariance = scale * np.asarray(priors.priors[channel].covariance(4))
            if covariance.ndim == 1:
                assert root.shape == (3, 4, 1)
                assert_allclose(root[channel, :, 0] ** 2, covariance, rtol=1e-14)
            else:
                assert_allclose(root[channel] @ root[channel].T, covariance, atol=1e-14)


def test_values_are_of_each_channel_or_of_all():
    priors = ChannelPriors.of(DC(correlation=0.3), DECAYS, SCALE)
    assert_array_equal(priors.values("nu_w"), DECAYS)
    moved = priors.with_values(nu_w=np.array([0.1, 0.2, 0.3]), correlation=0.5)
    assert_array_equal(moved.values("nu_w"), [0.1, 0.2, 0.3])
    assert_array_equal(moved.values("correlation"), [0.5] * 3)
    assert_array_equal(moved.scale, SCALE)
    assert priors.with_values().priors == priors.priors


def test_what_is_printed_is_short():
    priors = ChannelPriors.of(LinearRNN(), None, np.arange(100.0))
    assert repr(priors) == "LinearRNN priors of 100 channels, 99 in use"
