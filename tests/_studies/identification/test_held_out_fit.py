"""How far a simulation follows the truth, and what of it chance would do as well."""

import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter

from sklearn_linrnn._studies.identification.held_out_fit import held_out_fit

RNG = np.random.default_rng(0)


def fit_of(truth, simulated, half_width, level=0.9, levels=(0.0,)):
    widths = np.full(len(truth), half_width)
    return held_out_fit(pd.Series(truth), simulated, widths, levels=levels, level=level)


def test_a_level_alone_is_no_response():
    """A simulation that is a constant has no fit, though the mean of the training is far off."""
    truth = 5.0 + RNG.normal(size=200)
    alone = fit_of(truth, np.full(200, 5.0), 1.6, levels=[0.0, 5.0])
    assert alone.fit == pytest.approx((0.0, 0.0, 0.0))
    assert not alone.has_learned
    other_order = fit_of(truth, np.full(200, 5.0), 1.6, levels=[5.0, 0.0])
    assert other_order.fit == alone.fit
    assert fit_of(truth, np.full(200, 5.0), 1.6).has_learned


@pytest.mark.parametrize(("level", "half_width"), [(0.9, 1e6), (0.01, 0.0)])
def test_a_share_that_does_not_vary_has_the_error_of_draws(level, half_width):
    truth = RNG.normal(size=100)
    share, error = fit_of(truth, np.zeros(100), half_width, level).covered
    assert share == (1.0 if half_width else 0.0)
    assert error >= np.sqrt(level * (1.0 - level) / 100)


def test_errors_that_go_on_tell_less_than_as_many_alone():
    """Of a level of 90 % all of 100 steps are inside by chance where errors hardly change."""
    white = RNG.normal(size=100)
    walk = lfilter([1.0], [1.0, -0.97], white)
    _, alone = fit_of(white, np.zeros(100), 1e6).covered
    _, together = fit_of(walk, np.zeros(100), 1e6).covered
    assert together > 1.5 * alone


def test_the_error_of_the_share_is_its_deviation_between_recordings():
    errors = RNG.normal(size=(400, 200))
    found = [fit_of(each, np.zeros(200), 1.6449).covered for each in errors]
    shares, spreads = np.array(found).T
    assert np.mean(shares) == pytest.approx(0.9, abs=4 * shares.std() / 20)
    assert np.median(spreads) == pytest.approx(shares.std(), rel=0.25)
