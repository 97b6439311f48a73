"""Recordings, one after another, with a target and a weight at every time step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from sklearn_linrnn._core.tensors import all_finite, as_float64, finite

Device = torch.device | str
Start = Literal["zero_state", "full_windows"]


@dataclass(frozen=True, eq=False)
class Series:
    """Recordings one after another.

    Attributes
    ----------
    x : Tensor of shape (n_timesteps, n_channels)
        Inputs of all recordings.
    y : Tensor of shape (n_timesteps, n_outputs)
        Targets, zero where they were not observed.
    weights : Tensor of shape (n_timesteps,)
        Weights of the time steps, zero where a target was not observed.
    lengths : Tensor of int, shape (n_recordings,)
        Number of time steps of each recording.
    """

    x: Tensor
    y: Tensor
    weights: Tensor
    lengths: Tensor

    @classmethod
    def glue(cls, X: Any, y: Any, sample_weight: Any, device: Device) -> Series:
        """Return the recordings in ``X``, ``y`` and ``sample_weight`` as one series."""
        inputs, lengths = _columns(X, device, "X")
        if inputs.numel() == 0:
            raise ValueError("X must have at least one time step and channel, but it is empty.")
        targets, target_lengths = _columns(y, device, "y")
        if not torch.equal(lengths, target_lengths):
            raise ValueError(
                f"X and y must have the same recordings, but X has {_summary(lengths)} and y has "
                f"{_summary(target_lengths)}."
            )
        if isinstance(sample_weight, (list, tuple)) and np.ndim(sample_weight[:1]) > 1:
            sample_weight, weight_lengths = _columns(sample_weight, device, "sample_weight")
            if not torch.equal(lengths, weight_lengths):
                raise ValueError(
                    f"sample_weight must have the same recordings as X, but it has "
                    f"{_summary(weight_lengths)} and X has {_summary(lengths)}."
                )
        if sample_weight is not None:
            sample_weight = as_float64(sample_weight, device, "sample_weight").flatten()
        weights = check_weights(sample_weight, len(inputs), device)
        return cls(finite(inputs, "X"), *observed(targets, weights), lengths)

    @classmethod
    def of(
        cls, x: Any, y: Any, weights: Any, lengths: Sequence[int], device: Device = "cpu"
    ) -> Series:
        """Return the series of flat arrays, of finite inputs and of weights that were checked.

        Parameters
        ----------
        x : array-like of shape (n_timesteps, n_channels)
            Inputs.
        y : array-like of shape (n_timesteps, n_outputs)
            Targets, NaN where they were not observed.
        weights : array-like of shape (n_timesteps,) or None
            Weights; ``None`` for ones, where all targets were observed.
        lengths : sequence of int, length n_recordings
            Number of time steps of each recording.
        device : torch.device or str, default="cpu"
            Where to keep them.
        """
        inputs, targets = as_float64(x, device), as_float64(y, device)
        n_steps = torch.tensor(lengths, device=inputs.device)
        if weights is None:
            return cls(inputs, targets, inputs.new_ones(len(inputs)), n_steps)
        return cls(inputs, *observed(targets, as_float64(weights, device)), n_steps)

    def supervised(self, n_lags: int, start: str) -> Series:
        """Return the series prepared for windows of ``n_lags``.

        ``start`` says what was before each recording: "zero_state" or, unknown, "full_windows".
        """
        if n_lags < 1:
            raise ValueError(f"n_lags must be at least 1, but got {n_lags}.")
        if start == "zero_state":
            return self.rested(n_lags - 1)
        if start == "full_windows":
            return self.without_heads(n_lags - 1)
        raise ValueError(f"start must be 'zero_state' or 'full_windows', but got {start!r}.")

    def rested(self, n_steps: int) -> Series:
        """Return the recordings with ``n_steps`` unsupervised zeros between them.

        Before the first one, zeros are assumed anyway.
        """
        if len(self.lengths) == 1:
            return self
        n_total = len(self.x) + n_steps * (len(self.lengths) - 1)
        recording = torch.repeat_interleave(self.lengths)
        position = torch.arange(len(self.x), device=self.x.device) + n_steps * recording

        def spread(values: Tensor) -> Tensor:
            padded = values.new_zeros(n_total, *values.shape[1:])
            padded[position] = values
            return padded

        x, y, weights = spread(self.x), spread(self.y), spread(self.weights)
        return Series(x, y, weights, self.lengths)

    def trimmed(self, n_steps: int) -> Series:
        """Return a single recording, from ``n_steps`` before its first weight to its last."""
        if len(self.lengths) > 1 or (self.weights[0] > 0 and self.weights[-1] > 0):
            return self
        weighted = torch.nonzero(self.weights)
        if len(weighted) == 0:
            return self
        kept = slice(max(int(weighted[0]) - n_steps, 0), int(weighted[-1]) + 1)
        x, y, weights = self.x[kept], self.y[kept], self.weights[kept]
        return Series(x, y, weights, self.lengths.new_tensor([len(x)]))

    def without_heads(self, n_steps: int) -> Series:
        """Return the recordings with weight zero on the first ``n_steps`` of each."""
        start = self.lengths.cumsum(0) - self.lengths
        step = torch.arange(n_steps, device=self.x.device)
        heads = (start[:, None] + step)[step < self.lengths[:, None]]
        return Series(self.x, self.y, self.weights.index_fill(0, heads, 0.0), self.lengths)


def check_weights(sample_weight: Any, n_rows: int, device: Device) -> Tensor:
    """Return the weights of rows, ones if there are none."""
    if sample_weight is None:
        return torch.ones(n_rows, dtype=torch.float64, device=device)
    weights = finite(as_float64(sample_weight, device, "sample_weight"), "sample_weight")
    if weights.shape != (n_rows,):
        raise ValueError(
            f"sample_weight must have shape ({n_rows},), but got {tuple(weights.shape)}."
        )
    if (weights < 0).any():
        raise ValueError(f"sample_weight must not be negative, but got {float(weights.min())}.")
    return weights


def observed(targets: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return targets and weights with zeros at the rows where a target is NaN."""
    if all_finite(targets):
        return targets, weights
    if torch.isinf(targets).any():
        raise ValueError("y must be finite or, where it was not observed, NaN, but got infinity.")
    missing = torch.isnan(targets).any(dim=1)
    return targets.masked_fill(missing[:, None], 0.0), weights.masked_fill(missing, 0.0)


