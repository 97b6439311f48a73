"""The linear recurrent unit of finite width."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from sklearn_linrnn._core.networks.lru import LRUParameters
from sklearn_linrnn._core.networks.lru_recipe import LRURecipe
from sklearn_linrnn._core.networks.state_space import StateSpace, delayed, pole_realisation
from sklearn_linrnn._estimators.descent import TRAINING
from sklearn_linrnn._estimators.lru_module import LRUModule
from sklearn_linrnn._estimators.network_kernel import NetworkKernel
from sklearn_linrnn._estimators.parameters import (
    BY_CHANNEL,
    COMPUTING,
    DELAY,
    SHAPES,
    VARIANCES,
    Interval,
    StrOptions,
    check_channel_scale,
)
from sklearn_linrnn._estimators.training_record import (
    network_recipe,
    subtracted_network,
    trained_network,
)


class LRURegressor(NetworkKernel):
    r"""Linear recurrent unit: a diagonal complex recurrence, trained by gradient descent.

    .. math:: s_t = \mathrm{diag}(\lambda) s_{t-1} + \mathrm{diag}(\gamma) B x_t, \qquad
              y_t = n^{-1/2} \mathrm{Re}(C s_t) + b

    with complex poles ``lambda = r e^{i theta}`` within the unit circle, and a zero initial state
    before each sequence [1]_. Its impulse response is ``H_j = n^{-1/2} Re(C diag(lambda^j gamma)
    B)``, less that at initialisation with ``init="centered"``. Trained are ``log(-log r)``, ``log
    theta``, ``log gamma``, ``B`` and ``C``, so that poles stay within the circle. Full-batch
    gradient descent minimises the mean squared error; the gradient is computed from
    `LagStatistics`, so that an iteration costs the same for a thousand sequences as for a million.

    Parameters
    ----------
    n_hidden : int, default=512
        Number of hidden units ``n``.
    r_min, r_max : float, default=0.0, 1.0
        Least and greatest modulus of the poles at initialisation, where they are uniform on the
        area between; ``0 <= r_min <= r_max <= 1`` with `r_max` above 0, and with `normalise` also
        `r_min` below 1.
    max_phase : float, default=2*pi
        Greatest phase of the poles at initialisation, in radians, where phases are uniform from 0;
        not negative. A small one makes responses smooth in the lag; with 0 all poles are real, and
        stay so.
    normalise : bool, default=True
        Whether inputs have the factor ``gamma``, which begins at ``sqrt(1 - r^2)`` and is trained,
        so that states of all poles are of one size; else ``gamma`` is 1.
    nu_f, nu_c : float, default=1.0, 1.0
        Initial variances of the real and of the imaginary parts of ``B`` and ``C``; not negative.
    channel_scale : array-like of shape (n_channels,), default=None
        Scales of the channels, not negative: the roots of these factors multiply the inputs, so
        that the limit has lag weights times them. ``None`` for ones.
    init : {"random", "centered"}, default="random"
        Whether training begins at the random function of the initial parameters, or that function
        is subtracted from the network's, so that training begins at zero, as in the limit.
    solver : {"gd", "adam", "lbfgs"}, default="gd"
        Gradient descent, or PyTorch's Adam or L-BFGS; each iteration uses all data.
    learning_rate : "auto" or float, default="auto"
        Step size. For "gd", "auto" is the inverse of the largest curvature of the loss of the
        network's infinite-width limit, as in the two convolution estimators; it is halved whenever
        an iteration would raise the loss, in a network that has moved far from that limit. For
        "adam", "auto" is 0.001; for "lbfgs" the whole step.
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
    dtype : {"float64", "float32", "tf32"}, default="float64"
        Type of the network's parameters and of the fitted arrays; "float32" trains about twice as
        fast. "tf32" is "float32" with matrix products rounded to TF32 on a GPU that supports it.
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
        The weights of the network's infinite-width limit: the diagonal of its tangent kernel
        [2]_, in which lags are correlated. With `channel_scale` a row for each channel.
    poles_ : ndarray of shape (n_hidden,)
        ``lambda``, complex.
    input_ : ndarray of shape (n_hidden, n_channels)
        ``diag(gamma) B``, complex, times the roots of `channel_scale`.
    readout_ : ndarray of shape (n_outputs, n_hidden)
        ``C``, complex.
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
    LinearRNNRegressor : The network with a full transition matrix.
    inspection.ntk_gap : How far a trained network is from its limit.
    priors.LRU : The tangent kernel of that limit.
    NTKConvRegressor : The limit of many hidden units, in closed form, with ``prior="lru"``.

    Notes
    -----
    An iteration costs ``n_lags * n_hidden * n_channels * n_outputs`` operations. The network equals
    its limit while its parameters move little: for targets small against ``sqrt(n_hidden)``. Of
    the limit's lag weights, the shares of ``B``, ``C`` and ``gamma`` fall as a power of the lag if
    poles reach up to the circle, not geometrically as those of `LinearRNNRegressor`, and that of
    the trained phases does not fall at all. Few poles are near enough to the circle to remember a
    distant lag, so that this limit needs wider networks the more lags there are.

    References
    ----------
    .. [1] A. Orvieto, S. L. Smith, A. Gu, A. Fernando, C. Gulcehre, R. Pascanu, S. De,
       "Resurrecting Recurrent Neural Networks for Long Sequences", ICML 2023, arXiv:2303.06349.
    .. [2] A. Jacot, F. Gabriel, C. Hongler, "Neural Tangent Kernel: Convergence and
       Generalization in Neural Networks", NeurIPS 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_linrnn import LRURegressor
    >>> x = np.random.default_rng(0).normal(size=(1000, 1))
    >>> y = x[:, 0] + 0.5 * np.roll(x[:, 0], 20)
    >>> model = LRURegressor(r_min=0.5, rows="timesteps", n_lags=30, random_state=0)
    >>> model.fit(x, y).impulse_response_[0, 0, [0, 1, 20, 21]].round(1) + 0.0
    array([1. , 0. , 0.5, 0. ])
    >>> bool(np.abs(model.poles_).max() < 1)
    True
    """

    _parameter_constraints: dict[str, list] = {
        **{name: VARIANCES[name] for name in ("nu_f", "nu_c")},
        **SHAPES,
        **DELAY,
        **COMPUTING,
        **TRAINING,
        **BY_CHANNEL,
        "n_hidden": [Interval(Integral, 1, None, closed="left")],
        "r_min": [Interval(Real, 0, 1, closed="both")],
        "r_max": [Interval(Real, 0, 1, closed="right")],
        "max_phase": [Interval(Real, 0, None, closed="left")],
        "normalise": ["boolean"],
        "init": [StrOptions({"random", "centered"})],
        "dtype": [StrOptions({"float32", "tf32", "float64"})],
    }

    _moves = True
    _parameter_names = ("poles_", "input_", "readout_")
    _fixed_by_training = ("n_hidden", "normalise")

    def __init__(
        self,
        n_hidden: int = 512,
        *,
        r_min: float = 0.0,
        r_max: float = 1.0,
        max_phase: float = 2 * np.pi,
        normalise: bool = True,
        nu_f: float = 1.0,
        nu_c: float = 1.0,
        channel_scale: ArrayLike | None = None,
        init: Literal["random", "centered"] = "random",
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
        delay: int = 0,
        rows: Literal["windows", "timesteps"] = "windows",
        layout: Literal["ntc", "nct"] = "ntc",
        lag_order: Literal["infer", "oldest_first", "newest_first"] = "infer",
        n_channels: int | None = None,
        initial_state: Literal["zero", "mean", "unknown"] = "zero",
        device: Any = "auto",
        dtype: Literal["float64", "float32", "tf32"] = "float64",
        random_state: int | np.random.RandomState | None = None,
        verbose: bool | int = False,
    ) -> None:
        self.n_hidden = n_hidden
        self.r_min = r_min
        self.r_max = r_max
        self.max_phase = max_phase
        self.normalise = normalise
        self.nu_f = nu_f
        self.nu_c = nu_c
        self.channel_scale = channel_scale
        self.init = init
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

    def to_torch(self) -> LRUModule:
        """Return the network as a module of PyTorch, to use or to train further.

        Returns
        -------
        module : torch.nn.Module
            Predicts as `predict` does with ``initial_state="zero"``, for sequences (n_sequences,
            n_timesteps, n_channels), oldest time step first: at every time step, or at the last one
            for windows. Its parameters are copies, of the dtype of the fitted arrays, on the CPU.

        Examples
        --------
        >>> import numpy as np
        >>> import torch
        >>> from sklearn_linrnn import LRURegressor
        >>> X = np.random.default_rng(0).normal(size=(100, 4))
        >>> model = LRURegressor(50, random_state=0).fit(X, X[:, -1])
        >>> module = model.to_torch()
        >>> with torch.no_grad():
        ...     outputs = module(torch.from_numpy(X)[:, :, None])
        >>> bool(np.allclose(outputs[:, 0], model.predict(X)))
        True
        """
        check_is_fitted(self)
        trained = network_recipe(self.training_).shown(trained_network(self.training_))
        return LRUModule(
            LRUParameters(*trained),
            self.intercept_,
            n_lags=self.impulse_response_.shape[2],
            every_step=self._form.every_step,
            delay=self.first_lag_,
            origin=self._subtracted_response(),
        )

    def _whole_system(self) -> StateSpace:
        initial, start = subtracted_network(self.training_), None
        if initial is not None:
            equations = LRUParameters(*initial).equations()
            start = [each.numpy() for each in equations]
        arrays = self.poles_, self.input_, self.readout_
        return delayed(pole_realisation(*arrays, start=start), self.first_lag_)

    def _is_random(self) -> bool:
        return True

    def _recipe(self, n_lags: int, n_channels: int, seed: int | None) -> LRURecipe:
        assert seed is not None  # networks are drawn
        scale = None
        if self.channel_scale is not None:
            scale = tuple(check_channel_scale(self.channel_scale, n_channels).tolist())
        return LRURecipe(
            n_hidden=int(self.n_hidden),
            seed=seed,
            is_centred=self.init == "centered",
            channel_scale=scale,
            ring=(float(self.r_min), float(self.r_max), float(self.max_phase)),
            variances=(float(self.nu_f), float(self.nu_c)),
            normalise=bool(self.normalise),
        )
