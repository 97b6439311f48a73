"""The linear RNN of finite width."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import dlti
from sklearn.utils.validation import check_is_fitted

from sklearn_linrnn._core.networks.initialisation import TransitionInit
from sklearn_linrnn._core.networks.lag_products import LagProducts
from sklearn_linrnn._core.networks.network import LinearRNNModel, RNNParameters
from sklearn_linrnn._core.networks.recipes import RNNRecipe
from sklearn_linrnn._core.networks.state_space import balanced_truncation, network_realisation
from sklearn_linrnn._core.response import as_impulse_response
from sklearn_linrnn._estimators.descent import TRAINING, DescentRegressor
from sklearn_linrnn._estimators.parameters import (
    COMPUTING,
    SHAPES,
    VARIANCES,
    Interval,
    StrOptions,
)
from sklearn_linrnn._estimators.torch_module import LinearRNNModule


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
    transition_init : {"gaussian", "orthogonal", "identity"} or callable, default="gaussian"
        How the transition matrix starts: with Gaussian entries, as in the theory; or ``n^{-1/2} W``
        is ``sqrt(nu_w)`` times a random orthogonal matrix, or times the identity; or a function
        of ``(n_hidden, nu_w, rng)`` that returns ``W``, with ``rng`` a NumPy generator.
    init : {"random", "centered"}, default="random"
        Whether the network starts as the random function that its parameters make, or that
        function is subtracted from it, so that it starts at zero as its limit does.
    solver : {"gd", "adam", "lbfgs"}, default="gd"
        Gradient descent, or PyTorch's Adam or L-BFGS; on the whole data at every step.
    learning_rate : "auto" or float, default="auto"
        Size of the steps. For "gd", "auto" is the inverse of the largest curvature of the loss of
        the network's infinite-width limit, as in the two convolution estimators; it is halved
        whenever a step would raise the loss, in a network that has moved far from that limit.
        For "adam", "auto" is 0.001; for "lbfgs" the whole step.
    schedule : {"constant", "linear", "cosine", "inverse_sqrt"} or callable, default="constant"
        What becomes of the size of the steps: all the same, falling to zero at `max_iter` along a
        line or half a cosine, or with the root of their number; or a function of the number of
        steps taken that returns the share of the size. Each fit that goes on begins it anew.
    momentum : float, default=0.0
        Polyak's momentum for "gd", within [0, 1); for "adam" the decay of the first moment, 0.9
        where it is left at 0. "lbfgs" has none.
    nesterov : bool, default=False
        Whether the momentum of "gd" is Nesterov's, as in PyTorch.
    weight_decay : float, default=0.0
        Strength ``d`` of the penalty ``d/2 ||parameters||^2`` that is added to the loss.
    max_grad_norm : float, default=None
        Length to which longer gradients of all parameters together are cut; ``None`` for not.
    max_iter : int, default=500
        Most steps.
    max_time : float, default=None
        Most seconds of training; ``None`` for no limit.
    tol : float, default=0.0
        Least relative fall of the loss that counts as progress. With 0 and without early stopping
        exactly `max_iter` steps are taken: the number of steps is a regulariser. "lbfgs" also
        stops where `n_iter_no_change` steps find no lower loss.
    early_stopping : bool, default=False
        Whether to watch the loss on a held-out part of the observed steps, and to return to the
        parameters that were best on it.
    validation_fraction : float, default=0.1
        Size of the held-out part.
    validation_split : {"last", "random"}, default="last"
        Which steps are held out: the last ones, or some drawn at random. Windows and the steps of
        recordings overlap, so that those drawn at random look like the others.
    n_iter_no_change : int, default=10
        Steps without progress after which training stops.
    warm_start : bool, default=False
        Whether `fit` goes on from the parameters of the last fit, and its optimiser (but "lbfgs")
        from where it was; see also `partial_fit`.
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
        DataFrame from column names such as ``y_lag_3``; a meta-estimator that drops the names, as
        `sklearn.ensemble.BaggingRegressor` does, needs the order stated.
    n_channels : int, default=None
        Number of channels in flattened windows; ``None`` for one.
    initial_state : {"zero", "mean", "unknown"}, default="zero"
        What the inputs were before the first step of a recording: zero; at the mean that they have
        in the data of `fit`; or unknown, so that the steps of which not all lags are known are
        left out, and predicted as NaN. Windows have all lags.
    device : str or torch.device, default="auto"
        Where to compute: "cpu", "cuda", "cuda:N"; "auto" is CUDA where there is one.
    dtype : {"float64", "float32", "tf32"}, default="float64"
        Type of the network's parameters and of the fitted arrays; "float32" trains about twice as
        fast. "tf32" is "float32" whose matrix products round to TF32 on a GPU that has it.
    random_state : int, RandomState instance or None, default=None
        Seed of the start; the same for all devices and types.
    verbose : bool or int, default=False
        Whether to print the loss ten times during training; see `sklearn_linrnn.callback` for more.

    Attributes
    ----------
    impulse_response_ : ndarray of shape (n_outputs, n_channels, n_lags)
        ``H_j = n^{-1/2} C (n^{-1/2} W)^j F``, less its start with ``init="centered"``; lag 0 first.
    intercept_ : ndarray of shape (n_outputs,)
        ``b``.
    lag_weights_ : ndarray of shape (n_lags,)
        ``rho``, the weights of the network's infinite-width limit: the diagonal of its tangent
        kernel, see `linear_rnn_lag_covariance`. Estimated from random networks where
        `transition_init` is a function.
    transition_ : ndarray of shape (n_hidden, n_hidden)
        ``W``.
    input_ : ndarray of shape (n_hidden, n_channels)
        ``F``.
    readout_ : ndarray of shape (n_outputs, n_hidden)
        ``C``.
    n_iter_ : int
        Number of steps taken.
    loss_curve_ : ndarray of shape (`n_iter_`,)
        Loss after each step, with the penalty if there is one.
    validation_loss_curve_ : ndarray of shape (`n_iter_`,)
        Loss on the held-out part after each step, with `early_stopping`.
    validation_scores_ : ndarray of shape (`n_iter_`,)
        R^2 on the held-out part after each step, with `early_stopping`.
    learning_rate_ : float
        Size of the last step.
    n_features_in_ : int
        Number of columns of X; for a 3-D X of a flattened window, or of channels if there is a
        target at every step.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if X has names that are all strings.

    See Also
    --------
    inspection.ntk_gap : How far a trained network is from its limit.
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
        "transition_init": [StrOptions({"gaussian", "orthogonal", "identity"}), callable],
        "init": [StrOptions({"random", "centered"})],
        "dtype": [StrOptions({"float32", "tf32", "float64"})],
    }

    _moves = True
    _parameter_names = ("transition_", "input_", "readout_")

    def __init__(
        self,
        n_hidden: int = 512,
        *,
        nu_w: float = 0.5,
        nu_f: float = 1.0,
        nu_c: float = 1.0,
        transition_init: TransitionInit = "gaussian",
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
        self.transition_init = transition_init
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
        self.rows = rows
        self.layout = layout
        self.lag_order = lag_order
        self.n_channels = n_channels
        self.initial_state = initial_state
        self.device = device
        self.dtype = dtype
        self.random_state = random_state
        self.verbose = verbose

    def empirical_lag_weights(self, *, at_start: bool = False) -> NDArray:
        """Return the lag weights of this one network, as it is.

        They are the diagonal of its tangent kernel, the mean over channels and outputs. At the
        start they approach `lag_weights_` with the inverse root of the width; where training has
        changed them, the network has left the regime in which it is its limit.

        Parameters
        ----------
        at_start : bool, default=False
            Whether to return those before training.

        Returns
        -------
        lag_weights : ndarray of shape (n_lags,)
            Lag 0 first.

        References
        ----------
        .. [1] A. Jacot, F. Gabriel, C. Hongler, "Neural Tangent Kernel: Convergence and
           Generalization in Neural Networks", NeurIPS 2018.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_linrnn import LinearRNNRegressor
        >>> X = np.random.default_rng(0).normal(size=(100, 4))
        >>> model = LinearRNNRegressor(1000, max_iter=1, random_state=0).fit(X, X[:, -1])
        >>> model.lag_weights_, model.empirical_lag_weights(at_start=True).round(1)
        (array([2. , 2. , 1.5, 1. ]), array([2. , 2. , 1.5, 1. ]))
        """
        check_is_fitted(self)
        parameters = self._initial() if at_start else self._fitted_parameters()
        products = LagProducts.of(parameters, len(self.lag_weights_))
        return self._export(products.lag_weights())

    def to_torch(self) -> LinearRNNModule:
        """Return the network as a module of PyTorch, to use or to train further.

        Returns
        -------
        module : torch.nn.Module
            Predicts what `predict` does for sequences of shape (n_sequences, n_timesteps,
            n_channels), oldest step first: at every step, or at the last one for a model of
            windows. Its parameters are copies, of the type of the fitted arrays, on the CPU.

        Examples
        --------
        >>> import numpy as np
        >>> import torch
        >>> from sklearn_linrnn import LinearRNNRegressor
        >>> X = np.random.default_rng(0).normal(size=(100, 4))
        >>> model = LinearRNNRegressor(50, random_state=0).fit(X, X[:, -1])
        >>> module = model.to_torch()
        >>> with torch.no_grad():
        ...     outputs = module(torch.from_numpy(X)[:, :, None])
        >>> bool(np.allclose(outputs[:, 0], model.predict(X)))
        True
        """
        check_is_fitted(self)
        n_lags, origin = len(self.lag_weights_), None
        if self._is_centred():
            initial = LinearRNNModel(self._initial(), n_lags).response()
            origin = self._export(as_impulse_response(initial, n_lags))
        arrays = self.transition_, self.input_, self.readout_, self.intercept_
        every_step = self._form.every_step
        return LinearRNNModule(*arrays, n_lags=n_lags, every_step=every_step, origin=origin)

    def to_state_space(self, *, order: int | None = None, max_error: float | None = None) -> dlti:
        r"""Return the network as a discrete-time system, as it is or reduced to a few states.

        Parameters
        ----------
        order : int, default=None
            Number of states to reduce it to, by balanced truncation of the impulse response.
        max_error : float, default=None
            In place of `order`: the fewest states with which the response differs by at most this,
            ``||H - H_reduced|| / ||H||`` in Frobenius norm over all lags. ``None`` for both gives
            the recurrent network itself.

        Returns
        -------
        system : scipy.signal.dlti
            From the inputs to the outputs without `intercept_`. The network's own has `n_hidden`
            states, twice as many with ``init="centered"``, and the impulse response of the model
            up to its last lag; there `predict` ends it, and the network goes on. A reduced system
            approximates `predict`: its response dies out after the last lag.

        Raises
        ------
        ValueError
            If both are given, or one is out of its range.

        References
        ----------
        .. [1] B. C. Moore, "Principal component analysis in linear systems", IEEE Transactions on
           Automatic Control 26, 1981.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_linrnn import LinearRNNRegressor
        >>> x = np.random.default_rng(0).normal(size=(2000, 1))
        >>> y = np.convolve(x[:, 0], 0.5 ** np.arange(10))[:2000]
        >>> model = LinearRNNRegressor(100, rows="timesteps", n_lags=10, random_state=0).fit(x, y)
        >>> model.to_state_space(max_error=0.01).A.round(1)
        array([[0.5]])
        """
        check_is_fitted(self)
        if order is not None or max_error is not None:
            reduced = balanced_truncation(self.impulse_response_, order=order, max_error=max_error)
            return dlti(*reduced, dt=1)
        start = None
        if self._is_centred():
            W, F, C = (parameter.numpy() for parameter in self._initial())
            start = W, F, C
        return dlti(
            *network_realisation(self.transition_, self.input_, self.readout_, start=start), dt=1
        )

    def _is_random(self) -> bool:
        return True

    def _recipe(self, n_lags: int, seed: int | None) -> RNNRecipe:
        assert seed is not None  # networks are drawn
        variances, centred = (self.nu_w, self.nu_f, self.nu_c), self.init == "centered"
        return RNNRecipe(self.n_hidden, variances, self.transition_init, seed, centred)

    def _is_centred(self) -> bool:
        """Return whether the response at initialisation is subtracted from that of the network."""
        return isinstance(recipe := self.training_.recipe, RNNRecipe) and recipe.is_centred

    def _initial(self) -> RNNParameters:
        """Return the parameters with which the fitted network began."""
        n_outputs, n_channels, _ = self.impulse_response_.shape
        recipe = self.training_.recipe
        assert isinstance(recipe, RNNRecipe)
        return recipe.draw(n_channels, n_outputs).like(self._fitted_parameters().transition)

    def _fitted_parameters(self) -> RNNParameters:
        return RNNParameters(*map(torch.tensor, (self.transition_, self.input_, self.readout_)))
