r"""The neural tangent kernel of a linear RNN between lags: of one network, and in the limit.

`LagProducts` makes that of one network from products ``P[j, k]`` of its states and ``L[j, k]`` of
its adjoints. In the limit of many hidden units, for a random ``C`` and ``F``, ``P[j, k]`` is
``nu_f tau(A^j^T A^k)`` and ``L[j, k]`` is ``nu_c tau(A^j A^k^T)``, where ``tau`` is the trace over
``n``: the initialisation of ``A`` determines them. For a Gaussian ``A`` and for a uniformly random
orthogonal one both are ``nu_w^j`` for ``j = k`` and else zero, so that their kernels are the same.

Further layers convolve these products, as random couplings part the layers. Learning rates are
factors of the shares of their groups. A leak maps a response by a fixed matrix (`leaky_kernel`).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sklearn_linrnn._core.networks.initialisation import TransitionInit
from sklearn_linrnn._core.networks.lag_products import LayerProducts
from sklearn_linrnn._core.networks.monte_carlo import (
    TOLERANCE,
    KernelEstimate,
    Networks,
    estimate_kernel,
)
from sklearn_linrnn._core.networks.parametrization import NTK, Factors, Shares
from sklearn_linrnn._core.priors.deep_linear_rnn import DeepLinearRNN, check_n_layers
from sklearn_linrnn._core.priors.lag_weights import (
    EQUAL_RATES,
    Rates,
    linear_rnn_lag_weights,
    weighted_ways,
)
from sklearn_linrnn._core.priors.leaky_kernel import leaky_kernel


def linear_rnn_lag_covariance(
    n_lags: int,
    nu_w: float = 0.5,
    nu_f: float = 1.0,
    nu_c: float = 1.0,
    *,
    transition_init: TransitionInit = "gaussian",
    leak: float = 1.0,
    n_layers: int = 1,
    rates: Rates = EQUAL_RATES,
) -> NDArray[np.float64]:
    r"""Return the neural tangent kernel of a wide linear RNN over the lags, for any initialisation.

    The transition matrix is ``A = n^{-1/2} W``. With a Gaussian or an orthogonal initialisation,
    lags are independent and have the weights of `linear_rnn_lag_weights` [1]_: after different
    numbers of time steps states are uncorrelated, and what is left of their square is the same.
    With the identity [2]_ states only decay, so that all lags are correlated,

    .. math:: K_{jk} = (\nu_C + \nu_F) \nu_W^{(j + k)/2} + \nu_C \nu_F j k \nu_W^{(j + k)/2 - 1}

    a matrix of rank two: for any data, a wide network with this initialisation has a response
    ``(a + b j) nu_w^{j/2}``, as long as its parameters move little.

    The width that this needs depends on the number of lags: with a Gaussian initialisation its
    square or more, with an orthogonal one far less.

    Parameters
    ----------
    n_lags : int
        Number of lags; lag 0 is the present time step.
    nu_w, nu_f, nu_c : float, default=0.5, 1.0, 1.0
        Initial variances of the transition matrix, the input matrix and the readout; not negative.
        With each of the named initialisations, ``A`` keeps ``nu_w`` of a random state's square.
    transition_init : {"gaussian", "orthogonal", "identity"} or callable, default="gaussian"
        Initialisation of the transition matrix. For a callable, ``transition_init(n_hidden, nu_w,
        rng)`` that returns ``W`` of shape ``(n_hidden, n_hidden)``, the kernel is estimated from 16
        networks of 512 hidden units, or up to 2048 if the lags need it; always the same ones.
    leak : float, default=1.0
        Share ``a`` of a state that is renewed at each time step, in (0, 1]: ``h_t = (1 - a) h_{t-1}
        + a (A h_{t-1} + F x_t)``. With a leak, lags are correlated.
    n_layers : int, default=1
        Number of layers; further ones have the states of the one below as inputs, by Gaussian
        matrices of variance one.
    rates : tuple of float, default=(1.0, 1.0, 1.0)
        Factors of the learning rates of the transition matrices; of the input matrices, those of
        further layers among them; and of the readout. Not negative; 0 for what is not trained.

    Returns
    -------
    covariance : ndarray of shape (n_lags,) or (n_lags, n_lags)
        The weights of independent lags, or the kernel between lags; lag 0 first. As ``prior`` of
        `NTKConvRegressor` either gives the limit of networks with this initialisation.

    Raises
    ------
    ValueError
        If a variance or a rate is negative, `leak` or `n_layers` is out of range, a weight
        overflows, all weights are zero, or the initialisation is unknown.
    TypeError
        If `n_lags` is not whole, or a variance or a rate is no number.

    Warns
    -----
    UserWarning
        If the estimate for a callable may be off by more than 10 % at some lags, which it names.

    See Also
    --------
    linear_rnn_lag_weights : The weights of the Gaussian initialisation alone.

    References
    ----------
    .. [1] M. Emami, M. Sahraee-Ardakan, P. Pandit, S. Rangan, A. K. Fletcher, "Implicit Bias of
       Linear RNNs", ICML 2021, Theorem 3.1.
    .. [2] Q. V. Le, N. Jaitly, G. E. Hinton, "A simple way to initialize recurrent networks of
       rectified linear units", 2015, arXiv:1504.00941.

    Examples
    --------
    >>> from sklearn_linrnn import linear_rnn_lag_covariance
    >>> linear_rnn_lag_covariance(4, nu_w=0.5, transition_init="orthogonal")
    array([2. , 2. , 1.5, 1. ])
    >>> linear_rnn_lag_covariance(3, nu_w=1.0, transition_init="identity")
    array([[2., 2., 2.],
           [2., 3., 4.],
           [2., 4., 6.]])
    """
    # Checks variances and rates for all, too: where one layer learns nothing, more learn nothing.
    weights = linear_rnn_lag_weights(n_lags, nu_w, nu_f, nu_c, rates=rates)
    if n_layers != 1:
        check_n_layers(n_layers)
    variances = nu_w, nu_f, nu_c
    if callable(transition_init):
        covariance = monte_carlo_covariance(
            transition_init, n_lags, variances, n_layers=n_layers, rates=rates
        )
    elif transition_init in ("gaussian", "orthogonal"):
        if n_layers > 1:
            deep = DeepLinearRNN(*variances, n_layers=n_layers, rates=rates)
            with np.errstate(over="ignore", invalid="ignore", under="ignore"):
                weights = deep.variances(n_lags)
        covariance = weights
    elif transition_init == "identity":
        covariance = _identity_covariance(n_lags, variances, n_layers, rates)
    else:
        raise ValueError(
            "transition_init must be 'gaussian', 'orthogonal', 'identity' or a callable, but got "
            f"{transition_init!r}."
        )
    if not np.isfinite(covariance).all():
        raise ValueError(
            f"The covariance of the lags overflows: nu_w={nu_w!r} to the power of n_lags={n_lags} "
            "is too large for float64. Lower nu_w or n_lags."
        )
    return covariance if leak == 1 else leaky_kernel(covariance, leak, n_layers)


def _identity_covariance(
    n_lags: int, variances: tuple[float, float, float], n_layers: int, rates: Rates
) -> NDArray[np.float64]:
    r"""Return the kernel of identities; responses are sums over the ways through the layers.

    Leaving out one of the ``j`` transitions on these ways leaves those of ``j - 1`` time steps
    through one layer more, in each of the layers.
    """
    nu_w, nu_f, nu_c = variances
    of_transition, of_input, of_readout = rates
    ends = of_input * nu_c + of_readout * nu_f + of_input * (n_layers - 1) * nu_c * nu_f
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        paths, inner = (
            weighted_ways(n_lags, layers, np.sqrt(nu_w)) for layers in (n_layers, n_layers + 1)
        )
        slope = np.concatenate(([0.0], inner[:-1]))  # for one layer j nu_w^{(j - 1)/2}
        by_transition = of_transition * n_layers * nu_c * nu_f * np.outer(slope, slope)
        return ends * np.outer(paths, paths) + by_transition


def monte_carlo_covariance(
    transition_init: TransitionInit,
    n_lags: int,
    variances: tuple[float, float, float],
    *,
    n_layers: int = 1,
    rates: Rates = EQUAL_RATES,
    n_hidden: int = 512,
    max_hidden: int = 2048,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Estimate the kernel of wide networks from random ones; warn of lags where it is not reliable.

    Parameters
    ----------
    transition_init : {"gaussian", "orthogonal", "identity"} or callable
        Initialisation of the transition matrix, as in `draw_transition`.
    n_lags : int
        Number of lags.
    variances : tuple of float
        ``nu_w``, ``nu_f`` and ``nu_c``.
    n_layers : int, default=1
        Number of layers.
    rates : tuple of float, default=(1.0, 1.0, 1.0)
        Factors of the learning rates of transitions, inputs and readout.
    n_hidden, max_hidden : int, default=512, 2048
        Width of the networks, and their largest width if the lags need it; as in
        `estimate_kernel`.
    seed : int, default=0
        Seed of all draws.

    Returns
    -------
    covariance : ndarray of shape (n_lags, n_lags)
        The kernel; positive semi-definite.

    Raises
    ------
    ValueError
        If the kernel of a network overflows, or as in `draw_transition`.

    Warns
    -----
    UserWarning
        If the weights of some lags may be off by more than 10 %.
    """
    generator = torch.Generator().manual_seed(seed)
    networks = Networks(
        transition_init, n_lags, variances, generator, n_layers=n_layers, rates=rates
    )
    estimate = estimate_kernel(networks, n_hidden, max_hidden)
    if estimate.reach < n_lags:
        warnings.warn(_doubt(estimate), UserWarning, stacklevel=2)
    return estimate.covariance


