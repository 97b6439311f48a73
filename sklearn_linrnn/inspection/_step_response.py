"""What a model answers to an input that goes up and stays, and how sure that is."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from sklearn_linrnn._estimators.response_lags import response_lags
from sklearn_linrnn.inspection._posterior import (
    channel_names,
    check_regressor,
    posterior_roots,
    residual_predictability,
)
from sklearn_linrnn.inspection._response_display import ResponseDisplay


class StepResponseDisplay(ResponseDisplay):
    """Response to an input that steps from 0 to 1, with the band of its posterior.

    Make it with `from_estimator`.

    Parameters
    ----------
    response : ndarray of shape (n_outputs, n_channels, n_lags)
        The step response, sums of the impulse response up to each lag.
    name : str
        Name of the estimator, for the title.
    deviation : ndarray of shape (n_outputs, n_channels, n_lags), default=None
        Standard deviation of each entry in the posterior; ``None`` if there is none.
    coverage : float, default=0.9
        Probability that the band holds an entry.
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
    >>> from sklearn_linrnn import NTKConvRegressor, StepResponseDisplay
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(300, 1))
    >>> y = np.convolve(x[:, 0], [1.0, 0.5])[:300] + rng.normal(size=300)
    >>> model = NTKConvRegressor(0.3, alpha="auto", rows="timesteps", n_lags=3).fit(x, y)
    >>> StepResponseDisplay.from_estimator(model, sampling_time=0.5).frame().round(1)
                          time  response  lower  upper
    output channel   lag
    0      channel 0 0     0.0       1.0    0.9    1.1
                     1     0.5       1.6    1.5    1.8
                     2     1.0       1.6    1.5    1.8
    """

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, coverage: float = 0.9, sampling_time: float = 1.0
    ) -> Self:
        """Return the display of a fitted estimator of this package.

        Parameters
        ----------
        estimator : estimator
            A fitted regressor of this package. Those without a posterior, networks among them,
            have no band.
        coverage : float, default=0.9
            Probability of the band, within (0, 1), for each lag by itself.
        sampling_time : float, default=1.0
            Time between two time steps, in seconds; 1 leaves the axis in time steps.

        Returns
        -------
        display : StepResponseDisplay
        """
        check_regressor(estimator)
        deviation = None
        if (posterior := posterior_roots(estimator)) is not None:
            roots, noise_variance = posterior
            spread = np.linalg.norm(roots.cumsum(axis=1), axis=2)  # errors of lags go together
            deviation = np.sqrt(noise_variance)[:, None, None] * spread
        return cls(
            estimator.impulse_response_.cumsum(axis=2),
            type(estimator).__name__,
            deviation=deviation,
            coverage=coverage,
            channel_names=channel_names(estimator),
            lags=response_lags(estimator),
            sampling_time=sampling_time,
            predictability=residual_predictability(estimator),
        )

    @property
    def _quantity(self) -> str:
        return "step response"
