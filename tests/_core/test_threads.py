"""One thread inside, as many as before outside."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, current_thread

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from threadpoolctl import ThreadpoolController, threadpool_info

from sklearn_linrnn import (
    LinearRNNRegressor,
    NTKConvRegressor,
    NTKConvRegressorCV,
    WeightedConv1DRegressor,
)
from sklearn_linrnn._core.closed_form import rank_revealing, ridge_factors, unit_factor
from sklearn_linrnn._core.closed_form.spectral import Quadratic
from sklearn_linrnn._core.priors import lag_prior
from sklearn_linrnn._core.statistics.moments import Moments
from sklearn_linrnn._core.statistics.series import Series
from sklearn_linrnn._core.statistics.windows import formed_window_moments
from sklearn_linrnn._core.threads import (
    LARGE,
    SMALL,
    WORTH,
    calm,
    one_thread,
    run_by_size,
    side_by_side,
    spread,
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
    with one_thread() as number:
        assert number == 4
        assert torch.get_num_threads() == 1
        assert blas_threads() == {1}
        with one_thread() as again:
            assert again == 1
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
def test_large_products_of_calm_work_have_all_threads_of_pytorch_alone():
    for _ in range(2):
        with calm(LARGE):
            with spread(WORTH):
                assert torch.get_num_threads() == 4
                assert blas_threads() == {1}
                with one_thread():
                    assert torch.get_num_threads() == 1
                assert torch.get_num_threads() == 4
            assert torch.get_num_threads() == 1
            with spread(WORTH - 1):
                assert torch.get_num_threads() == 1
            with pytest.raises(KeyError), spread(WORTH):
                raise KeyError
            assert torch.get_num_threads() == 1
            assert set(side_by_side(lambda _: _threads_of_a_product(), range(4))) == {1}
        assert torch.get_num_threads() == 4
    with one_thread():
        assert _threads_of_a_product() == 1
    with spread(1):  # not in calm work
        assert torch.get_num_threads() == 4


def _threads_of_a_product():
    with calm(1), spread(WORTH):
        return torch.get_num_threads()


@pytest.mark.usefixtures("four_threads")
def test_calm_work_in_new_threads_has_as_many_as_the_process():
    """PyTorch begins in a new thread with the limit that another thread has just then."""
    entered, left = Barrier(3, timeout=60), Barrier(3, timeout=60)

    def body(_):
        with calm(1):
            entered.wait()
            found = _spread_threads()
            left.wait()
        return found, torch.get_num_threads()

    before = blas_threads()
    with ThreadPoolExecutor(3) as executor:
        assert list(executor.map(body, range(3))) == [(4, 4)] * 3
    assert torch.get_num_threads() == 4
    assert blas_threads() == before


def _spread_threads():
    with spread(WORTH):
        return torch.get_num_threads()


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
        NTKConvRegressor(alpha="auto", device="cpu").fit(X, y)
        return network.fit(X, y).impulse_response_

    before = blas_threads()
    alone = [fit(seed) for seed in range(6)]
    with ThreadPoolExecutor(4) as executor:
        together = list(executor.map(fit, range(6)))
    for one, other in zip(alone, together, strict=True):
        assert_array_equal(one, other)
    assert torch.get_num_threads() == 4
    assert blas_threads() == before


@pytest.mark.usefixtures("four_threads")
def test_fits_with_large_products_in_several_threads_leave_each_thread_as_it_was():
    X, y = data_of(1600, 270)

    def fit(_):
        response = NTKConvRegressor(device="cpu").fit(X, y).impulse_response_
        return response, torch.get_num_threads()

    before, alone = blas_threads(), fit(0)
    with ThreadPoolExecutor(3) as executor:
        for response, n_threads in [alone, *executor.map(fit, range(6))]:
            assert n_threads == 4
            assert_allclose(response, alone[0], rtol=0, atol=1e-12)
    assert torch.get_num_threads() == 4
    assert blas_threads() == before


@pytest.mark.parametrize(
    ("model", "n_threads"),
    [
        (LinearRNNRegressor(64, max_iter=2), 1),
        (LinearRNNRegressor(256, max_iter=2), 4),
        (WeightedConv1DRegressor(max_iter=2), 1),
    ],
)
@pytest.mark.usefixtures("four_threads")
def test_the_threads_of_a_training_follow_from_the_size_of_its_matrices(
    model, n_threads, monkeypatch
):
    seen = watch_threads(monkeypatch, Quadratic, "largest_eigenvalue")
    model.set_params(device="cpu").fit(*data_of(40, 6))
    assert [number for number, *_ in seen] == [n_threads]


def watch_threads(monkeypatch, *place):
    """Return a list that gets the threads of PyTorch and of BLAS at each call of a function."""
    seen, original = [], getattr(*place)

    def watched(*arguments, **options):
        seen.append((torch.get_num_threads(), *blas_threads()))
        return original(*arguments, **options)

    monkeypatch.setattr(*place, watched)
    return seen


def data_of(n_windows, n_lags):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n_windows, n_lags)), rng.normal(size=n_windows)


FACTORISATIONS = [
    (torch.linalg, "eigh"),
    (torch.linalg, "cholesky_ex"),
    (np.linalg, "eigh"),
    (np.linalg, "qr"),
    (lag_prior, "cholesky"),
    (rank_revealing, "qr"),
    (ridge_factors, "dpotrf"),
    (ridge_factors, "qr"),
    (unit_factor, "dpotrf"),
]
CLOSED_FORMS = {
    "ridge": NTKConvRegressor(),
    "correlated": NTKConvRegressor(0.9, prior="dc"),
    "least_squares": NTKConvRegressor(alpha=0.0),
    "steps": NTKConvRegressor(n_steps=10),
    "evidence": NTKConvRegressor(alpha="auto"),
    "candidates": NTKConvRegressorCV([0.9], cv=2),
}


@pytest.mark.parametrize("name", CLOSED_FORMS)
@pytest.mark.usefixtures("four_threads")
def test_factorisations_of_closed_forms_have_one_thread(name, monkeypatch):
    factorisations = [watch_threads(monkeypatch, *place) for place in FACTORISATIONS]
    CLOSED_FORMS[name].set_params(device="cpu").fit(*data_of(1600, 270))
    assert {each for seen in factorisations for each in seen} == {(1, 1)}


@pytest.mark.usefixtures("four_threads")
def test_sums_of_formed_windows_have_all_threads_of_pytorch_alone(monkeypatch):
    x, y = data_of(1600, 27)
    series = Series.of(x, y[:, None], None, [1600], "cpu")
    products = watch_threads(monkeypatch, Moments, "of_blocks")
    with calm(1):
        formed_window_moments(series, 10)
        formed_window_moments(series, 1)
    assert products == [(4, 1), (1, 1)]


@pytest.mark.usefixtures("four_threads")
def test_what_is_asked_of_a_fit_later_is_factorised_by_one_thread(monkeypatch):
    X, y = data_of(400, 270)
    model = NTKConvRegressor(device="cpu").fit(X, y)
    factorisations = [watch_threads(monkeypatch, *place) for place in FACTORISATIONS]
    model.predict(X[:2], return_std=True)
    model.log_marginal_likelihood()
    assert {each for seen in factorisations for each in seen} == {(1, 1)}
