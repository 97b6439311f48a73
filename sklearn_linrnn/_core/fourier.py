"""Fourier transforms of real numbers, by the faster library."""

import scipy.fft
import torch
from torch import Tensor

SHORT = 2**14  # numbers side by side in memory that PyTorch transforms faster than SciPy


def fast_length(n_lags: int) -> int:
    """Return the least number, from ``n_lags`` on, that transforms well."""
    return scipy.fft.next_fast_len(n_lags, real=True)


def rfft(rows: Tensor, length: int, dim: int = -1) -> Tensor:
    """Return the spectra of real numbers along an axis, followed by zeros up to ``length``."""
    is_short = rows.numel() > 0 and length <= SHORT  # PyTorch refuses rows of which there are none
    if rows.device.type != "cpu" or (is_short and rows.stride(dim) == 1):
        return torch.fft.rfft(rows, length, dim)
    # SciPy is several times faster with long rows, and with columns.
    workers = torch.get_num_threads()
    return torch.from_numpy(scipy.fft.rfft(rows.numpy(), length, dim, workers=workers))


def irfft(spectra: Tensor, length: int, dim: int = -1) -> Tensor:
    """Return the real numbers along an axis that have the spectra."""
    if spectra.device.type != "cpu":
        return torch.fft.irfft(spectra, length, dim)
    workers = torch.get_num_threads()
    return torch.from_numpy(scipy.fft.irfft(spectra.numpy(), length, dim, workers=workers))
