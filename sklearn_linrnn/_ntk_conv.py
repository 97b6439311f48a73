"""The infinitely wide linear RNN in closed form."""

from __future__ import annotations

import math
import warnings
from numbers import Integral, Real
from typing import Any, Literal

import torch
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

from sklearn_linrnn._base import LagRegressor, choose_learning_rate
from sklearn_linrnn._core.lag_statistics import LagStatistics
from sklearn_linrnn._core.optimize import DIVERGED
from sklearn_linrnn._core.spectral import (
    Quadratic,
    Spectrum,
    gradient_descent_filter,
    rank_revealed_ridge,
)
from sklearn_linrnn._sequences import TrainingData
from sklearn_linrnn._validation.parameters import COMPUTING, SHAPES, VARIANCES, Interval, StrOptions


class NTKConvRegressor(LagRegressor):
    r"""Infinitely wide linear RNN, trained in closed form.

    With many hidden units a linear RNN trained by gradient descent is a convolution whose lag
    ``j`` is weighted by ``sqrt(rho_j)`` [1]_. This estimator is that limit: kernel regression
    with the network's neural tangent kernel, or any number of gradient steps at once. It
    minimises

    .. math:: \frac12 \sum_s w_s \Big\|y_s - b - \sum_j H_j x_{s-j}\Big\|^2
              + \frac{\alpha}{2} \sum_j \frac{\|H_j\|^2}{\rho_j}

    over the impulse response ``H``, or goes ``n_steps`` of gradient descent towards its minimum.

    Parameters
    ----------
    nu_w, nu_f, nu_c : float, default=0.5, 1.0, 1.0
        Initial variances of the network's transition matrix, input matrix and readout; not
        negative. ``nu_w`` sets the memory. ``nu_f`` and ``nu_c`` enter through their sum and their
        product alone, and a common factor of ``rho`` trades against `alpha`: a grid search needs
        ``nu_w`` and one of the other two at most.
    alpha : float, default=1.0
        Strength of the penalty, on scikit-learn's scale: the estimator equals
        `sklearn.linear_model.Ridge` of the same `alpha` on the output of `LagWeighter`. 0 for none.
    n_steps : int, default=None
        Steps of gradient descent from zero on this loss; ``None`` for its minimum (the least-norm
        one where there are several).
    learning_rate : "auto" or float, default="auto"
        Size of the steps; "auto" is the inverse of the largest curvature of the loss. Used with
        `n_steps` only.
    fit_intercept : bool, default=True
        Whether to learn ``b``; it is not penalised.
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
        Type of the fitted arrays. The fit itself is always float64.
    verbose : bool or int, default=False
        Whether to print what is done.

    Attributes
    ----------
    impulse_response_ : ndarray of shape (n_outputs, n_channels, n_lags)
        ``H``, lag 0 first.
    intercept_ : ndarray of shape (n_outputs,)
        ``b``.
    lag_weights_ : ndarray of shape (n_lags,)
        ``rho``.
    n_features_in_ : int
        Number of columns of X; for a 3-D X of a flattened window, or of channels if there is a
        target at every step.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if X has names that are all strings.

    See Also
    --------
    WeightedConv1DRegressor : The same path, step by step, for any lag weights.
    LinearRNNRegressor : The network of finite width.
    LagWeighter : The kernel's feature map, for other linear models.

    Notes
    -----
    The fit sees the data through `LagStatistics` alone: after one pass its cost does not depend
    on the number of samples. A penalty without `n_steps` takes a Cholesky factorisation, all else
    one eigendecomposition.

    References
    ----------
    .. [1] M. Emami, M. Sahraee-Ardakan, P. Pandit, S. Rangan, A. K. Fletcher, "Implicit Bias of
       Linear RNNs", ICML 2021, arXiv:2101.07833.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_linrnn import NTKConvRegressor
    >>> x = np.random.default_rng(0).normal(size=(1000, 1))
    >>> y = x[:, 0] + 0.5 * np.roll(x[:, 0], 1)
    >>> model = NTKConvRegressor(nu_w=0.3, rows="timesteps", n_lags=4).fit(x, y)
    >>> model.impulse_response_.round(1) + 0.0
    array([[[1. , 0.5, 0. , 0. ]]])
    """

    _parameter_constraints: dict[str, list] = {
        **VARIANCES,
        **SHAPES,
        **COMPUTING,
        "alpha": [Interval(Real, 0, None, closed="left")],
        "n_steps": [Interval(Integral, 1, None, closed="left"), None],
        "learning_rate": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        nu_w: float = 0.5,
        nu_f: float = 1.0,
        nu_c: float = 1.0,
        *,
        alpha: float = 1.0,
        n_steps: int | None = None,
        learning_rate: float | Literal["auto"] = "auto",
        fit_intercept: bool = True,
        n_lags: int | None = None,
        rows: Literal["windows", "timesteps"] = "windows",
        layout: Literal["ntc", "nct"] = "ntc",
        lag_order: Literal["infer", "oldest_first", "newest_first"] = "infer",
        n_channels: int | None = None,
        device: Any = "auto",
        dtype: Literal["float64", "float32"] = "float64",
        verbose: bool | int = False,
    ) -> None:
        self.nu_w = nu_w
        self.nu_f = nu_f
        self.nu_c = nu_c
        self.alpha = alpha
        self.n_steps = n_steps
        self.learning_rate = learning_rate
        self.fit_intercept = fit_intercept
        self.n_lags = n_lags
        self.rows = rows
        self.layout = layout
        self.lag_order = lag_order
        self.n_channels = n_channels
        self.device = device
        self.dtype = dtype
        self.verbose = verbose

    def _solve(self, data: TrainingData, n_lags: int) -> tuple[Tensor, LagStatistics]:
        statistics = self._statistics(data, n_lags)
        weights = self._input_weights(statistics)
        loss = Quadratic.of(statistics, weights)
        penalty = self.alpha / statistics.weight
        if self.n_steps is None and (response := loss.ridge(penalty)) is not None:
            self._say(f"{n_lags} lags: solved by a Cholesky factorisation")
            return response, statistics
        self._say(f"{n_lags} lags: solved by an eigendecomposition")
        if self.n_steps is None:
            return rank_revealed_ridge(statistics, weights, penalty), statistics
        return self._descend(loss.decompose(), penalty, self.n_steps), statistics

    def _descend(self, spectrum: Spectrum, penalty: float, n_steps: int) -> Tensor:
        largest = float(spectrum.eigenvalues.max()) + penalty
        learning_rate = choose_learning_rate(self.learning_rate, largest)
        growth = abs(1.0 - learning_rate * largest)
        if growth > 1.0 and (step := math.ceil(math.log(DIVERGED) / math.log(growth))) <= n_steps:
            warnings.warn(
                f"Gradient descent diverged at step {step} with learning_rate="
                f"{learning_rate:.4g}. Lower it, or use learning_rate='auto'.",
                ConvergenceWarning,
                stacklevel=4,
            )
        response = spectrum.solve(
            gradient_descent_filter(spectrum.eigenvalues, penalty, n_steps, learning_rate)
        )
        if not torch.isfinite(response).all():
            raise ValueError(
                f"Gradient descent with learning_rate={self.learning_rate} left the range of "
                f"float64 within n_steps={n_steps}; it is stable below {2.0 / largest:.4g}."
            )
        return response
