"""What residuals have to do with each other and with the inputs, lag by lag: the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_linrnn._estimators.systems import check_sampling_time
from sklearn_linrnn.inspection._pairs import draw_pairs
from sklearn_linrnn.inspection._pictures import BLUE, LAG, VERMILION, as_percent
from sklearn_linrnn.inspection._posterior import check_coverage, half_width
from sklearn_linrnn.inspection._residual_tests import (
    ResidualCheck,
    equals_p_value,
    frame_of_tests,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RESIDUALS = "residuals"


class ResidualDisplay:
    """Correlations of residuals with each other and with the inputs, and what they are by chance.

    Make it with `from_estimator`.

    Parameters
    ----------
    correlations : pandas.DataFrame
        Index ``output``, ``input`` and ``lag``, columns ``correlation``, ``lower`` and ``upper``.
    tests : pandas.DataFrame
        As `residual_tests` returns it.
    coverage : float, default=0.95
        Probability that a correlation is within the bounds if the model is right.
    sampling_time : float, default=1.0
        Time between two time steps, in seconds; 1 leaves the axis in time steps.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        First axes of the last plot.
    axes_ : ndarray of matplotlib.axes.Axes
        All of them: of the residuals of the first output, of its inputs, and so on.
    figure_ : matplotlib.figure.Figure
        Figure of the last plot.

    See Also
    --------
    residual_tests : The tests of all lags together.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_linrnn import NTKConvRegressor, ResidualDisplay
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(1000, 1))
    >>> y = x[:, 0] + np.roll(x[:, 0], 3) + rng.normal(size=1000)
    >>> model = NTKConvRegressor(rows="timesteps", n_lags=3).fit(x, y)
    >>> display = ResidualDisplay.from_estimator(model, x, y, n_lags=2)
    >>> display.frame().xs("channel 0", level="input").round(1)  # lag 3 is not in the model
                correlation  lower  upper
    output lag
    0      -2           0.0   -0.1    0.1
           -1           0.0   -0.1    0.1
            0           0.0   -0.0    0.0
            1           0.0   -0.0    0.0
            2           0.0   -0.0    0.0
            3           0.7   -0.1    0.1
            4           0.0   -0.1    0.1
    """

    def __init__(
        self,
        correlations: pd.DataFrame,
        tests: pd.DataFrame,
        *,
        coverage: float = 0.95,
        sampling_time: float = 1.0,
    ) -> None:
        check_coverage(coverage)
        check_sampling_time(sampling_time)
        self.correlations = correlations
        self.tests = tests
        self.coverage = coverage
        self.sampling_time = sampling_time

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        n_lags: int | None = None,
        sequence_id: Any = None,
        coverage: float = 0.95,
        sampling_time: float = 1.0,
    ) -> Self:
        """Return the display of a fitted estimator of this package, and of data.

        Parameters
        ----------
        estimator : estimator
            A fitted regressor of this package, of recordings with a target at every time step.
        X : array-like or list
            Inputs, in any of the shapes that `fit` takes for recordings: those of the training, or
            others.
        y : array-like or list
            Targets, as in `fit`; NaN where they were not observed.
        n_lags : int, default=None
            Number of time steps, as in `residual_tests`.
        sequence_id : array-like of shape (n_samples,), default=None
            With ``rows="timesteps"``, the recording that each row belongs to; required if `fit` was
            given it.
        coverage : float, default=0.95
            Probability that a correlation is within the bounds if the model is right, for each lag
            by itself, within (0, 1).
        sampling_time : float, default=1.0
            Time between two time steps, in seconds; 1 leaves the axis in time steps.

        Returns
        -------
        display : ResidualDisplay

        Raises
        ------
        TypeError
            If the estimator is not one of this package's regressors, or `n_lags` is not whole.
        ValueError
            As `residual_tests` does, or if another argument is out of range.

        Notes
        -----
        Bounds of the residuals of a training are narrow at the lags of the model, which has
        taken away what it could. Of a model without a posterior bounds leave out that its response
        was learned.
        """
        check_coverage(coverage)
        check = ResidualCheck(estimator, X, y, n_lags, sequence_id)
        width = half_width(coverage)
        names = [RESIDUALS, *check.channel_names]
        parts = []
        for output, spread in enumerate(check.outputs):
            found, middle, deviations = check.autocorrelations(output)
            lags = np.arange(1, check.n_lags + 1)
            parts.append(_bounded(output, names[0], lags, found, middle, width * deviations))
            for channel, name in enumerate(check.channel_names):
                found, deviations = spread.correlations(channel)
                parts.append(_bounded(output, name, check.lags, found, 0.0, width * deviations))
        correlations = pd.concat(parts, ignore_index=True)
        # In this order, in which rows are found without a search.
        correlations["input"] = pd.Categorical(correlations["input"], list(dict.fromkeys(names)))
        correlations = correlations.set_index(["output", "input", "lag"])
        return cls(
            correlations, frame_of_tests(check), coverage=coverage, sampling_time=sampling_time
        )

    def frame(self) -> pd.DataFrame:
        """Return the numbers of the plot.

        Returns
        -------
        frame : pandas.DataFrame
            Columns ``correlation``, ``lower`` and ``upper``; index ``output``, ``input``, that is
            "residuals" or the name of a channel, and ``lag``, negative for inputs after the
            residual.
        """
        return self.correlations.copy()

    def plot(self, ax: Any = None) -> Self:
        """Draw correlations against the lag, in a panel for the residuals and for each input.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or array of them, default=None
            An axes for each panel: the residuals of the first output, its inputs, and so on;
            ``None`` for new ones.

        Returns
        -------
        display : ResidualDisplay
            Itself, with ``ax_``, ``axes_`` and ``figure_``.
        """
        outputs = self.correlations.index.unique("output")
        inputs = [str(name) for name in self.correlations.index.unique("input")]
        pairs = [(output, name) for output in outputs for name in inputs]
        draw_pairs(
            self,
            ax,
            len(outputs),
            inputs,
            lambda axes, output, place: self._draw(axes[0], outputs[output], inputs[place]),
            titles=[self._title(*pair, n_outputs=len(outputs)) for pair in pairs],
            labels=[LAG if self.sampling_time == 1 else "lag, in seconds", "correlation"],
            sharex=False,
        )
        return self

    def _title(self, output: int, name: str, *, n_outputs: int) -> str:
        """Return what a panel shows, and the p-values of its tests."""
        tests = self.tests.query("output == @output and input == @name")
        values = [
            f"{test.test} p {equals_p_value(test.p_value)}"
            for test in tests.itertuples()
            if not np.isnan(test.p_value)
        ]
        of_output = name if n_outputs == 1 else f"output {output}, {name}"
        return "\n".join([of_output, *values])

    def _draw(self, ax: Axes, output: int, name: str) -> None:
        places = self.correlations.index
        are_shown = (places.get_level_values("output") == output) & (
            places.get_level_values("input") == name
        )
        rows = self.correlations[are_shown].droplevel(["output", "input"])
        lag = rows.index.to_numpy() * self.sampling_time
        label = f"by chance, {as_percent(self.coverage)}"
        ax.fill_between(
            lag, rows["lower"], rows["upper"], step="mid", color=BLUE, alpha=0.2, lw=0, label=label
        )
        outside = ~rows["correlation"].between(rows["lower"], rows["upper"]).to_numpy()
        for shown, color, what in ((~outside, BLUE, "within"), (outside, VERMILION, "outside")):
            values = np.where(shown, rows["correlation"], np.nan)
            ax.vlines(lag, 0.0, values, color=color, lw=1.2)
            ax.plot(lag, values, ".", color=color, label=f"correlation, {what}")
        ax.axhline(0.0, color="0.25", lw=0.8)
        if lag[0] < 0:
            ax.axvline(0.0, color="0.6", lw=0.8, ls=":")


def _bounded(
    output: int, name: str, lags: NDArray, found: NDArray, middle: NDArray | float, width: NDArray
) -> pd.DataFrame:
    places = {"output": output, "input": name, "lag": lags}
    return pd.DataFrame(
        {**places, "correlation": found, "lower": middle - width, "upper": middle + width}
    )
