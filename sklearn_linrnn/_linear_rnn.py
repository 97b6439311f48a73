"""The linear RNN of finite width."""

from __future__ import annotations

from numbers import Integral
from typing import Any, Literal

import numpy as np
from torch import Tensor

from sklearn_linrnn._core.lag_statistics import LagStatistics
from sklearn_linrnn._core.optimize import Model
from sklearn_linrnn._core.recurrence import LinearRNN, RNNParameters, initialise
from sklearn_linrnn._descent import TRAINING, DescentRegressor
from sklearn_linrnn._validation.parameters import (
    COMPUTING,
    SHAPES,
    VARIANCES,
    Interval,
    StrOptions,
    make_generator,
    torch_dtype,
)


class LinearRNNRegressor(DescentRegressor):
    r"""Linear recurrent network, trained by gradient descent with exact gradients.

    .. math:: h_t = n^{-1/2} W h_{t-1} + F x_t, \qquad y_t = n^{-1/2} C h_t + b

    starts from independent Gaussian entries, ``W_ij ~ N(0, nu_w)``, ``F_ij ~ N(0, nu_f)``,
    ``C_ij ~ N(0, nu_c)``, and from a state of zero before each sequence [1]_. Full-batch gradient
    descent minimises the mean square error; its gradient is computed from `LagStatistics`, so that
    a step costs the same for a thousand sequences as for a million.

    Parameters
    ----------
    n_hidden : int, default=512
        Number of hidden units ``n``.
    nu_w, nu_f, nu_c : float, default=0.5, 1.0, 1.0
        Initial variances of the transition matrix, the input matrix and the readout; not negative.
    init : {"random", "centered"}, default="random"
        Whether the network starts as the random function that its parameters make, or that
        function is subtracted from it, so that it starts at zero as its limit does.
    solver : {"gd", "adam"}, default="gd"
        Gradient descent, or PyTorch's Adam; on the whole data at every step.
    learning_rate : "auto" or float, default="auto"
        Size of the steps. For "gd", "auto" is the inverse of the largest curvature of the loss of
        the network's infinite-width limit, as in the two convolution estimators; it is halved
        whenever a step would raise the loss, in a network that has moved far from that limit.
        For "adam", "auto" is 0.001.
    momentum : float, default=0.0
        Polyak's momentum for "gd", within [0, 1); for "adam" the decay of the first moment, 0.9
        where it is left at 0.
    max_iter : int, default=500
        Most steps.
    tol : float, default=0.0
        Least relative fall of the loss that counts as progress. With 0 and without early stopping
        exactly `max_iter` steps are taken: the number of steps is a regulariser.
    early_stopping : bool, default=False
        Whether to watch the loss on a held-out part, the last ones of the observed steps, and to
        return to the parameters that were best on it.
    validation_fraction : float, default=0.1
        Size of the held-out part.
    n_iter_no_change : int, default=10
        Steps without progress after which training stops.
    fit_intercept : bool, default=True
        Whether to learn ``b``; it is always the best one for the response.
    n_lags : int, default=None
        Number of lags, the present step included; ``None`` for the length of the windows.
    rows : {"windows", "timesteps"}, default="windows"
        What a row of a 2-D X is: a flattened window, or one step of a recording.
    layout : {"ntc", "nct"}, default="ntc"
        Order of the axes of a 3-D X and of flattened windows: sample, time, channel or, as in
        sktime, sample, channel, time.
    lag_order : {"infer", "oldest_first", "newest_first"}, default="infer"
        Order of time in windows. "infer" takes arrays as oldest first and reads the lags of a
        DataFrame from column names such as ``y_lag_3``.
    n_channels : int, default=None
        Number of channels in flattened windows; ``None`` for one.
    device : str or torch.device, default="auto"
        Where to compute: "cpu", "cuda", "cuda:N"; "auto" is CUDA where there is one.
    dtype : {"float64", "float32"}, default="float64"
        Type of the network's parameters and of the fitted arrays; "float32" trains about twice as
        fast.
    random_state : int, RandomState instance or None, default=None
        Seed of the start; the same for all devices and types.
    verbose : bool or int, default=False
        Whether to print the loss ten times during training.

    Attributes
    ----------
    impulse_response_ : ndarray of shape (n_outputs, n_channels, n_lags)
        ``H_j = n^{-1/2} C (n^{-1/2} W)^j F``, less its start with ``init="centered"``; lag 0 first.
    intercept_ : ndarray of shape (n_outputs,)
        ``b``.
    lag_weights_ : ndarray of shape (n_lags,)
        ``rho``, the weights of the network's infinite-width limit.
    transition_ : ndarray of shape (n_hidden, n_hidden)
        ``W``.
    input_ : ndarray of shape (n_hidden, n_channels)
        ``F``.
    readout_ : ndarray of shape (n_outputs, n_hidden)
        ``C``.
    n_iter_ : int
        Number of steps taken.
    loss_curve_ : ndarray of shape (`n_iter_`,)
        Loss after each step.
    validation_loss_curve_ : ndarray of shape (`n_iter_`,)
        Loss on the held-out part after each step, with `early_stopping`.
    learning_rate_ : float
        Size of the last step.
    n_features_in_ : int
        Number of columns of X; for a 3-D X of a flattened window, or of channels if there is a
        target at every step.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if X has names that are all strings.

    See Also
    --------
    NTKConvRegressor : The limit of many hidden units, in closed form.
    WeightedConv1DRegressor : The same limit, step by step.

    Notes
    -----
    A step costs ``n_lags * n_hidden^2 * n_channels`` operations. The equality with the limit holds
    while the parameters move little: for targets that are small against ``sqrt(n_hidden)``. A
    network that must remember for longer than its start allows leaves that regime and learns to.

    References
    ----------
    .. [1] M. Emami, M. Sahraee-Ardakan, P. Pandit, S. Rangan, A. K. Fletcher, "Implicit Bias of
       Linear RNNs", ICML 2021, arXiv:2101.07833.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_linrnn import LinearRNNRegressor
    >>> x = np.random.default_rng(0).normal(size=(1000, 1))
    >>> y = x[:, 0] + 0.5 * np.roll(x[:, 0], 1)
    >>> model = LinearRNNRegressor(100, nu_w=0.3, rows="timesteps", n_lags=4, random_state=0)
    >>> model.fit(x, y).impulse_response_.round(1) + 0.0
    array([[[1. , 0.5, 0. , 0. ]]])
    """

    _parameter_constraints: dict[str, list] = {
        **VARIANCES,
        **SHAPES,
        **COMPUTING,
        **TRAINING,
        "n_hidden": [Interval(Integral, 1, None, closed="left")],
        "init": [StrOptions({"random", "centered"})],
        "random_state": ["random_state"],
    }

    _moves = True

    def __init__(
        self,
        n_hidden: int = 512,
        *,
        nu_w: float = 0.5,
        nu_f: float = 1.0,
        nu_c: float = 1.0,
        init: Literal["random", "centered"] = "random",
        solver: Literal["gd", "adam"] = "gd",
        learning_rate: float | Literal["auto"] = "auto",
        momentum: float = 0.0,
        max_iter: int = 500,
        tol: float = 0.0,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        fit_intercept: bool = True,
        n_lags: int | None = None,
        rows: Literal["windows", "timesteps"] = "windows",
        layout: Literal["ntc", "nct"] = "ntc",
        lag_order: Literal["infer", "oldest_first", "newest_first"] = "infer",
        n_channels: int | None = None,
        device: Any = "auto",
        dtype: Literal["float64", "float32"] = "float64",
        random_state: int | np.random.RandomState | None = None,
        verbose: bool | int = False,
    ) -> None:
        self.n_hidden = n_hidden
        self.nu_w = nu_w
        self.nu_f = nu_f
        self.nu_c = nu_c
        self.init = init
        self.solver = solver
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.max_iter = max_iter
        self.tol = tol
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.fit_intercept = fit_intercept
        self.n_lags = n_lags
        self.rows = rows
        self.layout = layout
        self.lag_order = lag_order
        self.n_channels = n_channels
        self.device = device
        self.dtype = dtype
        self.random_state = random_state
        self.verbose = verbose

    def _start(self, statistics: LagStatistics, scale: Tensor) -> LinearRNN:
        start = initialise(
            self.n_hidden,
            statistics.n_channels,
            len(statistics.target_mean),
            (self.nu_w, self.nu_f, self.nu_c),
            make_generator(self.random_state),
        )
        placed = (p.to(device=scale.device, dtype=torch_dtype(self.dtype)) for p in start)
        return LinearRNN(RNNParameters(*placed), statistics.n_lags, centred=self.init == "centered")

    def _publish_model(self, model: Model) -> None:
        self.transition_, self.input_, self.readout_ = map(self._export, model.parameters)
