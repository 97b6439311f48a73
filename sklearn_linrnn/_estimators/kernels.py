"""Priors as kernels of windows, for scikit-learn's kernel methods."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.gaussian_process.kernels import Hyperparameter

from sklearn_linrnn._core.priors.catalogue import HYPERPARAMETERS, PRIORS
from sklearn_linrnn._core.priors.lag_prior import LagPrior
from sklearn_linrnn._core.priors.lag_weights import is_float64_number
from sklearn_linrnn._core.priors.prior_parameters import with_inner_params
from sklearn_linrnn._estimators.parameters import TakesPrior, make_prior
from sklearn_linrnn._estimators.window_kernel import (
    WindowKernel,
    finite_kernel,
    read_two_windows,
    read_windows,
)


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
    windows, others = read_two_windows(X, X2, n_channels)
    root = made.root(windows.shape[1])
    left = _features(windows, root)
    right = left if others is None else _features(others, root)
    with np.errstate(over="ignore", invalid="ignore"):
        return finite_kernel(left @ right.T)


def _check_prior(prior: Any, **hyperparameters: Any) -> LagPrior:
    """Return the prior of a name or an array, with its hyperparameters."""
    for name, value in hyperparameters.items():
        if not is_float64_number(value):
            raise TypeError(f"{name} must be a number, but got {value!r}.")
    return make_prior(prior, **hyperparameters)


def _features(windows: NDArray, root: NDArray) -> NDArray:
    """Return ``L^T z`` of each channel, (n_samples, n_lags * n_channels)."""
    if root.ndim == 1:
        weighted = windows * root[:, None]
    else:
        weighted = np.einsum("jk,njc->nkc", root, windows, optimize=True)
    return weighted.reshape(len(windows), -1)


class LagKernel(TakesPrior, WindowKernel):
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

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name.

        Parameters
        ----------
        deep : bool, default=True
            Whether to return those of a prior object, too, by names such as ``prior__nu_w``.

        Returns
        -------
        params : dict of str to object
            The parameters.
        """
        params = super().get_params(deep)
        return with_inner_params(params) if deep else params

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
        left, others = read_two_windows(X, Y, self.n_channels)
        right = left if others is None else others
        prior = _check_prior(self.prior, **values)
        slope = self.nu_w * prior.covariance_slope(left.shape[1], "nu_w")
        moved = slope[:, None] * right if slope.ndim == 1 else slope @ right
        change = left.reshape(len(left), -1) @ moved.reshape(len(right), -1).T
        return kernel, finite_kernel(change)[:, :, None]

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
        windows = read_windows(X, "X", self.n_channels)
        values = {name: getattr(self, name) for name in HYPERPARAMETERS}
        root = _check_prior(self.prior, **values).root(windows.shape[1])
        with np.errstate(over="ignore"):
            return finite_kernel(np.square(_features(windows, root)).sum(axis=1))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(prior={self.prior!r}, nu_w={self.nu_w:.3g})"
