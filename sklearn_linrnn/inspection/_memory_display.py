"""The energy of a response, lag by lag, beside that of its prior: the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_linrnn._core.units import binary_unit
from sklearn_linrnn.inspection._memory import (
    effective_memory,
    prior_energy,
    quantiles_of_memory,
    response_energy,
)
from sklearn_linrnn.inspection._pictures import (
    BLUE,
    TITLE,
    VERMILION,
    add_legend,
    as_percent,
    label_lags,
    make_axes,
    marker,
    posterior_label,
)
from sklearn_linrnn.inspection._posterior import (
    channel_names,
    check_coverage,
    check_regressor,
    draw_responses,
    find_posterior,
    residual_predictability,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False)
class LagShares:
    """Where in time the energy of a response is, and how sure that is.

    Attributes
    ----------
    lags : ndarray of int, shape (n_lags,)
        The lags.
    shares : ndarray of shape (n_lags,)
        Share of each lag.
    memory : int
        The lag that holds 90 % of it.
    band : ndarray of shape (2, n_lags) or None
        Quantiles of the shares in the posterior, for each lag by itself.
    interval : tuple of int or None
        Quantiles of the memory in the posterior.
    """

    lags: NDArray
    shares: NDArray
    memory: int
    band: NDArray | None = None
    interval: tuple[int, int] | None = None

    @classmethod
    def of(cls, energy: NDArray, draws: NDArray | None, coverage: float, first_lag: int) -> Self:
        """Return those of energies (n_lags,), and of draws (n_draws, n_lags) if there are some."""
        lags = first_lag + np.arange(len(energy))
        known = lags, shares(energy), effective_memory(energy, first_lag=first_lag)
        if draws is None:
            return cls(*known)
        tail = (1.0 - coverage) / 2.0
        band = np.quantile(shares(draws), [tail, 1.0 - tail], axis=0)
        return cls(*known, band, quantiles_of_memory(draws, coverage, first_lag))

    def say_memory(self) -> str:
        """Return the memory and its interval as a label says them."""
        between = "" if self.interval is None else f" ({self.interval[0]} to {self.interval[1]})"
        return f"{_within(self.memory, int(self.lags[0]))}{between}"


class MemoryDisplay:
    """Energy of a model's response and of its prior, lag by lag.

    Make it with `from_estimator`.

    Parameters
    ----------
    prior : ndarray of shape (n_lags,)
        Share of each lag in the energy of the prior: the lag weights, normalised.
    fit : ndarray of shape (n_lags,)
        Share of each lag in the energy of the impulse response.
    name : str
        Name of the estimator, for the title.
    channels : ndarray of shape (n_channels, n_lags), default=None
        Share of each channel and lag in that energy; ``None`` for a single channel.
    draws : ndarray of shape (n_draws, n_channels, n_lags), default=None
        The same of responses drawn from the posterior; ``None`` if there is none.
    coverage : float, default=0.9
        Share of the draws that bands and intervals hold.
    channel_names : sequence of str, default=None
        Names of the channels; ``None`` for numbers.
    predictability : float, default=0.0
        Share of the variance of the residuals that the residuals before explain, which the legend
        names beside the posterior; 0 if they are white.
    channel_priors : ndarray of shape (n_channels, n_lags), default=None
        Share of each lag in the energy of the prior of each channel; ``None`` for `prior` in all.
    first_lag : int, default=0
        The first lag: a delay, or below zero minus the leads.

    Attributes
    ----------
    prior_memory_, fit_memory_ : int
        The lags that hold 90 % of either energy, as `effective_memory` returns them.
    fit_memory_interval_ : tuple of int or None
        Between which lags that of the fit lies, as `memory_interval` returns it; None without a
        posterior.
    fit_band_ : ndarray of shape (2, n_lags) or None
        Lower and upper end of the band of `fit`, for each lag by itself.
    ax_ : matplotlib.axes.Axes
        First axes of the last plot.
    axes_ : ndarray of matplotlib.axes.Axes
        All of them.
    figure_ : matplotlib.figure.Figure
        Figure of the last plot.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_linrnn import MemoryDisplay, NTKConvRegressor
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(500, 1))
    >>> model = NTKConvRegressor(rows="timesteps", n_lags=20).fit(x, np.roll(x, 3))
    >>> display = MemoryDisplay.from_estimator(model)
    >>> display.prior_memory_, display.fit_memory_, display.fit_memory_interval_
    (5, 3, (3, 3))
    """

    def __init__(
        self,
        prior: NDArray,
        fit: NDArray,
        name: str,
        *,
        channels: NDArray | None = None,
        draws: NDArray | None = None,
        coverage: float = 0.9,
        channel_names: Sequence[str] | None = None,
        predictability: float = 0.0,
        channel_priors: NDArray | None = None,
        first_lag: int = 0,
    ) -> None:
        check_coverage(coverage)
        self.first_lag = first_lag
        self.prior = prior
        self.name = name
        self.channels = fit[None] if channels is None else channels
        self.draws = draws
        self.coverage = coverage
        self.predictability = predictability
        numbers = [f"channel {number}" for number in range(len(self.channels))]
        self.channel_names = numbers if channel_names is None else list(channel_names)
        by_channel = prior if channel_priors is None else channel_priors
        self.channel_priors = np.broadcast_to(by_channel, self.channels.shape)
        self.prior_memory_ = effective_memory(prior, first_lag=first_lag)
        whole = None if draws is None else draws.sum(axis=1)
        self._total = LagShares.of(fit, whole, coverage, first_lag)
        self.fit = self._total.shares
        self.fit_memory_ = self._total.memory
        self.fit_memory_interval_ = self._total.interval
        self.fit_band_ = self._total.band

    @property
    def _by_channel(self) -> list[LagShares]:
        draws = [None] * len(self.channels) if self.draws is None else self.draws.swapaxes(0, 1)
        pairs = zip(self.channels, draws, strict=True)
        return [LagShares.of(*pair, self.coverage, self.first_lag) for pair in pairs]

    @property
    def channel_memory_(self) -> list[int]:
        """The lag that holds 90 % of the energy of each channel."""
        return [channel.memory for channel in self._by_channel]

    @property
    def channel_memory_interval_(self) -> list[tuple[int, int] | None]:
        """Between which lags that of each channel lies."""
        return [channel.interval for channel in self._by_channel]

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, coverage: float = 0.9, n_draws: int = 1000, random_state: Any = 0
    ) -> Self:
        """Return the display of a fitted estimator of this package.

        Parameters
        ----------
        estimator : estimator
            A fitted regressor of this package.
        coverage : float, default=0.9
            Probability of bands and intervals, within (0, 1), where it has a posterior.
        n_draws : int, default=1000
            Number of responses that are drawn from the posterior.
        random_state : int, RandomState instance or None, default=0
            Source of the draws.

        Returns
        -------
        display : MemoryDisplay
        """
        check_regressor(estimator)
        check_coverage(coverage)
        draws = None
        if find_posterior(estimator) is not None:
            responses = draw_responses(estimator, n_draws, random_state)
            energies = np.square(responses / binary_unit(responses)).sum(axis=1)
            draws = shares(energies.reshape(n_draws, -1)).reshape(energies.shape)
        response = estimator.impulse_response_ / binary_unit(estimator.impulse_response_)
        channels = np.square(response).sum(axis=0)
        return cls(
            shares(prior_energy(estimator.lag_weights_)),
            shares(response_energy(response)),
            name=type(estimator).__name__,
            channels=shares(channels.ravel()).reshape(channels.shape),
            draws=draws,
            coverage=coverage,
            channel_names=channel_names(estimator),
            predictability=residual_predictability(estimator),
            channel_priors=shares(estimator.lag_weights_),
            first_lag=estimator.first_lag_,
        )

    def frame(self) -> pd.DataFrame:
        """Return the numbers of the plot.

        Returns
        -------
        frame : pandas.DataFrame
            Columns ``prior`` and ``fit``, index ``lag``; with a posterior the band,
            ``fit_lower`` and ``fit_upper``; with several channels a column for each, which add up
            to the fit.
        """
        columns = {"prior": self.prior, "fit": self.fit}
        if self.fit_band_ is not None:
            columns["fit_lower"], columns["fit_upper"] = self.fit_band_
        if len(self.channels) > 1:
            columns |= dict(zip(self.channel_names, self.channels, strict=True))
        last = self.first_lag + len(self.prior)
        return pd.DataFrame(columns, index=pd.RangeIndex(self.first_lag, last, name="lag"))

    def plot(self, ax: Any = None, *, by_channel: bool = False) -> Self:
        """Draw the energies against the lag.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on, with `by_channel` one for each channel; ``None`` for new ones.
        by_channel : bool, default=False
            Whether to draw a panel for each channel, with the shares of its lags in its own energy.

        Returns
        -------
        display : MemoryDisplay
            Itself, with ``ax_``, ``axes_`` and ``figure_``.
        """
        if by_channel:
            found, titles = self._by_channel, self._channel_titles()
            label, priors = "fit", self.channel_priors
        else:
            found, titles = [self._total], [f"Memory of {self.name}"]
            label, priors = f"fit, {self._total.say_memory()}", self.prior[None]
        n_columns = min(len(found), 3)
        axes = make_axes(self, ax, len(found), n_columns, sharex=True, sharey=True)
        for panel, energy, title, prior in zip(axes, found, titles, priors, strict=True):
            self._draw(panel, energy, prior, label)
            panel.set_title(title, fontsize=TITLE)
        label_lags(axes, "share of energy", n_columns)
        add_legend(axes, is_new=ax is None)
        self.ax_, self.axes_, self.figure_ = axes[0], np.array(axes), axes[0].figure
        return self

    def _channel_titles(self) -> list[str]:
        parts = [as_percent(round(float(channel.sum()), 2)) for channel in self.channels]
        each = zip(self.channel_names, parts, self._by_channel, strict=True)
        return [f"{name}, {part} of the energy\n{found.say_memory()}" for name, part, found in each]

    def _draw(self, ax: Axes, energy: LagShares, prior: NDArray, label: str) -> None:
        lags = energy.lags
        ax.bar(lags, energy.shares, color=BLUE, alpha=0.6, label=label)
        if energy.band is not None:
            label = posterior_label(self.coverage, self.predictability, " of the fit")
            ax.vlines(lags, *energy.band, color="0.25", lw=1.2, label=label)
        memory = effective_memory(prior, first_lag=self.first_lag)
        label = f"prior, {_within(memory, self.first_lag)}"
        ax.plot(lags, prior, color=VERMILION, marker=marker(lags), label=label)


def _within(memory: int, first_lag: int) -> str:
    """Return up to where most of the energy is, as a label says it."""
    if first_lag < 0:
        return f"90 % within {memory} time steps of the target"
    return f"90 % within lag {memory}"


def shares(energy: NDArray) -> NDArray[np.float64]:
    """Return energies (..., n_lags) as shares of their sums; zero where there is no energy."""
    total = energy.sum(axis=-1, keepdims=True)
    none = np.zeros(energy.shape)
    return np.divide(energy, total, out=none, where=total > 0)
