"""Fourier transforms of rows of real numbers, by the faster library."""

import scipy.fft
import torch
from torch import Tensor


def fast_length(n_lags: int) -> int:
    """Return the least number, from ``n_lags`` on, that transforms well."""
    return scipy.fft.next_fast_len(n_lags, real=True)


def rfft(rows: Tensor, length: int) -> Tensor:
    """Return the spectra of rows of real numbers, followed by zeros up to ``length``."""
    if rows.device.type != "cpu":
        return torch.fft.rfft(rows, length)
    # SciPy is several times faster than PyTorch with single long rows.
    return torch.from_numpy(scipy.fft.rfft(rows.numpy(), length, workers=torch.get_num_threads()))


def irfft(spectra: Tensor, length: int) -> Tensor:
    """Return the rows of real numbers that have the spectra."""
    if spectra.device.type != "cpu":
        return torch.fft.irfft(spectra, length)
    workers = torch.get_num_threads()
    return torch.from_numpy(scipy.fft.irfft(spectra.numpy(), length, workers=workers))
