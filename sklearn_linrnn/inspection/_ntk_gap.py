"""How far a trained network is from its infinite-width limit, and for which of three causes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from sklearn_linrnn._core.networks.finite_width import width_tolerance
from sklearn_linrnn._core.priors.lag_weights import EQUAL_RATES
from sklearn_linrnn._core.response import as_matrix
from sklearn_linrnn._core.statistics.moments import Moments
from sklearn_linrnn._core.units import binary_unit
from sklearn_linrnn._estimators.network_kernel import NetworkKernel
from sklearn_linrnn._estimators.training_record import network_recipe
from sklearn_linrnn.inspection._memory import prior_energy
from sklearn_linrnn.inspection._retrace import retrace

LAZY = 0.1  # a change after which a network is still nearly linear in its parameters
NO_LIMIT = (
    "This parametrisation has no lazy limit: parameters move as far at any width, so that more\n"
    "hidden units bring the network no nearer. With parametrization='ntk' they do."
)


class NTKGap(NamedTuple):
    """Distances between a trained network and its limit, as shares of what the limit learned.

    Attributes
    ----------
    total : float
        From the network to its infinite-width limit.
    width : float
        From the network's first-order expansion at initialisation to the limit: its kernel is that
        of a network of finite width. Decreases with the inverse root of the width.
    movement : float
        From the network to its first-order expansion: because its parameters moved, it learned
        something else. Increases with the scale of the targets, until both have learned everything.
    kernel : float
        Change of the network's tangent kernel between lags in training, as a share of the kernel
        at initialisation, in Frobenius norm. Increases with the scale of the targets, also where
        all networks learn the same response.
    initial_kernel : float
        Relative distance of the network's lag weights at initialisation from those of the limit;
        the root mean square over the lags, each counted by the squared response that the limit and
        the expansion learned there.
    excess_lags : int
        Number of lags that are too many for the width: zero if `initial_kernel` is at most 0.2, or
        ``4 / sqrt(n_hidden)``, two standard deviations of what a random input matrix and readout
        cause; else all lags from the first whose weight differs by more than that.
    has_lazy_limit : bool
        Whether wider networks come nearer to the limit: not with ``parametrization="standard"`` or
        "mup". What they are compared with is then a network whose kernel stays that of wide
        networks at initialisation.
    """

    total: float
    width: float
    movement: float
    kernel: float
    initial_kernel: float
    excess_lags: int
    has_lazy_limit: bool = True

    @property
    def is_lazy(self) -> bool:
        """Whether the network is still in the kernel regime, where it learns like its limit."""
        return max(self.movement, self.kernel) < LAZY

    @property
    def cause(self) -> Literal["none", "movement", "parametrization", "width", "lags"]:
        """The main cause of the distance to the limit.

        "none" if it is small; "movement" of the parameters, or the "parametrization" if it is one
        in which they move as far at any width; the finite "width"; or "lags" if these are too many
        for the width, so that more width may not help.
        """
        if max(self.movement, self.width) < LAZY:
            return "none"
        if self.movement > self.width:
            return "movement" if self.has_lazy_limit else "parametrization"
        return "lags" if self.excess_lags else "width"

    def __str__(self) -> str:
        """Return what the distances mean, in sentences."""
        regime = "is in the kernel regime" if self.is_lazy else "has left the kernel regime"
        lags = f": {self.excess_lags} too many lags for this width" if self.excess_lags else ""
        lazy = "" if self.has_lazy_limit else f"\n{NO_LIMIT}"
        return (
            f"The network {regime}: its tangent kernel has changed by {self.kernel:,.1%}.\n"
            f"It is {self.total:,.1%} away from its infinite-width limit, {self.width:,.1%} by its "
            f"width and {self.movement:,.1%}\nbecause its parameters moved.\n"
            f"At initialisation, its lag weights were {self.initial_kernel:,.1%} away from the "
            f"limit's{lags}.{lazy}"
        )


def ntk_gap(estimator: Any, *, metric: Literal["response", "prediction"] = "response") -> NTKGap:
    """Return how far a trained linear recurrent network is from its infinite-width limit.

    The limit, and the network's first-order expansion at initialisation, are trained for the same
    iterations as the network, on the same sums: no data are needed. The gap has three causes: the
    parameters moved; the width is finite, so that the kernel at initialisation is random; and the
    lags are too many for the width, so that this kernel is not that of the limit even on average.
    With a Gaussian initialisation that begins near ``1.4 sqrt(n_hidden)`` lags, for any ``nu_w``;
    with an orthogonal one near ``0.77 n_hidden``, see `finite_width_lag_weights`. Of a linear
    recurrent unit the kernel is that of the limit on average, but few poles are near enough to the
    unit circle to remember a late lag.

    With ``parametrization="standard"`` and "mup" there is no such limit: parameters move as far at
    any width. The gap is then to what the kernel of wide networks at initialisation would learn,
    and says so.

    Parameters
    ----------
    estimator : LinearRNNRegressor or LRURegressor
        A fitted network, trained in one `fit` by ``solver="gd"`` without weight decay.
    metric : {"response", "prediction"}, default="response"
        Distance between impulse responses: the Frobenius norm, or the root mean square difference
        of the predictions on the training data.

    Returns
    -------
    gap : NTKGap
        The distances ``total``, ``width`` and ``movement``, relative to the distance of the limit
        from its initialisation; the change of the ``kernel``, and its distance from the limit's at
        initialisation. ``is_lazy``, ``cause`` and ``str(gap)`` interpret them. The part of the
        width varies much between random initialisations.

    Raises
    ------
    TypeError
        If the estimator is not a network.
    ValueError
        If it was trained in a way for which this is not the limit, or `metric` is unknown.

    References
    ----------
    .. [1] M. Emami, M. Sahraee-Ardakan, P. Pandit, S. Rangan, A. K. Fletcher, "Implicit Bias of
       Linear RNNs", ICML 2021, Theorem 3.1.
    .. [2] L. Chizat, E. Oyallon, F. Bach, "On Lazy Training in Differentiable Programming",
       NeurIPS 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_linrnn import LinearRNNRegressor, ntk_gap
    >>> X = np.random.default_rng(0).normal(size=(500, 8))
    >>> network = LinearRNNRegressor(500, init="centered", max_iter=100, random_state=0)
    >>> ntk_gap(network.fit(X, 0.1 * X.sum(axis=1))).is_lazy
    True
    >>> ntk_gap(network.fit(X, 100 * X.sum(axis=1))).is_lazy
    False
    """
    distance = _make_metric(estimator, metric)
    start, limit, linearised, kernel_change = retrace(estimator.training_)
    unit = binary_unit((limit - start).numpy())  # the distances are squared
    trained = as_matrix(estimator.impulse_response_) / unit
    start, limit, linearised = start / unit, limit / unit, linearised / unit
    learned = distance(limit - start)
    has_lazy_limit = network_recipe(estimator.training_).has_lazy_limit
    if learned == 0:
        return NTKGap(0.0, 0.0, 0.0, kernel_change, 0.0, 0, has_lazy_limit)
    both = torch.cat([limit - start, linearised - start], dim=1)
    initial_kernel, excess_lags = _compare_initial_kernel(estimator, both)
    return NTKGap(
        total=distance(trained - limit) / learned,
        width=distance(linearised - limit) / learned,
        movement=distance(trained - linearised) / learned,
        kernel=kernel_change,
        initial_kernel=initial_kernel,
        excess_lags=excess_lags,
        has_lazy_limit=has_lazy_limit,
    )


def _compare_initial_kernel(estimator: Any, learned: Tensor) -> tuple[float, int]:
    """Return the distance of the lag weights at initialisation, and how many lags are too many.

    Parameters
    ----------
    estimator : NetworkKernel
        A fitted network.
    learned : Tensor of shape (n_lags * n_channels, any)
        What was learned.
    """
    difference = _relative_difference(
        *map(prior_energy, (estimator.empirical_lag_weights(at_start=True), estimator.lag_weights_))
    )
    energy = learned.square().reshape(len(difference), -1).sum(dim=1).numpy()
    initial_kernel = float(np.sqrt(np.average(difference**2, weights=energy)))
    tolerance = width_tolerance(network_recipe(estimator.training_).n_hidden)
    if initial_kernel <= tolerance:
        return initial_kernel, 0
    return initial_kernel, len(difference) - int(np.argmax(np.abs(difference) > tolerance))


def _relative_difference(weights: NDArray, limit: NDArray) -> NDArray[np.float64]:
    """Return ``weights / limit - 1``, and zero for lags without weight in the limit."""
    difference = weights.astype(np.float64) - limit
    return np.divide(difference, limit, out=np.zeros_like(difference), where=limit > 0)


def _make_metric(estimator: Any, metric: str) -> Callable[[Tensor], float]:
    check_is_fitted(estimator)
    if not isinstance(estimator, NetworkKernel):
        raise TypeError(
            "ntk_gap needs a network of finite width, as LinearRNNRegressor and LRURegressor are, "
            f"but got {type(estimator).__name__}."
        )
    record = estimator.training_
    if record.rule.solver != "gd" or record.rule.weight_decay:
        raise ValueError(
            "ntk_gap needs solver='gd' without weight_decay, but got solver="
            f"{record.rule.solver!r}, weight_decay={record.rule.weight_decay}."
        )
    rates = getattr(record.recipe, "rates", EQUAL_RATES)
    if record.rule.max_grad_norm is not None and rates != EQUAL_RATES:
        raise ValueError(
            "ntk_gap needs equal rates where the gradient is cut, of which the limit knows only "
            f"the sum, but got rates={rates} with max_grad_norm={record.rule.max_grad_norm}."
        )
    if record.went_on:
        raise ValueError(
            "ntk_gap repeats the iterations of one fit, but got a network whose training was "
            "continued, by partial_fit or warm_start."
        )
    if metric == "response":
        return lambda response: float(response.norm())
    if metric == "prediction":
        return partial(_predicted, record.statistics)
    raise ValueError(f"metric must be 'response' or 'prediction', but got {metric!r}.")


def _predicted(moments: Moments, response: Tensor) -> float:
    """Return the root of the sum of squares that a response adds to predictions of the data."""
    squares = (response * (moments.input_scatter @ response)).sum().clamp(min=0.0)
    of_means = moments.weight * (moments.mean_row[0] @ response).square().sum()
    return float(squares + of_means) ** 0.5
