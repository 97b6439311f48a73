"""What pictures of responses in time share: curves with bands, and their numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_linrnn._estimators.systems import check_sampling_time
from sklearn_linrnn.inspection._pairs import draw_pairs, frame_of_pairs, numbered_channels
from sklearn_linrnn.inspection._pictures import BLUE, LAG, marker, posterior_label
from sklearn_linrnn.inspection._posterior import check_coverage, half_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class ResponseDisplay(ABC):
    """A response in time with the band of its posterior, a panel for each pair."""

    def __init__(
        self,
        response: NDArray,
        name: str,
        *,
        deviation: NDArray | None = None,
        coverage: float = 0.9,
        channel_names: Sequence[str] | None = None,
        lags: NDArray | None = None,
        sampling_time: float = 1.0,
        predictability: float = 0.0,
    ) -> None:
        check_coverage(coverage)
        check_sampling_time(sampling_time)
        self.response = response
        self.name = name
        self.deviation = deviation
        self.coverage = coverage
        self.channel_names = numbered_channels(response.shape[1], channel_names)
        self.lags = np.arange(response.shape[2]) if lags is None else lags
        self.sampling_time = sampling_time
        self.predictability = predictability

    @property
    @abstractmethod
    def _quantity(self) -> str:
        """What is drawn, as a label says it."""

    def frame(self) -> pd.DataFrame:
        """Return the numbers of the plot.

        Returns
        -------
        frame : pandas.DataFrame
            Columns ``time``, which is the lag in units of `sampling_time`, and ``response``, and
            with a posterior ``lower`` and ``upper``; index ``output``, ``channel`` and ``lag``.
        """
        columns = {"time": self._time, "response": self.response, **self._prior(), **self._band()}
        n_outputs = len(self.response)
        return frame_of_pairs(columns, n_outputs, self.channel_names, lag=self.lags)

    def plot(self, ax: Any = None) -> Self:
        """Draw the response against the lag, in a panel for each output and channel.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or array of them, default=None
            An axes for each panel, the channels of the first output first; ``None`` for new ones.

        Returns
        -------
        display : object
            Itself, with ``ax_``, ``axes_`` and ``figure_``.
        """
        in_steps = self.sampling_time == 1
        draw_pairs(
            self,
            ax,
            len(self.response),
            self.channel_names,
            self._draw,
            title=f"{self._quantity.capitalize()} of {self.name}",
            labels=[LAG if in_steps else "time, in seconds", self._quantity],
        )
        if in_steps:
            for panel in self.axes_:
                panel.locator_params(axis="x", integer=True)
        return self

    axes_: NDArray

    @property
    def _time(self) -> NDArray:
        return self.lags * self.sampling_time

    @property
    def _width(self) -> float:
        return half_width(self.coverage)

    def _band(self) -> dict[str, NDArray]:
        if self.deviation is None:
            return {}
        band = self._width * self.deviation
        return {"lower": self.response - band, "upper": self.response + band}

    def _prior(self) -> dict[str, NDArray]:
        """Return what was expected before the data, if that is known."""
        return {}

    def _draw(self, axes: list[Axes], output: int, channel: int) -> None:
        (ax,), time, response = axes, self._time, self.response[output, channel]
        ax.axhline(0, color="0.6", lw=0.8)
        if self.deviation is not None:
            lower, upper = (end[output, channel] for end in self._band().values())
            label = posterior_label(self.coverage, self.predictability)
            ax.fill_between(time, lower, upper, color=BLUE, alpha=0.35, lw=0, label=label)
        name = "response" if self.deviation is not None else "response (no posterior)"
        ax.plot(time, response, color=BLUE, marker=marker(time), label=name)
