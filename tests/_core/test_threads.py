"""One thread inside, as many as before outside."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from threadpoolctl import ThreadpoolController, threadpool_info

from sklearn_linrnn._core.threads import one_thread


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
