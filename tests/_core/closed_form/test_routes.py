"""The way to a ridge is the cheapest by its stated costs, in the memory that there is."""

from dataclasses import replace

import pytest

from sklearn_linrnn._core.closed_form.routes import (
    ITERATIONS,
    MOST_ITERATIONS,
    ProblemSize,
    by_cost,
    most_iterations,
)

ROUTES = ["cg", "direct", "dual"]
SIZES = {
    "few steps, many channels": (ProblemSize(3000, 3, 5000, 1, 0, True), "dual"),
    "many steps, many channels": (ProblemSize(100_000, 3, 1400, 1, 0, True), "direct"),
    "many lags": (ProblemSize(1_000_000, 50_000, 1, 1, 0, True), "cg"),
    "few windows": (ProblemSize(25, 4097, 1, 1, None, True), "dual"),
    "many windows": (ProblemSize(1_000_000, 5, 900, 40, None, True), "direct"),
}


@pytest.mark.parametrize(("size", "expected"), SIZES.values(), ids=SIZES)
def test_the_cheapest_way_comes_first(size, expected):
    found = by_cost(size, ROUTES, float("inf"))
    assert found[0] == expected
    assert found == sorted(ROUTES, key=lambda route: size.cost(route).operations)


@pytest.mark.parametrize(("size", "_"), SIZES.values(), ids=SIZES)
def test_what_does_not_fit_into_memory_is_no_way(size, _):
    least, most = sorted(size.cost(route).numbers for route in ROUTES)[:2]
    within = by_cost(size, ROUTES, most)
    assert within == [each for each in by_cost(size, ROUTES, float("inf")) if each in within]
    assert all(size.cost(route).numbers <= most for route in within)
    (last,) = by_cost(size, ROUTES, 0.5 * least)
    assert size.cost(last).numbers == least


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(("size", "_"), SIZES.values(), ids=SIZES)
def test_more_of_everything_costs_more(size, _, route):
    """Costs do not jump down where a problem grows."""
    cost = size.cost(route)
    for name in ("n_rows", "n_lags", "n_channels"):
        larger = replace(size, **{name: 2 * getattr(size, name)}).cost(route)
        assert larger.operations >= cost.operations
        assert larger.numbers >= cost.numbers
    assert replace(size, is_penalised=False).cost(route).operations >= cost.operations


@pytest.mark.parametrize("otherwise", ["direct", "dual"])
@pytest.mark.parametrize(("size", "_"), SIZES.values(), ids=SIZES)
def test_iterations_go_on_until_they_cost_as_much_as_another_way(size, _, otherwise):
    found = most_iterations(size, otherwise)
    assert ITERATIONS <= found <= MOST_ITERATIONS
    if ITERATIONS < found < MOST_ITERATIONS:
        spent, other = found * size.iteration, size.cost(otherwise).operations
        assert other - size.iteration <= spent <= other
    assert most_iterations(size) == MOST_ITERATIONS
