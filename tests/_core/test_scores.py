"""Scores from sums: those of scikit-learn on the rows, in blocks of any length."""

import numpy as np
import pytest
from sklearn.metrics import r2_score

from sklearn_linrnn._core.scores import SummedErrors


def summed(targets, predictions, weights, places):
    """Return the errors of rows that are added in blocks."""
    errors = SummedErrors()
    blocks = (np.split(rows, places) for rows in (targets, predictions, weights))
    for block in zip(*blocks, strict=True):
        errors.add(*block)
    return errors


@pytest.mark.parametrize("level", [0.0, 1e6])
@pytest.mark.parametrize("places", [[], [1], [3, 3, 50, 99], list(range(1, 100))], ids=str)
def test_r2_of_blocks_is_that_of_all_rows(places, level):
    rng = np.random.default_rng(0)
    targets = level + np.cumsum(rng.normal(size=(100, 3)), axis=0)
    predictions = targets + rng.normal(size=(100, 3))
    weights = rng.uniform(size=100) * (rng.random(100) < 0.8)
    errors = summed(targets, predictions, weights, places)
    expected = r2_score(targets, predictions, sample_weight=weights)
    assert errors.r2 == pytest.approx(expected, rel=1e-9)
    assert errors.weight == pytest.approx(weights.sum(), rel=1e-12)
    assert errors.n_rows == 100


@pytest.mark.parametrize(("error", "score"), [(0.0, 1.0), (1e-3, 0.0)])
def test_constant_targets_score_one_without_an_error_and_zero_with_one(error, score):
    targets = np.full((30, 1), 0.1)
    weights = np.random.default_rng(0).uniform(size=30)
    assert summed(targets, targets + error, weights, [7, 20]).r2 == score


@pytest.mark.parametrize("unit", [1e-300, 1.0, 1e300])
def test_r2_does_not_depend_on_the_unit_whatever_comes_first(unit):
    rng = np.random.default_rng(0)
    targets = np.array([0.0, 0.0, 1e-250, 1e-3, 1.0, 0.7, 0.2])[:, None]
    predictions = targets + np.array([0.0, 1e-3, 0.0, 0.1, -0.1, 0.3, 0.0])[:, None]
    weights = rng.uniform(0.5, 2.0, len(targets))
    expected = r2_score(targets, predictions, sample_weight=weights)
    errors = summed(unit * targets, unit * predictions, weights, range(1, len(targets)))
    assert errors.r2 == pytest.approx(expected, rel=1e-9)


def test_squares_that_overflow_are_an_error():
    rows = np.arange(4.0)[:, None]
    errors = summed(rows, 1e200 * rows, np.ones(4), [2])
    with pytest.raises(FloatingPointError):
        _ = errors.r2


@pytest.mark.parametrize("cut", [0, 1, 37, 100])
@pytest.mark.parametrize("unit", [1e-300, 1.0, 1e300])
@pytest.mark.parametrize("level", [0.0, 1e6])
def test_errors_of_parts_add_up_whatever_their_units(cut, unit, level):
    rng = np.random.default_rng(0)
    targets = level + rng.normal(size=(100, 3))
    targets[:37] = 1e-3 * targets[:37] + 0.999 * level
    predictions = targets + rng.normal(size=(100, 3))
    weights = rng.uniform(size=100)
    weights[30:37] = 0.0
    parts = [
        summed(unit * targets[rows], unit * predictions[rows], weights[rows], [])
        for rows in (slice(0, cut), slice(cut, None))
        if len(targets[rows])
    ]
    both = sum(parts, SummedErrors())
    assert both.r2 == pytest.approx(summed(targets, predictions, weights, []).r2, rel=1e-9)
    assert both.weight == pytest.approx(weights.sum(), rel=1e-12)
    assert both.n_rows == 100


def test_parts_of_constant_targets_are_constant():
    targets = np.full((30, 1), 0.1)
    parts = [summed(targets, targets, np.ones(30), []) for _ in range(2)]
    assert (parts[0] + parts[1]).scatter == 0.0
    assert (parts[0] + parts[1]).r2 == 1.0
