"""Climbs to the tops of smooth functions: to the last digits, within bounds, from afar."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import sklearn_linrnn._core.closed_form.climb as module
from sklearn_linrnn._core.closed_form.climb import Summits

WIDE = np.array([[-50.0, 50.0]] * 3)


def climb(function, start, bounds):
    """Return where one climb ends."""

    def of_one(points, climbs):
        assert_array_equal(climbs, 0)
        value, gradient = function(points[0])
        return np.array([value]), gradient[None]

    found = module.climb(of_one, start[None], bounds[None])
    return Summits(found.point[0], found.value[0], found.converged[0])


def quadratic(top, curvature, level=0.0):
    def function(point):
        away = point - top
        return level - 0.5 * float(away @ curvature @ away), -curvature @ away

    return function


def curvature_of(condition, seed=0):
    vectors = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    return (vectors * np.geomspace(1.0, condition, 3)) @ vectors.T


@pytest.mark.parametrize("level", [0.0, -1e4, 1e6])
@pytest.mark.parametrize("condition", [1.0, 1e4])
def test_the_top_of_a_quadratic_is_found_to_the_digits_of_its_gradient(condition, level):
    """Not of its values: those are level within 1e-8 of the top, or 1e-5 where they are large."""
    top = np.array([1.0, -2.0, 0.5])
    found = climb(quadratic(top, curvature_of(condition), level), np.zeros(3), WIDE)
    assert found.converged
    assert_allclose(found.point, top, atol=1e-9)
    assert found.value == pytest.approx(level, abs=1e-9)


def logistic(point):
    """A function with flat sides and a curved valley around its top at (0, 0)."""
    x, y = point
    bend = y - x**2
    value = -np.log1p(x**2) - np.log1p(100.0 * bend**2)
    by_bend = -200.0 * bend / (1.0 + 100.0 * bend**2)
    return float(value), np.array([-2.0 * x / (1.0 + x**2) - 2.0 * x * by_bend, by_bend])


@pytest.mark.parametrize("start", [(3.0, 1.0), (-2.0, -2.0), (0.1, 4.0)])
def test_the_top_is_found_where_the_function_is_not_concave(start):
    found = climb(logistic, np.array(start), WIDE[:2])
    assert found.converged
    assert_allclose(found.point, 0.0, atol=1e-9)


def test_a_top_beyond_a_bound_ends_exactly_there():
    """The other measures are at their best given the bound."""
    top, curvature = np.array([1.0, -2.0, 0.5]), curvature_of(30.0)
    bounds = np.array([[-3.0, 0.25], [-9.0, 9.0], [-9.0, 9.0]])
    found = climb(quadratic(top, curvature), np.zeros(3), bounds)
    rest = -np.linalg.solve(curvature[1:, 1:], curvature[1:, 0] * (0.25 - 1.0))
    assert found.converged
    assert found.point[0] == 0.25
    assert_allclose(found.point[1:], top[1:] + rest, atol=1e-9)


def test_a_start_at_the_wrong_bound_leaves_it():
    found = climb(quadratic(np.ones(3), curvature_of(10.0)), np.full(3, -5.0), WIDE / 10)
    assert_allclose(found.point, 1.0, atol=1e-9)


def test_a_function_that_rises_for_ever_ends_in_a_corner():
    found = climb(lambda point: (float(point.sum()), np.ones(3)), np.zeros(3), WIDE)
    assert found.converged
    assert_array_equal(found.point, 50.0)


def test_a_level_function_leaves_the_start():
    found = climb(lambda _: (7.0, np.zeros(3)), np.ones(3), WIDE)
    assert found.converged
    assert_array_equal(found.point, 1.0)


@pytest.mark.parametrize("seed", range(3))
def test_rounding_of_the_function_moves_the_top_by_rounding(seed):
    draw = np.random.default_rng(seed)

    def noisy(point):
        value, gradient = logistic(point)
        return value - 1e3 + 1e-12 * draw.normal(), gradient + 1e-13 * draw.normal(size=2)

    found = climb(noisy, np.array([3.0, 1.0]), WIDE[:2])
    assert found.converged
    assert_allclose(found.point, 0.0, atol=1e-9)


def test_a_climb_that_is_cut_short_says_so_and_has_gone_uphill(monkeypatch):
    monkeypatch.setattr(module, "MAX_ITERATIONS", 1)
    start = np.array([3.0, 1.0])
    found = climb(logistic, start, WIDE[:2])
    assert not found.converged
    assert found.value >= logistic(start)[0]


def test_climbs_side_by_side_end_where_each_alone_does():
    """Some at once, some after many steps, some at bounds: none disturbs another."""
    starts = np.array([[3.0, 1.0], [-2.0, -2.0], [0.0, 0.0], [0.1, 4.0], [5.0, 0.0]])
    bounds = np.tile(WIDE[:2], (5, 1, 1))
    bounds[3] = [[0.05, 9.0], [-9.0, 9.0]]
    bounds[4] = [[-9.0, 9.0], [0.0, 2.0]]
    asked = []

    def function(points, climbs):
        asked.append(len(climbs))
        values, gradients = zip(*map(logistic, points), strict=True)
        return np.array(values) + climbs, np.array(gradients)

    found = module.climb(function, starts, bounds)
    assert asked[-1] < len(starts) == asked[0]
    assert found.converged.all()
    for number, start in enumerate(starts):
        alone = climb(logistic, start, bounds[number])
        assert_allclose(found.point[number], alone.point, rtol=0, atol=1e-9)
        assert_allclose(found.value[number], alone.value + number, rtol=0, atol=1e-12)
    assert found.point[3, 0] == 0.05
