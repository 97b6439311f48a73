"""The energy of a response, lag by lag, beside that of its prior."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from sklearn_linrnn._estimators.base import LagRegressor

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def effective_memory(energy: ArrayLike, *, share: float = 0.9) -> int:
    """Return the lag that holds a share of the energy.

    Parameters
    ----------
    energy : array-like of shape (n_lags,)
        Energy of each lag, lag 0 first, not negative: the ``lag_weights_`` of an estimator for the
        memory of its prior, the squares of its ``impulse_response_`` for that of the fit.
    share : float, default=0.9
        Share of the total energy, within (0, 1].

    Returns
    -------
    lag : int
        The smallest lag ``j`` such that lags 0 to ``j`` together hold that share; 0 means that
        the present time step suffices. 0 also if there is no energy at all.

    Raises
    ------
    ValueError
        If `energy` is not one-dimensional, is negative or not finite somewhere, or `share` is out
        of range.

    Examples
    --------
    >>> from sklearn_linrnn import effective_memory, linear_rnn_lag_weights
    >>> [effective_memory(linear_rnn_lag_weights(100, nu_w)) for nu_w in (0.1, 0.5, 0.9)]
    [1, 5, 35]
    """
    energy = np.asarray(energy, dtype=np.float64)
    if energy.ndim != 1 or energy.size == 0:
        raise ValueError(f"energy must have shape (n_lags,), but got shape {energy.shape}.")
    if not np.isfinite(energy).all() or (energy < 0).any():
        raise ValueError("energy must be finite and not negative at every lag.")
    if not 0 < share <= 1:
        raise ValueError(f"share must be within (0, 1], but got {share}.")
    cumulative = np.cumsum(energy)
    # Rounding of the sum must not push the last lags past the total.
    return int(np.argmax(cumulative >= share * cumulative[-1] * (1 - 1e-12)))


def response_energy(impulse_response: NDArray) -> NDArray:
    """Return ``||H_j||^2`` of ``(n_outputs, n_channels, n_lags)`` for each lag."""
    return np.square(impulse_response).sum(axis=(0, 1))


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

    Attributes
    ----------
    prior_memory_, fit_memory_ : int
        The lags that hold 90 % of either energy, as `effective_memory` returns them.
    ax_ : matplotlib.axes.Axes
        Axes of the last plot.
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
    >>> display.prior_memory_, display.fit_memory_
    (5, 3)
    """

    def __init__(self, prior: NDArray, fit: NDArray, name: str) -> None:
        self.prior = prior
        self.fit = fit
        self.name = name
        self.prior_memory_ = effective_memory(prior)
        self.fit_memory_ = effective_memory(fit)

    @classmethod
    def from_estimator(cls, estimator: Any) -> Self:
        """Return the display of a fitted estimator of this package.

        Parameters
        ----------
        estimator : estimator
            A fitted regressor of this package.

        Returns
        -------
        display : MemoryDisplay
        """
        if not isinstance(estimator, LagRegressor):
            raise TypeError(
                "estimator must be one of this package's regressors, but got "
                f"{type(estimator).__name__}."
            )
        check_is_fitted(estimator)
        fit = response_energy(estimator.impulse_response_)
        return cls(_shares(estimator.lag_weights_), _shares(fit), name=type(estimator).__name__)

    def frame(self) -> pd.DataFrame:
        """Return the numbers of the plot.

        Returns
        -------
        frame : pandas.DataFrame
            Columns ``prior`` and ``fit``, index ``lag``.
        """
        index = pd.RangeIndex(len(self.prior), name="lag")
        return pd.DataFrame({"prior": self.prior, "fit": self.fit}, index=index)

    def plot(self, ax: Axes | None = None) -> Self:
        """Draw the energies against the lag.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; ``None`` for new ones.

        Returns
        -------
        display : MemoryDisplay
            Itself, with ``ax_`` and ``figure_``.
        """
        try:
            import matplotlib.pyplot as plt
        except ImportError as error:
            raise ImportError(
                "MemoryDisplay.plot needs Matplotlib: pip install 'sklearn-linrnn[plot]'."
            ) from error

        ax = plt.subplots(layout="constrained")[1] if ax is None else ax
        lags = np.arange(len(self.prior))
        bars = ax.bar(lags, self.fit, color="tab:blue", alpha=0.6)
        bars.set_label(f"fit, 90 % within lag {self.fit_memory_}")
        ax.plot(
            lags,
            self.prior,
            color="tab:orange",
            marker="." if len(lags) < 60 else "",
            label=f"prior, 90 % within lag {self.prior_memory_}",
        )
        ax.set(xlabel="lag", ylabel="share of energy", title=f"Memory of {self.name}")
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _shares(energy: NDArray) -> NDArray:
    total = energy.sum()
    return np.asarray(energy / total if total > 0 else np.zeros_like(energy), dtype=np.float64)
