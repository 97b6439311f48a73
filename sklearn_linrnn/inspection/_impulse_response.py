"""The impulse response of a model, how sure it is, and what its prior allows."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_linrnn.inspection._pictures import (
    BLUE,
    TITLE,
    VERMILION,
    add_legend,
    as_percent,
    label_lags,
    make_axes,
    marker,
)
from sklearn_linrnn.inspection._posterior import (
    channel_names,
    check_coverage,
    check_regressor,
    find_posterior,
    half_width,
    prior_deviation,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class ImpulseResponseDisplay:
    """Impulse response with the band of its posterior and the envelope of its prior.

    Make it with `from_estimator`.

    Parameters
    ----------
    response : ndarray of shape (n_outputs, n_channels, n_lags)
        The impulse response, lag 0 first.
    prior_deviation : ndarray of shape (n_outputs, n_channels, n_lags)
        Standard deviation of each entry before the data.
    name : str
        Name of the estimator, for the title.
    deviation : ndarray of shape (n_outputs, n_channels, n_lags), default=None
        Standard deviation of each entry in the posterior; ``None`` if there is none.
    is_scaled : bool, default=True
        Whether the scale of the prior is known, or is that of the response.
    coverage : float, default=0.9
        Probability that band and envelope hold an entry.
    channel_names : sequence of str, default=None
        Names of the channels; ``None`` for numbers.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        First axes of the last plot.
    axes_ : ndarray of matplotlib.axes.Axes
        All of them, the channels of the first output first.
    figure_ : matplotlib.figure.Figure
        Figure of the last plot.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_linrnn import ImpulseResponseDisplay, NTKConvRegressor
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(300, 1))
    >>> y = np.convolve(x[:, 0], [1.0, 0.5])[:300] + rng.normal(size=300)
    >>> model = NTKConvRegressor(0.3, alpha="auto", rows="timesteps", n_lags=3).fit(x, y)
    >>> ImpulseResponseDisplay.from_estimator(model).frame()[["lower", "upper"]].round(1)
                          lower  upper
    output channel   lag
    0      channel 0 0      0.9    1.1
                     1      0.5    0.7
                     2     -0.1    0.1
    """

    def __init__(
        self,
        response: NDArray,
        prior_deviation: NDArray,
        name: str,
        *,
        deviation: NDArray | None = None,
        is_scaled: bool = True,
        coverage: float = 0.9,
        channel_names: Sequence[str] | None = None,
    ) -> None:
        check_coverage(coverage)
        self.response = response
        self.prior_deviation = prior_deviation
        self.name = name
        self.deviation = deviation
        self.is_scaled = is_scaled
        self.coverage = coverage
        numbers = [f"channel {number}" for number in range(response.shape[1])]
        self.channel_names = numbers if channel_names is None else list(channel_names)

    @classmethod
    def from_estimator(cls, estimator: Any, *, coverage: float = 0.9) -> Self:
        """Return the display of a fitted estimator of this package.

        Parameters
        ----------
        estimator : estimator
            A fitted regressor of this package. Those without a posterior, networks among them,
            have no band; nor has their prior a scale, and its envelope gets the energy of the
            response.
        coverage : float, default=0.9
            Probability of band and envelope, within (0, 1), for each lag by itself.

        Returns
        -------
        display : ImpulseResponseDisplay
        """
        check_regressor(estimator)
        envelope, is_scaled = prior_deviation(estimator)
        has_posterior = find_posterior(estimator) is not None
        return cls(
            estimator.impulse_response_,
            envelope,
            type(estimator).__name__,
            deviation=estimator.impulse_response_std_ if has_posterior else None,
            is_scaled=is_scaled,
            coverage=coverage,
            channel_names=channel_names(estimator),
        )

    def frame(self) -> pd.DataFrame:
        """Return the numbers of the plot.

        Returns
        -------
        frame : pandas.DataFrame
            Columns ``response``, ``prior_lower`` and ``prior_upper``, and with a posterior
            ``lower`` and ``upper``; index ``output``, ``channel`` and ``lag``.
        """
        n_outputs, _, n_lags = self.response.shape
        prior = self._width * self.prior_deviation
        columns = {"response": self.response, "prior_lower": -prior, "prior_upper": prior}
        if self.deviation is not None:
            band = self._width * self.deviation
            columns |= {"lower": self.response - band, "upper": self.response + band}
        index = pd.MultiIndex.from_product(
            [range(n_outputs), self.channel_names, range(n_lags)],
            names=["output", "channel", "lag"],
        )
        return pd.DataFrame({name: array.ravel() for name, array in columns.items()}, index)

    @property
    def _width(self) -> float:
        return half_width(self.coverage)

    def plot(self, ax: Any = None) -> Self:
        """Draw the response against the lag, in a panel for each output and channel.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or array of them, default=None
            An axes for each panel, the channels of the first output first; ``None`` for new ones.

        Returns
        -------
        display : ImpulseResponseDisplay
            Itself, with ``ax_``, ``axes_`` and ``figure_``.
        """
        n_outputs, n_channels, _ = self.response.shape
        n_panels, n_columns = n_outputs * n_channels, min(n_channels, 3)
        axes = make_axes(self, ax, n_panels, n_columns, sharex=True)
        pairs = itertools.product(range(n_outputs), range(n_channels))
        for panel, (output, channel) in zip(axes, pairs, strict=True):
            self._draw(panel, output, channel)
            panel.set_title(self._title(output, channel), fontsize=TITLE)
        label_lags(axes, "impulse response", n_columns)
        add_legend(axes, is_new=ax is None)
        self.ax_, self.axes_, self.figure_ = axes[0], np.array(axes), axes[0].figure
        return self

    def _title(self, output: int, channel: int) -> str:
        n_outputs, n_channels, _ = self.response.shape
        if n_outputs * n_channels == 1:
            return f"Impulse response of {self.name}"
        source = self.channel_names[channel]
        return source if n_outputs == 1 else f"output {output} from {source}"

    def _draw(self, ax: Axes, output: int, channel: int) -> None:
        response, share = self.response[output, channel], as_percent(self.coverage)
        lags = np.arange(len(response))
        envelope = self._width * self.prior_deviation[output, channel]
        label = f"prior, {share}" if self.is_scaled else "prior, scaled to the response"
        ax.fill_between(lags, -envelope, envelope, color=VERMILION, alpha=0.15, lw=0, label=label)
        ax.axhline(0, color="0.6", lw=0.8)
        if self.deviation is not None:
            band = self._width * self.deviation[output, channel]
            ax.fill_between(
                lags, response - band, response + band,
                color=BLUE, alpha=0.35, lw=0, label=f"posterior, {share}",
            )  # fmt: skip
        name = "response" if self.deviation is not None else "response (no posterior)"
        ax.plot(lags, response, color=BLUE, marker=marker(lags), label=name)
