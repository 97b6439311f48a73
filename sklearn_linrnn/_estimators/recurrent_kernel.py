"""The tangent kernel of wide recurrent networks with a nonlinearity, for kernel methods."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.gaussian_process.kernels import Hyperparameter

from sklearn_linrnn._core.priors.lag_weights import check_variances
from sklearn_linrnn._core.recurrent.dual_activations import DualActivation, Identity, ReLU
from sklearn_linrnn._core.recurrent.error_function import Erf
from sklearn_linrnn._core.recurrent.recurrent_network import VARIANCES, RecurrentNetwork
from sklearn_linrnn._core.recurrent.tangent_recursion import recurrent_diagonal, recurrent_gram
from sklearn_linrnn._estimators.window_kernel import (
    WindowKernel,
    finite_kernel,
    read_two_windows,
    read_windows,
)

ACTIVATIONS: dict[str, DualActivation] = {"erf": Erf(), "identity": Identity(), "relu": ReLU()}


class RecurrentKernel(WindowKernel):
    r"""Neural tangent kernel of an infinitely wide recurrent network, a kernel of windows.

    The network may be nonlinear. It reads a window from a zero initial state and answers at its
    last time step. Trained by gradient descent in the limit of many hidden units, it is kernel
    regression with this kernel [1]_.

    Parameters
    ----------
    activation : {"erf", "relu", "identity"}, default="erf"
        Nonlinearity of the hidden units. ``"identity"`` is the linear network, whose kernel is that
        of `LagKernel` if `nu_b` is 0.
    nu_w, nu_f, nu_c : float, default=0.5, 1.0, 1.0
        Initial variances of the transition matrix, the input matrix and the readout; not negative.
    nu_b : float, default=0.0
        Squared scale of the bias of the hidden units, which has standard normal entries. Without
        a bias the kernel knows odd functions alone if `activation` is ``"erf"``, and functions that
        scale with the window if it is ``"relu"``.
    nu_w_bounds : pair of float or "fixed", default=(0.001, 2.0)
        Range in which `sklearn.gaussian_process.GaussianProcessRegressor` searches for `nu_w`.
    nu_f_bounds, nu_c_bounds : pair of float or "fixed", default=(1e-5, 1e5)
        The same for `nu_f` and `nu_c`.
    nu_b_bounds : pair of float or "fixed", default="fixed"
        The same for `nu_b`.
    n_channels : int, default=1
        Number of channels of the flattened windows, which are time-major, oldest time step first.

    See Also
    --------
    LagKernel : Linear networks and other priors of the impulse response.

    Notes
    -----
    With :math:`n` hidden units the network is

    .. math::

       u_t = n^{-1/2} W h_{t-1} + F x_t + \nu_B^{1/2} b, \qquad h_t = \phi(u_t), \qquad
       y = n^{-1/2} C h_T .

    In the limit the units' inputs at two windows are Gaussian, with covariance :math:`\Sigma_t`.
    The means :math:`q_t = E\, \phi(u_t) \phi(u'_t)` and :math:`\dot q_t = E\, \phi'(u_t)
    \phi'(u'_t)` follow from it and from the variances, and the tangent kernel :math:`\Theta_t` of
    the units' inputs goes along:

    .. math::

       \begin{aligned}
       \Sigma_t &= \nu_W q_{t-1} + \nu_F \langle x_t, x'_t \rangle + \nu_B \\
       \Theta_t &= q_{t-1} + \langle x_t, x'_t \rangle + \nu_B + \nu_W \dot q_{t-1} \Theta_{t-1} \\
       K &= q_T + \nu_C\, \dot q_T\, \Theta_T .
       \end{aligned}

    Only equal time steps pair. For the identity :math:`K = \sum_j \rho_j \langle x_{T-j}, x'_{T-j}
    \rangle` with the weights of `linear_rnn_lag_weights`.

    Nothing is rescaled. The error function has the slope :math:`2 / \sqrt \pi` at zero, so that
    small inputs are remembered as by a linear network with all variances :math:`4 / \pi` times as
    large. ReLU passes on half of the squared input, and remembers about as a linear network of
    half the `nu_w` does.

    The kernel of ``n`` windows with ``T`` time steps takes ``O(n^2 T)`` operations and ``O(n^2)``
    memory, each derivative about as much again.

    References
    ----------
    .. [1] S. Alemohammad, Z. Wang, R. Balestriero, R. G. Baraniuk, "The Recurrent Neural Tangent
       Kernel", ICLR 2021, arXiv:2006.10246.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.gaussian_process import GaussianProcessRegressor
    >>> from sklearn_linrnn import RecurrentKernel
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(80, 6))
    >>> y = X[:, -1] * X[:, -2]
    >>> process = GaussianProcessRegressor(RecurrentKernel(nu_b=1.0), alpha=0.1).fit(X, y)
    >>> bool(process.score(X, y) > 0.9)
    True
    """

    def __init__(
        self,
        activation: str = "erf",
        nu_w: float = 0.5,
        nu_f: float = 1.0,
        nu_c: float = 1.0,
        nu_b: float = 0.0,
        nu_w_bounds: tuple[float, float] | str = (0.001, 2.0),
        nu_f_bounds: tuple[float, float] | str = (1e-5, 1e5),
        nu_c_bounds: tuple[float, float] | str = (1e-5, 1e5),
        nu_b_bounds: tuple[float, float] | str = "fixed",
        n_channels: int = 1,
    ) -> None:
        self.activation = activation
        self.nu_w = nu_w
        self.nu_f = nu_f
        self.nu_c = nu_c
        self.nu_b = nu_b
        self.nu_w_bounds = nu_w_bounds
        self.nu_f_bounds = nu_f_bounds
        self.nu_c_bounds = nu_c_bounds
        self.nu_b_bounds = nu_b_bounds
        self.n_channels = n_channels

    @property
    def hyperparameter_nu_w(self) -> Hyperparameter:
        """The variance of the transition matrix, for the search."""
        return Hyperparameter("nu_w", "numeric", self.nu_w_bounds)

    @property
    def hyperparameter_nu_f(self) -> Hyperparameter:
        """The variance of the input matrix, for the search."""
        return Hyperparameter("nu_f", "numeric", self.nu_f_bounds)

    @property
    def hyperparameter_nu_c(self) -> Hyperparameter:
        """The variance of the readout, for the search."""
        return Hyperparameter("nu_c", "numeric", self.nu_c_bounds)

    @property
    def hyperparameter_nu_b(self) -> Hyperparameter:
        """The squared scale of the bias, for the search."""
        return Hyperparameter("nu_b", "numeric", self.nu_b_bounds)

    def __call__(
        self, X: NDArray, Y: NDArray | None = None, eval_gradient: bool = False
    ) -> NDArray | tuple[NDArray, NDArray]:
        """Return the kernel of windows, and its derivatives.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_timesteps * n_channels)
            Windows, oldest time step first.
        Y : ndarray of shape (n_samples_2, n_timesteps * n_channels), default=None
            Other windows; ``None`` for `X` itself.
        eval_gradient : bool, default=False
            Whether to return the derivatives, too.

        Returns
        -------
        K : ndarray of shape (n_samples, n_samples_2)
            The kernel.
        gradient : ndarray of shape (n_samples, n_samples_2, n_tuned)
            With `eval_gradient`, the derivatives by the logarithms of the ``n_tuned`` variances
            that are not fixed, in the order of ``theta``.
        """
        windows, others = read_two_windows(X, Y, self.n_channels)
        network = self._network()
        tuned = tuple(each.name for each in self.hyperparameters if not each.fixed)
        with np.errstate(over="ignore", invalid="ignore"):
            kernel, gradient = recurrent_gram(
                windows, others, network, tuned if eval_gradient else ()
            )
        self._check_range(kernel, network, *windows.shape[1:])
        return (kernel, finite_kernel(gradient)) if eval_gradient else kernel

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
        network = self._network()
        with np.errstate(over="ignore", invalid="ignore"):
            diagonal = recurrent_diagonal(windows, network)
        self._check_range(diagonal, network, *windows.shape[1:])
        return diagonal

    def __repr__(self) -> str:
        variances = ", ".join(f"{name}={getattr(self, name):.3g}" for name in VARIANCES[::-1])
        return f"{type(self).__name__}(activation={self.activation!r}, {variances})"

    def _network(self) -> RecurrentNetwork:
        """Return the network."""
        if not isinstance(self.activation, str) or self.activation not in ACTIVATIONS:
            names = ", ".join(map(repr, ACTIVATIONS))
            raise ValueError(f"activation must be one of {names}, but got {self.activation!r}.")
        variances = {name: getattr(self, name) for name in VARIANCES}
        check_variances(**variances)
        numbers = {name: float(variance) for name, variance in variances.items()}
        return RecurrentNetwork(ACTIVATIONS[self.activation], **numbers)

    def _check_range(
        self, kernel: NDArray, network: RecurrentNetwork, n_lags: int, n_channels: int
    ) -> None:
        """Raise a ValueError if a kernel overflowed, or is zero whatever the windows are."""
        if np.isfinite(kernel).all() and kernel.any():
            return
        with np.errstate(over="ignore", invalid="ignore"):
            (of_ones,) = recurrent_diagonal(np.ones((1, n_lags, n_channels)), network)
        given = ", ".join(f"{name}={getattr(self, name)!r}" for name in ("nu_f", "nu_c", "nu_b"))
        if not np.isfinite(of_ones):
            raise ValueError(
                f"The kernel overflows: nu_w={self.nu_w!r} over n_lags={n_lags} time steps, with "
                f"{given}, is too large for float64. Lower nu_w or n_lags."
            )
        if of_ones == 0:
            raise ValueError(f"The kernel is zero: with {given} nothing reaches the output.")
        finite_kernel(kernel)
