"""What all tests share: real series, tests whose device is not there, and a table at the end."""

import os
from pathlib import Path

import pytest
import torch


def pytest_runtest_setup(item):
    if item.get_closest_marker("cuda") and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")


@pytest.fixture(scope="session")
def data_folder():
    """Return the folder of real series, which is no part of the package."""
    beside_the_repository = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("LINRNN_DATA", beside_the_repository))
    if not folder.is_dir():
        pytest.skip(f"needs the real series, but LINRNN_DATA={folder} is no folder")
    return folder


def pytest_terminal_summary(terminalreporter):
    """Show how many cases of the fuzz were fitted, and how many were refused and how."""
    from .fuzz.counts import PROPERTY, table

    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    found = [pair for report in reports for pair in report.user_properties]
    counts = [count for name, count in found if name == PROPERTY]
    if counts:
        terminalreporter.section("cases of the fuzz")
        for line in table(counts):
            terminalreporter.write_line(line)
