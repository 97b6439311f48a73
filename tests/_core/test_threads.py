"""One thread inside, as many as before outside."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from sklearn_linrnn._core.threads import one_thread


@pytest.fixture
def four_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("four_threads")
def test_one_thread_inside_and_as_before_outside():
    with one_thread():
        assert torch.get_num_threads() == 1
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 4
    with pytest.raises(KeyError), one_thread():
        raise KeyError
    assert torch.get_num_threads() == 4


@pytest.mark.usefixtures("four_threads")
def test_other_threads_leave_this_one_as_it_was():
    def body(_):
        torch.set_num_threads(4)
        with one_thread():
            inside = torch.get_num_threads()
        return inside, torch.get_num_threads()

    with ThreadPoolExecutor(4) as executor:
        assert set(executor.map(body, range(40))) == {(1, 4)}
    assert torch.get_num_threads() == 4
