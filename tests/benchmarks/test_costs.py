"""Bytes that are counted by formulas are those that pass, and costs grow as they must."""

import math

import pytest

from benchmarks.costs import Costs, Rates, bytes_that_were_read, bytes_that_were_sent, project, sums
from benchmarks.tree_of_sums import Tree

SHAPES = [Costs(25_003, 40), Costs(10_000, 7, 3), Costs(999, 200, 1, 4)]
RATES = Rates(sum_flops=1e9, add_flops=1e9, solve_flops=1e9, evidence_flops=1e9)


@pytest.mark.parametrize("costs", SHAPES, ids=str)
def test_a_pass_reads_every_byte_once(costs):
    assert bytes_that_were_read(costs) == costs.bytes_read


@pytest.mark.parametrize("costs", SHAPES, ids=str)
def test_sums_are_sent_as_numbers_and_some_words(costs):
    assert costs.bytes_sent < bytes_that_were_sent(sums(costs)) < costs.bytes_sent + 3000


def seconds(costs, n_workers=64, arity=2):
    found = project(costs, n_workers, arity, RATES)
    return [float(time.replace(",", "")) for _, _, time in found if time]


def test_more_data_cost_reading_and_sums_alone():
    few, many = seconds(Costs(10**12, 1_000)), seconds(Costs(10**13, 1_000))
    assert [round(b / a, 1) for a, b in zip(few, many, strict=True)] == [10, 10, 1, 1, 1, 1]


def test_more_lags_cost_the_tree_their_square_and_the_model_their_cube():
    few, many = seconds(Costs(10**12, 5_000)), seconds(Costs(10**12, 10_000))
    assert [round(b / a, 1) for a, b in zip(few[2:], many[2:], strict=True)] == [4, 4, 8, 8]


@pytest.mark.parametrize(("n_workers", "arity"), [(64, 2), (1000, 2), (1000, 8), (512, 8), (1, 2)])
def test_there_are_as_many_levels_as_in_the_tree(n_workers, arity):
    found = {stage: amount for stage, amount, _ in project(SHAPES[0], n_workers, arity, RATES)}
    assert int(found[f"all levels of arity {arity}"]) == len(levels(Tree(n_workers, arity)))


def levels(tree):
    found, node = [], 0
    while (node := tree.parents[node]) >= 0:
        found.append(node)
    return found


def test_a_single_long_transform_costs_its_length_times_the_logarithm():
    """Of 1024 numbers: one of inputs and targets each and one of inputs, and two products."""
    n_timesteps = 1024 - 100 + 1  # one block
    costs = Costs(n_timesteps, 100)
    assert math.isclose(
        costs.step_flops * n_timesteps,
        3 * 2.5 * 1024 * 10 + 2 * 4 * 1024 + 2 * 6 * n_timesteps,
        rel_tol=1e-12,
    )


def test_many_lags_cost_a_time_step_little_more():
    few, many = Costs(10**9, 1_000).step_flops, Costs(10**9, 8_000).step_flops
    assert 1.1 < many / few < 1.3
