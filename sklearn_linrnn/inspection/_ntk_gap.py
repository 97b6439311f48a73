"""How far a trained network is from its infinite-width limit, and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from sklearn_linrnn._core.response import as_matrix
from sklearn_linrnn._estimators.linear_rnn import LinearRNNRegressor
from sklearn_linrnn.inspection._retrace import retrace

LAZY = 0.1  # a change that leaves a network nearly as linear in its parameters as it was


class NTKGap(NamedTuple):
    """Distances between a trained network and its limit, as shares of what the limit learned.

    Attributes
    ----------
    total : float
        From the network to its infinite-width limit.
    width : float
        From the network's first-order expansion at its start to the limit: its kernel is that of
        a network of finite width. Falls with the inverse root of the width.
    movement : float
        From the network to its first-order expansion: its parameters have moved so far that it
        learned otherwise. Grows with the scale of the targets, up to where both have learned all.
    kernel : float
        Change of the network's tangent kernel between lags in training, as a share of the kernel
        before it, in Frobenius norm. Grows with the scale of the targets, also where all networks
        learn the same response.
    """

    total: float
    width: float
    movement: float
    kernel: float

    @property
    def is_lazy(self) -> bool:
        """Whether the network is still in the kernel regime, where it learns as its limit does."""
        return max(self.movement, self.kernel) < LAZY

    def __str__(self) -> str:
        """Say what that means."""
        regime = "is in the kernel regime" if self.is_lazy else "has left the kernel regime"
        return (
            f"The network {regime}: its tangent kernel has changed by {self.kernel:.1%}.\n"
            f"It is {self.total:.1%} away from its infinite-width limit, {self.width:.1%} by its "
            f"width and {self.movement:.1%}\nbecause its parameters moved."
        )


def ntk_gap(estimator: Any, *, metric: Literal["response", "prediction"] = "response") -> NTKGap:
    """Return how far a trained linear RNN is from what it would be if it were infinitely wide.

    The limit, and the network's first-order expansion at its start, take the steps that the network
    took, on the sums that it learned from: no data is needed.

    Parameters
    ----------
    estimator : LinearRNNRegressor
        A fitted network, trained in one `fit` by ``solver="gd"`` without weight decay.
    metric : {"response", "prediction"}, default="response"
        Distance between impulse responses: the Frobenius norm, or the root mean square difference
        of the predictions on the training data.

    Returns
    -------
    gap : NTKGap
        The distances ``total``, ``width`` and ``movement``, relative to the distance of the limit
        from the start, and the change of the ``kernel``; ``is_lazy`` and ``str(gap)`` say what they
        mean. The part of the width differs much from one random start to another.

    Raises
    ------
    TypeError
        If the estimator is not a linear RNN.
    ValueError
        If it was trained in a way that has another limit, or `metric` is unknown.

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
    trained = as_matrix(estimator.impulse_response_)
    learned = distance(limit - start)
    if learned == 0:
        return NTKGap(0.0, 0.0, 0.0, kernel_change)
    return NTKGap(
        total=distance(trained - limit) / learned,
        width=distance(linearised - limit) / learned,
        movement=distance(trained - linearised) / learned,
        kernel=kernel_change,
    )


def _make_metric(estimator: Any, metric: str) -> Callable[[Tensor], float]:
    check_is_fitted(estimator)
    if not isinstance(estimator, LinearRNNRegressor):
        raise TypeError(
            f"ntk_gap is for LinearRNNRegressor, but got {type(estimator).__name__}: the others "
            "are no networks of finite width."
        )
    record = estimator.training_
    if record.rule.solver != "gd" or record.rule.weight_decay:
        raise ValueError(
            "ntk_gap knows the limit of solver='gd' without weight_decay, but got solver="
            f"{record.rule.solver!r}, weight_decay={record.rule.weight_decay}."
        )
    if record.went_on:
        raise ValueError(
            "ntk_gap retraces the steps of one fit, but this network went on training, by "
            "partial_fit or warm_start."
        )
    if metric == "response":
        return lambda response: float(response.norm())
    if metric == "prediction":
        scatter = record.statistics.input_scatter
        return lambda response: float((response * (scatter @ response)).sum().clamp(min=0)) ** 0.5
    raise ValueError(f"metric must be 'response' or 'prediction', but got {metric!r}.")
