"""The finite linear RNN as a time series regressor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np

from sklearn_linrnn._core.networks.initialisation import TransitionInit
from sklearn_linrnn._estimators.linear_rnn import LinearRNNRegressor
from sklearn_linrnn.regression._base import LagTimeSeriesRegressor


class LinearRNNTimeSeriesRegressor(LagTimeSeriesRegressor):
    """Linear recurrent network, trained by gradient descent, for sktime's panels.

    `LinearRNNRegressor` on series of equal length, one target or several for each, at its last
    step. In `sktime.forecasting.compose.make_reduction` it is a time series regressor without
    being told so.

    Parameters
    ----------
    n_hidden : int, default=512
        Number of hidden units.
    nu_w, nu_f, nu_c : float, default=0.5, 1.0, 1.0
        Initial variances of the transition matrix, the input matrix and the readout.
    transition_init : {"gaussian", "orthogonal", "identity"} or callable, default="gaussian"
        How the transition matrix starts.
    init : {"random", "centered"}, default="random"
        Whether the network starts as a random function, or at zero as its limit does.
    solver : {"gd", "adam", "lbfgs"}, default="gd"
        Gradient descent, or PyTorch's Adam or L-BFGS; on the whole data at every step.
    learning_rate : "auto" or float, default="auto"
        Size of the steps, as in `LinearRNNRegressor`.
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
    max_time : float, default=None
        Most seconds of training; ``None`` for no limit.
    tol : float, default=0.0
        Least relative fall of the loss that counts as progress.
    early_stopping : bool, default=False
        Whether to watch the loss on held-out instances, and to return to the parameters that were
        best on them.
    validation_fraction : float, default=0.1
        Size of the held-out part.
    validation_split : {"last", "random"}, default="last"
        Which instances are held out: the last ones, or some drawn at random.
    n_iter_no_change : int, default=10
        Steps without progress after which training stops.
    fit_intercept : bool, default=True
        Whether to learn an intercept.
    n_lags : int, default=None
        Number of lags, counted from the last step; ``None`` for the length of the series.
    device : str or torch.device, default="auto"
        Where to compute: "cpu", "cuda", "cuda:N"; "auto" is CUDA where there is one.
    dtype : {"float64", "float32", "tf32"}, default="float64"
        Type of the parameters and of the fitted arrays; "float32" trains about twice as fast.
    random_state : int, RandomState instance or None, default=None
        Seed of the start.
    verbose : bool or int, default=False
        Whether to print the loss ten times during training.

    Attributes
    ----------
    estimator_ : LinearRNNRegressor
        The fitted estimator: its matrices, its impulse response, its loss.

    See Also
    --------
    sklearn_linrnn.LinearRNNRegressor : The same for scikit-learn.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_linrnn.regression import LinearRNNTimeSeriesRegressor
    >>> X = np.random.default_rng(0).normal(size=(500, 2, 4))  # instance, channel, time
    >>> y = X[:, 0, -1] + 0.5 * X[:, 1, -2]
    >>> regressor = LinearRNNTimeSeriesRegressor(50, nu_w=0.3, random_state=0).fit(X, y)
    >>> regressor.estimator_.impulse_response_.round(1) + 0.0
    array([[[1. , 0. , 0. , 0. ],
            [0. , 0.5, 0. , 0. ]]])
    """

    _tags: ClassVar[dict[str, Any]] = {
        "capability:random_state": True,
        "property:randomness": "derandomized",
    }
    _estimator = LinearRNNRegressor

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
        fit_intercept: bool = True,
        n_lags: int | None = None,
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
        self.fit_intercept = fit_intercept
        self.n_lags = n_lags
        self.device = device
        self.dtype = dtype
        self.random_state = random_state
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
            {"n_hidden": 8, "max_iter": 20, "random_state": 0},
            {"n_hidden": 8, "init": "centered", "nu_w": 0.2, "max_iter": 20, "random_state": 1},
        ]
