"""The linear RNN of finite width."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from sklearn_linrnn._core.networks.initialisation import TransitionInit
from sklearn_linrnn._core.networks.parametrization import PARAMETRIZATIONS, ParametrizationName
from sklearn_linrnn._core.networks.recipes import RNNRecipe
from sklearn_linrnn._core.priors.lag_weights import EQUAL_RATES
from sklearn_linrnn._estimators.descent import TRAINING
from sklearn_linrnn._estimators.parameters import (
    BY_CHANNEL,
    COMPUTING,
    DELAY,
    SHAPES,
    VARIANCES,
    Interval,
    StrOptions,
    ThreeOf,
    check_channel_scale,
)
from sklearn_linrnn._estimators.runnable_network import RunnableNetwork


class LinearRNNRegressor(RunnableNetwork):
    r"""Linear recurrent network, trained by gradient descent with exact gradients.

    .. math:: h_t = n^{-1/2} W h_{t-1} + F x_t, \qquad y_t = n^{-1/2} C h_t + b

    with independent Gaussian entries at initialisation, ``W_ij ~ N(0, nu_w)``, ``F_ij ~ N(0,
    nu_f)``, ``C_ij ~ N(0, nu_c)``, and a zero initial state before each sequence [1]_. Its impulse
    response is ``H_j = n^{-1/2} C (n^{-1/2} W)^j F``, less that at initialisation with
    ``init="centered"``. Full-batch gradient descent minimises the mean squared error; the gradient
    is computed from `LagStatistics`, so that an iteration costs the same for a thousand sequences
    as for a million.

    Parameters
    ----------
    n_hidden : int, default=512
        Number of hidden units ``n``.
    nu_w, nu_f, nu_c : float, default=0.5, 1.0, 1.0
        Initial variances of the transition matrix, the input matrix and the readout; not negative.
    channel_scale : array-like of shape (n_channels,), default=None
        Scales of the channels, not negative: the roots of these factors multiply the inputs, so
        that the limit has lag weights times them. ``None`` for ones.
    transition_init : {"gaussian", "orthogonal", "identity"} or callable, default="gaussian"
        Initialisation of the transition matrix: Gaussian entries, as in the theory; ``n^{-1/2} W``
        is ``sqrt(nu_w)`` times a random orthogonal matrix, or times the identity; or a function of
        ``(n_hidden, nu_w, rng)`` that returns ``W``, with ``rng`` a NumPy generator.
    parametrization : {"ntk", "standard", "mup"}, default="ntk"
        Where the powers of ``n`` stand: as above; nowhere but in the initial variances, as in
        PyTorch; or as in [3]_. See the Notes.
    rates : array-like of shape (3,), default=(1.0, 1.0, 1.0)
        Factors of the learning rates of the transition matrix, of the input matrix and of the
        readout, not negative; 0 for one that stays as it is drawn. Not for "lbfgs", whose step is
        one for all parameters.
    leak : float, default=1.0
        Share ``a`` of a state that is renewed at each time step, in (0, 1]: ``h_t = (1 - a) h_{t-1}
        + a (n^{-1/2} W h_{t-1} + F x_t)``.
    n_layers : int, default=1
        Number of layers. A further one has the states of the one below as inputs: ``h^l_t =
        n^{-1/2} (W_l h^l_{t-1} + U_l h^{l-1}_t)``, with ``U_ij ~ N(0, 1)``; the rates of the
        matrices ``U`` are those of the input matrix. The last one is read out.
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
        ``rho``, the weights of the network's infinite-width limit: the diagonal of its tangent
        kernel at initialisation [2]_, see `linear_rnn_lag_covariance`. For a function as
        `transition_init` they are estimated from random networks. With `channel_scale` a row for
        each channel.
    transition_ : ndarray of shape (n_hidden, n_hidden) or (n_layers, n_hidden, n_hidden)
        ``W``, as it stands in the equations of `parametrization`; of each layer if there are more
        than one.
    input_ : ndarray of shape (n_hidden, n_channels)
        ``F``, times the roots of `channel_scale`.
    readout_ : ndarray of shape (n_outputs, n_hidden)
        ``C``.
    coupling_ : ndarray of shape (n_layers - 1, n_hidden, n_hidden)
        ``U``, with more than one layer.
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
    LRURegressor : A network whose transition matrix is diagonal and complex.
    inspection.ntk_gap : How far a trained network is from its limit.
    NTKConvRegressor : The limit of many hidden units, in closed form.
    WeightedConv1DRegressor : The same limit, trained by iterations.

    Notes
    -----
    An iteration costs ``n_lags * n_hidden^2 * n_channels`` operations. The network equals its limit
    while its parameters move little: for targets small against ``sqrt(n_hidden)``. One that needs a
    longer memory than that of its initialisation leaves this regime and learns it. The limit holds
    for about ``1.4 sqrt(n_hidden)`` lags, far more with an orthogonal initialisation; `fit` warns
    where later ones matter, see `expected_lag_weights`. With `verbose` the loss is printed ten
    times; `sklearn_linrnn.callback` shows more.

    A parametrisation gives each matrix a factor in the equations and an initial deviation, and for
    "adam" its learning rate a factor; for "gd" it is one for all:

    ============  ===============  ===============  ==========================  =============
    matrix        "ntk"            "standard"       "mup"                       "mup", "adam"
    ============  ===============  ===============  ==========================  =============
    ``W``, ``U``  ``n^{-1/2}``, 1  1, ``n^{-1/2}``  1, ``n^{-1/2}``             ``n^{-1}``
    ``F``         1, 1             1, ``n^{-1/2}``  ``n^{1/2}``, ``n^{-1/2}``   ``n^{-1/2}``
    ``C``         ``n^{-1/2}``, 1  1, ``n^{-1/2}``  ``n^{-1/2}``, ``n^{-1/2}``  ``n^{-1/2}``
    ============  ===============  ===============  ==========================  =============

    The deviations are beside the roots of the variances. All have the same tangent kernel at
    initialisation, so that `lag_weights_` and the learning rate "auto" are the same. But beside
    those of "ntk" the outputs at initialisation of the other two are smaller by ``n^{-1/2}`` and
    all learning rates larger by ``n``, so that their parameters move as far at any width: there is
    no limit in which the kernel stays. With "gd" the two are the same network.

    References
    ----------
    .. [1] M. Emami, M. Sahraee-Ardakan, P. Pandit, S. Rangan, A. K. Fletcher, "Implicit Bias of
       Linear RNNs", ICML 2021, arXiv:2101.07833.
    .. [2] A. Jacot, F. Gabriel, C. Hongler, "Neural Tangent Kernel: Convergence and
       Generalization in Neural Networks", NeurIPS 2018.
    .. [3] G. Yang, E. J. Hu, "Tensor Programs IV: Feature Learning in Infinite-Width Neural
       Networks", ICML 2021, arXiv:2011.14522; for "adam" G. Yang et al., "Tensor Programs V",
       NeurIPS 2021, arXiv:2203.03466.

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
        **DELAY,
        **COMPUTING,
        **TRAINING,
        **BY_CHANNEL,
        "n_hidden": [Interval(Integral, 1, None, closed="left")],
        "transition_init": [StrOptions({"gaussian", "orthogonal", "identity"}), callable],
        "parametrization": [StrOptions(set(PARAMETRIZATIONS))],
        "rates": [ThreeOf(Real, 0, np.inf, closed="left")],
        "leak": [Interval(Real, 0, 1, closed="right")],
        "n_layers": [Interval(Integral, 1, None, closed="left")],
        "init": [StrOptions({"random", "centered"})],
        "dtype": [StrOptions({"float32", "tf32", "float64"})],
    }

    _moves = True
    _parameter_names = ("transition_", "input_", "readout_", "coupling_")
    _fixed_by_training = ("n_hidden", "n_layers", "leak", "parametrization")

    def __init__(
        self,
        n_hidden: int = 512,
        *,
        nu_w: float = 0.5,
        nu_f: float = 1.0,
        nu_c: float = 1.0,
        channel_scale: ArrayLike | None = None,
        transition_init: TransitionInit = "gaussian",
        parametrization: ParametrizationName = "ntk",
        rates: Sequence[float] = EQUAL_RATES,
        leak: float = 1.0,
        n_layers: int = 1,
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
        self.nu_w = nu_w
        self.nu_f = nu_f
        self.nu_c = nu_c
        self.channel_scale = channel_scale
        self.transition_init = transition_init
        self.parametrization = parametrization
        self.rates = rates
        self.leak = leak
        self.n_layers = n_layers
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

    def _is_random(self) -> bool:
        return True

    def _recipe(self, n_lags: int, n_channels: int, seed: int | None) -> RNNRecipe:
        assert seed is not None  # networks are drawn
        variances, centred, scale = (self.nu_w, self.nu_f, self.nu_c), self.init == "centered", None
        of_transition, of_input, of_readout = self.rates
        if self.channel_scale is not None:
            scale = tuple(check_channel_scale(self.channel_scale, n_channels).tolist())
        return RNNRecipe(
            n_hidden=int(self.n_hidden),
            variances=variances,
            transition_init=self.transition_init,
            rates=(float(of_transition), float(of_input), float(of_readout)),
            parametrization=self.parametrization,
            leak=float(self.leak),
            n_layers=int(self.n_layers),
            seed=seed,
            is_centred=centred,
            channel_scale=scale,
        )