def _doubt(estimate: KernelEstimate) -> str:
    reliable = f"for lags below {estimate.reach} only" if estimate.reach else "for no lag"
    return (
        f"The kernel of this transition_init is reliable {reliable}, of "
        f"n_lags={len(estimate.error)}: estimated from networks of {estimate.n_hidden} hidden "
        f"units, the weights of later lags may be off by more than {TOLERANCE:.0%}. Lower n_lags, "
        "or use an initialisation whose kernel is known, such as 'orthogonal'."
    )


def empirical_kernel(
    parameters: Sequence[Tensor],
    n_lags: int,
    factors: Factors | None = None,
    rates: Rates = EQUAL_RATES,
) -> Tensor:
    """Return the tangent kernel of one network between lags, exactly.

    Parameters
    ----------
    parameters : sequence of Tensor
        The network, at initialisation or after training.
    n_lags : int
        Number of lags.
    factors : Factors, default=None
        Those in its equations; ``None`` for those of the theory.
    rates : tuple of float, default=(1.0, 1.0, 1.0)
        Factors of the learning rates of transitions, inputs and readout.

    Returns
    -------
    kernel : Tensor of shape (n_lags, n_lags)
        ``sum_p rate_p dH_j/dp dH_k/dp`` over all parameters ``p``, the mean over entries of ``H``
        (each with itself), in float64. Rounding errors are small relative to ``sqrt(K_jj K_kk)``,
        even if the weights of the lags differ by many orders of magnitude.

    Notes
    -----
    Costs ``2 n_lags`` products with the transition matrix and ``n_lags^4 / 2`` multiplications in
    matrix products: on one core about 1 ms for 128 hidden units and 40 lags, 15 ms for 512 and 100,
    50 ms for 256 and 200, seconds for 500 lags and a minute for 1000. Where the diagonal is enough,
    `empirical_lag_weights` takes ``n_lags^3 / 3``.
    """
    shares = _shares(parameters, factors).times(rates)
    return LayerProducts.of(parameters, n_lags, factors).kernel(shares)


def empirical_lag_weights(
    parameters: Sequence[Tensor],
    n_lags: int,
    factors: Factors | None = None,
    rates: Rates = EQUAL_RATES,
) -> Tensor:
    """Return the diagonal of `empirical_kernel`, (n_lags,)."""
    shares = _shares(parameters, factors).times(rates)
    return LayerProducts.of(parameters, n_lags, factors).lag_weights(shares)


def _shares(parameters: Sequence[Tensor], factors: Factors | None) -> Shares:
    n_hidden = len(parameters[1])
    factors = NTK.equations(n_hidden) if factors is None else factors
    return factors.shares(n_hidden)
