"""How the models of the study are trained: all are stopped by one rule inside the training part."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._estimators.linear_rnn import LinearRNNRegressor
from sklearn_linrnn._estimators.ntk_conv import NTKConvRegressor
from sklearn_linrnn._estimators.weighted_conv import WeightedConv1DRegressor
from sklearn_linrnn._studies.study_data import StudyData

HELD_OUT = 0.25  # of a training part, its last steps, to say when to stop
N_WATCHED = 3  # networks that say when all of one kind stop
PATIENCE = 100  # iterations without a lower error after which training is given up
STAGES = 2 ** np.arange(21)  # iterations at which the path of training is kept
FREE_STAGES = np.unique(np.geomspace(1, STAGES[-1], 81).round().astype(np.int64))


@dataclass(frozen=True)
class Part:
    """A training part and the test part that follows it, in the units of the former.

    Attributes
    ----------
    inputs, test_inputs : ndarray of shape (n_windows, n_lags, n_channels)
        Windows, each channel less its mean and divided by its standard deviation.
    targets, test_targets : ndarray of shape (n_windows,)
        Targets, likewise.
    unit : float
        Standard deviation of the targets.
    """

    inputs: NDArray
    targets: NDArray
    test_inputs: NDArray
    test_targets: NDArray
    unit: float

    @classmethod
    def of(cls, data: StudyData, train: NDArray, test: NDArray) -> Part:
        """Return the part of some windows to train on and some to test on."""
        inputs, targets = data.windows[train], data.targets[train]
        level, unit = inputs.mean(axis=(0, 1)), _unit(inputs, (0, 1))
        target_level, target_unit = targets.mean(), _unit(targets, 0)
        return cls(
            (inputs - level) / unit,
            (targets - target_level) / target_unit,
            (data.windows[test] - level) / unit,
            (data.targets[test] - target_level) / target_unit,
            float(target_unit),
        )

    @property
    def n_early(self) -> int:
        """Number of training windows before those that are held out, as the estimators count."""
        return len(self.targets) - math.ceil(HELD_OUT * len(self.targets))

    def squared_errors(self, predictions: Any) -> NDArray:
        """Return the squared errors of predictions of the test part, in the unit of the series."""
        return np.square((self.test_targets - predictions) * self.unit)


@dataclass(frozen=True)
class Trial:
    """A model that was trained on a part and tested on what follows.

    Attributes
    ----------
    n_iter : int
        Iterations of training.
    held_out_error : float
        Mean squared error on the held-out end of the training part, in its units.
    squared_errors : ndarray of shape (n_test,)
        On the test part, in the unit of the series.
    response : ndarray of shape (1, n_channels, n_lags)
        The impulse response, in the units of the training part.
    path : ndarray of shape (n_stages,)
        Sums of squared errors on the test part after 1, 2, 4, ... iterations; empty for networks,
        of which it is not known.
    free_squared_errors : ndarray of shape (n_test,)
        On the test part where the number of iterations has no upper limit; likewise.
    estimator : LinearRNNRegressor or None
        The trained network.
    """

    n_iter: int
    held_out_error: float
    squared_errors: NDArray
    response: NDArray
    path: NDArray = field(default_factory=lambda: np.empty(0))
    free_squared_errors: NDArray = field(default_factory=lambda: np.empty(0))
    estimator: LinearRNNRegressor | None = None


def train_closed_form(part: Part, max_iter: int, prior: str, **variances: Any) -> Trial:
    """Return the trial of an infinitely wide model, whose whole path is known in closed form."""

    def fit(inputs: NDArray, targets: NDArray) -> NTKConvRegressor:
        model = NTKConvRegressor(prior=prior, alpha=0.0, n_steps=1, **variances)
        return model.fit(inputs, targets)

    n_early = part.n_early
    early = fit(part.inputs[:n_early], part.targets[:n_early])
    held_out = part.inputs[n_early:], part.targets[n_early:]
    stages = np.arange(1, max_iter + 1)
    errors = as_given_up(_errors_by_stage(early, *held_out, stages), max_iter)
    free_errors = _errors_by_stage(early, *held_out, FREE_STAGES)
    n_iter = int(np.argmin(errors)) + 1
    n_free = int(FREE_STAGES[np.argmin(free_errors)])
    whole = fit(part.inputs, part.targets)
    chosen, free, *path = whole.staged_predict(part.test_inputs, [n_iter, n_free, *STAGES])
    return Trial(
        n_iter,
        float(errors[n_iter - 1]),
        part.squared_errors(chosen),
        whole.staged_impulse_response([n_iter])[0],
        np.array([part.squared_errors(predictions).sum() for predictions in path]),
        part.squared_errors(free),
    )


def _errors_by_stage(
    model: NTKConvRegressor, inputs: NDArray, targets: NDArray, stages: NDArray
) -> NDArray:
    predictions = model.staged_predict(inputs, stages)
    return np.array([np.mean((targets - stage) ** 2) for stage in predictions])


def train_scaled_convolution(part: Part, limit: Trial, nu_w: float) -> Trial:
    """Return the trial of the limit's twin, which takes its iterations one after another."""
    model = WeightedConv1DRegressor(nu_w=nu_w, max_iter=limit.n_iter)
    model.fit(part.inputs, part.targets)
    return replace(
        limit,
        squared_errors=part.squared_errors(model.predict(part.test_inputs)),
        response=model.impulse_response_,
    )


