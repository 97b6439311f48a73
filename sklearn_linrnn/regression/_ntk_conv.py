"""The infinitely wide linear RNN as a time series regressor."""

from __future__ import annotations

from typing import Any, Literal

from numpy.typing import ArrayLike

from sklearn_linrnn._core.priors.lag_priors import LagPrior
from sklearn_linrnn._estimators.ntk_conv import NTKConvRegressor
from sklearn_linrnn.regression._base import LagTimeSeriesRegressor


class NTKConvTimeSeriesRegressor(LagTimeSeriesRegressor):
    """Infinitely wide linear RNN in closed form, for sktime's panels.

    `NTKConvRegressor` on series of equal length, one target or several for each, at its last
    step. In `sktime.forecasting.compose.make_reduction` it is a time series regressor without
    being told so.

    Parameters
    ----------
    nu_w, nu_f, nu_c : float or "auto", default=0.5, 1.0, 1.0
        Initial variances of the network's transition matrix, input matrix and readout; "auto" is
        the value of the highest evidence.
    alpha : float or "auto", default=1.0
        Strength of the penalty; "auto" is the value of the highest evidence.
    prior : str, LagPrior or array-like, default="linear_rnn"
        Covariance of the impulse response over the lags, as in `NTKConvRegressor`.
    correlation : float or "auto", default=0.9
        Correlation of neighbouring lags in the prior "dc".
    n_steps : int, "gcv", "loo" or "validation", default=None
        Steps of gradient descent, or how to choose their number; ``None`` for the minimum.
    validation_fraction : float, default=0.1
        Size of the part that ``n_steps="validation"`` holds out.
    learning_rate : "auto" or float, default="auto"
        Size of the steps.
    fit_intercept : bool, default=True
        Whether to learn an intercept; it is not penalised.
    n_lags : int or "auto", default=None
        Number of lags, counted from the last step; ``None`` for the length of the series, "auto"
        for the number of the highest evidence.
    solver : {"auto", "direct", "cg"}, default="auto"
        Factorisation or conjugate gradients, as in `NTKConvRegressor`.
    device : str or torch.device, default="auto"
        Where to compute: "cpu", "cuda", "cuda:N"; "auto" is CUDA where there is one.
    dtype : {"float64", "float32"}, default="float64"
        Type of the fitted arrays.
    verbose : bool or int, default=False
        Whether to print what is done.

    Attributes
    ----------
    estimator_ : NTKConvRegressor
        The fitted estimator: its impulse response, its hyperparameters, its posterior.

    See Also
    --------
    sklearn_linrnn.NTKConvRegressor : The same for scikit-learn.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_linrnn.regression import NTKConvTimeSeriesRegressor
    >>> X = np.random.default_rng(0).normal(size=(500, 2, 4))  # instance, channel, time
    >>> y = X[:, 0, -1] + 0.5 * X[:, 1, -2]
    >>> regressor = NTKConvTimeSeriesRegressor(nu_w=0.3).fit(X, y)
    >>> regressor.estimator_.impulse_response_.round(1) + 0.0
    array([[[1. , 0. , 0. , 0. ],
            [0. , 0.5, 0. , 0. ]]])
    """

    _estimator = NTKConvRegressor

    def __init__(
        self,
        nu_w: float | Literal["auto"] = 0.5,
        nu_f: float | Literal["auto"] = 1.0,
        nu_c: float | Literal["auto"] = 1.0,
        *,
        alpha: float | Literal["auto"] = 1.0,
        prior: str | LagPrior | ArrayLike = "linear_rnn",
        correlation: float | Literal["auto"] = 0.9,
        n_steps: int | Literal["gcv", "loo", "validation"] | None = None,
        validation_fraction: float = 0.1,
        learning_rate: float | Literal["auto"] = "auto",
        fit_intercept: bool = True,
        n_lags: int | Literal["auto"] | None = None,
        solver: Literal["auto", "direct", "cg"] = "auto",
        device: Any = "auto",
        dtype: Literal["float64", "float32"] = "float64",
        verbose: bool | int = False,
    ) -> None:
        self.nu_w = nu_w
        self.nu_f = nu_f
        self.nu_c = nu_c
        self.alpha = alpha
        self.prior = prior
        self.correlation = correlation
        self.n_steps = n_steps
        self.validation_fraction = validation_fraction
        self.learning_rate = learning_rate
        self.fit_intercept = fit_intercept
        self.n_lags = n_lags
        self.solver = solver
        self.device = device
        self.dtype = dtype
        self.verbose = verbose
        super().__init__()

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Return parameters of instances for sktime's tests.

        Parameters
        ----------
        parameter_set : str, default="default"
            Name of a set of parameters; there is one.

        Returns
        -------
        parameters : list of dict
        """
        return [
            {"nu_w": 0.3, "alpha": 0.1},
            {"prior": "tc", "alpha": "auto", "n_lags": "auto"},
            {"alpha": 0.0, "n_steps": 20, "n_lags": 2, "fit_intercept": False},
        ]
