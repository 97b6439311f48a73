"""The sums that every estimator of the package learns from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from sklearn_linrnn._core.displacement import full_window_sums, series_level
from sklearn_linrnn._core.moments import Moments, RunningSums
from sklearn_linrnn._core.tensors import as_float64, finite

CHUNK = 2**20  # numbers in a block of windows: 8 MiB


@dataclass(frozen=True, eq=False)
class LagStatistics(Moments):
    """Sufficient statistics of a linear model on lagged inputs.

    With the lags of step ``s`` stacked in ``z_s = [x_s, x_{s-1}, ..., x_{s - n_lags + 1}]``, all
    that least squares, its regularised forms and full-batch gradient descent see of the data are
    ``m = sum_s w_s`` and the centred moments of ``z`` and ``y``. Statistics of disjoint data add
    up with ``+`` and can be taken away again with ``-``: folds, recordings and the workers of a
    cluster are one sum.

    Make them with `from_windows` or `from_series`.

    Attributes
    ----------
    weight : float
        ``m``, the sum of the sample weights of the supervised steps.
    input_mean : Tensor of shape (n_lags * n_channels,)
        Weighted mean of ``z``. Here and below lag 0 comes first, its channels side by side.
    target_mean : Tensor of shape (n_outputs,)
        Weighted mean of ``y``.
    input_scatter : Tensor of shape (n_lags * n_channels, n_lags * n_channels)
        ``G = sum_s w_s (z_s - z_bar)(z_s - z_bar)^T``.
    cross_scatter : Tensor of shape (n_lags * n_channels, n_outputs)
        ``B = sum_s w_s (z_s - z_bar)(y_s - y_bar)^T``.
    target_scatter : Tensor of shape (n_outputs,)
        ``s_yy = sum_s w_s (y_s - y_bar)^2``, each output by itself.
    n_lags, n_channels : int
        Number of lags, the present step included, and of input channels.

    Notes
    -----
    All tensors are float64 and centred, so that a series far from zero loses no digits; merging
    follows Chan, Golub and LeVeque [1]_.

    References
    ----------
    .. [1] T. F. Chan, G. H. Golub, R. J. LeVeque, "Algorithms for computing the sample variance:
       analysis and recommendations", The American Statistician 37, 1983, equation 2.1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_linrnn import LagStatistics
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=(2, 1000))
    >>> whole = LagStatistics.from_series(x, y, n_lags=3)
    >>> whole.weight
    1000.0
    >>> recordings = [x[:400], x[400:]], [y[:400], y[400:]]
    >>> both = LagStatistics.from_series(*recordings, n_lags=3)
    >>> first = LagStatistics.from_series(x[:400], y[:400], n_lags=3)
    >>> (both - first).weight
    600.0
    """

    n_lags: int
    n_channels: int

    @classmethod
    def from_windows(
        cls,
        X: Any,
        y: Any,
        *,
        n_lags: int | None = None,
        sample_weight: Any = None,
        device: torch.device | str = "cpu",
    ) -> LagStatistics:
        """Return the statistics of windows, each with a target at its last step.

        Parameters
        ----------
        X : array-like of shape (n_windows, n_timesteps) or (n_windows, n_timesteps, n_channels)
            Windows, oldest step first; finite.
        y : array-like of shape (n_windows,) or (n_windows, n_outputs)
            Targets at the last steps. A window with a NaN among its targets is left out.
        n_lags : int, default=None
            How many of the last steps to use; ``None`` for all.
        sample_weight : array-like of shape (n_windows,), default=None
            Weights, not negative; ``None`` for ones.
        device : torch.device or str, default="cpu"
            Where to compute and to keep the statistics.

        Returns
        -------
        statistics : LagStatistics

        Raises
        ------
        ValueError
            If shapes disagree, `n_lags` is not within 1 and ``n_timesteps``, X or a weight is not
            finite, or a weight is negative.
        """
        X = X if isinstance(X, Tensor) else np.asarray(X)
        X = X[:, :, None] if X.ndim == 2 else X
        if X.ndim != 3:
            raise ValueError(f"X must have 2 or 3 dimensions, but its shape is {tuple(X.shape)}.")
        n_windows, n_timesteps, n_channels = X.shape
        n_lags = n_timesteps if n_lags is None else n_lags
        if not 1 <= n_lags <= n_timesteps:
            raise ValueError(
                f"n_lags={n_lags} must lie between 1 and the {n_timesteps} steps of a window."
            )
        targets = as_float64(y, device).reshape(n_windows, -1)
        weights = _weights(sample_weight, n_windows, device)

        targets, weights = _observed(targets, weights)
        sums = _window_sums(X[:, n_timesteps - n_lags :], targets, weights)
        newest_first = torch.arange(n_lags * n_channels).view(n_lags, n_channels).flip(0).flatten()
        return cls._of(sums.moments().reordered(newest_first), n_lags, n_channels)

    @classmethod
    def from_series(
        cls,
        X: Any,
        y: Any,
        *,
        n_lags: int,
        start: Literal["zero_state", "full_windows"] = "zero_state",
        sample_weight: Any = None,
        device: torch.device | str = "cpu",
    ) -> LagStatistics:
        """Return the statistics of recordings with a target at every step.

        Lags never cross from one recording into another.

        Parameters
        ----------
        X : array-like of shape (n_timesteps,), (n_timesteps, n_channels) or \
                (n_recordings, n_timesteps, n_channels), or list of the first two
            One recording or several; finite.
        y : array-like or list, of the same form as X with ``n_outputs`` for ``n_channels``
            Targets. A step with a NaN among its targets is not observed and left out.
        n_lags : int
            Number of lags, the present step included; at least 1.
        start : {"zero_state", "full_windows"}, default="zero_state"
            Before its first step a recording was at rest (inputs of zero), or is unknown: then
            its first ``n_lags - 1`` steps are left out.
        sample_weight : array-like or list of shape (n_timesteps,) for each recording, default=None
            Weights of the steps, not negative; ``None`` for ones.
        device : torch.device or str, default="cpu"
            Where to compute and to keep the statistics.

        Returns
        -------
        statistics : LagStatistics

        Raises
        ------
        ValueError
            If shapes disagree, `n_lags` is less than 1, `start` is unknown, X or a weight is not
            finite, or a weight is negative.

        Notes
        -----
        One matrix product over the lags of all steps costs
        ``n_timesteps * (n_lags * n_channels)^2``. Where few weights change from step to step, a
        weighted auto-correlation and the displacement structure of the scatter give the same in
        ``n_timesteps * log(n_lags) + n_lags^2``. The cheaper of the two is taken.
        """
        if n_lags < 1:
            raise ValueError(f"n_lags must be at least 1, but {n_lags} came.")
        if start not in ("zero_state", "full_windows"):
            raise ValueError(f"start must be 'zero_state' or 'full_windows', but {start!r} came.")
        series = _glue(X, y, sample_weight, device)
        if start == "zero_state":
            series = series.rested(n_lags - 1)
        else:
            series.forget_heads(n_lags - 1)
        return cls._of(_series_moments(series, n_lags), n_lags, series.x.shape[1])

    @classmethod
    def _of(cls, moments: Moments, n_lags: int, n_channels: int) -> LagStatistics:
        return cls(**vars(moments), n_lags=n_lags, n_channels=n_channels)

    def __add__(self, other: LagStatistics) -> LagStatistics:
        """Return the statistics of both data together."""
        self._check_alike(other)
        return self.merged(other, 1)

    def __radd__(self, other: Literal[0]) -> LagStatistics:
        """Let ``sum`` start from 0."""
        return self if other == 0 else NotImplemented

    def __sub__(self, other: LagStatistics) -> LagStatistics:
        """Return the statistics of this data without ``other``, which must be a part of it."""
        self._check_alike(other)
        if other.weight > self.weight * (1 + 1e-12):
            raise ValueError(
                f"Statistics of weight {other.weight:g} cannot be taken away from statistics of "
                f"weight {self.weight:g}."
            )
        return self.merged(other, -1)

    def _check_alike(self, other: LagStatistics) -> None:
        for name, mine, theirs in (
            ("n_lags", self.n_lags, other.n_lags),
            ("n_channels", self.n_channels, other.n_channels),
            ("n_outputs", len(self.target_mean), len(other.target_mean)),
        ):
            if mine != theirs:
                raise ValueError(
                    f"Statistics merge when their {name} agree, but {mine} and {theirs} came."
                )


@dataclass(frozen=True, eq=False)
class _Series:
    """Recordings one after another.

    ``x (n_timesteps, n_channels)``, ``y (n_timesteps, n_outputs)``, ``weights (n_timesteps,)``;
    ``lengths (n_recordings,)`` says where one ends and the next begins.
    """

    x: Tensor
    y: Tensor
    weights: Tensor
    lengths: Tensor

    def rested(self, n_steps: int) -> _Series:
        """Return the recordings with ``n_steps`` unsupervised zeros before each."""
        n_total = len(self.x) + n_steps * len(self.lengths)
        if len(self.lengths) == 1:
            position: slice | Tensor = slice(n_steps, None)
        else:
            recording = torch.repeat_interleave(self.lengths)
            step = torch.arange(len(self.x), device=self.x.device)
            position = step + n_steps * (recording + 1)

        def spread(values: Tensor) -> Tensor:
            padded = values.new_zeros(n_total, *values.shape[1:])
            padded[position] = values
            return padded

        x, y, weights = spread(self.x), spread(self.y), spread(self.weights)
        return _Series(x, y, weights, self.lengths + n_steps)

    def forget_heads(self, n_steps: int) -> None:
        """Set the weights of the first ``n_steps`` of each recording to zero."""
        start = self.lengths.cumsum(0) - self.lengths
        step = torch.arange(n_steps, device=self.x.device)
        heads = (start[:, None] + step)[step < self.lengths[:, None]]
        self.weights[heads] = 0.0


def _glue(X: Any, y: Any, sample_weight: Any, device: torch.device | str) -> _Series:
    inputs, targets = _recordings(X, device), _recordings(y, device)
    lengths = [len(recording) for recording in inputs]
    if [len(target) for target in targets] != lengths:
        raise ValueError(
            f"X and y must have the same recordings, but X has {_summary(lengths)} steps and y "
            f"has {_summary([len(target) for target in targets])}."
        )
    if sample_weight is not None:
        sample_weight = _joined(_recordings(sample_weight, device)).flatten()
    x, y = finite(_joined(inputs), "X"), _joined(targets)
    y, weights = _observed(y, _weights(sample_weight, len(x), device))
    return _Series(x, y, weights, torch.tensor(lengths, device=x.device))


def _joined(recordings: list[Tensor]) -> Tensor:
    return recordings[0] if len(recordings) == 1 else torch.cat(recordings)


def _summary(lengths: list[int]) -> str:
    return str(lengths) if len(lengths) < 6 else f"{len(lengths)} recordings of {sum(lengths)}"


def _recordings(data: Any, device: torch.device | str) -> list[Tensor]:
    """Return each recording as ``(n_timesteps_i, k)``."""
    if isinstance(data, (list, tuple)) and np.ndim(data[0]) > 0:
        recordings = [as_float64(recording, device) for recording in data]
    else:
        whole = as_float64(data, device)
        recordings = list(whole) if whole.ndim == 3 else [whole]
    columns = [r[:, None] if r.ndim == 1 else r for r in recordings]
    if any(c.ndim != 2 or c.shape[1] != columns[0].shape[1] for c in columns):
        raise ValueError(
            "Recordings must have shape (n_timesteps,) or (n_timesteps, k) with the same k, but "
            f"shapes {sorted({tuple(r.shape) for r in recordings})} came."
        )
    return columns


def _weights(sample_weight: Any, n_rows: int, device: torch.device | str) -> Tensor:
    if sample_weight is None:
        return torch.ones(n_rows, dtype=torch.float64, device=device)
    weights = finite(as_float64(sample_weight, device), "sample_weight").clone()
    if weights.shape != (n_rows,):
        raise ValueError(
            f"sample_weight must have shape ({n_rows},), but {tuple(weights.shape)} came."
        )
    if (weights < 0).any():
        raise ValueError(f"sample_weight must not be negative, but {float(weights.min())} came.")
    return weights


def _observed(targets: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return targets and weights with zeros where a target is NaN."""
    missing = torch.isnan(targets).any(dim=1)
    if not missing.any():
        return targets, weights
    return targets.masked_fill(missing[:, None], 0.0), weights.masked_fill(missing, 0.0)


