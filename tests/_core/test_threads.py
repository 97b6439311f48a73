"""One thread inside, as many as before outside."""

import threading

import pytest
import torch

from sklearn_linrnn._core.threads import OneThread


@pytest.fixture
def four_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("four_threads")
def test_one_thread_inside_and_as_before_outside():
    one_thread = OneThread()
    with one_thread:
        assert torch.get_num_threads() == 1
        with one_thread:
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 4
    with pytest.raises(KeyError), one_thread:
        raise KeyError
    assert torch.get_num_threads() == 4


@pytest.mark.usefixtures("four_threads")
def test_the_last_of_two_bodies_at_a_time_restores_the_number():
    one_thread, entered, leave = OneThread(), threading.Event(), threading.Event()

    def body():
        with one_thread:
            entered.set()
            leave.wait(timeout=10)

    other = threading.Thread(target=body)
    with one_thread:
        other.start()
        assert entered.wait(timeout=10)
    leave.set()
    other.join()
    assert torch.get_num_threads() == 4
