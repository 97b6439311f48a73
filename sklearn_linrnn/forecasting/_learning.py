"""From series to sums over windows, and from sums to models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sktime.forecasting.base import BaseForecaster, ForecastingHorizon

from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.statistics.levels import Levels
from sklearn_linrnn._estimators.auto_choice import most_lags
from sklearn_linrnn._estimators.base import LagRegressor
from sklearn_linrnn._estimators.parameters import check_device
from sklearn_linrnn.forecasting._history import History
from sklearn_linrnn.forecasting._models import Model
from sklearn_linrnn.forecasting._panels import Key
from sklearn_linrnn.forecasting._regressions import Regression, make_regressions

Histories = dict[Key, History]


class LearnsFromSums(BaseForecaster):
    """The half of a forecaster that learns.

    Subclasses name the estimator that learns from the sums (`_estimator_class`) and have its
    parameters by their own names.
    """

    _estimator_class: ClassVar[type[LagRegressor]]
    _horizons_apart: ClassVar[bool] = False  # whether an estimator's outputs shape each other

    _histories: Histories
    _regressions: list[Regression]
    _sums: list[LagStatistics]
    _models: list[Model]

    def _plan(self, horizons: tuple[int, ...], histories: Histories) -> None:
        """Settle the regressions and the number of lags that their sums have."""
        some = next(iter(histories.values()))
        n_columns, n_exogenous = len(some.columns), len(some.exogenous)
        self._regressions = make_regressions(
            n_columns, n_exogenous, horizons, joint=self.joint, apart=self._horizons_apart
        )
        pretrained = getattr(self, "pretrained_sums_", None)
        if pretrained is not None:
            self._check_pretrained(horizons, pretrained)
            self._most_lags = pretrained[0].n_lags
        elif self.n_lags != "auto":
            self._most_lags = int(self.n_lags)
        else:
            longest = max(map(len, histories.values())) - max(horizons)
            self._most_lags = most_lags(self._regressions[0].n_channels, longest)

    def _sum_up(
        self,
        histories: Histories,
        first: Mapping[Key, int],
        last: Mapping[Key, int],
        sums: list[LagStatistics] | None,
    ) -> list[LagStatistics]:
        """Return sums with those added whose furthest target lies in ``first <= step < last``."""
        device = check_device(self.device)
        new = []
        for regression in self._regressions:
            reach = max(regression.horizons) + self._most_lags - 1
            parts = []
            for key, history in histories.items():
                steps = slice(max(first.get(key, 0) - reach, 0), last[key])
                # What is added to a whole series leaves windows less their level, but costs digits.
                y = history.y[steps] - (history.level if self.normalize is not None else 0.0)
                parts.append((y, history.x[steps]))
            new.append(regression.sums(parts, self._most_lags, device))
        return new if sums is None else [a + b for a, b in zip(sums, new, strict=True)]

    def _learn_until(self, last: Mapping[Key, int], pretrained: list[LagStatistics] | None) -> None:
        """Learn from the first steps of the series, and from the sums of `pretrain`."""
        self._sums = self._sum_up(self._histories, {}, last, pretrained)
        self._learn()

    def _learn(self) -> None:
        """Learn from the sums that there are, and publish it."""
        for regression, some in zip(self._regressions, self._sums, strict=True):
            if some.weight < 2:
                furthest = max(regression.horizons)
                raise ValueError(
                    f"y must have {self._most_lags + furthest + 1} observed steps in a row, two "
                    f"windows of n_lags={self._most_lags} with a target {furthest} steps ahead, "
                    f"but its longest series has {max(map(len, self._histories.values()))} steps. "
                    "Lower n_lags or the horizon."
                )
        pairs = zip(self._regressions, self._sums, strict=True)
        self._models = [self._fit_model(regression, sums) for regression, sums in pairs]
        self.estimators_ = [model.estimator for model in self._models]
        self.n_lags_ = max(model.n_lags for model in self._models)

    def _fit_model(self, regression: Regression, sums: LagStatistics) -> Model:
        """Return the model of one regression."""
        if self.n_lags == "auto":
            sums = sums.first_lags(self._count_lags(regression, sums))
        levels = self._levels(regression, sums.n_lags)
        if levels is not None:
            sums = levels.normalised(sums)
        return Model(regression, self._make_estimator().fit_statistics(sums), sums, levels)

    def _count_lags(self, regression: Regression, sums: LagStatistics) -> int:
        """Return the number of lags that the estimator gets where ``n_lags="auto"``."""
        return sums.n_lags

    def _levels(self, regression: Regression, n_lags: int) -> Levels | None:
        if self.normalize is None:
            return None
        return Levels.of(
            self.normalize,
            n_lags,
            regression.n_channels,
            regression.target_channels,
            regression.exogenous_channels,
        )

    def _make_estimator(self) -> LagRegressor:
        """Return an estimator with those of its parameters that the forecaster has too."""
        names = set(self._estimator_class._get_param_names()) & set(self.get_param_names())
        parameters = {name: getattr(self, name) for name in names - {"n_lags"}}
        return self._estimator_class(**parameters)

    def _horizons(self, fh: Any, histories: Histories) -> tuple[int, ...]:
        """Return the steps ahead to learn.

        Where something is chosen for all of them together, all up to the furthest are learned, so
        that a forecast does not depend on which others were asked for.
        """
        if self.strategy == "recursive":
            return (1,)
        horizons = learned_horizons(self._steps(fh, history) for history in histories.values())
        driven = any(len(history.exogenous) for history in histories.values())
        if self._chooses_from_data and not (driven or self._horizons_apart):
            return tuple(range(1, max(horizons) + 1))
        return horizons

    @property
    def _chooses_from_data(self) -> bool:
        """Whether a hyperparameter is chosen for all outputs of a regression together."""
        return self.n_lags == "auto"

    def _steps(self, fh: ForecastingHorizon, history: History) -> NDArray:
        """Return a horizon in steps after the end of a series."""
        return np.asarray(fh.to_relative(history.cutoff).to_numpy(), dtype=np.int64)

    def _check_pretrained(self, horizons: tuple[int, ...], sums: list[LagStatistics]) -> None:
        """Raise unless a fit can go on from the sums of `pretrain`."""
        if horizons != self.pretrained_horizons_:
            raise ValueError(
                f"fh must be that of pretrain for strategy='direct': steps ahead "
                f"{self.pretrained_horizons_} were learned there, but {horizons} came."
            )
        shapes = [(r.n_channels, len(r.target_channels)) for r in self._regressions]
        if shapes != [(one.n_channels, len(one.target_mean)) for one in sums]:
            raise ValueError(
                "y and X must have as many columns as in pretrain; there are "
                f"{len(self._regressions)} regressions of {shapes[0][0]} channels now."
            )


def learned_horizons(steps: Iterable[NDArray]) -> tuple[int, ...]:
    """Return the steps ahead that models must know: in-sample forecasts are of one step."""
    return tuple(sorted({max(int(step), 1) for some in steps for step in some}))
