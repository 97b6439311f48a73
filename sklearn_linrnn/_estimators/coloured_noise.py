"""Noise that is an autoregression: how it is found, and what past targets then tell of the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from sklearn_linrnn._core.closed_form.noise_search import NoiseSearch
from sklearn_linrnn._core.priors.lag_prior import LagPrior
from sklearn_linrnn._core.statistics.autoregression import Autoregression
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.statistics.serial_noise import most_remembered
from sklearn_linrnn._data.outputs import collect, without_overflow
from sklearn_linrnn._data.pieces import Pieces
from sklearn_linrnn._data.prewhitening import (
    filtered_inputs,
    innovations,
    joint_sums,
    most_usable_order,
    n_known_before,
    prewhitened,
)
from sklearn_linrnn._data.sequences import Recordings
from sklearn_linrnn._data.targets import read_targets
from sklearn_linrnn._data.training_data import AnyData, TrainingData
from sklearn_linrnn._data.user_line import warn
from sklearn_linrnn._estimators.auto_choice import AutoChoice
from sklearn_linrnn._estimators.base import Fit
from sklearn_linrnn._estimators.closed_form import ClosedFormRegressor
from sklearn_linrnn._estimators.parameters import check_device
from sklearn_linrnn._estimators.predictions import one_or_all, spreads_of

LEAST_USABLE = 0.8  # share of the observed time steps, of the filters that are compared


class ColouredNoise(ClosedFormRegressor):
    """A closed form whose noise may be an autoregression."""

    prior: str | LagPrior | ArrayLike
    alpha: float | Literal["auto"]
    noise: Literal["white", "ar"]
    n_lags: int | Literal["auto"] | None
    n_steps: int | Literal["gcv", "loo", "validation"] | None
    solver: Literal["auto", "direct", "cg"]
    _choice: Callable[[int], AutoChoice]
    _solve: Callable[[AnyData, int, int], Fit]

    def _learn_coloured(self, known: AnyData, n_lags: int, n_channels: int) -> Fit:
        """Return what recordings say of the response once their noise is white."""
        data, noise = self._whitened(known.rows("noise='ar'"), n_lags)
        fit = self._solve(data, n_lags, n_channels)
        return replace(
            fit,
            intercept=fit.intercept / noise.gain,
            attributes={**fit.attributes, "_noise_": noise.coefficients},
        )

    def _whitened(self, data: TrainingData, n_lags: int) -> tuple[TrainingData, Autoregression]:
        """Return the data with white noise, and the noise that was found in them."""
        self._check_colourable(data)
        noise = self._find_noise(data, n_lags)
        self._say(f"noise of order {noise.order}: {noise.coefficients}")
        return (prewhitened(data, noise.polynomial) if noise.order > 0 else data), noise

    def _white_statistics(self, data: TrainingData, n_lags: int) -> LagStatistics:
        """Return the sums of the data, with white noise."""
        if self.noise == "ar":
            data, _ = self._whitened(data, n_lags)
        return self._statistics(data, n_lags)

    def _check_colourable(self, data: TrainingData) -> None:
        """Raise unless noise can be told from these data with these parameters."""
        if not data.form.every_step:
            raise ValueError(
                "noise='ar' needs time steps that follow one another, with a target at each: "
                "rows='timesteps', or a panel or list of recordings with such targets. But got "
                "windows."
            )
        needs = {"n_steps": self.n_steps is None, "solver": self.solver != "cg"}
        for name, is_met in {**needs, "alpha": self.alpha != 0}.items():
            if not is_met:
                raise ValueError(
                    f"noise='ar' is found by the evidence of the minimum of the loss, but got "
                    f"{name}={getattr(self, name)!r}: it needs n_steps=None, alpha > 0 or 'auto' "
                    "and the scatter of the lags."
                )

    def _find_noise(self, data: TrainingData, n_lags: int) -> Autoregression:
        """Return the autoregression of the highest evidence."""
        n_known = int(np.count_nonzero(data.observed))
        most = most_remembered(n_known, data.sequences.longest)
        most = most_usable_order(data, most, LEAST_USABLE)
        if most == 0:
            warn(
                "noise='ar' needs observed time steps right before others, but of these "
                f"{n_known} there are too few: the noise is taken for white."
            )
            return Autoregression(np.empty(0))
        found = self._noise_search(data, n_lags, most).run()
        order = len(found) - 1
        if order > 0:  # which leaves fewer time steps out than the greatest one
            found = self._noise_search(data, n_lags, order).refined(found)
        return Autoregression(found[1:])

    def _noise_search(self, data: TrainingData, n_lags: int, most: int) -> NoiseSearch:
        """Return the search for noise of an order and less ones."""
        joint = joint_sums(data, n_lags, most, check_device(self.device))
        joint = joint if self.fit_intercept else joint.uncentred()
        choice = self._choice(joint.n_channels).in_common()
        prior = cast(LagPrior, choice.make_prior())
        alpha = None if self.alpha == "auto" else float(self.alpha)
        return NoiseSearch(joint, prior, choice.sought(prior), alpha, choice.seeks_lags)

    @property
    def noise_coefficients_(self) -> NDArray:
        """Coefficients ``a_1`` to ``a_q`` of the autoregression of the noise, (order,)."""
        check_is_fitted(self)
        return self._autoregression.coefficients.copy()

    @property
    def innovation_variance_(self) -> NDArray:
        """Variance of what the noise before does not tell of the noise, (n_outputs,)."""
        return self._export(self._require_solution("innovation_variance_").noise_variance)

    def predict_one_step(
        self, X: Any, y: Any, *, return_std: bool = False, sequence_id: Any = None
    ) -> Any:
        """Predict each target from the inputs and from the targets before it.

        The one-step-ahead prediction of system identification: the noise of past targets, which is
        how far they were from the simulation from inputs alone (`predict`), tells of the noise of
        the next one. With white noise both are the same.

        Parameters
        ----------
        X : array-like or list
            Inputs of recordings, in any of the shapes that `fit` takes.
        y : array-like or list
            Targets of the same time steps, as in `fit`; NaN where one is not known. A time step is
            predicted from those that were observed right before it, as many as the noise has
            coefficients: fewer at the begin of a recording and after a gap.
        return_std : bool, default=False
            Whether to return the standard deviation of a new target about its prediction, too.
        sequence_id : array-like of shape (n_samples,), default=None
            With ``rows="timesteps"``, the recording that each row belongs to; required if `fit`
            was given it.

        Returns
        -------
        y : ndarray or list of ndarray
            Predictions in the shape that y had in `fit`; NaN where `predict` has NaN.
        std : ndarray or list of ndarray
            With `return_std`, the standard deviations in the same shape and in the unit of y.

        Raises
        ------
        ValueError
            If the model was fitted to windows, X or y is not as in `fit`, or there is no posterior.
        """
        check_is_fitted(self)
        if not self._form.every_step or isinstance(X, Pieces):
            raise ValueError(
                "predict_one_step needs recordings, with a target at every time step, but got "
                f"{'an iterator of pieces' if isinstance(X, Pieces) else 'a model of windows'}."
            )
        recordings = cast(Recordings, self._read(X, sequence_id))
        targets = read_targets(y, recordings)[0][:]
        if targets.shape[1] != len(self.intercept_):
            raise ValueError(
                f"y must have n_outputs={len(self.intercept_)}, as the targets that the model was "
                f"fitted to, but got n_outputs={targets.shape[1]}."
            )
        simulated = np.concatenate([block for _, block in self._means(recordings)])
        left = targets - simulated
        known = np.isfinite(left).all(axis=1)
        order = self._autoregression.order
        n_before = np.minimum(n_known_before(known, np.array(recordings.lengths)), order)
        found = [simulated + self._expected(left, n_before)]
        if return_std:
            found.append(self._one_step_deviations(recordings, n_before, found[0]))
        form = {"n_outputs": targets.shape[1], "single_output": self._form.single_output}
        shaped = [collect(recordings, [(slice(None), each)], None, **form) for each in found]
        return one_or_all(tuple(shaped))

    def __linrnn_residuals__(self, X: Any, y: Any, sequence_id: Any) -> tuple[Recordings, NDArray]:
        """Return filtered recordings and innovations, which are what the fit is of."""
        recordings, noise = super().__linrnn_residuals__(X, y, sequence_id)
        if self._autoregression.order == 0:
            return recordings, noise
        return innovations(recordings, noise, self._autoregression.polynomial)

    def _expected(self, noise: NDArray, n_before: NDArray) -> NDArray:
        """Return what is expected of noise from so many steps right before, (n, n_outputs)."""
        expected = np.zeros_like(noise)
        for n_known, polynomial in enumerate(self._autoregression.predictors):
            steps = np.flatnonzero(n_before == n_known)
            for lag, coefficient in enumerate(polynomial[1:], start=1):
                expected[steps] -= coefficient * noise[steps - lag]
        return expected

    def _one_step_deviations(
        self, recordings: Recordings, n_before: NDArray, predicted: NDArray
    ) -> NDArray:
        """Return standard deviations of new targets about their predictions, NaN like them."""
        solution, noise = self._posterior(), self._autoregression
        recordings = recordings.unrolled(solution.statistics.n_lags + noise.order).recordings
        own = cast(NDArray, recordings.own)
        n_known_at = np.full(len(own), -1)  # none before the user's time steps
        n_known_at[own] = n_before
        variance = np.empty(len(own))
        for n_known in np.unique(n_before):
            polynomial = noise.predictors[n_known]
            share = polynomial.sum() / noise.gain
            level = solution.intercept_variance * share**2 + noise.variances[n_known]
            filtered = filtered_inputs(recordings, polynomial)
            spreads = spreads_of(filtered, solution.statistics, solution.posterior_root, share)
            for steps, spread in spreads:
                np.copyto(variance[steps], spread + level, where=n_known_at[steps] == n_known)
        variances = variance[own, None] * solution.noise_variance.numpy()
        std = np.where(np.isnan(predicted), np.nan, np.sqrt(variances))
        return without_overflow(std.astype(self.dtype, copy=False))
