"""One thread inside, as many as before outside."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, current_thread

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from threadpoolctl import ThreadpoolController, threadpool_info

from sklearn_linrnn import LinearRNNRegressor, NTKConvRegressor, WeightedConv1DRegressor
from sklearn_linrnn._core.closed_form.solution import Problem
from sklearn_linrnn._core.closed_form.spectral import Quadratic
from sklearn_linrnn._core.threads import (
    LARGE,
    SMALL,
    calm,
    one_thread,
    run_by_size,
    side_by_side,
)


def blas_threads():
    return {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"}


@pytest.fixture
def four_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    with ThreadpoolController().select(user_api="blas").limit(limits=2):
        yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("four_threads")
def test_one_thread_inside_and_as_before_outside():
    before = blas_threads()
    with one_thread():
        assert torch.get_num_threads() == 1
        assert blas_threads() == {1}
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 1
        assert blas_threads() == {1}
    assert torch.get_num_threads() == 4
    assert blas_threads() == before
    with pytest.raises(KeyError), one_thread():
        raise KeyError
    assert torch.get_num_threads() == 4
    assert blas_threads() == before


@pytest.mark.usefixtures("four_threads")
def test_other_threads_leave_this_one_as_it_was():
    def body(_):
        torch.set_num_threads(4)
        with one_thread():
            inside = torch.get_num_threads()
        return inside, torch.get_num_threads()

    before = blas_threads()
    with ThreadPoolExecutor(4) as executor:
        assert set(executor.map(body, range(40))) == {(1, 4)}
    assert torch.get_num_threads() == 4
    assert blas_threads() == before


@pytest.mark.usefixtures("four_threads")
def test_contexts_that_end_in_another_order_leave_the_process_as_it_was():
    """New threads begin while others are limited, and go on when these are not."""
    entered, left = Barrier(3), Barrier(3)

    def body(_):
        with one_thread():
            entered.wait()
        left.wait()
        return torch.get_num_threads()

    before = blas_threads()
    with ThreadPoolExecutor(3) as executor:
        assert list(executor.map(body, range(3))) == [4, 4, 4]
    assert torch.get_num_threads() == 4
    assert blas_threads() == before


@pytest.mark.usefixtures("four_threads")
@pytest.mark.parametrize("n_items", [0, 1, 3, 20])
def test_side_by_side_each_item_has_one_thread_and_they_keep_their_order(n_items):
    found = list(side_by_side(lambda item: (item, torch.get_num_threads()), range(n_items)))
    assert found == [(item, 1) for item in range(n_items)]
    assert torch.get_num_threads() == 4


@pytest.mark.usefixtures("four_threads")
def test_as_many_items_run_at_a_time_as_there_are_threads():
    """All four wait for each other, which fewer threads would do for ever."""
    together = Barrier(4, timeout=60)
    assert len(list(side_by_side(lambda _: together.wait(), range(8)))) == 8
    with one_thread():
        names = set(side_by_side(lambda _: current_thread().name, range(8)))
    assert names == {current_thread().name}


@pytest.mark.usefixtures("four_threads")
def test_calm_work_has_one_thread_and_what_goes_side_by_side_has_all():
    together = Barrier(4, timeout=60)
    for _ in range(2):
        with calm(LARGE):
            assert torch.get_num_threads() == 1
            assert blas_threads() == {1}
            assert len(list(side_by_side(lambda _: together.wait(), range(4)))) == 4
        assert torch.get_num_threads() == 4
    with calm(LARGE + 1):
        assert torch.get_num_threads() == 4
    with one_thread(), calm(LARGE):  # one of many workers
        names = set(side_by_side(lambda _: current_thread().name, range(4)))
    assert names == {current_thread().name}
    with pytest.raises(KeyError), calm(LARGE):
        raise KeyError
    assert torch.get_num_threads() == 4
    with one_thread():
        assert len(set(side_by_side(lambda _: current_thread().name, range(4)))) == 1


@pytest.mark.usefixtures("four_threads")
def test_an_error_of_an_item_is_raised_and_leaves_the_threads_as_they_were():
    with pytest.raises(ZeroDivisionError):
        list(side_by_side(lambda item: 1 / item, [1, 0, 2]))
    assert torch.get_num_threads() == 4


@pytest.mark.usefixtures("four_threads")
def test_only_small_work_is_limited():
    assert run_by_size(SMALL - 1, torch.get_num_threads) == 1
    assert run_by_size(SMALL, torch.get_num_threads) == 4


@pytest.mark.usefixtures("four_threads")
def test_fits_in_several_threads_leave_the_process_as_it_was():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 5)), rng.normal(size=60)

    def fit(seed):
        network = LinearRNNRegressor(16, max_iter=20, random_state=seed, device="cpu")
        NTKConvRegressor("auto", alpha="auto", device="cpu").fit(X, y)
        return network.fit(X, y).impulse_response_

    before = blas_threads()
    alone = [fit(seed) for seed in range(8)]
    with ThreadPoolExecutor(4) as executor:
        together = list(executor.map(fit, range(8)))
    for one, other in zip(alone, together, strict=True):
        assert_array_equal(one, other)
    assert torch.get_num_threads() == 4
    assert blas_threads() == before


@pytest.mark.parametrize(
    ("model", "n_threads"),
    [
        (LinearRNNRegressor(64, max_iter=2), 1),
        (LinearRNNRegressor(256, max_iter=2), 4),
        (WeightedConv1DRegressor(max_iter=2), 1),
        (NTKConvRegressor(), 1),
    ],
)
@pytest.mark.usefixtures("four_threads")
def test_the_threads_of_a_fit_follow_from_the_size_of_its_matrices(model, n_threads, monkeypatch):
    seen, place = [], (Problem, "ridge")
    if not isinstance(model, NTKConvRegressor):
        place = (Quadratic, "largest_eigenvalue")
    original = getattr(*place)

    def watched(*arguments):
        seen.append(torch.get_num_threads())
        return original(*arguments)

    monkeypatch.setattr(*place, watched)
    rng = np.random.default_rng(0)
    model.set_params(device="cpu").fit(rng.normal(size=(40, 6)), rng.normal(size=40))
    assert seen == [n_threads]