def _columns(data: Any, device: Device, name: str) -> tuple[Tensor, Tensor]:
    """Return all time steps of recordings as ``(n_timesteps, k)``, and the recordings' lengths."""
    if isinstance(data, (list, tuple)) and len(data) > 0 and np.ndim(data[0]) > 0:
        parts = [as_float64(part, device, name) for part in data]
        shapes = sorted({tuple(part.shape[1:]) for part in parts})
        if len(shapes) > 1 or parts[0].ndim > 2:
            raise ValueError(
                f"{name} must have recordings of shape (n_timesteps,) or (n_timesteps, k) with the "
                f"same k, but got shapes {[tuple(part.shape) for part in parts[:6]]}."
            )
        lengths = [len(part) for part in parts]
        steps = parts[0] if len(parts) == 1 else torch.cat(parts)
    else:
        steps = as_float64(data, device, name)
        if steps.ndim not in (1, 2, 3):
            raise ValueError(
                f"{name} must have 1, 2 or 3 dimensions, but its shape is {tuple(steps.shape)}."
            )
        lengths = [steps.shape[-2]] * len(steps) if steps.ndim == 3 else [len(steps)]
        steps = steps.flatten(0, 1) if steps.ndim == 3 else steps
    return (steps[:, None] if steps.ndim == 1 else steps), torch.tensor(lengths, device=device)


def _summary(lengths: Tensor) -> str:
    shown = f"{len(lengths)} of {int(lengths.sum())}" if len(lengths) > 5 else lengths.tolist()
    return f"{shown} time steps"
