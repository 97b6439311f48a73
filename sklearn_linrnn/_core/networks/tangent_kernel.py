r"""The neural tangent kernel of a linear RNN between lags: in the limit, and of one network.

With ``A = n^{-1/2} W`` the response is ``H_j = n^{-1/2} C A^j F``. Let ``P_j = A^j F`` and ``L_j =
(A^T)^j C^T``, and let ``[j, j']`` be the inner products of their columns over ``n``, the mean over
channels or outputs. Then the sum over all parameters of ``dH_j dH_{j'}`` is

    K[j, j'] = P[j, j'] + L[j, j'] + sum_{i < j, i' < j'} L[i, i'] P[j - 1 - i, j' - 1 - i']

the shares of the readout, of the input and of the transition matrix. In the limit of many hidden
units, for a random ``C`` and ``F``, ``P[j, j']`` is ``nu_f tau(A^j^T A^j')`` and ``L[j, j']`` is
``nu_c tau(A^j A^j'^T)``, where ``tau`` is the trace over ``n``: the start of ``A`` says what they
are. For a Gaussian ``A`` and for a uniformly random orthogonal one both are ``nu_w^j`` for ``j =
j'`` and else zero, so that their kernels are the same.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sklearn_linrnn._core.networks.initialisation import TransitionInit
from sklearn_linrnn._core.networks.network import RNNParameters, initialise
from sklearn_linrnn._core.priors.lag_weights import linear_rnn_lag_weights


def linear_rnn_lag_covariance(
    n_lags: int,
    nu_w: float = 0.5,
    nu_f: float = 1.0,
    nu_c: float = 1.0,
    *,
    transition_init: TransitionInit = "gaussian",
) -> NDArray[np.float64]:
    r"""Return the neural tangent kernel of a wide linear RNN over the lags, for any start.

    The transition matrix is ``A = n^{-1/2} W``. From a Gaussian or an orthogonal start, lags are
    independent and have the weights of `linear_rnn_lag_weights` [1]_: after different numbers of
    steps states have nothing in common, and what is left of their square is the same. From the
    identity [2]_ states only fade, so that all lags vary together,

    .. math:: K_{jk} = (\nu_C + \nu_F) \nu_W^{(j + k)/2} + \nu_C \nu_F j k \nu_W^{(j + k)/2 - 1}

    a matrix of rank two: whatever the data, a wide network that starts there has, while it stays
    near, a response ``(a + b j) nu_w^{j/2}``.

    Parameters
    ----------
    n_lags : int
        Number of lags; lag 0 is the present step.
    nu_w, nu_f, nu_c : float, default=0.5, 1.0, 1.0
        Initial variances of the transition matrix, the input matrix and the readout; not negative.
        From each of the named starts, ``A`` leaves a random state ``nu_w`` of its square.
    transition_init : {"gaussian", "orthogonal", "identity"} or callable, default="gaussian"
        Start of the transition matrix. For a callable, ``transition_init(n_hidden, nu_w, rng)``
        that returns ``W`` of shape ``(n_hidden, n_hidden)``, the kernel is estimated: it is the
        mean over 16 networks of 512 hidden units, always the same ones.

    Returns
    -------
    covariance : ndarray of shape (n_lags,) or (n_lags, n_lags)
        The weights of independent lags, or the kernel between lags; lag 0 first. As ``prior`` of
        `NTKConvRegressor` either makes it the limit of the networks that start so.

    Raises
    ------
    ValueError
        If a variance is negative, a weight overflows, all weights are zero, or there is no such
        start.

    See Also
    --------
    linear_rnn_lag_weights : The weights of the Gaussian start alone.

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
    weights = linear_rnn_lag_weights(n_lags, nu_w, nu_f, nu_c)  # checks the variances, too
    if callable(transition_init):
        return monte_carlo_covariance(transition_init, n_lags, (nu_w, nu_f, nu_c))
    if transition_init in ("gaussian", "orthogonal"):
        return weights
    if transition_init == "identity":
        return _identity_covariance(n_lags, nu_w, nu_f, nu_c)
    raise ValueError(
        "transition_init must be 'gaussian', 'orthogonal', 'identity' or a callable, but "
        f"{transition_init!r} came."
    )


def _identity_covariance(n_lags: int, nu_w: float, nu_f: float, nu_c: float) -> NDArray[np.float64]:
    lag = np.arange(n_lags, dtype=np.float64)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        fading = np.power(np.sqrt(nu_w), lag)
        slope = np.concatenate(([0.0], lag[1:] * fading[:-1]))  # j nu_w^{(j - 1)/2}
        covariance = (nu_c + nu_f) * np.outer(fading, fading) + nu_c * nu_f * np.outer(slope, slope)
    if not np.isfinite(covariance).all():
        raise ValueError(
            f"The covariance of the lags overflows: nu_w={nu_w!r} to the power of "
            f"n_lags={n_lags} is too large for float64. Lower nu_w or n_lags."
        )
    return covariance


