"""The infinitely wide linear RNN in closed form."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from numbers import Integral, Real
from typing import Any, Literal

from numpy.typing import ArrayLike

from sklearn_linrnn._core.closed_form.solution import Solution
from sklearn_linrnn._core.priors.catalogue import HYPERPARAMETERS
from sklearn_linrnn._core.priors.lag_prior import LagPrior
from sklearn_linrnn._core.threads import calm
from sklearn_linrnn._data.training_data import AnyData, TrainingData
from sklearn_linrnn._estimators.auto_choice import AutoChoice, with_most_lags
from sklearn_linrnn._estimators.base import Fit
from sklearn_linrnn._estimators.closed_form import MOST_DIRECT
from sklearn_linrnn._estimators.coloured_noise import ColouredNoise
from sklearn_linrnn._estimators.delay_choice import with_best_delay
from sklearn_linrnn._estimators.iterations import CountsIterations, make_descent
from sklearn_linrnn._estimators.parameters import (
    BY_CHANNEL,
    COMPUTING,
    DELAY,
    LEADS,
    SHAPES,
    VARIANCES,
    Interval,
    StrOptions,
)
from sklearn_linrnn._estimators.without_scatter import WithoutScatter


class NTKConvRegressor(CountsIterations, ColouredNoise, WithoutScatter):
    r"""Infinitely wide linear RNN, trained in closed form.

    In the limit of many hidden units a linear RNN trained by gradient descent is a convolution
    whose lag ``j`` is weighted by ``sqrt(rho_j)`` [1]_. This estimator is that limit: kernel
    regression with the network's neural tangent kernel, or any number of iterations of gradient
    descent at once. It minimises

    .. math:: \frac12 \sum_s w_s \Big\|y_s - b - \sum_j H_j x_{s-j}\Big\|^2
              + \frac{\alpha}{2} \sum_j \frac{\|H_j\|^2}{\rho_j}

    over the impulse response ``H``, or takes ``n_steps`` iterations of gradient descent towards the
    minimum. The penalty is a Gaussian prior of ``H``. So predictions have standard deviations, and
    "auto" chooses the prior's memory, its strength and the number of lags by their marginal
    likelihood (evidence).

    Parameters
    ----------
    nu_w, nu_f, nu_c : float or "auto", default=0.5, 1.0, 1.0
        Initial variances of the network's transition matrix, input matrix and readout; not
        negative. ``nu_w`` sets the memory; for the priors of system identification it is the decay
        from lag to lag, at most 1. ``nu_f`` and ``nu_c`` enter through their sum and their
        product alone, and a common factor of ``rho`` trades against `alpha`: a grid search needs
        ``nu_w`` and one of the other two at most. "auto" is the value of the highest evidence, of
        `nu_w` among those below 1. ``nu_w`` may be an array of shape ``(n_channels,)``, a memory
        for each channel.
    alpha : float or "auto", default=1.0
        Strength of the penalty, on scikit-learn's scale: the estimator equals
        `sklearn.linear_model.Ridge` of the same `alpha` on the output of `LagWeighter`. 0 for none.
        "auto" is the value of the highest evidence. If the model then predicts later parts of its
        training data worse than their mean does, a warning says so, and nothing is learned
        (`alpha_` is infinite); with fewer than 120 observed time steps this is not checked.
    prior : str, LagPrior or array-like, default="linear_rnn"
        Covariance of the impulse response over the lags, up to a factor: that of the network,
        "linear_rnn"; those of leaky networks, of networks of two layers and of the default
        initialisation of PyTorch, "leaky_rnn", "deep_linear_rnn" and "torch_rnn" (see
        :ref:`family`); equal variances, "flat"; of the kernels of system identification the
        diagonal, tuned/correlated and diagonal/correlated ones [2]_, "di", "tc" and "dc", and the
        stable spline [3]_, "ss"; those of wide diagonal recurrences, the linear recurrent unit
        "lru" and the state-space models "s4d_lin" and "s4d_legs"; an object of
        `sklearn_linrnn.priors`, with hyperparameters of its own; or your own, an array of shape
        ``(n_lags, n_lags)``, or of shape ``(n_lags,)`` with the variances of independent lags, the
        leads among them.
    correlation : float or "auto", default=0.9
        Correlation of neighbouring lags in the prior "dc", between -1 and 1.
    memory : {"shared", "channel"} or array-like of shape (n_channels,), default="shared"
        Which channels share the hyperparameters that are "auto": all; none, so that each has a
        memory of its own and, with `channel_scale` of None, a scale; or those with the same label.
        It is without effect where nothing is "auto".
    channel_scale : array-like of shape (n_channels,), default=None
        Factors of all prior variances of each channel, not negative. ``None`` for ones, or with
        `memory` "channel" or labels and hyperparameters that are "auto" for those of the highest
        evidence: a channel that says nothing fades out (automatic relevance determination [4]_).
    noise : {"white", "ar"}, default="white"
        What is assumed of the noise of recordings from step to step: that it is white, or that it
        is an autoregression, of the order and the coefficients that have the highest evidence
        together with all else that is "auto". The loss and everything that the fit publishes are
        then those of inputs and targets that are filtered, so that their noise is white
        (generalised least squares): residuals are innovations. The first time steps of each
        recording, and those after a missing target, as many as the order, are left out. `predict`
        is still the simulation from inputs alone; `predict_one_step` uses past targets, too.
    n_steps : int, "gcv", "loo" or "validation", default=None
        Number of iterations of gradient descent from zero on this loss; ``None`` for its minimum
        (the least-norm one if there are several). A name chooses the number with the least error:
        as expected by generalised cross-validation or by leaving out one time step, or on the last
        `validation_fraction` of the observed time steps; the fit is then to all of them.
    validation_fraction : float, default=0.1
        Share of the observed time steps that is held out for validation.
    learning_rate : "auto" or float, default="auto"
        Step size of gradient descent; "auto" is the inverse of the largest curvature of the loss.
        Used with `n_steps` only.
    fit_intercept : bool, default=True
        Whether to learn the intercept ``b``. It is not penalised, and always the best one for
        ``H``.
    n_lags : int or "auto", default=None
        Number of lags, the present time step included; ``None`` for the length of the windows.
        "auto" is the number of the highest evidence, without lags whose weight cannot matter: up to
        the length of the windows, or for recordings until all channels together have a coefficient
        for every four observed time steps; at most 1000 coefficients.
    n_leads : int, default=0
        Number of time steps after the target that are lags, too, with the prior's weights on both
        sides of it. Windows have their target `n_leads` time steps before the last one. After the
        end of a recording the inputs are what `initial_state` says.
    delay : int or "auto", default=0
        Number of time steps that all inputs take to act: the first lag, at which the prior begins.
        "auto" is the number of the highest evidence, of those up to 30 for which X has `n_lags`;
        with ``noise="ar"`` that of data whose noise has been made white.
    solver : {"auto", "direct", "cg"}, default="auto"
        Factorise the scatter of the lags, or solve for the response by conjugate gradients with
        fast Fourier transforms, in memory that grows with the number of lags and not with its
        square, but without anything that needs the spectrum. "auto" takes the former up to 4096
        coefficients (lags times channels), and beyond that what costs least in the memory that
        there is: one of the two, or the Gram matrix of the windows. Conjugate gradients that do not
        arrive are followed by another way, or by a warning.
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
        Type of the fitted arrays. The fit itself is always float64.
    verbose : bool or int, default=False
        Whether to print how the fit goes.

    Attributes
    ----------
    impulse_response_ : ndarray of shape (n_outputs, n_channels, n_lags)
        ``H``, lag `first_lag_` first; leads are lags, too.
    first_lag_ : int
        The lag at which `impulse_response_` begins: the delay, or ``-n_leads``.
    delay_ : int
        The delay used.
    intercept_ : ndarray of shape (n_outputs,)
        ``b``.
    lag_weights_ : ndarray of shape (n_lags,) or (n_channels, n_lags)
        ``rho``, or the variances of another prior; a row for each channel, its scale included,
        where these may differ: `nu_w` is an array, `channel_scale` is given, or `memory` is not
        "shared".
    alpha_ : float
        The penalty used.
    nu_w_, nu_f_, nu_c_, correlation_ : float or ndarray of shape (n_channels,)
        The hyperparameters used, as far as the prior has them; arrays where channels may differ.
        Those of a channel that faded out are those that are best for all channels together.
    channel_scale_ : ndarray of shape (n_channels,)
        The scales used; ones where they are shared. Where they and `alpha` are chosen by their
        evidence the largest is 1, since a common factor trades against `alpha`.
    channel_relevance_ : ndarray of shape (n_channels,)
        Variance of the target that the prior expects from each channel, up to a common factor: its
        scale times the sum of its lag weights times the variance of its input, the mean over the
        lags.
    prior_ : LagPrior or ChannelPriors
        The prior used; where channels may differ, with one for each.
    n_steps_ : int or None
        The number of iterations; None for the minimum.
    solution_ : Solution or None
        Where training arrived, with its spectrum and posterior; ``None`` where conjugate gradients
        or a Gram matrix of windows solved. It holds the scatter of the lags, ``(n_lags *
        n_channels)**2`` numbers, and so does a pickle; the decompositions are made at first use and
        are not stored.
    noise_variance_ : ndarray of shape (n_outputs,)
        Variance of the noise in the square of y's unit; of white noise the residual sum of squares
        over the residual degrees of freedom, and where `alpha` maximises the evidence, so does
        this. Decomposes the scatter at first access.
    noise_coefficients_ : ndarray of shape (order,)
        ``a_1, ..., a_q`` of ``noise="ar"``: with the innovations ``w``, white, the noise ``e`` of
        every output is ``e_t = w_t - a_1 e_{t-1} - ... - a_q e_{t-q}``. None for white noise.
    innovation_variance_ : ndarray of shape (n_outputs,)
        Variance of the innovations, that of the noise if it is white.
    noise_predictability_ : float
        Share of the variance of the residuals that the residuals before explain: 0 for white noise,
        and where the data are windows or sums.
    effective_degrees_of_freedom_ : float
        Trace of the hat matrix, the intercept included. Decomposes the scatter at first access.
    impulse_response_std_ : ndarray of shape (n_outputs, n_channels, n_lags)
        Posterior standard deviation of ``H``. Decomposes the scatter at first access.
    n_features_in_ : int
        Number of columns of X. For a 3-D X, number of columns of a flattened window, or of channels
        if there is a target at every time step.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if X has names that are all strings.

    See Also
    --------
    NTKConvRegressorCV : The same with cross-validation over grids of its hyperparameters.
    WeightedConv1DRegressor : The same training by iterations, for any lag weights.
    LinearRNNRegressor : The network of finite width.
    LagWeighter : The kernel's feature map, for other linear models.

    Notes
    -----
    The fit uses `LagStatistics` alone: after one pass over the data its cost does not depend on
    the number of samples. A penalty without `n_steps` takes a Cholesky factorisation, all else one
    eigendecomposition.

    Evidence assumes white noise, unless ``noise="ar"``. Real noise often is not white, hence the
    check on later parts of the data, and the posterior heeds how residuals of recordings go on from
    step to step.

    References
    ----------
    .. [1] M. Emami, M. Sahraee-Ardakan, P. Pandit, S. Rangan, A. K. Fletcher, "Implicit Bias of
       Linear RNNs", ICML 2021, arXiv:2101.07833.
    .. [2] T. Chen, H. Ohlsson, L. Ljung, "On the estimation of transfer functions,
       regularizations and Gaussian processes - Revisited", Automatica 48, 2012.
    .. [3] G. Pillonetto, F. Dinuzzo, T. Chen, G. De Nicolao, L. Ljung, "Kernel methods in system
       identification, machine learning and function estimation: A survey", Automatica 50, 2014.
    .. [4] D. J. C. MacKay, "Bayesian non-linear modeling for the prediction competition", ASHRAE
       Transactions 100, 1994.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_linrnn import NTKConvRegressor
    >>> x = np.random.default_rng(0).normal(size=(1000, 1))
    >>> y = x[:, 0] + 0.5 * np.roll(x[:, 0], 1)
    >>> model = NTKConvRegressor(nu_w=0.3, rows="timesteps", n_lags=4).fit(x, y)
    >>> model.impulse_response_.round(1) + 0.0
    array([[[1. , 0.5, 0. , 0. ]]])

    The memory, the penalty and the number of lags of the highest evidence:

    >>> auto = NTKConvRegressor("auto", alpha="auto", rows="timesteps", n_lags="auto").fit(x, y)
    >>> auto.impulse_response_.shape[2] < 10
    True
    >>> mean, std = auto.predict(x[:5], return_std=True)
    >>> std.shape
    (5,)
    """

    _parameter_constraints: dict[str, list] = {
        **{name: [*checks, StrOptions({"auto"})] for name, checks in VARIANCES.items()},
        **SHAPES,
        **COMPUTING,
        **BY_CHANNEL,
        "nu_w": [*VARIANCES["nu_w"], StrOptions({"auto"}), "array-like"],
        "memory": [StrOptions({"shared", "channel"}), "array-like"],
        "alpha": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"})],
        "prior": [str, LagPrior, "array-like"],
        "correlation": [Interval(Real, -1, 1, closed="neither"), StrOptions({"auto"})],
        "noise": [StrOptions({"white", "ar"})],
        "n_steps": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"gcv", "loo", "validation"}),
            None,
        ],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        **LEADS,
        "n_lags": [*SHAPES["n_lags"], StrOptions({"auto"})],
        "delay": [*DELAY["delay"], StrOptions({"auto"})],
        "solver": [StrOptions({"auto", "direct", "cg"})],
        "learning_rate": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        nu_w: float | ArrayLike | Literal["auto"] = 0.5,
        nu_f: float | Literal["auto"] = 1.0,
        nu_c: float | Literal["auto"] = 1.0,
        *,
        alpha: float | Literal["auto"] = 1.0,
        prior: str | LagPrior | ArrayLike = "linear_rnn",
        correlation: float | Literal["auto"] = 0.9,
        memory: Literal["shared", "channel"] | ArrayLike = "shared",
        channel_scale: ArrayLike | None = None,
        noise: Literal["white", "ar"] = "white",
        n_steps: int | Literal["gcv", "loo", "validation"] | None = None,
        validation_fraction: float = 0.1,
        learning_rate: float | Literal["auto"] = "auto",
        fit_intercept: bool = True,
        n_lags: int | Literal["auto"] | None = None,
        n_leads: int = 0,
        delay: int | Literal["auto"] = 0,
        solver: Literal["auto", "direct", "cg"] = "auto",
        rows: Literal["windows", "timesteps"] = "windows",
        layout: Literal["ntc", "nct"] = "ntc",
        lag_order: Literal["infer", "oldest_first", "newest_first"] = "infer",
        n_channels: int | None = None,
        initial_state: Literal["zero", "mean", "unknown"] = "zero",
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
        self.memory = memory
        self.channel_scale = channel_scale
        self.noise = noise
        self.n_steps = n_steps
        self.validation_fraction = validation_fraction
        self.learning_rate = learning_rate
        self.fit_intercept = fit_intercept
        self.n_lags = n_lags
        self.n_leads = n_leads
        self.delay = delay
        self.solver = solver
        self.rows = rows
        self.layout = layout
        self.lag_order = lag_order
        self.n_channels = n_channels
        self.initial_state = initial_state
        self.device = device
        self.dtype = dtype
        self.verbose = verbose

    _rows_for = {
        "n_lags": ("auto",),
        "noise": ("ar",),
        "delay": ("auto",),
        "n_steps": ("loo", "validation"),
        "solver": ("cg",),
    }

    def _learn(self, data: AnyData) -> Fit:
        has_lags = with_most_lags(data) if self.n_lags == "auto" else data.with_lags(self.n_lags)
        data, _, n_lags, n_channels = has_lags
        if self.noise == "ar":
            return self._learn_coloured(data, n_lags, n_channels)
        n_inputs = n_lags * n_channels
        direct = self.solver == "direct" or (self.solver == "auto" and n_inputs <= MOST_DIRECT)
        with calm(n_inputs**2):
            if isinstance(data, TrainingData) and not direct:
                fit = self._without_scatter(data, n_lags)
                if fit is not None:
                    return fit
            return self._solve(data, n_lags, n_channels)

    def _solve(self, data: AnyData, n_lags: int, n_channels: int) -> Fit:
        """Return the solution from the sums of the data, at the hyperparameters chosen for them."""
        sum_up = partial(self._statistics, n_lags=n_lags)
        found, statistics = self._choice(n_channels).choose(data, sum_up, self._say)
        solution = Solution(self._make_problem(statistics, found.prior), found.alpha)
        if self.n_steps is not None:
            n_steps = self._count_steps(data, solution)
            descent = make_descent(solution, n_steps, self.learning_rate)
            solution = replace(solution, descent=descent)
        return self._fit_of(found.prior, solution, data)

    def _with_delay(self, data: AnyData) -> TrainingData:
        rows = data.rows("delay='auto'")
        choice = self._choice(rows.sequences.n_channels)
        return with_best_delay(rows, self.n_lags, choice, self._white_statistics, self._say)

    def _choice(self, n_channels: int) -> AutoChoice:
        hyperparameters = {name: getattr(self, name) for name in HYPERPARAMETERS}
        known = self.prior, hyperparameters, self.alpha, self.n_lags == "auto"
        return AutoChoice(*known, n_channels, self.memory, self.channel_scale, self.n_leads)
