"""Regressors of the package as time series regressors: sktime's panels are their windows."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sktime.regression.base import BaseRegressor

from sklearn_linrnn._core.saved_state import SavedState
from sklearn_linrnn._data.containers import read_container
from sklearn_linrnn._estimators.base import LagRegressor
from sklearn_linrnn._estimators.components import LAYOUT, cloned_component
from sklearn_linrnn._estimators.linear_rnn import LinearRNNRegressor
from sklearn_linrnn._estimators.ntk_conv import NTKConvRegressor
from sklearn_linrnn._estimators.ntk_conv_cv import NTKConvRegressorCV
from sklearn_linrnn._estimators.weighted_conv import WeightedConv1DRegressor


class LagTimeSeriesRegressor(SavedState, BaseRegressor):
    """Any regressor of the package, for sktime's panels.

    It learns from series of equal length, one target or several for each, at its last step. In
    `sktime.forecasting.compose.make_reduction` it is a time series regressor without being told so.

    Parameters
    ----------
    estimator : estimator object, default=None
        The regressor, which is cloned: `NTKConvRegressor`, `NTKConvRegressorCV`,
        `WeightedConv1DRegressor` or `LinearRNNRegressor`. Its ``rows``, ``layout``, ``lag_order``
        and ``n_channels`` stay at their defaults: sktime's containers say how they are read.
        ``None`` for `NTKConvRegressor`.

    Attributes
    ----------
    estimator_ : estimator object
        The fitted estimator: its impulse response, its hyperparameters, its loss.

    See Also
    --------
    sklearn_linrnn.NTKConvRegressor : The same for scikit-learn.
    sklearn_linrnn.forecasting.LagForecaster : Forecasts of series, without windows.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_linrnn import NTKConvRegressor
    >>> from sklearn_linrnn.regression import LagTimeSeriesRegressor
    >>> X = np.random.default_rng(0).normal(size=(500, 2, 4))  # instance, channel, time
    >>> y = X[:, 0, -1] + 0.5 * X[:, 1, -2]
    >>> regressor = LagTimeSeriesRegressor(NTKConvRegressor(nu_w=0.3)).fit(X, y)
    >>> regressor.estimator_.impulse_response_.round(1) + 0.0
    array([[[1. , 0. , 0. , 0. ],
            [0. , 0.5, 0. , 0. ]]])
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

    def __init__(self, estimator: LagRegressor | None = None) -> None:
        self.estimator = estimator
        super().__init__()

    def __post_init__(self) -> None:
        """Raise unless the estimator is what it must be."""
        self._clone_estimator()

    def fit(self, X: Any, y: Any) -> Self:
        """Learn from series of equal length.

        Parameters
        ----------
        X : panel in a format of sktime
            The series.
        y : array-like of shape (n_series,) or (n_series, n_outputs)
            The target, or several, at the last step of each.

        Returns
        -------
        self : object
            The fitted regressor.

        Raises
        ------
        ValueError
            If y is complex.
        """
        y = read_container(y, "y")  # of complex numbers sktime leaves out the imaginary part
        fitted: Self = super().fit(X, y)
        return fitted

    def _fit(self, X: NDArray, y: NDArray) -> Self:
        read = {"layout": "nct", "n_channels": X.shape[1]}
        self.estimator_ = self._clone_estimator().set_params(**read).fit(_flat(X), y)
        return self

    def _predict(self, X: NDArray) -> NDArray:
        return np.asarray(self.estimator_.predict(_flat(X)))

    def _clone_estimator(self) -> LagRegressor:
        estimator = NTKConvRegressor() if self.estimator is None else self.estimator
        why = "LagTimeSeriesRegressor reads sktime's panels, instance by channel by time."
        return cloned_component(estimator, LAYOUT, why)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Return small settings for sktime's contract tests.

        Parameters
        ----------
        parameter_set : str, default="default"
            Name of a set; there is one only.

        Returns
        -------
        parameters : list of dict
            Settings for several instances.
        """
        return [
            {},
            {"estimator": NTKConvRegressor(prior="tc", alpha="auto", n_lags="auto")},
            {"estimator": NTKConvRegressorCV([0.2, 0.8], alphas=[0.1, 10.0], cv="gcv")},
            {"estimator": WeightedConv1DRegressor("flat", max_iter=20)},
            {"estimator": LinearRNNRegressor(8, max_iter=20, random_state=0)},
        ]


def _flat(X: NDArray) -> NDArray:
    """Return instances (instance, channel, time) as rows, whose targets belong to the last step."""
    return X.reshape(len(X), -1)
