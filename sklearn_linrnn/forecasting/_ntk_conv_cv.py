"""Forecasts by the infinitely wide linear RNN with hyperparameters chosen on held-out windows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from sklearn_linrnn._core.closed_form.model_selection import first_best
from sklearn_linrnn._core.priors.lag_priors import LagPrior
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._estimators.ntk_conv import NTKConvRegressor
from sklearn_linrnn._estimators.ntk_conv_cv import NTKConvRegressorCV
from sklearn_linrnn.forecasting._base import LagForecaster
from sklearn_linrnn.forecasting._panels import Key, name
from sklearn_linrnn.forecasting._regressions import Regression

GRID = ("nu_w", "nu_f", "nu_c", "alphas", "prior", "correlation", "n_steps")
SHARED = ("fit_intercept", "learning_rate", "device", "verbose")


class NTKConvForecasterCV(LagForecaster):
    r"""Forecasts by an infinitely wide linear RNN, its hyperparameters chosen on held-out windows.

    `NTKConvForecaster` with the candidate that has the least mean squared error over all windows
    of the end of each series, all columns and all steps ahead. Candidates learn from sums and are
    scored by sums: one eigendecomposition for each prior has all penalties, and no forecast is
    made.

    Parameters
    ----------
    n_lags : int or "auto", default="auto"
        Number of lags; "auto" for as many as a quarter of the steps of the longest series, so that
        the memory is left to `nu_w`.
    nu_w, nu_f, nu_c : float or array-like, default=(0.1, 0.3, 0.5, 0.7, 0.9), 1.0, 1.0
        Initial variances of the network's transition matrix, input matrix and readout to try.
    alphas : float or array-like, default=(0.1, 1.0, 10.0, 100.0, 1000.0)
        Penalties to try, as `alpha` of `NTKConvForecaster`; not negative.
    prior : str, LagPrior, ndarray or list of them, default="linear_rnn"
        Priors to try, as in `NTKConvForecaster`.
    correlation : float or array-like, default=0.9
        Correlations to try in the prior "dc".
    n_steps : int or array-like, default=None
        Numbers of steps of gradient descent to try, None among them for the minimum; ``None`` for
        the minimum alone.
    validation : int or float, default=0.2
        The end of each series on which candidates are scored: a number of steps, or a share of the
        series. All targets of a held-out window lie there; the window itself may reach back.
    refit : bool, default=True
        Whether the best candidate learns from all data in the end. If not, it is left as it was
        scored, with what came before the held-out end, and what `update` brings.
    learning_rate : "auto" or float, default="auto"
        Size of the steps; "auto" is the inverse of the largest curvature of the loss. Used with
        `n_steps` only.
    fit_intercept : bool, default=True
        Whether to learn a constant for each step ahead; it is not penalised. With `normalize` it is
        a drift.
    strategy : {"direct", "recursive"}, default="direct"
        Whether each step ahead has a response of its own, or the one-step forecast is iterated. The
        one-step forecast is then what candidates are scored by.
    normalize : {"last", "mean", None}, default="last"
        Level that is taken from each window, and added to its forecast: its newest value, its
        mean, or none.
    joint : bool, default=False
        Whether every column of a multivariate series reads the past of all of them.
    pooling : {"local", "global"}, default="local"
        Whether each series of a panel has hyperparameters and a model of its own, or all share one.
    intervals : {"gaussian", "conformal"}, default="gaussian"
        What intervals are made of: the noise with the uncertainty of the response, or errors of
        forecasts of the end of each series.
    calibration_fraction : float, default=0.2
        Share of each series, its end, that "conformal" forecasts for its errors.
    device : str or torch.device, default="auto"
        Where to compute: "cpu", "cuda", "cuda:N"; "auto" is CUDA where there is one.
    verbose : bool or int, default=False
        Whether to print what is done.

    Attributes
    ----------
    best_params_ : dict
        The best candidate, as parameters of `NTKConvForecaster`; those of one value are left out.
    best_score_ : float
        Its mean squared error on the held-out windows.
    best_index_ : int
        Its row in ``cv_results_``.
    cv_results_ : DataFrame
        ``params``, ``mean_test_MeanSquaredError`` and ``rank_test_MeanSquaredError`` of all
        candidates, in the names of sktime's `ForecastingGridSearchCV`.
    estimators_ : list of NTKConvRegressor
        The fitted estimators: one, or several where columns or exogenous series ask for it.
    n_lags_ : int
        Number of lags that forecasts read.

    See Also
    --------
    NTKConvForecaster : One candidate, or the one of the highest evidence.
    NTKConvRegressorCV : The same search for inputs and outputs.

    Examples
    --------
    >>> from sktime.datasets import load_airline
    >>> from sklearn_linrnn.forecasting import NTKConvForecasterCV
    >>> y = load_airline()
    >>> forecaster = NTKConvForecasterCV(24, nu_w=[0.5, 0.9], validation=36)
    >>> forecaster.fit(y, fh=range(1, 13)).predict().shape
    (12,)
    >>> sorted(forecaster.best_params_)
    ['alpha', 'nu_w']
    """

    _estimator_class = NTKConvRegressor

    def __init__(
        self,
        n_lags: int | Literal["auto"] = "auto",
        nu_w: float | ArrayLike = (0.1, 0.3, 0.5, 0.7, 0.9),
        nu_f: float | ArrayLike = 1.0,
        nu_c: float | ArrayLike = 1.0,
        *,
        alphas: float | ArrayLike = (0.1, 1.0, 10.0, 100.0, 1000.0),
        prior: str | LagPrior | Sequence[str | LagPrior] = "linear_rnn",
        correlation: float | ArrayLike = 0.9,
        n_steps: int | Sequence[int | None] | None = None,
        validation: float = 0.2,
        refit: bool = True,
        learning_rate: float | Literal["auto"] = "auto",
        fit_intercept: bool = True,
        strategy: Literal["direct", "recursive"] = "direct",
        normalize: Literal["last", "mean"] | None = "last",
        joint: bool = False,
        pooling: Literal["local", "global"] = "local",
        intervals: Literal["gaussian", "conformal"] = "gaussian",
        calibration_fraction: float = 0.2,
        device: Any = "auto",
        verbose: bool | int = False,
    ) -> None:
        self.n_lags = n_lags
        self.nu_w = nu_w
        self.nu_f = nu_f
        self.nu_c = nu_c
        self.alphas = alphas
        self.prior = prior
        self.correlation = correlation
        self.n_steps = n_steps
        self.validation = validation
        self.refit = refit
        self.learning_rate = learning_rate
        self.fit_intercept = fit_intercept
        self.strategy = strategy
        self.normalize = normalize
        self.joint = joint
        self.pooling = pooling
        self.intervals = intervals
        self.calibration_fraction = calibration_fraction
        self.device = device
        self.verbose = verbose
        super().__init__()

    def __post_init__(self) -> None:
        """Raise unless the parameters that are not the estimator's are what they must be."""
        super().__post_init__()
        value = self.validation
        is_steps = isinstance(value, Integral) and value >= 1
        is_share = isinstance(value, Real) and 0 < value < 1
        if isinstance(value, bool) or not (is_steps or is_share):
            raise ValueError(
                "validation must be a number of steps of at least 1, or a share between 0 and 1, "
                f"but {value!r} came."
            )

    def _learn_until(self, last: Mapping[Key, int], pretrained: list[LagStatistics] | None) -> None:
        """Choose the hyperparameters, then learn."""
        ends = {key: self._validation_start(key, n_steps) for key, n_steps in last.items()}
        early = self._sum_up(self._histories, {}, ends, pretrained)
        # Sums count a window where its furthest target lies; its nearest one is held out as well.
        horizons = self._regressions[0].horizons
        spread = max(horizons) - min(horizons)
        first = {key: end + spread for key, end in ends.items()}
        held_out = self._sum_up(self._histories, first, last, None)
        self._choose(early, held_out)
        self._sums = self._sum_up(self._histories, ends, last, early) if self.refit else early
        self._learn()

    def _validation_start(self, key: Key, n_steps: int) -> int:
        """Return the first step of a series that is held out."""
        if isinstance(self.validation, Integral):
            n_held_out = int(self.validation)
        else:
            n_held_out = math.ceil(self.validation * n_steps)
        if n_held_out >= n_steps:
            raise ValueError(
                f"validation={self.validation} leaves nothing to learn from: {name(key)} has "
                f"{n_steps} steps."
            )
        return n_steps - n_held_out

    def _choose(self, early: list[LagStatistics], held_out: list[LagStatistics]) -> None:
        """Publish the scores of all candidates, and the best one."""
        squares, n_targets = np.zeros(1), 0.0
        for regression, sums, late in zip(self._regressions, early, held_out, strict=True):
            search = self._search(regression, sums, late)
            weight = late.weight * len(late.target_mean)
            squares = squares - weight * search.cv_results_["mean_test_score"]
            n_targets += weight
        errors = squares / n_targets
        order = np.nan_to_num(errors, nan=np.inf)  # gradient descent diverged
        candidates = search.cv_results_["params"]
        self.cv_results_ = pd.DataFrame(
            {
                "params": candidates,
                "mean_test_MeanSquaredError": errors,
                "rank_test_MeanSquaredError": rankdata(order, method="min").astype(int),
            }
        )
        self.best_index_ = first_best(-order)
        self.best_score_ = float(errors[self.best_index_])
        self.best_params_ = dict(candidates[self.best_index_])
        self._prior = search.make_prior(self.best_params_)

    def _search(
        self, regression: Regression, early: LagStatistics, held_out: LagStatistics
    ) -> NTKConvRegressorCV:
        """Return the scores of one regression's candidates."""
        for sums, where in ((early, "before"), (held_out, "within")):
            if sums.weight == 0:
                raise ValueError(
                    f"validation={self.validation} leaves no complete window with all targets "
                    f"{where} the held-out end of y: n_lags={sums.n_lags} and the furthest horizon "
                    f"is {max(regression.horizons)}."
                )
        levels = self._levels(regression, early.n_lags)
        if levels is not None:
            early, held_out = levels.normalised(early), levels.normalised(held_out)
        parameters = {name: getattr(self, name) for name in (*GRID, *SHARED)}
        search = NTKConvRegressorCV(**parameters, scoring="neg_mean_squared_error")
        return search.fit_statistics(early, held_out)

    def _make_estimator(self) -> NTKConvRegressor:
        """Return an estimator of the best candidate."""
        shared = {name: getattr(self, name) for name in SHARED}
        best = self.best_params_
        return NTKConvRegressor(
            prior=self._prior, alpha=best["alpha"], n_steps=best.get("n_steps"), **shared
        )

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict]:
        """Return small settings for sktime's contract tests."""
        small = {"n_lags": 3, "nu_w": [0.2, 0.8], "alphas": [0.1, 10.0], "validation": 0.4}
        return [
            small,
            {**small, "strategy": "recursive", "normalize": None, "pooling": "global"},
            {**small, "normalize": "mean", "joint": True, "refit": False},
        ]
