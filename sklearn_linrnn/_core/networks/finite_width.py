r"""The lag weights of networks of any width: their mean over the initialisation, and their reach.

Let ``A = n^{-1/2} W`` for ``nu_w = 1``, and ``tau`` the trace over ``n``. Averaged over ``F`` and
``C``, the shares of the input and of the readout in the weight of lag ``j`` are proportional to
``tau(A^j^T A^j)``, and that of the transition matrix to ``sum_{i < j, l < j} tau(A^i A^l^T)
tau(A^{j-1-i}^T A^{j-1-l})``. In the limit these are 1 and ``j``; their means at width ``n`` are
multiples of that, which do not depend on the variances. `gaussian_powers` has those of a Gaussian
``A``. For an orthogonal one the first is 1 and the second ``sum_{|d| < j} (j - |d|) E (tr A^d)^2 /
(j n^2)``: the traces are known for ``d <= n`` [1]_, and higher powers have independent eigenvalues
[2]_.

References
----------
.. [1] P. Diaconis, M. Shahshahani, "On the Eigenvalues of Random Matrices", Journal of Applied
   Probability 31A, 1994.
.. [2] E. M. Rains, "High powers of random elements of compact Lie groups", Probability Theory and
   Related Fields 107, 1997.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from itertools import takewhile
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.networks.gaussian_powers import mean_multiples as of_gaussian
from sklearn_linrnn._core.networks.initialisation import TransitionInit
from sklearn_linrnn._core.networks.tangent_kernel import linear_rnn_lag_covariance
from sklearn_linrnn._core.priors.lag_weights import EQUAL_RATES, Rates, powers
from sklearn_linrnn._core.tensors import whole_number

MUCH = 0.2  # a distance from the limit's lag weights that has an effect on what a network learns


def width_tolerance(n_hidden: int) -> float:
    """Return the relative distance of lag weights from the limit that a width does not exclude.

    All lag weights of a network share the factor ``|F|^2 |C|^2 / n^2``, of standard deviation ``2 /
    sqrt(n)``: two of these, or what matters if that is more.
    """
    return max(MUCH, 4 / n_hidden**0.5)


def finite_width_lag_weights(
    n_lags: int,
    n_hidden: int,
    nu_w: float = 0.5,
    nu_f: float = 1.0,
    nu_c: float = 1.0,
    *,
    transition_init: TransitionInit = "gaussian",
    rates: Rates = EQUAL_RATES,
) -> NDArray[np.float64]:
    r"""Return the lag weights of a linear RNN of finite width, averaged over its initialisation.

    The limit of many hidden units, `linear_rnn_lag_weights`, holds for a given lag; a network of
    ``n`` units has more than that at later ones. With a Gaussian initialisation, for lags of the
    order of ``sqrt(n)``,

    .. math:: E K_{jj} \approx \frac{\sinh u}{u} \, \rho_j, \qquad u = \frac{(j + 1)^2}{2 n}

    while with an orthogonal one [1]_ only the share of the transition matrix grows, by
    ``j^2 / (3 n^2)`` up to lag ``n``. With the identity nothing depends on the width. These weights
    are exact at any width, see the user guide.

    They are means. At lags far beyond ``sqrt(n)`` few networks with large eigenvalues make up the
    mean of Gaussian ones, and most networks have far less, though more than the limit.

    Parameters
    ----------
    n_lags : int
        Number of lags; lag 0 is the present time step.
    n_hidden : int
        Number of hidden units ``n``.
    nu_w, nu_f, nu_c : float, default=0.5, 1.0, 1.0
        Initial variances of the transition matrix, the input matrix and the readout; not negative.
    transition_init : {"gaussian", "orthogonal", "identity"}, default="gaussian"
        Initialisation of the transition matrix, as in `LinearRNNRegressor`.
    rates : tuple of float, default=(1.0, 1.0, 1.0)
        Factors of the learning rates of the transition matrix, the input matrix and the readout.

    Returns
    -------
    lag_weights : ndarray of shape (n_lags,)
        The mean of the diagonal of the tangent kernel, lag 0 first.

    Raises
    ------
    ValueError
        If an argument is out of range, the initialisation is unknown or a function, or a weight
        overflows.
    TypeError
        If `n_lags` or `n_hidden` is not whole, or a variance is no number.

    See Also
    --------
    linear_rnn_lag_weights : The limit of many hidden units.
    LinearRNNRegressor.empirical_lag_weights : The lag weights of one network.

    Notes
    -----
    Those of Gaussian networks take a time that grows with the fourth power of `n_lags`: half a
    second for 100 lags, a few seconds for 200.

    References
    ----------
    .. [1] P. Diaconis, M. Shahshahani, "On the Eigenvalues of Random Matrices", Journal of Applied
       Probability 31A, 1994.

    Examples
    --------
    >>> from sklearn_linrnn import finite_width_lag_weights, linear_rnn_lag_weights
    >>> limit = linear_rnn_lag_weights(25, nu_w=0.9)
    >>> (finite_width_lag_weights(25, 100, nu_w=0.9) / limit)[[0, 4, 8, 16, 24]].round(2)
    array([1.  , 1.  , 1.03, 1.48, 5.36])
    >>> orthogonal = finite_width_lag_weights(25, 100, nu_w=0.9, transition_init="orthogonal")
    >>> (orthogonal / limit)[[0, 4, 8, 16, 24]].round(2)
    array([1.  , 1.  , 1.  , 1.01, 1.02])
    """
    linear_rnn_lag_covariance(n_lags, nu_w, nu_f, nu_c, rates=rates)  # checks them
    if whole_number(n_hidden, "n_hidden") < 1:
        raise ValueError(f"n_hidden must be at least 1, but got {n_hidden}.")
    if not isinstance(transition_init, str) or transition_init not in MULTIPLES:
        raise ValueError(
            "The mean at finite width is known for transition_init 'gaussian', 'orthogonal' and "
            f"'identity', but got {transition_init!r}."
        )
    multiple, n = MULTIPLES[transition_init], int(n_hidden)
    with np.errstate(over="ignore", invalid="ignore"):
        every_lag = (multiple(lag, n) for lag in range(n_lags))
        found = list(takewhile(lambda pair: np.isfinite(pair).all(), every_lag))
        states, transition = np.reshape(found, (len(found), 2)).T
        power, slope = powers(nu_w, len(found)), powers(nu_w, len(found), 1)
        of_transition, of_input, of_readout = rates
        weights = (of_readout * nu_f + of_input * nu_c) * power * states
        weights += of_transition * nu_f * nu_c * slope * transition
    if len(found) < n_lags or not np.isfinite(weights).all():
        raise ValueError(
            f"The mean lag weights of n_hidden={n_hidden} overflow within n_lags={n_lags}, far "
            "past the lags for which such networks are wide enough. Lower n_lags or raise n_hidden."
        )
    return weights


@lru_cache(maxsize=128)
def reach(n_lags: int, n_hidden: int, transition_init: str) -> int:
    """Return the number of lags, from lag 0 on, for which a width is near the limit on average.

    Parameters
    ----------
    n_lags : int
        Number of lags; all of them, if the limit holds so far.
    n_hidden : int
        Number of hidden units.
    transition_init : {"gaussian", "orthogonal", "identity"}
        Initialisation of the transition matrix.

    Returns
    -------
    reach : int
        Up to here each share of the mean lag weights is within `width_tolerance` of the limit's,
        whatever the variances are: up to about ``1.4 sqrt(n)`` for wide Gaussian networks, ``0.77
        n`` for orthogonal ones.
    """
    if transition_init == "identity":
        return n_lags
    if transition_init == "gaussian":  # there sinh(u) / u = 10 is beyond any tolerance
        n_lags = min(n_lags, 3 * isqrt(n_hidden) + 3)
    multiple, most = MULTIPLES[transition_init], 1 + width_tolerance(n_hidden)
    return bisect_right(range(n_lags), most, key=lambda lag: max(multiple(lag, n_hidden)))


def _of_orthogonal(lag: int, n: int) -> tuple[float, float]:
    d = np.arange(1, max(lag, 1))
    sign = np.where(d % 2 == 0, 1, -1)
    squares = np.where(d <= n, d + (sign > 0), n + sign * (n % 2 == 0))  # E (tr A^d)^2
    return 1.0, 1.0 + 2.0 * float((squares * (1.0 - d / max(lag, 1))).sum()) / n**2


def _of_identity(lag: int, _: int) -> tuple[float, float]:
    return 1.0, float(lag)


MULTIPLES = {"gaussian": of_gaussian, "orthogonal": _of_orthogonal, "identity": _of_identity}
