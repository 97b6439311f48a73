"""Differences that remember are errors of exponential smoothing, and are undone exactly."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_linrnn.forecasting._automatic.differenced import (
    Differenced,
    difference,
    fading,
    undo_difference,
)
from sklearn_linrnn.forecasting._automatic.forms import MEMORIES, Form

FORMS = [
    Form(logarithm=False),
    Form(logarithm=True, differences=(1,)),
    Form(logarithm=False, differences=(1, 1)),
    Form(logarithm=True, differences=(4, 1), season=4),
]
every_form = pytest.mark.parametrize("form", FORMS, ids=str)


def series(n_timesteps=60, seed=0):
    return 20.0 + np.random.default_rng(seed).normal(size=n_timesteps).cumsum()


@pytest.mark.parametrize("steps", [(1,), (4,), (1, 1), (4, 1), (3, 4, 1)])
def test_differences_are_undone(steps):
    y, end = series(), 40
    path = difference(y, steps)[None, end - sum(steps) :]
    lost = sum(steps)
    for i in reversed(range(len(steps))):
        lost -= steps[i]
        stage = difference(y, steps[:i])[: end - sum(steps[:i])]
        path = undo_difference(path, stage[None, -steps[i] :])
    assert lost == 0
    assert_allclose(path[0], y[end:], rtol=1e-12)


@pytest.mark.parametrize("memory", MEMORIES)
@pytest.mark.parametrize("step", [1, 4])
def test_differences_are_errors_of_exponential_smoothing(step, memory, monkeypatch):
    monkeypatch.setattr("sklearn_linrnn.forecasting._automatic.forms.MEMORIES", (memory,))
    y = series()
    level, errors = list(y[:step]), []
    for t in range(step, len(y)):
        errors.append(y[t] - level[t - step])
        level.append(level[t - step] + (1.0 - memory) * errors[-1])
    data = Differenced.of(Form(logarithm=False, differences=(step,)), y)
    assert_allclose(data.changes[0] * data.scale, errors, rtol=1e-10, atol=1e-12)


@every_form
@pytest.mark.parametrize("ends", [(40,), (7, 25, 51)])
def test_the_future_follows_from_its_differences(form, ends):
    y, n_ahead = series(), 9
    data, at = Differenced.of(form, y), np.array(ends)[:, None] + np.arange(n_ahead)
    paths = data.integrate(data.changes[:, at - form.n_lost], np.array(ends))
    expected = np.broadcast_to(form.prepare(y)[at], paths.shape)
    assert_allclose(paths, expected, rtol=1e-11)


@every_form
def test_an_error_grows_as_the_future_does(form):
    data, n_ahead, end = Differenced.of(form, series()), 9, np.array([50])
    changes = np.zeros((len(form.memories), 1, n_ahead))
    shocked = changes + np.eye(1, n_ahead)
    effect = data.integrate(shocked, end) - data.integrate(changes, end)
    assert_allclose(data.growth(shocked - changes), effect, atol=1e-12)


def test_a_random_walk_spreads_as_the_root_of_the_steps():
    data = Differenced.of(Form(logarithm=False, differences=(1,)), series())
    shock = np.broadcast_to(np.eye(1, 6), (len(MEMORIES), 1, 6))
    grown = data.growth(shock)[:, 0] / data.scale
    expected = np.repeat(1.0 - np.array(MEMORIES), 6).reshape(-1, 6)
    expected[:, 0] = 1.0
    assert_allclose(grown, expected)


def test_memories_of_several_differences_multiply():
    assert_allclose(fading((1, 2), (0.5, 0.2)), np.convolve([1, -0.5], [1, 0, -0.2]))
    assert_allclose(fading((), ()), [1.0])
