"""Walks on a lattice: to its highest point where there is one top, within bounds."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sklearn_linrnn._core.closed_form.pattern_search import WORTH_A_STEP, walk

BOUNDS = np.array([[-10.0, 20.0], [-10.0, 20.0]])


def walked(function, start, strides=(1.0, 2.0), bounds=BOUNDS):
    """Return where a walk ends, and all points that it looked at."""
    seen = []

    def look(point):
        seen.append(point)
        return point, function(point)

    start, strides = np.array(start, dtype=float), np.array(strides)
    end, value = walk(look, lambda each: each[1], start, strides, bounds)
    assert value == function(end)
    return end, np.array(seen)


@pytest.mark.parametrize("top", [(3.0, 4.0), (-7.0, 0.0), (19.0, -8.0), (0.0, 0.0)])
def test_it_ends_at_the_highest_point_where_measures_do_not_interact(top):
    end, seen = walked(lambda point: -np.square(point - top).sum(), (0.0, 0.0))
    assert_array_equal(end, top)
    assert len(seen) < 60


def test_where_it_ends_no_neighbour_is_much_higher():
    def function(point):
        x, y = point
        return -((x - 3.3) ** 2) - 3.0 * (y - x) ** 2

    end, _ = walked(function, (-9.0, 20.0))
    for move in ([1, 0], [-1, 0], [0, 2], [0, -2]):
        assert function(end + move) <= function(end) + WORTH_A_STEP


def test_it_looks_at_points_of_the_lattice_within_bounds_alone():
    end, seen = walked(lambda point: float(point.sum()), (0.5, 0.0))
    assert_array_equal(seen[:, 0] % 1.0, 0.5)
    assert_array_equal(seen[:, 1] % 2.0, 0.0)
    assert ((BOUNDS[:, 0] <= seen) & (seen <= BOUNDS[:, 1])).all()
    assert_array_equal(end, [19.5, 20.0])


def test_a_far_top_takes_few_looks():
    wide = np.array([[-1e6, 1e6]])
    top = np.array([12345.0])
    end, seen = walked(lambda point: -abs(point - top).sum(), (0.0,), (1.0,), wide)
    assert_array_equal(end, top)
    assert len(seen) < 150


def test_a_measure_without_a_stride_stays():
    end, seen = walked(lambda point: float(point.sum()), (0.0, 7.0), (1.0, 0.0))
    assert_array_equal(seen[:, 1], 7.0)
    assert_array_equal(end, [20.0, 7.0])


def test_level_ground_leaves_the_start():
    end, _ = walked(lambda _: 1.0, (2.0, 2.0))
    assert_array_equal(end, [2.0, 2.0])
