"""The finite linear RNN as a time series regressor."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np

from sklearn_linrnn._linear_rnn import LinearRNNRegressor
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
    init : {"random", "centered"}, default="random"
        Whether the network starts as a random function, or at zero as its limit does.
    solver : {"gd", "adam"}, default="gd"
        Gradient descent, or PyTorch's Adam; on the whole data at every step.
    learning_rate : "auto" or float, default="auto"
        Size of the steps, as in `LinearRNNRegressor`.
    momentum : float, default=0.0
        Polyak's momentum for "gd"; for "adam" the decay of the first moment.
    max_iter : int, default=500
        Most steps.
    tol : float, default=0.0
        Least relative fall of the loss that counts as progress.
    early_stopping : bool, default=False
        Whether to watch the loss on the last instances, held out, and to return to the parameters
        that were best on them.
    validation_fraction : float, default=0.1
        Size of the held-out part.
    n_iter_no_change : int, default=10
        Steps without progress after which training stops.
    fit_intercept : bool, default=True
        Whether to learn an intercept.
    n_lags : int, default=None
        Number of lags, counted from the last step; ``None`` for the length of the series.
    device : str or torch.device, default="auto"
        Where to compute: "cpu", "cuda", "cuda:N"; "auto" is CUDA where there is one.
    dtype : {"float64", "float32"}, default="float64"
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
