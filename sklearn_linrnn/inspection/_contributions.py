"""What each observed value adds to forecasts: the picture."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from sklearn_linrnn.inspection._pictures import (
    BLUE,
    GREEN,
    TITLE,
    VERMILION,
    add_legend,
    label_lags,
    make_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BARS = 0.8  # of the distance between two lags
MOST_COLUMNS = 3  # panels side by side


class ContributionDisplay:
    """What each observed value adds to forecasts, lag by lag, beside one another for each input.

    Make it with `from_forecaster`.

    Parameters
    ----------
    contributions : DataFrame of shape (n_forecasts, n_values + 1)
        A row for each forecast, with the columns ``input`` and ``lag``, the intercept last; as
        `LagForecaster.explain` returns it.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        First axes of the last plot.
    axes_ : ndarray of matplotlib.axes.Axes
        All of them.
    figure_ : matplotlib.figure.Figure
        Figure of the last plot.

    Examples
    --------
    >>> import numpy as np
    >>> from sktime.datasets import load_airline
    >>> from sklearn_linrnn import ContributionDisplay
    >>> from sklearn_linrnn.forecasting import LagForecaster
    >>> forecaster = LagForecaster(n_lags=13).fit(np.log(load_airline()))
    >>> display = ContributionDisplay.from_forecaster(forecaster, fh=[1, 12])
    >>> display.frame().shape  # two forecasts, 13 lags and an intercept
    (2, 14)
    """

    def __init__(self, contributions: pd.DataFrame) -> None:
        self.contributions = contributions

    @classmethod
    def from_forecaster(cls, forecaster: Any, fh: Any = None, X: Any = None) -> Self:
        """Return the display of a fitted forecaster.

        Parameters
        ----------
        forecaster : LagForecaster
            A fitted forecaster of this package.
        fh : int, list or ForecastingHorizon, default=None
            Steps after the cutoff; ``None`` for those of `fit`.
        X : DataFrame, default=None
            Future of the exogenous series, as in `predict`.

        Returns
        -------
        display : ContributionDisplay
        """
        return cls(forecaster.explain(fh, X))

    def frame(self) -> pd.DataFrame:
        """Return the numbers of the plot.

        Returns
        -------
        frame : pandas.DataFrame
            The contributions, a row for each forecast, whose sum it is.
        """
        return self.contributions

    def plot(self, ax: Any = None) -> Self:
        """Draw a panel of bars against the lag for each forecast.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or array of them, default=None
            Axes to draw on, one for each forecast; ``None`` for new ones.

        Returns
        -------
        display : ContributionDisplay
            Itself, with ``ax_``, ``axes_`` and ``figure_``.
        """
        n_panels = len(self.contributions)
        n_columns = min(n_panels, MOST_COLUMNS)
        axes = make_axes(self, ax, n_panels, n_columns, sharex=True, sharey=True)
        for panel, (of, values) in zip(axes, self.contributions.iterrows(), strict=True):
            self._draw(panel, values.iloc[:-1])
            parts = of if isinstance(of, tuple) else (of,)
            name = ", ".join(str(part) for part in parts)
            panel.set_title(
                f"{name}\n{values.sum():.4g}, intercept {values.iloc[-1]:.2g}", fontsize=TITLE
            )
        label_lags(axes, "contribution", n_columns)
        add_legend(axes, is_new=ax is None)
        self.ax_, self.axes_, self.figure_ = axes[0], np.array(axes), axes[0].figure
        return self

    @staticmethod
    def _draw(ax: Axes, values: pd.Series) -> None:
        """Draw the bars of one forecast."""
        names = values.index.get_level_values("input")
        inputs = names.unique()
        width = BARS / len(inputs)
        for number, (name, color) in enumerate(zip(inputs, cycle((BLUE, VERMILION, GREEN)))):
            of_input = values[names == name]
            lags = of_input.index.get_level_values("lag").to_numpy()
            place = lags + (number + 0.5) * width - BARS / 2
            ax.bar(place, of_input.to_numpy(), width, color=color, label=str(name))
        ax.axhline(0.0, color="0.25", lw=0.8)
