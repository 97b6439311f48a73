"""The scaled convolution, trained by gradient descent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from sklearn_linrnn._core.networks.recipes import ConvolutionRecipe
from sklearn_linrnn._estimators.descent import TRAINING, DescentRegressor
from sklearn_linrnn._estimators.parameters import (
    BY_CHANNEL,
    COMPUTING,
    DELAY,
    LEADS,
    SHAPES,
    VARIANCES,
    StrOptions,
    check_channel_weights,
)


class WeightedConv1DRegressor(DescentRegressor):
    r"""1-D convolution with weighted lags, trained by gradient descent.

    The impulse response is ``H_j = sqrt(rho_j) theta_j`` with lag weights ``rho``. Gradient descent
    on ``theta``, from zero, minimises

    .. math:: \frac{1}{2m} \sum_s w_s \Big\|y_s - b - \sum_j \sqrt{\rho_j}\,\theta_j\,x_{s-j}
              \Big\|^2, \qquad m = \sum_s w_s .

    With the weights of a linear RNN this is the infinite-width limit of the RNN [1]_; with flat
    weights it is an ordinary convolution, which does not prefer short memory.

    Parameters
    ----------
    lag_weights : {"linear_rnn", "flat"} or array-like of shape (n_lags,), default="linear_rnn"
        ``rho``: "linear_rnn" for those of a linear RNN with the initial variances below, "flat" for
        ones, or an array.
    nu_w, nu_f, nu_c : float, default=0.5, 1.0, 1.0
        Initial variances of the RNN's transition matrix, input matrix and readout; not negative.
        Used with ``lag_weights="linear_rnn"`` only. ``nu_w`` may be an array of shape
        ``(n_channels,)``, a memory for each channel.
    channel_scale : array-like of shape (n_channels,), default=None
        Factors of all lag weights of each channel, not negative; ``None`` for ones.
    solver : {"gd", "adam", "lbfgs"}, default="gd"
        Gradient descent, or PyTorch's Adam or L-BFGS; each iteration uses all data.
    learning_rate : "auto" or float, default="auto"
        Step size. "auto" is the inverse of the largest curvature of the loss for "gd", 0.001 for
        "adam", the whole step for "lbfgs".
    schedule : {"constant", "linear", "cosine", "inverse_sqrt"} or callable, default="constant"
        How the learning rate changes during training: not at all; to zero at `max_iter`, along a
        line or half a cosine; with the inverse root of the number of the iteration; or a function
        of the number of iterations done that returns the factor of the learning rate. A fit that
        continues an earlier one begins it anew.
    momentum : float, default=0.0
        Polyak's momentum of "gd", in [0, 1); for "adam" the decay rate of the first moment, 0.9 if
        it is left at 0. Not used by "lbfgs".
    nesterov : bool, default=False
        Whether the momentum of "gd" is Nesterov's, as in PyTorch.
    weight_decay : float, default=0.0
        Strength ``d`` of the penalty ``d/2 ||parameters||^2`` that is added to the loss.
    max_grad_norm : float, default=None
        Largest norm of the gradient of all parameters together; a larger gradient is scaled down to
        it. ``None`` for no limit.
    max_iter : int, default=500
        Largest number of iterations.
    max_time : float, default=None
        Largest number of seconds of training; ``None`` for no limit.
    tol : float, default=0.0
        Smallest relative decrease of the loss that counts as progress. With 0 and without early
        stopping exactly `max_iter` iterations are done: their number is a regulariser. "lbfgs" also
        stops after `n_iter_no_change` iterations that find no lower loss.
    early_stopping : bool, default=False
        Whether to watch the loss on a held-out part of the observed time steps, and to return to
        the parameters that were best on it.
    validation_fraction : float, default=0.1
        Share of the observed time steps that is held out for validation.
    validation_split : {"last", "random"}, default="last"
        Which time steps are held out: the last ones, or random ones. Windows and the time steps of
        recordings overlap, so that random ones are much like the others.
    n_iter_no_change : int, default=10
        Number of iterations without progress after which training stops.
    warm_start : bool, default=False
        Whether `fit` continues from the parameters of the last fit, and its optimiser (except
        "lbfgs") from its state; see also `partial_fit`.
    fit_intercept : bool, default=True
        Whether to learn the intercept ``b``. It is not penalised, and always the best one for
        ``H``.
    n_lags : int, default=None
        Number of lags, the present time step included; ``None`` for the length of the windows.
    n_leads : int, default=0
        Number of time steps after the target that are lags, too, with the prior's weights on both
        sides of it. Windows have their target `n_leads` time steps before the last one. After the
        end of a recording the inputs are what `initial_state` says.
    delay : int, default=0
        Number of time steps that all inputs take to act: the first lag, at which the prior begins.
    rows : {"windows", "timesteps"}, default="windows"
        What a row of a 2-D X is: a flattened window, or one time step of a recording.
    layout : {"ntc", "nct"}, default="ntc"
        Order of the axes of a 3-D X and of flattened windows: sample, time, channel or, as in
        sktime, sample, channel, time.
    lag_order : {"infer", "oldest_first", "newest_first"}, default="infer"
        Order of time in windows. "infer" takes arrays as oldest first and reads the lags of a
        DataFrame from column names such as ``y_lag_3``; a meta-estimator that drops the names, as
        `sklearn.ensemble.BaggingRegressor` does, needs the order stated.
    n_channels : int, default=None
        Number of channels of flattened windows; ``None`` for one.
    initial_state : {"zero", "mean", "unknown"}, default="zero"
        Inputs before the first time step of a recording: zero, their mean in `fit`, or unknown.
        Time steps with unknown lags are left out of the loss, and their predictions are NaN.
    device : str or torch.device, default="auto"
        Where to compute: "cpu", "cuda" or "cuda:N"; "auto" is CUDA if there is a device, else the
        CPU.
    dtype : {"float64", "float32"}, default="float64"
        Type of ``theta`` and of the fitted arrays. The statistics are always float64.
    random_state : int, RandomState instance or None, default=None
        Seed of a random initialisation, and of the held-out part with
        ``validation_split="random"``. What is drawn does not depend on the device or the dtype.
    verbose : bool or int, default=False
        Whether to print how the fit goes.

    Attributes
    ----------
    impulse_response_ : ndarray of shape (n_outputs, n_channels, n_lags)
        ``H``, lag `first_lag_` first; leads are lags, too.
    first_lag_ : int
        The lag at which `impulse_response_` begins: the delay, or ``-n_leads``.
    intercept_ : ndarray of shape (n_outputs,)
        ``b``.
    lag_weights_ : ndarray of shape (n_lags,) or (n_channels, n_lags)
        ``rho``; a row for each channel, its scale included, where `nu_w` is an array or
        `channel_scale` is given.
    n_iter_ : int
        Number of iterations done.
    loss_curve_ : ndarray of shape (`n_iter_`,)
        Loss after each iteration, with the penalty if there is one.
    validation_loss_curve_ : ndarray of shape (`n_iter_`,)
        Loss on the held-out part after each iteration, with `early_stopping`.
    validation_scores_ : ndarray of shape (`n_iter_`,)
        R^2 on the held-out part after each iteration, with `early_stopping`.
    learning_rate_ : float
        Learning rate at the end of training, without the factor of `schedule`.
    training_ : TrainingRecord
        What training leaves for `partial_fit`, `warm_start` and `ntk_gap`.
    n_features_in_ : int
        Number of columns of X. For a 3-D X, number of columns of a flattened window, or of channels
        if there is a target at every time step.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if X has names that are all strings.

    See Also
    --------
    NTKConvRegressor : Any number of these iterations at once, in closed form.
    LinearRNNRegressor : The network of finite width.

    Notes
    -----
    Iterations use `LagStatistics` alone, so that their cost, ``(n_lags * n_channels)^2 *
    n_outputs``, does not depend on the number of samples. At the minimum with a weight decay ``d``
    the model is a ridge with ``alpha = m d``. With `verbose` the loss is printed
    ten times; `sklearn_linrnn.callback` shows more.

    References
    ----------
    .. [1] M. Emami, M. Sahraee-Ardakan, P. Pandit, S. Rangan, A. K. Fletcher, "Implicit Bias of
       Linear RNNs", ICML 2021, arXiv:2101.07833.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_linrnn import NTKConvRegressor, WeightedConv1DRegressor
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(50, 8)), rng.normal(size=50)
    >>> stepped = WeightedConv1DRegressor(max_iter=100).fit(X, y)
    >>> at_once = NTKConvRegressor(n_steps=100, alpha=0).fit(X, y)
    >>> bool(np.allclose(stepped.impulse_response_, at_once.impulse_response_))
    True
    """

    _parameter_constraints: dict[str, list] = {
        **VARIANCES,
        **SHAPES,
        **LEADS,
        **DELAY,
        **COMPUTING,
        **TRAINING,
        **BY_CHANNEL,
        "nu_w": [*VARIANCES["nu_w"], "array-like"],
        "lag_weights": [StrOptions({"linear_rnn", "flat"}), "array-like"],
    }

    def __init__(
        self,
        lag_weights: ArrayLike | Literal["linear_rnn", "flat"] = "linear_rnn",
        nu_w: float | ArrayLike = 0.5,
        nu_f: float = 1.0,
        nu_c: float = 1.0,
        *,
        channel_scale: ArrayLike | None = None,
        solver: Literal["gd", "adam", "lbfgs"] = "gd",
        learning_rate: float | Literal["auto"] = "auto",
        schedule: str | Callable[[int], float] = "constant",
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        max_grad_norm: float | None = None,
        max_iter: int = 500,
        max_time: float | None = None,
        tol: float = 0.0,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        validation_split: Literal["last", "random"] = "last",
        n_iter_no_change: int = 10,
        warm_start: bool = False,
        fit_intercept: bool = True,
        n_lags: int | None = None,
        n_leads: int = 0,
        delay: int = 0,
        rows: Literal["windows", "timesteps"] = "windows",
        layout: Literal["ntc", "nct"] = "ntc",
        lag_order: Literal["infer", "oldest_first", "newest_first"] = "infer",
        n_channels: int | None = None,
        initial_state: Literal["zero", "mean", "unknown"] = "zero",
        device: Any = "auto",
        dtype: Literal["float64", "float32"] = "float64",
        random_state: int | np.random.RandomState | None = None,
        verbose: bool | int = False,
    ) -> None:
        self.lag_weights = lag_weights
        self.nu_w = nu_w
        self.nu_f = nu_f
        self.nu_c = nu_c
        self.channel_scale = channel_scale
        self.solver = solver
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.momentum = momentum
        self.nesterov = nesterov
        self.weight_decay = weight_decay
        self.max_grad_norm = max_grad_norm
        self.max_iter = max_iter
        self.max_time = max_time
        self.tol = tol
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.validation_split = validation_split
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.fit_intercept = fit_intercept
        self.n_lags = n_lags
        self.n_leads = n_leads
        self.delay = delay
        self.rows = rows
        self.layout = layout
        self.lag_order = lag_order
        self.n_channels = n_channels
        self.initial_state = initial_state
        self.device = device
        self.dtype = dtype
        self.random_state = random_state
        self.verbose = verbose

    def _recipe(self, n_lags: int, n_channels: int, seed: int | None) -> ConvolutionRecipe:
        variances = self.nu_w, self.nu_f, self.nu_c
        given = self.lag_weights, n_lags, n_channels, *variances, self.channel_scale
        return ConvolutionRecipe(check_channel_weights(*given, self.n_leads))
