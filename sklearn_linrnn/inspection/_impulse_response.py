"""The impulse response of a model, how sure it is, and what its prior allows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from numpy.typing import NDArray

from sklearn_linrnn._estimators.response_lags import response_lags
from sklearn_linrnn.inspection._pictures import VERMILION, as_percent
from sklearn_linrnn.inspection._posterior import (
    channel_names,
    check_regressor,
    find_posterior,
    prior_deviation,
    residual_predictability,
)
from sklearn_linrnn.inspection._response_display import ResponseDisplay

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class ImpulseResponseDisplay(ResponseDisplay):
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
    lags : ndarray of int, shape (n_lags,), default=None
        The lags; ``None`` for those from 0 on.
    sampling_time : float, default=1.0
        Time between two time steps, in seconds; 1 leaves the axis in time steps.
    predictability : float, default=0.0
        Share of the variance of the residuals that the residuals before explain, which the legend
        names beside the posterior; 0 if they are white.

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
        lags: NDArray | None = None,
        sampling_time: float = 1.0,
        predictability: float = 0.0,
    ) -> None:
        super().__init__(
            response,
            name,
            deviation=deviation,
            coverage=coverage,
            channel_names=channel_names,
            lags=lags,
            sampling_time=sampling_time,
            predictability=predictability,
        )
        self.prior_deviation = prior_deviation
        self.is_scaled = is_scaled

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, coverage: float = 0.9, sampling_time: float = 1.0
    ) -> Self:
        """Return the display of a fitted estimator of this package.

        Parameters
        ----------
        estimator : estimator
            A fitted regressor of this package. Those without a posterior, networks among them,
            have no band; nor has their prior a scale, and its envelope gets the energy of the
            response.
        coverage : float, default=0.9
            Probability of band and envelope, within (0, 1), for each lag by itself.
        sampling_time : float, default=1.0
            Time between two time steps, in seconds; 1 leaves the axis in time steps. The response
            stays that to an input of one time step.

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
            lags=response_lags(estimator),
            sampling_time=sampling_time,
            predictability=residual_predictability(estimator),
        )

    @property
    def _quantity(self) -> str:
        return "impulse response"

    def _prior(self) -> dict[str, NDArray]:
        prior = self._width * self.prior_deviation
        return {"prior_lower": -prior, "prior_upper": prior}

    def _draw(self, axes: list[Axes], output: int, channel: int) -> None:
        envelope = self._width * self.prior_deviation[output, channel]
        share = as_percent(self.coverage)
        label = f"prior, {share}" if self.is_scaled else "prior, scaled to the response"
        axes[0].fill_between(
            self._time, -envelope, envelope, color=VERMILION, alpha=0.15, lw=0, label=label
        )
        super()._draw(axes, output, channel)