@contextmanager
def _limit_is_beside() -> Iterator[None]:
    """Keep silent of more lags than a width is good for: the study has the limit beside it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"n_lags=\d+ is past the reach", UserWarning)
        yield


@_limit_is_beside()
def train_networks(
    part: Part, max_iter: int, seeds: Sequence[int], **parameters: Any
) -> list[Trial]:
    """Return the trials of networks of finite width, one for each seed.

    The first ones are trained without the held-out steps, up to the last iteration; then all are
    trained on the whole part, up to the iteration with the least held-out error in their mean.
    """
    networks = [
        LinearRNNRegressor(init="centered", dtype="float32", random_state=seed, **parameters)
        for seed in seeds
    ]
    watched = [_held_out_errors(network, part, max_iter) for network in networks[:N_WATCHED]]
    errors = np.mean(watched, axis=0)
    n_iter = int(np.argmin(errors)) + 1
    trials = []
    for network in networks:
        network.set_params(max_iter=n_iter, early_stopping=False).fit(part.inputs, part.targets)
        trials.append(
            Trial(
                n_iter,
                float(errors[n_iter - 1]),
                part.squared_errors(network.predict(part.test_inputs)),
                network.impulse_response_,
                estimator=network,
            )
        )
    return trials


def _held_out_errors(network: LinearRNNRegressor, part: Part, max_iter: int) -> NDArray:
    """Return the mean squared errors on the held-out steps after each iteration, (max_iter,)."""
    network.set_params(max_iter=max_iter, early_stopping=True)
    network.set_params(n_iter_no_change=PATIENCE, validation_fraction=HELD_OUT)
    curve = 2.0 * network.fit(part.inputs, part.targets).validation_loss_curve_
    return as_given_up(curve, max_iter)


def as_given_up(errors: NDArray, max_iter: int) -> NDArray:
    """Return errors by iteration, (max_iter,), that stay where a training that waits would end."""
    lowest = np.minimum.accumulate(errors)
    is_lower = np.concatenate([[True], lowest[1:] < lowest[:-1]])
    iterations = np.arange(len(errors))
    waited = iterations - np.maximum.accumulate(np.where(is_lower, iterations, 0))
    ends = np.flatnonzero(waited >= PATIENCE)
    kept = errors[: ends[0] + 1] if len(ends) else errors
    return np.pad(kept, (0, max_iter - len(kept)), mode="edge")


def _unit(values: NDArray, axis: Any) -> NDArray:
    deviation = values.std(axis=axis)
    return np.where(deviation > 0, deviation, 1.0)
