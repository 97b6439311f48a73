"""How far magnitude and phase of an uncertain complex number may be from those of its mean."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

N_POINTS = 4096
GOLDEN_ANGLE = np.pi * (3.0 - 5.0**0.5)


def half_widths(mean: NDArray, root: NDArray, coverage: float) -> NDArray:
    """Return within which distance magnitudes and phases lie with a probability.

    Parameters
    ----------
    mean : ndarray of complex, shape (n_outputs, n_channels, n_frequencies)
        Means of numbers that are Gaussian in the complex plane.
    root : ndarray of complex, shape (n_outputs, n_channels, k, n_frequencies)
        ``mean + z^T root`` for standard normal real ``z (k,)`` are such numbers.
    coverage : float
        The probability.

    Returns
    -------
    widths : ndarray of shape (2, n_outputs, n_channels, n_frequencies)
        Of the magnitude, and of the phase in degrees, 180 at most.
    """
    widths = np.empty((2, *mean.shape))
    points = normal_points()
    for pair in np.ndindex(mean.shape[:2]):
        # Seen from the mean, the real part lies along it and the imaginary one across.
        size = np.abs(mean[pair])
        turned = root[pair] * np.exp(-1j * np.angle(mean[pair]))
        along, across = turned.real, turned.imag
        spread = np.linalg.norm(along, axis=0)
        with np.errstate(invalid="ignore"):
            shared = np.nan_to_num((along * across).sum(axis=0) / spread)
        rest = np.sqrt(np.maximum(np.square(across).sum(axis=0) - shared**2, 0.0))
        first, second = points
        real = size[:, None] + np.outer(spread, first)
        imaginary = np.outer(shared, first) + np.outer(rest, second)
        distances = np.hypot(real, imaginary) - size[:, None], np.arctan2(imaginary, real)
        widths[:, *pair] = np.quantile(np.abs(distances), coverage, axis=-1)
    widths[1] = np.degrees(widths[1])
    return widths


def normal_points() -> NDArray:
    """Return points of the plane that stand for equal shares of a standard normal, (2, n_points).

    Their radii are quantiles, and each is turned from the one before as the seeds of a sunflower
    are, so that no direction has more of them.
    """
    place = np.arange(N_POINTS)
    radius = np.sqrt(-2.0 * np.log1p(-(place + 0.5) / N_POINTS))
    angle = GOLDEN_ANGLE * place
    return radius * np.stack([np.cos(angle), np.sin(angle)])