def monte_carlo_covariance(
    transition_init: TransitionInit,
    n_lags: int,
    variances: tuple[float, float, float],
    *,
    n_hidden: int = 512,
    n_draws: int = 16,
    n_probes: int = 16,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Estimate the kernel of wide networks by the mean over some of them.

    Parameters
    ----------
    transition_init : {"gaussian", "orthogonal", "identity"} or callable
        Start of the transition matrix, as in `draw_transition`.
    n_lags : int
        Number of lags.
    variances : tuple of float
        ``nu_w``, ``nu_f`` and ``nu_c``.
    n_hidden : int, default=512
        Width of the networks.
    n_draws : int, default=16
        Number of networks; the error falls with its inverse root.
    n_probes : int, default=16
        Channels and outputs of each; they share a transition matrix, so that more of them lower
        the error as far as it comes from the other two matrices.
    seed : int, default=0
        Seed of all draws.

    Returns
    -------
    covariance : ndarray of shape (n_lags, n_lags)
        Mean of `empirical_kernel`; positive semi-definite, as each of them is. With the defaults
        it is within 1 % in norm of the closed forms of the three named starts (8 lags).

    Raises
    ------
    ValueError
        If the kernel of a network overflows, or as in `draw_transition`.
    """
    generator = torch.Generator().manual_seed(seed)
    total = torch.zeros(n_lags, n_lags, dtype=torch.float64)
    for _ in range(n_draws):
        start = initialise(n_hidden, n_probes, n_probes, variances, generator, transition_init)
        kernel = empirical_kernel(start, n_lags)
        if not torch.isfinite(kernel).all():
            raise ValueError(
                "The kernel of a network from this transition_init overflows within "
                f"n_lags={n_lags}. Lower nu_w or n_lags, or let it return a smaller matrix."
            )
        total += kernel
    # A covariance is symmetric to the last digit; transforms are so but for rounding.
    return (0.5 * (total + total.mT) / n_draws).numpy()


def empirical_kernel(parameters: RNNParameters, n_lags: int) -> Tensor:
    """Return the tangent kernel of one network between lags, exactly.

    Parameters
    ----------
    parameters : RNNParameters
        The network as it is, at its start or after any training.
    n_lags : int
        Number of lags.

    Returns
    -------
    kernel : Tensor of shape (n_lags, n_lags)
        ``sum_p dH_j/dp dH_k/dp`` over all parameters ``p``, the mean over entries of ``H`` (each
        with itself), in float64.

    Notes
    -----
    Costs ``2 n_lags`` products with the transition matrix, two Gram matrices and a convolution of
    them by FFT. A transform has the accuracy of its largest entry, so ``A`` is divided by its root
    mean square gain first: the kernel then neither dies out nor grows with the lag, and the powers
    of the gain that return at the end keep all digits of lags of very different weights.
    """
    transition, inputs, readout = (p.detach().double() for p in parameters)
    n_hidden = len(transition)
    gain = float(transition.norm()) / n_hidden or 1.0
    A = transition / (gain * n_hidden**0.5)
    P, L = _chain_gram(A, inputs, n_lags), _chain_gram(A.T, readout.T, n_lags)
    kernel = P + L
    kernel[1:, 1:] += _convolve(P[:-1, :-1], L[:-1, :-1]) / gain**2
    powers = gain ** torch.arange(n_lags).to(kernel)
    return powers[:, None] * kernel * powers


def _chain_gram(A: Tensor, start: Tensor, n_lags: int) -> Tensor:
    """Return the mean products of ``A^i start`` and ``A^j start``, (n_lags, n_lags)."""
    chain = [start]
    for _ in range(1, n_lags):
        chain.append(A @ chain[-1])
    vectors = torch.stack(chain).flatten(1)
    return vectors @ vectors.T / vectors.shape[1]


def _convolve(first: Tensor, second: Tensor) -> Tensor:
    """Return the leading block, of their own shape, of the convolution of square matrices."""
    length = len(first)
    size = (
        2 * length + 1,
    ) * 2  # so that nothing wraps around, and there is something to transform
    product = torch.fft.rfft2(first, size) * torch.fft.rfft2(second, size)
    return torch.fft.irfft2(product, size)[:length, :length]
