"""Spectra by either library, of any number of rows."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_linrnn._core import fourier
from sklearn_linrnn._core.fourier import irfft, rfft


@pytest.mark.parametrize("short", [0, 2**14], ids=["SciPy", "PyTorch"])
@pytest.mark.parametrize("shape", [(3, 50), (1, 50), (0, 50)], ids=str)
@pytest.mark.parametrize("length", [50, 64])
def test_spectra_are_those_of_numpy_and_lead_back(monkeypatch, short, shape, length):
    monkeypatch.setattr(fourier, "SHORT", short)
    rows = np.random.default_rng(0).normal(size=shape)
    for dim in (0, 1):
        given = torch.from_numpy(rows if dim == 1 else rows.T.copy())
        found = rfft(given, length, dim)
        expected = np.fft.rfft(given.numpy(), length, dim)
        assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
        back = irfft(found, length, dim).narrow(dim, 0, 50)
        assert_allclose(back, given, rtol=1e-12, atol=1e-12)


def test_columns_of_which_there_are_none_have_no_spectrum():
    """As targets have where the windows' own next steps are all there is."""
    columns = torch.empty_strided((1, 20, 0), (20, 1, 1), dtype=torch.float64)
    assert rfft(columns, 32, 1).shape == (1, 17, 0)
