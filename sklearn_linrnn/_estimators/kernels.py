"""Priors as kernels of windows, for scikit-learn's kernel methods."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.gaussian_process.kernels import Hyperparameter, Kernel

from sklearn_linrnn._core.priors.catalogue import HYPERPARAMETERS, PRIORS
from sklearn_linrnn._core.priors.lag_prior import LagPrior
from sklearn_linrnn._core.priors.lag_weights import is_float64_number
from sklearn_linrnn._core.saved_state import SavedState
from sklearn_linrnn._core.tensors import whole_number
from sklearn_linrnn._data.containers import check_numbers
from sklearn_linrnn._estimators.parameters import make_prior


def kernel_matrix(
    prior: str | LagPrior | ArrayLike,
    X: ArrayLike,
    X2: ArrayLike | None = None,
    *,
    nu_w: float = 0.5,
    nu_f: float = 1.0,
    nu_c: float = 1.0,
    correlation: float = 0.9,
    n_channels: int = 1,
) -> NDArray[np.float64]:
    r"""Return the Gram matrix of windows under a prior of the impulse response.

    .. math:: K(x, x') = \sum_{jk} P_{jk} \langle x_{t-j}, x'_{t-k} \rangle

    with ``P`` the prior's covariance of lags ``j`` and ``k``; for ``"linear_rnn"`` the neural
    tangent kernel of a wide linear RNN [1]_.

    Parameters
    ----------
    prior : str, LagPrior or array-like
        The prior, as in `NTKConvRegressor`.
    X : array-like of shape (n_samples, n_columns) or (n_samples, n_timesteps, n_channels)
        Windows, oldest time step first; ``n_timesteps * n_channels`` columns are time-major.
    X2 : array-like of shape (n_samples_2, ...), default=None
        Windows of the same form; ``None`` for `X` itself.
    nu_w, nu_f, nu_c, correlation : float, default=0.5, 1.0, 1.0, 0.9
        Hyperparameters of a named prior.
    n_channels : int, default=1
        Number of channels in flattened windows.

    Returns
    -------
    ndarray of shape (n_samples, n_samples_2)
        The Gram matrix ``K``; symmetric and positive semi-definite where `X2` is `X`.

    Raises
    ------
    ValueError
        If the windows have different lengths or channels, the prior is unknown, or the kernel
        overflows.

    References
    ----------
    .. [1] M. Emami, M. Sahraee-Ardakan, P. Pandit, S. Rangan, A. K. Fletcher, "Implicit Bias of
       Linear RNNs", ICML 2021, arXiv:2101.07833.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.kernel_ridge import KernelRidge
    >>> from sklearn_linrnn import NTKConvRegressor, kernel_matrix
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(50, 8)), rng.normal(size=50)
    >>> ridge = KernelRidge(alpha=2.0, kernel="precomputed").fit(kernel_matrix("tc", X), y)
    >>> model = NTKConvRegressor(prior="tc", alpha=2.0, fit_intercept=False).fit(X, y)
    >>> bool(np.allclose(ridge.predict(kernel_matrix("tc", X)), model.predict(X)))
    True
    """
    made = _check_prior(prior, nu_w=nu_w, nu_f=nu_f, nu_c=nu_c, correlation=correlation)
    windows = _check_windows(X, "X", n_channels)
    others = windows if X2 is None else _check_windows(X2, "X2", n_channels)
    if windows.shape[1:] != others.shape[1:]:
        raise ValueError(
            "X and X2 must have windows of the same time steps and channels, but their shapes are "
            f"{windows.shape} and {others.shape}."
        )
    root = made.root(windows.shape[1])
    left, right = _features(windows, root), _features(others, root)
    with np.errstate(over="ignore", invalid="ignore"):
        return _in_range(left @ right.T)


def _in_range(kernel: NDArray) -> NDArray:
    """Return a kernel, or raise a ValueError if it overflowed."""
    if not np.isfinite(kernel).all():
        raise ValueError("X is too large: its kernel overflows float64. Scale it.")
    return kernel


def _check_prior(prior: Any, **hyperparameters: Any) -> LagPrior:
    """Return the prior of a name or an array, with its hyperparameters."""
    for name, value in hyperparameters.items():
        if not is_float64_number(value):
            raise TypeError(f"{name} must be a number, but got {value!r}.")
    return make_prior(prior, **hyperparameters)


def _check_windows(X: Any, name: str, n_channels: int) -> NDArray:
    """Return windows (n_samples, n_timesteps, n_channels), lag 0 first."""
    if hasattr(X, "columns"):
        raise TypeError(
            f"{name} must be an array, oldest time step first, but got a {type(X).__name__}, whose "
            "columns may hold lags in any order. Pass an array of them in order."
        )
    windows = check_numbers(X, name, dtype=np.float64, allow_nd=True)
    n_channels = whole_number(n_channels, "n_channels")
    if n_channels < 1:
        raise ValueError(f"n_channels must be at least 1, but got {n_channels}.")
    if windows.ndim > 3:
        raise ValueError(
            f"{name} must have shape (n_samples, n_timesteps * n_channels) or (n_samples, "
            f"n_timesteps, n_channels), but its shape is {windows.shape}."
        )
    if windows.size == 0:
        raise ValueError(
            f"{name} must have at least one window, time step and channel, but its shape is "
            f"{windows.shape}."
        )
    if windows.ndim == 3 and n_channels not in (1, windows.shape[2]):
        raise ValueError(
            f"{name} has {windows.shape[2]} channels, but got n_channels={n_channels}."
        )
    if windows.ndim == 2:
        if windows.shape[1] % n_channels:
            raise ValueError(
                f"{name} has {windows.shape[1]} columns, which n_channels={n_channels} does not "
                "divide."
            )
        windows = windows.reshape(len(windows), -1, n_channels)
    return windows[:, ::-1]


def _features(windows: NDArray, root: NDArray) -> NDArray:
    """Return ``L^T z`` of each channel, (n_samples, n_lags * n_channels)."""
    if root.ndim == 1:
        weighted = windows * root[:, None]
    else:
        weighted = np.einsum("jk,njc->nkc", root, windows, optimize=True)
    return weighted.reshape(len(windows), -1)


class LagKernel(SavedState, Kernel):
    """Prior of the impulse response as a kernel of `sklearn.gaussian_process`.

    `kernel_matrix` for Gaussian process regression, which can tune ``nu_w``.

    Parameters
    ----------
    prior : str or LagPrior, default="linear_rnn"
        The prior, as in `kernel_matrix`.
    nu_w : float, default=0.5
        Memory of a named prior; positive.
    nu_w_bounds : pair of float or "fixed", default=(0.001, 0.999)
        Range in which `sklearn.gaussian_process.GaussianProcessRegressor` searches for `nu_w` of a
        named prior.
    nu_f, nu_c, correlation : float, default=1.0, 1.0, 0.9
        Other hyperparameters of a named prior.
    n_channels : int, default=1
        Number of channels of the flattened windows, which are time-major, oldest time step first.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.gaussian_process import GaussianProcessRegressor
    >>> from sklearn_linrnn import LagKernel
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(40, 6))
    >>> y = X @ [0.1, 0.2, 0.3, 0.5, 0.7, 1.0]
    >>> process = GaussianProcessRegressor(LagKernel("tc"), alpha=0.1).fit(X, y)
    >>> bool(0.1 < process.kernel_.nu_w < 0.9)
    True
    """

    def __init__(
        self,
        prior: str | LagPrior = "linear_rnn",
        nu_w: float = 0.5,
        nu_w_bounds: tuple[float, float] | str = (0.001, 0.999),
        nu_f: float = 1.0,
        nu_c: float = 1.0,
        correlation: float = 0.9,
        n_channels: int = 1,
    ) -> None:
        self.prior = prior
        self.nu_w = nu_w
        self.nu_w_bounds = nu_w_bounds
        self.nu_f = nu_f
        self.nu_c = nu_c
        self.correlation = correlation
        self.n_channels = n_channels

    @property
    def hyperparameter_nu_w(self) -> Hyperparameter:
        """The hyperparameter that Gaussian processes tune, of named priors that have it."""
        make = PRIORS.get(self.prior) if isinstance(self.prior, str) else None
        has_it = make is not None and "nu_w" in make().hyperparameters
        return Hyperparameter("nu_w", "numeric", self.nu_w_bounds if has_it else "fixed")

    def __call__(
        self, X: NDArray, Y: NDArray | None = None, eval_gradient: bool = False
    ) -> NDArray | tuple[NDArray, NDArray]:
        """Return the kernel of windows, and its derivative with respect to ``log(nu_w)``.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_timesteps * n_channels)
            Windows, oldest time step first.
        Y : ndarray of shape (n_samples_2, n_timesteps * n_channels), default=None
            Other windows; ``None`` for `X` itself.
        eval_gradient : bool, default=False
            Whether to return the derivative, too.

        Returns
        -------
        K : ndarray of shape (n_samples, n_samples_2)
            The kernel.
        gradient : ndarray of shape (n_samples, n_samples_2, n_tuned)
            With `eval_gradient`, the derivative; ``n_tuned`` is 1, or 0 if `nu_w` is fixed or no
            hyperparameter of a named prior.
        """
        values = {name: getattr(self, name) for name in HYPERPARAMETERS}
        kernel = kernel_matrix(self.prior, X, Y, n_channels=self.n_channels, **values)
        if not eval_gradient:
            return kernel
        if self.hyperparameter_nu_w.fixed:
            return kernel, np.empty((*kernel.shape, 0))
        if self.nu_w == 0:  # where nothing changes with its logarithm
            return kernel, np.zeros((*kernel.shape, 1))
        left = _check_windows(X, "X", self.n_channels)
        right = left if Y is None else _check_windows(Y, "X2", self.n_channels)
        prior = _check_prior(self.prior, **values)
        slope = self.nu_w * prior.covariance_slope(left.shape[1], "nu_w")
        moved = slope[:, None] * right if slope.ndim == 1 else slope @ right
        change = left.reshape(len(left), -1) @ moved.reshape(len(right), -1).T
        return kernel, _in_range(change)[:, :, None]

    def diag(self, X: NDArray) -> NDArray:
        """Return the kernel of each window with itself.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_timesteps * n_channels)
            Windows.

        Returns
        -------
        diagonal : ndarray of shape (n_samples,)
            ``K(x, x)``.
        """
        windows = _check_windows(X, "X", self.n_channels)
        values = {name: getattr(self, name) for name in HYPERPARAMETERS}
        root = _check_prior(self.prior, **values).root(windows.shape[1])
        with np.errstate(over="ignore"):
            return _in_range(np.square(_features(windows, root)).sum(axis=1))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(prior={self.prior!r}, nu_w={self.nu_w:.3g})"

    def is_stationary(self) -> bool:
        """Return False: the kernel of two windows is not that of their difference.

        Returns
        -------
        stationary : bool
            False.
        """
        return False