def _series_moments(series: _Series, n_lags: int) -> Moments:
    """Return the moments of a series' full windows by the cheaper path."""
    x, y, weights = series.x, series.y, series.weights
    if _displacement_is_cheaper(x, y, weights, n_lags):
        return full_window_sums(x, y, weights, n_lags).moments()
    level, target_level = series_level(x, y, weights)
    sums = RunningSums.about(level.repeat(n_lags), target_level)
    rows = torch.nonzero(weights).flatten()
    # Time runs backwards, so that windows come newest step first.
    backwards = x.flip(0)
    for block in rows.split(_block_length(n_lags * x.shape[1])):
        windows = backwards.unfold(0, n_lags, 1)[len(x) - 1 - block]  # (block, n_channels, n_lags)
        sums.add(windows.transpose(1, 2).flatten(1), y[block], weights[block])
    return sums.moments()


def _displacement_is_cheaper(x: Tensor, y: Tensor, weights: Tensor, n_lags: int) -> bool:
    """Compare the two paths; the unit is one multiply-add of a large matrix product.

    The factors are what the other steps cost beside that on a CPU, measured once and rounded
    (``benchmarks/lag_statistics.py``); a factor of two either way costs little.
    """
    n_steps, n_channels = x.shape
    n_inputs, n_columns = n_lags * n_channels, n_channels + y.shape[1]
    n_jumps = int(torch.count_nonzero(weights[1:] != weights[:-1]))
    direct = int(torch.count_nonzero(weights)) * n_inputs * (n_inputs + 40)
    transforms = (
        15 * n_steps * (n_channels + n_columns) * math.log2(2 * max(n_lags, 1024 // n_channels, 1))
    )
    spectra = 40 * n_steps * n_channels * n_columns
    return transforms + spectra + (n_jumps + 200) * n_inputs**2 < direct


def _window_sums(X: Any, targets: Tensor, weights: Tensor) -> RunningSums:
    """Return the sums over windows ``X (n_windows, n_lags, n_channels)``, oldest step first."""
    n_windows, n_lags, n_channels = X.shape
    length = _block_length(n_lags * n_channels)
    blocks = [slice(first, first + length) for first in range(0, n_windows, length)]

    def lags(block: slice) -> Tensor:
        return finite(as_float64(X[block], targets.device), "X").flatten(1)

    sums = RunningSums.about(
        sum(lags(block).sum(0) for block in blocks) / n_windows,
        weights @ targets / weights.sum().clamp(min=torch.finfo(targets.dtype).tiny),
    )
    for block in blocks:
        sums.add(lags(block), targets[block], weights[block])
    return sums


def _block_length(n_inputs: int) -> int:
    return max(256, CHUNK // n_inputs)
