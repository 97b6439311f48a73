"""The simulated tree of sums does what trees of sums must, and what is known of restarts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from benchmarks.tree_of_sums import Cluster, Simulation, Tree, completion_times, least_time


def simulate(tree, cluster, seconds, seed=0):
    simulation = Simulation(tree, cluster, np.asarray(seconds), np.random.default_rng(seed))
    return simulation.run(), simulation


@pytest.mark.parametrize("arity", [2, 3, 8])
@pytest.mark.parametrize("n_leaves", [1, 2, 7, 8, 9, 100])
def test_each_sum_is_added_once(n_leaves, arity):
    tree = Tree(n_leaves, arity)
    added = [child for group in tree.children for child in group]
    assert sorted(added) == list(range(len(tree.children) - 1))
    assert all(tree.parents[child] == node for node, g in enumerate(tree.children) for child in g)
    assert max(len(group) for group in tree.children) <= arity
    depth, node = 0, 0
    while (node := tree.parents[node]) >= 0:
        depth += 1
    assert depth == int(np.ceil(np.round(np.log(n_leaves) / np.log(arity), 9)))


@pytest.mark.parametrize("arity", [2, 3, 8])
@pytest.mark.parametrize("n_leaves", [1, 2, 7, 8, 9, 64, 100])
def test_equal_parts_on_as_many_workers_take_one_of_them_and_the_levels(n_leaves, arity):
    expected, width = 10.0, n_leaves
    while width > 1:
        expected += 0.25 * (min(arity, width) - 1)
        width = -(-width // arity)
    found, _ = simulate(Tree(n_leaves, arity), Cluster(n_leaves, 0.25), np.full(n_leaves, 10.0))
    assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("n_rounds", [1, 2, 5])
def test_rounds_of_equal_parts_follow_one_another_where_adding_costs_nothing(n_rounds):
    tree = Tree(16 * n_rounds, 2)
    found, _ = simulate(tree, Cluster(16, 0.0), np.full(16 * n_rounds, 10.0))
    assert_allclose(found, 10.0 * n_rounds, rtol=1e-12)


def test_one_worker_does_everything_one_after_another():
    tree, cluster = Tree(20, 3), Cluster(1, 0.5)
    seconds = np.random.default_rng(0).uniform(1, 2, 20)
    found, _ = simulate(tree, cluster, seconds)
    assert_allclose(found, seconds.sum() + 0.5 * 19, rtol=1e-12)
    assert_allclose(found, least_time(tree, cluster, seconds), rtol=1e-12)


def test_workers_that_are_slow_take_as_many_times_as_long():
    tree, seconds = Tree(6, 2), np.full(6, 10.0)
    slow = Cluster(3, 0.0, slow_share=1.0, slow_factor=4.0)
    assert_allclose(simulate(tree, slow, seconds)[0], 80.0, rtol=1e-12)


@settings(deadline=None, max_examples=80, derandomize=True)
@given(
    n_leaves=st.integers(1, 60),
    arity=st.integers(2, 9),
    n_workers=st.integers(1, 20),
    add_seconds=st.sampled_from([0.0, 0.3, 5.0]),
    spread=st.sampled_from([0.0, 1.0]),
    slow_share=st.sampled_from([0.0, 0.4]),
    losses=st.sampled_from([0.0, 3.0, 20.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_pass_falls_below_the_bound(
    n_leaves, arity, n_workers, add_seconds, spread, slow_share, losses, seed
):
    tree = Tree(n_leaves, arity)
    cluster = Cluster(n_workers, add_seconds, spread, slow_share, 3.0, losses, away_seconds=7.0)
    seconds = cluster.leaf_seconds(n_leaves, 10.0, np.random.default_rng(seed))
    found, simulation = simulate(tree, cluster, seconds, seed)
    least = least_time(tree, cluster, seconds)
    assert found >= least * (1 - 1e-12)
    assert sum(keeper >= 0 for keeper in simulation.keeper[:-1]) == 0  # all were added
    assert simulate(tree, cluster, seconds, seed)[0] == found
    if slow_share == losses == 0.0:  # Graham 1966: at most twice the best schedule
        assert found <= 2 * least * (1 + 1e-12)


def test_one_part_on_a_worker_that_is_lost_takes_as_long_as_restarts_do():
    """On average (exp(r t) - 1) (1 / r + a), for a rate r, a time t and an absence a."""
    rate, seconds, away = 1 / 40, 60.0, 15.0
    cluster = Cluster(1, 0.0, losses=3600 * rate, away_seconds=away)
    times, _, n_lost = completion_times(Tree(1, 2), cluster, seconds, n_runs=3000)
    repeats = np.exp(rate * seconds) - 1
    assert_allclose(n_lost, repeats, rtol=0.1)
    error = times.std() / len(times) ** 0.5
    assert abs(times.mean() - repeats * (1 / rate + away)) < 4 * error
    assert error < 0.05 * times.mean()


def test_parts_of_one_mean_have_it_whatever_their_spread():
    cluster = Cluster(1, 0.0, spread=0.7)
    seconds = cluster.leaf_seconds(100_000, 10.0, np.random.default_rng(0))
    assert_allclose(seconds.mean(), 10.0, rtol=0.01)
    assert_allclose(np.log(seconds).std(), 0.7, rtol=0.01)
