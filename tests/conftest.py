"""What all tests share: real series, and the skipping of tests whose device is not there."""

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
