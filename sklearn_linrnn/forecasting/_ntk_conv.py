"""Forecasts by the infinitely wide linear RNN in closed form."""

from __future__ import annotations

from typing import Any, Literal

from numpy.typing import ArrayLike

from sklearn_linrnn._core.priors.lag_priors import LagPrior
from sklearn_linrnn._estimators.ntk_conv import NTKConvRegressor
from sklearn_linrnn.forecasting._base import LagForecaster


class NTKConvForecaster(LagForecaster):
    r"""Forecasts by an infinitely wide linear RNN, in closed form.

    The next steps are linear in the last ones, with the prior of a linear RNN that has just been
    initialised: recent steps matter more. All horizons are one solve with many right-hand sides, on
    sums over windows that are never formed. Memory, penalty and number of lags maximise the
    evidence unless they are given.

    Parameters
    ----------
    n_lags : int or "auto", default="auto"
        Number of last steps to forecast from. "auto" is the number of the highest evidence, up to
        a quarter of the steps of the longest series.
    nu_w, nu_f, nu_c : float or "auto", default="auto"
        Initial variances of the network; ``nu_w`` sets the memory. "auto" maximises the evidence,
        which needs a `prior` that has a name, and a penalty.
    alpha : float or "auto", default="auto"
        Strength of the penalty; "auto" maximises the evidence.
    prior : str, LagPrior or array-like, default="linear_rnn"
        Covariance of the response over the lags, as in `NTKConvRegressor`.
    correlation : float or "auto", default=0.9
        Correlation of neighbouring lags in the prior "dc".
    n_steps : int or "gcv", default=None
        Steps of gradient descent instead of the minimum, as in `NTKConvRegressor`.
    learning_rate : "auto" or float, default="auto"
        Size of those steps.
    fit_intercept : bool, default=True
        Whether to learn an intercept.
    strategy : {"direct", "recursive"}, default="recursive"
        A model for every step ahead that is asked for in `fit`, or one of a single step, iterated.
    normalize : {"last", "mean", None}, default="last"
        The level taken from each window, and added to its forecast again: the newest value, the
        mean, or none. Exogenous series have none.
    joint : bool, default=False
        Whether all columns of y are inputs for each of them, or its own past alone.
    pooling : {"local", "global"}, default="local"
        For panels and hierarchies: a model for every series, or one for all.
    intervals : {"gaussian", "conformal"}, default="gaussian"
        Quantiles of the normal distribution, with the variance of the errors and that of
        what was learned; or split-conformal ones: the errors that
        a model of the first part of the series makes in the last part.
    calibration_fraction : float, default=0.2
        Size of that last part.
    device : str or torch.device, default="auto"
        Where to compute: "cpu", "cuda", "cuda:N"; "auto" is CUDA where there is one.
    verbose : bool or int, default=False
        Whether to print what is done.

    Attributes
    ----------
    estimators_ : list of NTKConvRegressor
        The fitted estimators: one, or one for every column of y that is not `joint`,
        and with exogenous series one for every horizon. Those
        of `normalize` know windows less their level.
    n_lags_ : int
        Number of steps that forecasts are made from.

    See Also
    --------
    NTKConvForecasterCV : Hyperparameters chosen on held-out windows.
    WeightedConv1DForecaster : The same path, step by step.
    LinearRNNForecaster : The network of finite width.

    Notes
    -----
    Evidence takes errors to be white, which those of several steps ahead are not: where it matters,
    choose by held-out windows (`NTKConvForecasterCV`). "auto" is chosen for all steps up to the
    furthest together, so that a forecast does not depend on which others were asked for.

    Variances are, for each step ahead, that of the residuals and that of the posterior; those of
    "recursive" go through the model's own response, with independent errors of different columns.
    After `n_steps` there is no posterior.

    Horizons of "direct" learn from the same windows, those with a target for the furthest. The
    lags of exogenous series count from the time that is forecast, so that their future is needed as
    far as the horizon reaches, and each horizon has sums of its own.

    A window that touches a missing value (NaN) is left out; the newest one carries the last value
    across a gap. Forecasts up to the cutoff are those of one step from the window before, NaN where
    that is not full.

    The forecasters keep sums and the series: what `update` costs does not grow with the past. It
    learns what a fit to the whole would, except that "auto" keeps the most lags that it considered
    at first. `pretrain` keeps the sums of a panel, and `fit` adds those of the series.

    Examples
    --------
    >>> import numpy as np
    >>> from sktime.datasets import load_airline
    >>> from sklearn_linrnn.forecasting import NTKConvForecaster
    >>> y = np.log(load_airline())
    >>> forecaster = NTKConvForecaster().fit(y[:-12])
    >>> float(np.abs(forecaster.predict(fh=range(1, 13)) - y[-12:]).mean()) < 0.05
    True
    >>> forecaster.predict_interval(coverage=0.9).shape
    (12, 2)
    """

    _estimator_class = NTKConvRegressor

    def __init__(
        self,
        n_lags: int | Literal["auto"] = "auto",
        nu_w: float | Literal["auto"] = "auto",
        nu_f: float | Literal["auto"] = "auto",
        nu_c: float | Literal["auto"] = "auto",
        *,
        alpha: float | Literal["auto"] = "auto",
        prior: str | LagPrior | ArrayLike = "linear_rnn",
        correlation: float | Literal["auto"] = 0.9,
        n_steps: int | Literal["gcv"] | None = None,
        learning_rate: float | Literal["auto"] = "auto",
        fit_intercept: bool = True,
        strategy: Literal["direct", "recursive"] = "recursive",
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
        self.alpha = alpha
        self.prior = prior
        self.correlation = correlation
        self.n_steps = n_steps
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

    @property
    def _chooses_from_data(self) -> bool:
        choices = ("n_lags", "nu_w", "nu_f", "nu_c", "correlation", "alpha", "n_steps")
        return any(isinstance(getattr(self, name), str) for name in choices)

    def _make_estimator(self) -> NTKConvRegressor:
        estimator = super()._make_estimator()
        return estimator.set_params(n_lags="auto" if self.n_lags == "auto" else None)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict]:
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
        small = {"n_lags": 4, "nu_w": 0.5, "alpha": 1.0}
        return [
            {},
            {**small, "strategy": "direct", "normalize": None, "pooling": "global"},
            {**small, "normalize": "mean", "joint": True, "intervals": "conformal"},
        ]
