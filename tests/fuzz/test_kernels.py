"""Kernels of windows, as a function and as a kernel of Gaussian processes."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.gaussian_process.kernels import Kernel

from sklearn_linrnn import LagKernel, RecurrentKernel, kernel_matrix

from .arrays import Array, mostly
from .cases import Part, parts
from .invariants import check_close, error_of, is_finite, same, unchanged
from .profiles import every_profile
from .subjects import COUNT, PRIORS, VARIANCE

PARAMETERS = {
    "prior": PRIORS,
    "nu_w": VARIANCE,
    "nu_f": VARIANCE,
    "nu_c": VARIANCE,
    "correlation": [0.5, 0, -0.9, 0.999999, 1, -1, 2, np.nan, None, "0.5"],
    "n_channels": [1, 2, *COUNT, 10**12],
}
RECURRENT = {
    "activation": ["erf", "relu", "identity", "tanh", None, ["erf"]],
    **dict.fromkeys(("nu_w", "nu_f", "nu_c", "nu_b"), VARIANCE),
    "n_channels": PARAMETERS["n_channels"],
}
ARGUMENTS = {"X", "X2", "Y", *PARAMETERS, *RECURRENT}
SHAPES = ["rows", "rows", "rows", "panel", "flat", "four axes", "number"]


@dataclass(frozen=True)
class KernelCase:
    """Windows, other windows if there are any, and parameters of a kernel."""

    shape: str
    n: int
    n_others: int
    n_timesteps: int
    X: Part
    seed: int
    parameters: dict[str, Any] = field(default_factory=dict)

    def windows(self) -> tuple[Array, Array]:
        """Return the numbers of both."""
        rng = np.random.default_rng(self.seed)
        n, m, t = self.n, self.n_others, self.n_timesteps
        axes = {"rows": (t,), "panel": (t, 2), "flat": (), "four axes": (t, 1, 1)}
        if self.shape == "number":
            return self.X.numbers(rng, ()), self.X.numbers(rng, ())
        return tuple(self.X.numbers(rng, (rows, *axes[self.shape])) for rows in (n, m))


def kernel_cases(tried: dict[str, list]) -> st.SearchStrategy[KernelCase]:
    """Return cases of kernels, with values of their parameters."""
    pairs = [(name, value) for name, values in tried.items() for value in values]
    return st.builds(
        KernelCase,
        shape=st.sampled_from(SHAPES),
        n=mostly(list(range(2, 9)), [0, 1], 6),
        n_others=mostly([2, 3], [0, 1], 6),
        n_timesteps=mostly([2, 3, 4], [0, 1, 9], 6),
        X=parts(),
        seed=st.integers(0, 2**16),
        parameters=st.lists(st.sampled_from(pairs), max_size=3).map(dict),
    )


def run(case: KernelCase) -> str:
    """Check all that must hold; return what happened."""
    numbers, others = case.windows()
    X, X2 = case.X.contain(numbers), case.X.contain(others)
    prior, options = _split(case.parameters)
    found: list[Array] = []
    with unchanged(X, X2, prior):
        error = error_of(lambda: found.append(kernel_matrix(prior, X, **options)), ARGUMENTS)
        if error is not None:
            return type(error).__name__
        (kernel,) = found
        error_of(lambda: found.append(kernel_matrix(prior, X, X2, **options)), ARGUMENTS)
    assert all(map(is_finite, found)), found
    check_covariance(kernel)
    process = LagKernel(prior, **options)
    error_of(lambda: check_kernel_of_processes(process, X, kernel), ARGUMENTS)
    return "computed"


def run_recurrent(case: KernelCase) -> str:
    """Check all that must hold for a recurrent kernel; return what happened."""
    numbers, others = case.windows()
    X, X2 = case.X.contain(numbers), case.X.contain(others)
    process = RecurrentKernel(**case.parameters)
    found: list[Array] = []
    with unchanged(X, X2):
        error = error_of(lambda: found.append(process(X)), ARGUMENTS)
        if error is not None:
            return type(error).__name__
        error_of(lambda: found.append(process(X, X2)), ARGUMENTS)
    assert all(map(is_finite, found)), found
    check_covariance(found[0])
    error_of(lambda: check_kernel_of_processes(process, X, found[0]), ARGUMENTS)
    return "computed"


def check_covariance(kernel: Array) -> None:
    """Raise unless a kernel is symmetric and positive semi-definite."""
    size = float(np.abs(kernel).max(initial=0.0))
    check_close(kernel, kernel.T, size, "symmetry")
    if 0.0 < size < 1e300:
        assert np.linalg.eigvalsh(kernel / size).min() > -1e-10 * len(kernel)


def check_kernel_of_processes(process: Kernel, X: Any, kernel: Array) -> None:
    """Raise unless the kernel of Gaussian processes is the same, with a gradient of numbers."""
    for one in (process, clone(process), pickle.loads(pickle.dumps(process))):
        assert same(one(X), kernel)
    size = float(np.abs(kernel).max(initial=0.0))
    check_close(process.diag(X), np.diagonal(kernel), size, "diagonal")
    assert is_finite(process(X, eval_gradient=True)[1])
    assert repr(process)


def _split(parameters: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    options = dict(parameters)
    return options.pop("prior", "linear_rnn"), options


@every_profile
def test_kernels(profile, counting):
    with counting("kernel_matrix, LagKernel") as counts:

        @profile.kernels
        @given(case=kernel_cases(PARAMETERS))
        def holds(case: KernelCase) -> None:
            counts[run(case)] += 1

        holds()


@every_profile
def test_recurrent_kernels(profile, counting):
    with counting("RecurrentKernel") as counts:

        @profile.kernels
        @given(case=kernel_cases(RECURRENT))
        def holds(case: KernelCase) -> None:
            counts[run_recurrent(case)] += 1

        holds()
