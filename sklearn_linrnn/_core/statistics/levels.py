"""Windows less their level, as a linear map of their sums.

A forecaster may take the level out of each window, its last value or its mean, learn from what is
left, and add the level to its forecast again. The level ``u = L^T z`` is linear in the window
``z``, and so is all the rest,

    z' = z - S u = M z,    y' = y - P u,    M = I - S L^T,

with ``S`` that spreads a channel's level over its lags and ``P`` that hands it to the channel's
targets. So the sums of ``(z', y')`` follow from those of ``(z, y)``, and no window is copied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from sklearn_linrnn._core.statistics.displacement import mirror_upper
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics

LevelName = Literal["last", "mean"]
ROUNDING = 2.0**-45  # of a scatter, in differences of scatters: straight lines of any length


@dataclass(frozen=True, eq=False)
class Levels:
    """The levels of windows, to be taken from windows and targets.

    Make them with `of`.

    Attributes
    ----------
    lag_weights : Tensor of shape (n_lags,)
        Weights of a channel's lags in its level; they sum to one.
    is_levelled : Tensor of shape (n_channels,)
        1 for the channels whose level is taken from their lags, 0 for the others.
    target_channels : Tensor of shape (n_outputs, n_channels)
        ``P``: 1 where a channel's level is taken from a target, else 0.
    """

    lag_weights: Tensor
    is_levelled: Tensor
    target_channels: Tensor

    @classmethod
    def of(
        cls,
        level: LevelName,
        n_lags: int,
        n_channels: int,
        target_channels: Sequence[int | None],
        not_levelled: Sequence[int] = (),
        device: torch.device | str = "cpu",
    ) -> Levels:
        """Return the levels of windows of a shape.

        Parameters
        ----------
        level : {"last", "mean"}
            What the level of a window is: its newest value or its mean.
        n_lags, n_channels : int
            Shape of the windows.
        target_channels : sequence of int or None, length n_outputs
            The channel that each target belongs to, whose level is taken from it; None for a target
            of no channel, which stays as it is. So does a target of a channel without a level.
        not_levelled : sequence of int, default=()
            Channels that stay as they are.
        device : torch.device or str, default="cpu"
            Where the statistics are kept.

        Returns
        -------
        levels : Levels

        Raises
        ------
        ValueError
            If the level is unknown, or a number is not that of a channel.
        """
        for name, channels in (
            ("target_channels", target_channels),
            ("not_levelled", not_levelled),
        ):
            unknown = [c for c in channels if c is not None and not 0 <= c < n_channels]
            if unknown:
                raise ValueError(
                    f"{name} must lie between 0 and {n_channels - 1}, the last of the n_channels, "
                    f"but got {unknown[0]}."
                )
        lag_weights = torch.zeros(n_lags, dtype=torch.float64, device=device)
        if level == "last":
            lag_weights[0] = 1.0
        elif level == "mean":
            lag_weights[:] = 1.0 / n_lags
        else:
            raise ValueError(f"level must be 'last' or 'mean', but got {level!r}.")
        is_levelled = lag_weights.new_ones(n_channels)
        is_levelled[list(not_levelled)] = 0.0
        share = lag_weights.new_zeros(len(target_channels), n_channels)
        for target, channel in enumerate(target_channels):
            if channel is not None:
                share[target, channel] = is_levelled[channel]
        return cls(lag_weights, is_levelled, share)

    def normalised(self, statistics: LagStatistics) -> LagStatistics:
        """Return the statistics of the windows and targets less their level.

        Parameters
        ----------
        statistics : LagStatistics
            Those of the windows ``z`` and targets ``y`` as they are.

        Returns
        -------
        statistics : LagStatistics
            Those of ``z' = M z`` and ``y' = y - P u``.

        Notes
        -----
        Rounding is relative to the standard deviations of the windows as they are. Their normalised
        form does not change when a constant is added to a channel. So where levels differ much from
        recording to recording, subtract from each some value of its own first. A lag or target of
        which nothing but rounding is left, as of a straight line, does not vary: its sums of
        squares and products are zero.
        """
        return _without_rounding(self._differences(statistics), statistics)

    def _differences(self, statistics: LagStatistics) -> LagStatistics:
        """Return the statistics of differences, with what rounding makes of those that are zero."""
        G, B = statistics.input_scatter, statistics.cross_scatter
        u_bar = self._level(statistics.input_mean[:, None])[:, 0]
        GL = self._level(G).mT  # (p, n_channels): scatter of the lags and the levels
        BL = self._level(B)  # (n_channels, n_outputs)
        LL = self._level(GL)  # (n_channels, n_channels)
        P = self.target_channels
        # Differences are taken one by one, as those of the rows would be: neighbouring lags differ
        # by little, so that these lose no digits, and the level's own lag becomes exactly zero.
        half_scatter = self._less_level(G)
        half_target = statistics.target_scatter - (P * BL.mT).sum(1)
        level_gap = (P * (BL.mT - P @ LL)).sum(1)
        return replace(
            statistics,
            input_mean=self._less_level(statistics.input_mean[:, None])[:, 0],
            target_mean=statistics.target_mean - P @ u_bar,
            input_scatter=mirror_upper(self._less_level(half_scatter.mT).contiguous()),
            cross_scatter=self._less_level(B - GL @ P.mT),
            target_scatter=(half_target - level_gap).clamp(min=0.0),
            peaks=None if statistics.peaks is None else self._peaks(statistics.peaks),
        )

    def _peaks(self, peaks: Tensor) -> Tensor:
        """Return the peaks of what differences are taken of, (p + n_outputs,)."""
        inputs, targets = peaks.split(
            [len(peaks) - len(self.target_channels), len(self.target_channels)]
        )
        channels = inputs.reshape(len(self.lag_weights), -1)
        level = self._level(inputs[:, None])[:, 0]
        return torch.cat(
            [
                (channels + self.is_levelled * level).flatten(),
                targets + self.target_channels @ level,
            ]
        )

    def normalised_rows(self, windows: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return windows and targets less their level.

        Parameters
        ----------
        windows : Tensor of shape (n_windows, p)
            ``z``, a window in each row.
        targets : Tensor of shape (n_windows, n_outputs)
            ``y``.

        Returns
        -------
        windows, targets : Tensor of the same shapes
            ``z' = M z`` and ``y' = y - P u``.
        """
        level = self._level(windows.mT)
        return self._less_level(windows.mT).mT, targets - (self.target_channels @ level).mT

    def pull(self, columns: Tensor) -> Tensor:
        """Return what columns that act on normalised windows are on the windows as they are.

        Parameters
        ----------
        columns : Tensor of shape (p, k)
            ``C``, for ``C^T z'``.

        Returns
        -------
        columns : Tensor of shape (p, k)
            ``M^T C``: those of each levelled channel sum to zero.
        """
        channels = columns.reshape(len(self.lag_weights), len(self.is_levelled), -1)
        total = channels.sum(0) * self.is_levelled[:, None]
        return (channels - self.lag_weights[:, None, None] * total).reshape(columns.shape)

    def restore(self, response: Tensor) -> Tensor:
        """Return the response to the windows as they are, the level of the forecast included.

        Parameters
        ----------
        response : Tensor of shape (p, n_outputs)
            ``H'``, from normalised windows to normalised targets.

        Returns
        -------
        response : Tensor of shape (p, n_outputs)
            ``H = M^T H' + L P^T``. What a target takes from its own levelled channel sums to one;
            an intercept stays as it is.
        """
        level = self.lag_weights[:, None, None] * self.target_channels.mT
        return self.pull(response) + level.reshape(response.shape)

    def _level(self, columns: Tensor) -> Tensor:
        """Return ``L^T C`` of columns (p, k), (n_channels, k)."""
        channels = columns.reshape(len(self.lag_weights), len(self.is_levelled), -1)
        return torch.einsum("l,lck->ck", self.lag_weights, channels)

    def _less_level(self, columns: Tensor) -> Tensor:
        """Return ``M C`` of columns (p, k)."""
        channels = columns.reshape(len(self.lag_weights), len(self.is_levelled), -1)
        level = self._level(columns) * self.is_levelled[:, None]
        return (channels - level).reshape(columns.shape)


def _without_rounding(found: LagStatistics, before: LagStatistics) -> LagStatistics:
    """Return sums with zeros where what was taken away has left rounding alone."""
    spread = found.input_scatter.diagonal(), found.target_scatter
    whole = before.input_scatter.diagonal(), before.target_scatter
    inputs, targets = (a <= ROUNDING * b for a, b in zip(spread, whole, strict=True))
    return replace(
        found,
        input_scatter=found.input_scatter.masked_fill(inputs[:, None] | inputs, 0.0),
        cross_scatter=found.cross_scatter.masked_fill(inputs[:, None] | targets, 0.0),
        target_scatter=found.target_scatter.masked_fill(targets, 0.0),
    )
