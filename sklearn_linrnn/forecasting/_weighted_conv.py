"""Forecasts by the scaled convolution, trained by gradient descent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from numpy.typing import ArrayLike

from sklearn_linrnn._estimators.weighted_conv import WeightedConv1DRegressor
from sklearn_linrnn.forecasting._descent import DescentForecaster


class WeightedConv1DForecaster(DescentForecaster):
    r"""Forecasts by a convolution with weighted lags, trained by gradient descent.

    The next steps are linear in the last ones, ``H_j = sqrt(rho_j) theta_j``, and the number of
    gradient steps on ``theta`` is the regulariser: what a wide linear RNN does.

    Parameters
    ----------
    n_lags : int or "auto", default="auto"
        Number of last steps to forecast from. "auto" is the number of the highest evidence for
        `NTKConvRegressor` of the same variances, up to a quarter of the steps of the longest
        series.
    lag_weights : {"linear_rnn", "flat"} or array-like of shape (n_lags,), default="linear_rnn"
        ``rho``: those of a linear RNN with the initial variances below, ones, or your own.
    nu_w, nu_f, nu_c : float, default=0.5, 1.0, 1.0
        Initial variances of the network; ``nu_w`` sets the memory.
    solver : {"gd", "adam", "lbfgs"}, default="gd"
        Gradient descent, or PyTorch's Adam or L-BFGS; on the whole data at every step.
    learning_rate : "auto" or float, default="auto"
        Size of the steps, as in `WeightedConv1DRegressor`.
    schedule : {"constant", "linear", "cosine", "inverse_sqrt"} or callable, default="constant"
        What becomes of the size of the steps.
    momentum : float, default=0.0
        Polyak's momentum for "gd"; for "adam" the decay of the first moment.
    nesterov : bool, default=False
        Whether the momentum of "gd" is Nesterov's.
    weight_decay : float, default=0.0
        Strength of the penalty on the squared parameters.
    max_grad_norm : float, default=None
        Length to which longer gradients are cut; ``None`` for not.
    max_iter : int, default=500
        Most steps.
    tol : float, default=0.0
        Least relative fall of the loss that counts as progress.
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
        Quantiles of the normal distribution, with the variance of the
        residuals; or split-conformal ones: the errors that
        a model of the first part of the series makes in the last part.
    calibration_fraction : float, default=0.2
        Size of that last part.
    device : str or torch.device, default="auto"
        Where to compute: "cpu", "cuda", "cuda:N"; "auto" is CUDA where there is one.
    dtype : {"float64", "float32"}, default="float64"
        Type of what is trained.
    verbose : bool or int, default=False
        Whether to print the loss ten times during training.

    Attributes
    ----------
    estimators_ : list of WeightedConv1DRegressor
        The fitted estimators: one, or one for every column of y that is not `joint`,
        and with exogenous series one for every horizon. Those
        of `normalize` know windows less their level.
    n_lags_ : int
        Number of steps that forecasts are made from.

    See Also
    --------
    NTKConvForecaster : The same path in closed form, with a posterior.
    LinearRNNForecaster : The network of finite width.

    Notes
    -----
    Variances are those of the residuals for each step ahead, without that of what was learned.

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
    >>> from sklearn_linrnn.forecasting import WeightedConv1DForecaster
    >>> y = np.log(load_airline())
    >>> forecaster = WeightedConv1DForecaster(24, nu_w=0.9)
    >>> y_pred = forecaster.fit(y[:-12], fh=range(1, 13)).predict()
    >>> float(np.abs(y_pred - y[-12:]).mean()) < 0.1
    True
    """

    _estimator_class = WeightedConv1DRegressor

    def __init__(
        self,
        n_lags: int | Literal["auto"] = "auto",
        lag_weights: ArrayLike | Literal["linear_rnn", "flat"] = "linear_rnn",
        nu_w: float = 0.5,
        nu_f: float = 1.0,
        nu_c: float = 1.0,
        *,
        solver: Literal["gd", "adam", "lbfgs"] = "gd",
        learning_rate: float | Literal["auto"] = "auto",
        schedule: str | Callable[[int], float] = "constant",
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        max_grad_norm: float | None = None,
        max_iter: int = 500,
        tol: float = 0.0,
        fit_intercept: bool = True,
        strategy: Literal["direct", "recursive"] = "recursive",
        normalize: Literal["last", "mean"] | None = "last",
        joint: bool = False,
        pooling: Literal["local", "global"] = "local",
        intervals: Literal["gaussian", "conformal"] = "gaussian",
        calibration_fraction: float = 0.2,
        device: Any = "auto",
        dtype: Literal["float64", "float32"] = "float64",
        verbose: bool | int = False,
    ) -> None:
        self.n_lags = n_lags
        self.lag_weights = lag_weights
        self.nu_w = nu_w
        self.nu_f = nu_f
        self.nu_c = nu_c
        self.solver = solver
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.momentum = momentum
        self.nesterov = nesterov
        self.weight_decay = weight_decay
        self.max_grad_norm = max_grad_norm
        self.max_iter = max_iter
        self.tol = tol
        self.fit_intercept = fit_intercept
        self.strategy = strategy
        self.normalize = normalize
        self.joint = joint
        self.pooling = pooling
        self.intervals = intervals
        self.calibration_fraction = calibration_fraction
        self.device = device
        self.dtype = dtype
        self.verbose = verbose
        super().__init__()

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
        return [
            {"n_lags": 4, "max_iter": 20},
            {"max_iter": 5, "strategy": "direct", "normalize": None, "pooling": "global"},
        ]
