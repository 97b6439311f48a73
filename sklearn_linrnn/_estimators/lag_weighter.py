"""The kernel's feature map as a transformer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from sklearn_linrnn._core.saved_state import SavedState
from sklearn_linrnn._data.form import DataForm
from sklearn_linrnn._data.inputs import (
    number_of_axes,
    read_inputs,
    read_new_inputs,
)
from sklearn_linrnn._data.lag_columns import window_columns
from sklearn_linrnn._data.lag_shape import lag_shape
from sklearn_linrnn._data.sequences import Recordings
from sklearn_linrnn._data.targets import first_lag_of
from sklearn_linrnn._data.windows import Windows
from sklearn_linrnn._estimators.base import replace_fitted
from sklearn_linrnn._estimators.parameters import (
    DELAY,
    LEADS,
    SHAPES,
    VARIANCES,
    StrOptions,
    WithParameters,
    check_lag_weights,
)


@dataclass(frozen=True)
class _WindowForm:
    """The form of X in `fit`, the length of its windows, and the lag of their last time step."""

    data: DataForm
    n_timesteps: int
    newest_lag: int = 0


class LagWeighter(SavedState, TransformerMixin, WithParameters):
    r"""Scale lags by ``sqrt(rho_j)``, so that any linear model has a linear RNN's prior.

    A linear model with an isotropic penalty on the scaled lags has the penalty
    ``sum_j ||H_j||^2 / rho_j`` on its impulse response: `sklearn.linear_model.Ridge` after this
    transformer is `NTKConvRegressor` [1]_.

    Parameters
    ----------
    lag_weights : {"linear_rnn", "flat"} or array-like of shape (n_lags,), default="linear_rnn"
        ``rho``: "linear_rnn" for those of a linear RNN with the initial variances below, "flat" for
        ones, or an array.
    nu_w, nu_f, nu_c : float, default=0.5, 1.0, 1.0
        Initial variances of the RNN's transition matrix, input matrix and readout; not negative.
        Used with ``lag_weights="linear_rnn"`` only.
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

    Attributes
    ----------
    lag_weights_ : ndarray of shape (n_lags,)
        ``rho``.
    first_lag_ : int
        The lag at which `lag_weights_` begin: the delay, or ``-n_leads``.
    n_features_in_ : int
        Number of columns of X. For a 3-D X, number of columns of a flattened window, or of channels
        if there is a target at every time step.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if X has names that are all strings.

    See Also
    --------
    NTKConvRegressor : The same prior, from statistics instead of windows.

    References
    ----------
    .. [1] M. Emami, M. Sahraee-Ardakan, P. Pandit, S. Rangan, A. K. Fletcher, "Implicit Bias of
       Linear RNNs", ICML 2021, arXiv:2101.07833.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_linrnn import LagWeighter, NTKConvRegressor
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(50, 8)), rng.normal(size=50)
    >>> ridge = make_pipeline(LagWeighter(nu_w=0.7), Ridge(alpha=2.0)).fit(X, y)
    >>> kernel = NTKConvRegressor(nu_w=0.7, alpha=2.0).fit(X, y)
    >>> bool(np.allclose(ridge.predict(X), kernel.predict(X)))
    True
    """

    _parameter_constraints: dict[str, list] = {
        **VARIANCES,
        **SHAPES,
        **LEADS,
        **DELAY,
        "lag_weights": [StrOptions({"linear_rnn", "flat"}), "array-like"],
    }

    def __init__(
        self,
        lag_weights: ArrayLike | Literal["linear_rnn", "flat"] = "linear_rnn",
        nu_w: float = 0.5,
        nu_f: float = 1.0,
        nu_c: float = 1.0,
        *,
        n_lags: int | None = None,
        n_leads: int = 0,
        delay: int = 0,
        rows: Literal["windows", "timesteps"] = "windows",
        layout: Literal["ntc", "nct"] = "ntc",
        lag_order: Literal["infer", "oldest_first", "newest_first"] = "infer",
        n_channels: int | None = None,
        initial_state: Literal["zero", "mean", "unknown"] = "zero",
    ) -> None:
        self.lag_weights = lag_weights
        self.nu_w = nu_w
        self.nu_f = nu_f
        self.nu_c = nu_c
        self.n_lags = n_lags
        self.n_leads = n_leads
        self.delay = delay
        self.rows = rows
        self.layout = layout
        self.lag_order = lag_order
        self.n_channels = n_channels
        self.initial_state = initial_state

    def fit(self, X: Any, y: Any = None, *, sequence_id: Any = None) -> Self:
        """Compute the lag weights; of X only the shape is used.

        Parameters
        ----------
        X : array-like
            Windows ``(n_samples, n_timesteps * n_channels)``, the time steps of recordings
            ``(n_samples, n_channels)`` with ``rows="timesteps"``, or windows ``(n_samples,
            n_timesteps, n_channels)``.
        y : None
            Ignored.
        sequence_id : array-like of shape (n_samples,), default=None
            With ``rows="timesteps"``, the recording that each row belongs to.

        Returns
        -------
        self : object
            The fitted transformer.
        """
        self._check_parameters()
        sequences, features = read_new_inputs(self, X, None, sequence_id)
        first_lag = first_lag_of(self)
        _, n_lags, n_channels = lag_shape(sequences.from_lag(first_lag), self.n_lags)
        variances = self.nu_w, self.nu_f, self.nu_c
        lag_weights = check_lag_weights(self.lag_weights, n_lags, *variances, n_leads=self.n_leads)
        if isinstance(sequences, Windows):
            data, n_timesteps = DataForm(False, columns=sequences.columns), sequences.longest
            newest = min(first_lag, 0)
        else:
            before = sequences.starting_from(self.initial_state).before
            has_ids, n_timesteps, newest = sequence_id is not None, n_lags, first_lag
            data = DataForm(False, has_ids=has_ids, before=before)
        data = replace(data, n_channels=n_channels, first_lag=first_lag)
        form = _WindowForm(data, n_timesteps, newest)
        replace_fitted(self, {**features, "_form": form, "lag_weights_": lag_weights})
        return self

    def fit_transform(
        self, X: Any, y: Any = None, *, sequence_id: Any = None
    ) -> NDArray | list[NDArray]:
        """Fit to X and transform it.

        Parameters
        ----------
        X : array-like
            Inputs, as in `fit`.
        y : None
            Ignored.
        sequence_id : array-like of shape (n_samples,), default=None
            With ``rows="timesteps"``, the recording that each row belongs to.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_features_out)
            The scaled lags, as in `transform`.
        """
        return self.fit(X, sequence_id=sequence_id).transform(X, sequence_id=sequence_id)

    def transform(self, X: Any, *, sequence_id: Any = None) -> NDArray | list[NDArray]:
        """Scale the lags.

        Parameters
        ----------
        X : array-like
            Inputs, as in `fit`.
        sequence_id : array-like of shape (n_samples,), default=None
            With ``rows="timesteps"``, the recording that each row belongs to; required if `fit`
            was given it.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_features_out)
            A 2-D X of windows with its columns scaled; else the scaled lags as flattened windows,
            oldest time step first, channels side by side. Time steps of windows that are no lags
            are scaled by zero; where an input of a recording is missing or unknown, its lags are
            NaN.
        """
        check_is_fitted(self)
        n_lags, first_lag = len(self.lag_weights_), self.first_lag_
        n_reached = n_lags + max(first_lag, 0)
        sequences = read_inputs(self, X, sequence_id, self._form.data, n_lags=n_reached)
        if isinstance(sequences, Recordings):
            windows = np.concatenate(list(sequences.from_lag(first_lag).windows(n_lags)))
            return sequences.arrange(self._weigh(windows, n_lags))
        return self._weigh(sequences.inputs, n_reached)[:, self._places(X)]

    @property
    def first_lag_(self) -> int:
        """The lag at which the weights begin: the delay, or minus the leads."""
        return self._form.data.first_lag

    def get_feature_names_out(self, input_features: Any = None) -> NDArray:
        """Return the names of the scaled lags.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns of X; ``None`` for those in `fit`, or x0, x1, ...

        Returns
        -------
        names : ndarray of str
            The names of the columns of a 2-D X of windows; else ``name_lag_j`` for the lags of each
            channel.
        """
        check_is_fitted(self)
        if self._form.data.columns is not None:
            return _check_feature_names_in(self, input_features)
        names, n_channels = input_features, self._form.data.n_channels
        assert n_channels is not None  # since fit
        if names is None:
            names = getattr(self, "feature_names_in_", [f"x{i}" for i in range(n_channels)])
        newest = self._form.newest_lag
        lags = range(newest + self._form.n_timesteps - 1, newest - 1, -1)
        return np.array([f"{name}_lag_{lag}" for lag in lags for name in names], dtype=object)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = self.rows == "timesteps"
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _weigh(self, windows: NDArray, n_reached: int) -> NDArray:
        """Return windows ``(n_samples, n_timesteps, n_channels)`` scaled and flattened.

        The weights begin ``n_reached`` time steps before the end; after them all are zero.
        """
        roots = np.sqrt(self.lag_weights_)[::-1]
        scale = np.zeros((windows.shape[1], 1), dtype=windows.dtype)
        with np.errstate(over="ignore", invalid="ignore"):
            scale[len(scale) - n_reached :][: len(roots), 0] = roots
            weighed = windows * scale
        if np.isinf(scale).any() or np.isinf(weighed).any():
            raise ValueError(
                f"X of {windows.dtype} cannot hold its lags times the roots of the lag weights, "
                f"which are up to {roots.max():.4g}. Scale X, or the variances or lag_weights."
            )
        return weighed.reshape(len(windows), -1)

    def _places(self, X: Any) -> NDArray | slice:
        """Return where the columns of X are in its flattened windows."""
        if number_of_axes(X) == 3:
            return slice(None)
        form = self._form
        if form.data.columns is None:  # fitted on a panel
            return window_columns(self, X, self.n_features_in_, form.data.n_channels).places
        return form.data.columns.places
