"""What the time series regressors share: sktime's panels are the estimators' windows."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sktime.regression.base import BaseRegressor

from sklearn_linrnn._estimators.base import LagRegressor


class LagTimeSeriesRegressor(BaseRegressor):
    """A scikit-learn estimator on windows of shape (n_instances, n_channels, n_timesteps).

    Subclasses name the estimator and take its parameters, but for those that say how to read
    windows: sktime's containers say that themselves.
    """

    _tags: ClassVar[dict[str, Any]] = {
        "authors": "The sklearn-linrnn developers",
        "maintainers": "The sklearn-linrnn developers",
        "X_inner_mtype": "numpy3D",
        "y_inner_mtype": "numpy2D",
        "capability:multivariate": True,
        "capability:multioutput": True,
        "capability:categorical_in_X": False,
    }
    _estimator: ClassVar[type[LagRegressor]]

    def _fit(self, X: NDArray, y: NDArray) -> Self:
        estimator = self._estimator(layout="nct", **self.get_params(deep=False))
        self.estimator_ = estimator.fit(X, y)
        return self

    def _predict(self, X: NDArray) -> NDArray:
        return np.asarray(self.estimator_.predict(X))
