"""What all tests share: real series, a stand-in for a device, and what the end of a run says."""

import os
from pathlib import Path
from unittest import mock

import pytest
import torch

from .cuda_stand_in import cuda_stand_in

STAND_IN = "CUDA stand-in"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Run the tests of no device on the CPU, its fixtures and programs too, on every machine."""
    if is_for_cuda(item):
        return (yield)
    with (
        mock.patch.object(torch.cuda, "is_available", return_value=False),
        mock.patch.dict(os.environ, CUDA_VISIBLE_DEVICES=""),
    ):
        return (yield)


def is_for_cuda(item):
    """Return whether a test is one of a CUDA device: by its mark, or on request."""
    return bool(item.get_closest_marker("cuda") or os.environ.get("LINRNN_CUDA_STAND_IN"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Run the tests of a CUDA device on its stand-in where there is none."""
    if not is_for_cuda(item) or torch.cuda.is_available():
        return (yield)
    item.user_properties.append((STAND_IN, True))
    with cuda_stand_in():
        return (yield)


@pytest.fixture(scope="session")
def data_folder():
    """Return the folder of real series, which is no part of the package."""
    beside_the_repository = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("LINRNN_DATA", beside_the_repository))
    if not folder.is_dir():
        pytest.skip(f"needs the real series, but LINRNN_DATA={folder} is no folder")
    return folder


def pytest_terminal_summary(terminalreporter):
    """Show what had a stand-in for its device, and what cases of the fuzz came to."""
    from .fuzz.counts import PROPERTY, table

    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    found = [pair for report in reports for pair in report.user_properties]
    n_on_stand_in = sum(name == STAND_IN for name, _ in found)
    if n_on_stand_in:
        terminalreporter.section("CUDA")
        terminalreporter.write_line(f"{n_on_stand_in} tests ran on a stand-in: there is no device")
    counts = [count for name, count in found if name == PROPERTY]
    if counts:
        terminalreporter.section("cases of the fuzz")
        for line in table(counts):
            terminalreporter.write_line(line)
