"""The infinitely wide linear RNN with cross-validated hyperparameters."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.callback import with_callbacks

from sklearn_linrnn._core.priors.catalogue import HYPERPARAMETERS
from sklearn_linrnn._core.priors.lag_prior import LagPrior
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._data.known_sums import known_sums
from sklearn_linrnn._data.targets import first_lag_of
from sklearn_linrnn._estimators.candidate_choice import ChoosesCandidates
from sklearn_linrnn._estimators.parameters import (
    BY_CHANNEL,
    COMPUTING,
    DELAY,
    LEADS,
    SHAPES,
    Interval,
    StrOptions,
)


class NTKConvRegressorCV(ChoosesCandidates):
    r"""Infinitely wide linear RNN with cross-validation over its hyperparameters.

    It finds what `sklearn.model_selection.GridSearchCV` over `NTKConvRegressor` finds, in one pass
    over the data: the statistics of a training part are those of the whole less those of the test
    part, and one eigendecomposition for each part and prior gives all penalties and all numbers of
    iterations.

    Parameters
    ----------
    nu_w, nu_f, nu_c : float or array-like, default=(0.1, 0.3, 0.5, 0.7, 0.9), 1.0, 1.0
        Initial variances of the network's transition matrix, input matrix and readout to try. A
        value of ``nu_w`` may be an array of shape ``(n_channels,)`` itself, one for each channel.
    shape : float or array-like of shape (n_values,), default=None
        Values of ``nu_f nu_c / (nu_f + nu_c)`` to try instead of `nu_f` and `nu_c`, which are then
        equal: besides `nu_w` the only parameter of the shape of the network's lag weights.
    alphas : array-like of shape (n_alphas,), default=(0.1, 1.0, 10.0)
        Penalties to try, as `alpha` of `NTKConvRegressor`; not negative.
    n_steps : array-like of shape (n_values,), default=None
        Numbers of iterations of gradient descent to try, None among them for the minimum; ``None``
        for the minimum alone.
    prior : str, LagPrior, ndarray or list of them, default="linear_rnn"
        Priors to try, as in `NTKConvRegressor`.
    correlation : float or array-like of shape (n_values,), default=0.9
        Correlations to try in the prior "dc".
    memory : {"shared", "channel"} or array-like of shape (n_channels,), default="shared"
        Which channels share ``nu_w`` and a scale: all; none; or those with the same label. If not
        all, they are chosen for one group after another, beginning at the best candidate: each
        number among `nu_w`, and, with `channel_scale` of None, scales from 0.01 to 10 and zero,
        with all `alphas`, until no change of one group has a better score (banded ridge [3]_).
    channel_scale : array-like of shape (n_channels,), default=None
        Factors of all prior variances of each channel, not negative; ``None`` for ones, or with
        `memory` "channel" or labels for those of the best score.
    cv : int, cross-validation generator, iterable, "gcv", "loo" or "evidence", default=None
        How to score a candidate. By the mean score of the test parts of a splitter: ``None`` for
        five consecutive folds, an int for that many. "gcv": minus the mean squared error that
        generalised cross-validation expects [2]_. "loo": minus that of leaving out each supervised
        time step in turn [1]_. "evidence": the logarithm of the evidence.
    scoring : {"r2", "neg_mean_squared_error", "neg_root_mean_squared_error"}, default="r2"
        Score of a test part, as defined by scikit-learn's scorer of that name; not used if `cv` is
        a name.
    learning_rate : "auto" or float, default="auto"
        Step size of gradient descent; "auto" is the inverse of the largest curvature of the loss.
        Used with `n_steps` only.
    fit_intercept : bool, default=True
        Whether to learn the intercept ``b``. It is not penalised, and always the best one for
        ``H``.
    n_lags : int, default=None
        Number of lags, the present time step included; ``None`` for the length of the windows.
    n_leads : int, default=0
        Number of time steps after the target that are lags, too, with the prior's weights on both
        sides of it. Windows have their target `n_leads` time steps before the last one. After the
        end of a recording the inputs are what `initial_state` says.
    delay : int or array-like of shape (n_values,), default=0
        Number of time steps that all inputs take to act: the first lag, at which the prior begins;
        or numbers to try, each of which takes a pass over the data.
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
    best_params_ : dict
        The best candidate, as parameters of `NTKConvRegressor`.
    best_score_ : float
        Its score.
    best_index_ : int
        Its place in ``cv_results_``.
    cv_results_ : dict of ndarray
        ``params``, ``param_NAME``, ``mean_test_score`` and ``rank_test_score`` of all candidates,
        and with a splitter ``std_test_score`` and ``splitK_test_score``; in the order of
        `sklearn.model_selection.GridSearchCV`.
    n_splits_ : int
        Number of splits; 0 if there is no splitter.
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
    noise_variance_ : ndarray of shape (n_outputs,)
        Variance of the noise in the square of y's unit; of white noise the residual sum of squares
        over the residual degrees of freedom, and where `alpha` maximises the evidence, so does
        this. Decomposes the scatter at first access.
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
    NTKConvRegressor : One candidate, or the one of the highest evidence on no grid.
    sklearn.linear_model.RidgeCV : Cross-validated ridge.

    Notes
    -----
    Parts of a recording (``rows="timesteps"``) keep the inputs before them, and a training part
    never joins time steps that were not neighbours. Rows that `GridSearchCV` passes on have lost
    their past, so that its scores there differ at the first time steps of each part.
    ``sample_weight`` counts in the fits and in the scores.

    "gcv" and "evidence" follow from sums, and so go with `partial_fit`. Test parts of a splitter
    change with every piece that comes; "loo" and several delays take the time steps themselves.

    There is no ``noise="ar"`` here. The coefficients of the noise are found by the evidence, anew
    for each candidate and training part: nothing is left that one decomposition gives for all
    penalties. Held-out scores do not assume white noise, where test parts are consecutive; to model
    it, choose by the evidence with `NTKConvRegressor`, or search over that with `GridSearchCV`.

    With ``cv="loo"`` iterations of gradient descent are judged by the formula of linear smoothers,
    which is exact for the minimum.

    References
    ----------
    .. [1] D. M. Allen, "The relationship between variable selection and data augmentation and a
       method for prediction", Technometrics 16, 1974.
    .. [2] P. Craven, G. Wahba, "Smoothing noisy data with spline functions", Numerische Mathematik
       31, 1979.
    .. [3] A. O. Nunez-Elizalde, A. G. Huth, J. L. Gallant, "Voxelwise encoding models with
       non-spherical multivariate normal priors", NeuroImage 197, 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_linrnn import NTKConvRegressorCV
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 20))
    >>> y = X[:, -1] + 0.5 * X[:, -2] + rng.normal(size=300)
    >>> model = NTKConvRegressorCV(nu_w=[0.1, 0.5, 0.9], alphas=[1, 10], cv=5).fit(X, y)
    >>> model.best_params_
    {'alpha': 10, 'nu_w': 0.1}
    """

    _parameter_constraints: dict[str, list] = {
        **SHAPES,
        **LEADS,
        **COMPUTING,
        **BY_CHANNEL,
        "memory": [StrOptions({"shared", "channel"}), "array-like"],
        **{name: [Real, "array-like"] for name in HYPERPARAMETERS},
        "shape": [Real, "array-like", None],
        "alphas": [Real, "array-like"],
        "n_steps": [Integral, "array-like", None],
        "delay": [*DELAY["delay"], "array-like"],
        "prior": [str, LagPrior, np.ndarray, list, tuple],
        "cv": ["cv_object", StrOptions({"gcv", "loo", "evidence"})],
        "scoring": [StrOptions({"r2", "neg_mean_squared_error", "neg_root_mean_squared_error"})],
        "learning_rate": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        nu_w: float | ArrayLike = (0.1, 0.3, 0.5, 0.7, 0.9),
        nu_f: float | ArrayLike = 1.0,
        nu_c: float | ArrayLike = 1.0,
        *,
        shape: float | ArrayLike | None = None,
        alphas: float | ArrayLike = (0.1, 1.0, 10.0),
        n_steps: int | Sequence[int | None] | None = None,
        prior: str | LagPrior | Sequence[str | LagPrior] = "linear_rnn",
        correlation: float | ArrayLike = 0.9,
        memory: Literal["shared", "channel"] | ArrayLike = "shared",
        channel_scale: ArrayLike | None = None,
        cv: Any = None,
        scoring: Literal["r2", "neg_mean_squared_error", "neg_root_mean_squared_error"] = "r2",
        learning_rate: float | Literal["auto"] = "auto",
        fit_intercept: bool = True,
        n_lags: int | None = None,
        n_leads: int = 0,
        delay: int | ArrayLike = 0,
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
        self.shape = shape
        self.alphas = alphas
        self.n_steps = n_steps
        self.prior = prior
        self.correlation = correlation
        self.memory = memory
        self.channel_scale = channel_scale
        self.cv = cv
        self.scoring = scoring
        self.learning_rate = learning_rate
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
        self.verbose = verbose

    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        sequence_id: Any = None,
        groups: Any = None,
    ) -> Self:
        """Choose the hyperparameters and learn the impulse response.

        Parameters
        ----------
        X : array-like, list or iterator
            Inputs, as in `NTKConvRegressor`. An iterator of pieces needs ``cv="gcv"`` or
            ``cv="evidence"``.
        y : array-like or list, default=None
            Targets, as in `NTKConvRegressor`.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, in the fits and in the scores.
        sequence_id : array-like of shape (n_samples,), default=None
            With ``rows="timesteps"``, the recording that each row belongs to.
        groups : array-like of shape (n_samples,), default=None
            For a group splitter, the group of each row, or of each sequence of a panel or list.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        self._check_parameters()
        return self._fit(self._read_data(X, y, sample_weight, sequence_id, groups=groups))

    def fit_statistics(
        self, statistics: LagStatistics, held_out: LagStatistics | None = None
    ) -> Self:
        """Choose the hyperparameters and learn the impulse response from sums.

        Parameters
        ----------
        statistics : LagStatistics
            Sums of recordings or windows to learn from.
        held_out : LagStatistics, default=None
            Sums of other recordings or windows, to score candidates on; ``None`` to score them by
            the sums that they learn from, with ``cv="gcv"`` or ``cv="evidence"``.

        Returns
        -------
        self : object
            The fitted estimator. It predicts at every time step of recordings.

        Raises
        ------
        TypeError
            If they are not `LagStatistics`.
        ValueError
            If a parameter is invalid or needs more than sums, or the two sums are not of the same
            lags, channels and outputs. An earlier fit is then unchanged.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_linrnn import LagStatistics, NTKConvRegressorCV
        >>> x = np.random.default_rng(0).normal(size=600)
        >>> y = x + 0.5 * np.roll(x, 1)
        >>> early = LagStatistics.from_series(x[:400], y[:400], n_lags=5)
        >>> late = LagStatistics.from_series(x[400:], y[400:], n_lags=5)
        >>> model = NTKConvRegressorCV(0.5, alphas=[1e-3, 1e3])
        >>> model.fit_statistics(early, held_out=late).best_params_
        {'alpha': 0.001}
        """
        self._check_parameters()
        first_lag, state = first_lag_of(self), self.initial_state
        return self._fit(known_sums(statistics, held_out, initial_state=state, first_lag=first_lag))
