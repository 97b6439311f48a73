"""The ways to a single ridge over many lags, and what each of them costs.

The scatter of the lags is factorised ("direct"), or the Gram matrix of the windows ("dual"), or
conjugate gradients multiply by the scatter without forming it ("cg"). The unit of time is one
multiply-add of a large matrix product, as for the sums; that of memory is a float64.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from sklearn_linrnn._core.fourier import fast_length
from sklearn_linrnn._core.statistics.windows import (
    displacement_cost,
    products_cost,
    window_cost,
)

Route = Literal["direct", "dual", "cg"]

ITERATIONS = 100  # of conjugate gradients that are reckoned with; a smooth spectrum takes a tenth
MOST_ITERATIONS = 1000
N_SHIFTS = 8  # of the preconditioner
TRANSFORM = 15.0  # of one number of a Fourier transform, times the logarithm of its length
EIGEN = 20.0  # of an eigendecomposition, times the cube of its size


@dataclass(frozen=True)
class Cost:
    """What a way takes: multiply-adds, and numbers in memory at its peak."""

    operations: float
    numbers: float


@dataclass(frozen=True)
class ProblemSize:
    """How large a ridge is.

    Attributes
    ----------
    n_rows : int
        Number of windows with a target and a weight.
    n_lags, n_channels, n_outputs : int
        Numbers of lags, the present time step included, of input channels and of outputs.
    n_changes : int or None
        Number of time steps of a series at which the weights change; None for windows.
    is_penalised : bool
        Whether there is a penalty, so that a Cholesky factorisation may do.
    """

    n_rows: int
    n_lags: int
    n_channels: int
    n_outputs: int
    n_changes: int | None
    is_penalised: bool

    @property
    def n_inputs(self) -> int:
        """Number of coefficients of an output."""
        return self.n_lags * self.n_channels

    def cost(self, route: Route) -> Cost:
        """Return what a way costs."""
        return {"direct": self._direct, "dual": self._dual, "cg": self._iterated}[route]()

    def _direct(self) -> Cost:
        n_inputs, shape = self.n_inputs, (self.n_lags, self.n_channels)
        sums = self.n_rows * window_cost(*shape, self.n_outputs)
        if self.n_changes is not None:
            steps = self.n_rows, self.n_outputs, self.n_changes
            sums = min(sums, displacement_cost(*steps, *shape))
        return Cost(sums + self._factorised(n_inputs), 4.0 * n_inputs**2)

    def _dual(self) -> Cost:
        n_rows, n_inputs = self.n_rows, self.n_inputs
        products = n_rows * n_inputs * (0.5 * n_rows + 40)
        return Cost(products + self._factorised(n_rows), 3.0 * n_rows * (n_rows + n_inputs))

    def _iterated(self) -> Cost:
        half, n_channels = self._half, self.n_channels
        blocks = 4.0 * EIGEN * half * n_channels**3  # eigenvectors between the channels
        sums = series = 0.0
        if self.n_changes is not None:
            sums = products_cost(self.n_rows, self.n_outputs, self.n_lags, n_channels)
            series = 2.0 * self.n_rows * n_channels
        spectra = 4.0 * half * n_channels * (n_channels + self._n_stretches)
        return Cost(sums + blocks + ITERATIONS * self.iteration, spectra + series)

    @property
    def iteration(self) -> float:
        """Multiply-adds of one iteration of conjugate gradients."""
        half, n_channels = self._half, self.n_channels
        transform = TRANSFORM * 2 * half * math.log2(2 * half)
        preconditioner = N_SHIFTS * (2 * n_channels * transform + 16.0 * half * n_channels**2)
        if self.n_changes is None:
            product = 20.0 * self.n_rows * self.n_inputs  # from memory
        else:
            answers = self._n_stretches * (2 * transform + 16.0 * half * n_channels)
            product = answers + 2 * n_channels * transform + 8.0 * half * n_channels**2
        return self.n_outputs * (preconditioner + product)

    @property
    def _half(self) -> int:
        return fast_length(self.n_lags)

    @property
    def _n_stretches(self) -> float:
        if self.n_changes is None:
            return 0.0
        return min(self.n_changes + 2, math.ceil(self.n_rows / self._half))

    def _factorised(self, n: int) -> float:
        return (1.0 / 6.0 if self.is_penalised else EIGEN) * float(n) ** 3


def by_cost(size: ProblemSize, possible: list[Route], memory: float) -> list[Route]:
    """Return the ways that the memory allows, the cheapest first.

    If it allows none of them, the one that needs least of it is returned.

    Parameters
    ----------
    size : ProblemSize
        How large the ridge is.
    possible : list of str
        The ways that could be taken.
    memory : float
        Numbers for which there is memory.
    """
    costs = {route: size.cost(route) for route in possible}
    fitting = [route for route in possible if costs[route].numbers <= memory]
    least = sorted(possible, key=lambda route: costs[route].numbers)[:1]
    return sorted(fitting or least, key=lambda route: costs[route].operations)


def most_iterations(size: ProblemSize, otherwise: Route | None = None) -> int:
    """Return how many iterations may be taken: until they cost as much as another way would.

    Parameters
    ----------
    size : ProblemSize
        How large the ridge is.
    otherwise : str, default=None
        The way that would be taken then; ``None`` if there is no other.
    """
    if otherwise is None:
        return MOST_ITERATIONS
    affordable = size.cost(otherwise).operations / size.iteration
    return int(min(max(affordable, ITERATIONS), MOST_ITERATIONS))
