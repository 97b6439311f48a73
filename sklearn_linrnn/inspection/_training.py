"""A training, iteration by iteration: its loss, its tangent kernel, its spectral radius."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from sklearn_linrnn._estimators.descent import DescentRegressor
from sklearn_linrnn._estimators.network_kernel import NetworkKernel
from sklearn_linrnn.inspection._pictures import BLUE, GREEN, TITLE, VERMILION, add_legend, make_axes
from sklearn_linrnn.inspection._retrace import kernel_changes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

N_KERNELS = 40  # most points of the curve of the kernel, at equal ratios of iterations


class TrainingDisplay:
    """Loss against iterations, with what else is known of them.

    Make it with `from_estimator`.

    Parameters
    ----------
    curves : pandas.DataFrame
        Index ``iteration``, from 1; column ``loss``, and where there are some ``held_out_loss``,
        ``kernel_change`` and ``spectral_radius``, NaN where they were not recorded.
    name : str
        Name of the estimator, for the title.
    n_kept : int, default=None
        Number of the iteration to whose parameters training returned; ``None`` if it did not.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Axes of the loss in the last plot.
    axes_ : ndarray of matplotlib.axes.Axes
        All of them: of the loss, the change of the kernel and the spectral radius.
    figure_ : matplotlib.figure.Figure
        Figure of the last plot.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_linrnn import LinearRNNRegressor, TrainingDisplay
    >>> X = np.random.default_rng(0).normal(size=(200, 4))
    >>> network = LinearRNNRegressor(50, max_iter=30, random_state=0).fit(X, X[:, -1])
    >>> TrainingDisplay.from_estimator(network).frame().columns.tolist()
    ['loss']
    >>> display = TrainingDisplay.from_estimator(network, retrace=True)
    >>> display.frame().columns.tolist()
    ['loss', 'kernel_change']
    """

    def __init__(self, curves: pd.DataFrame, name: str, n_kept: int | None = None) -> None:
        self.curves = curves
        self.name = name
        self.n_kept = n_kept

    @classmethod
    def from_estimator(cls, estimator: Any, monitor: Any = None, *, retrace: bool = False) -> Self:
        """Return the display of a trained estimator.

        Parameters
        ----------
        estimator : LinearRNNRegressor or WeightedConv1DRegressor
            A fitted regressor that was trained by iterations.
        monitor : SpectralRadiusMonitor, default=None
            A callback that recorded the spectral radius in this training.
        retrace : bool, default=False
            Whether to take the iterations again, to see how the tangent kernel of a network changes
            with them; that takes as long as training did.

        Returns
        -------
        display : TrainingDisplay

        Raises
        ------
        TypeError
            If the estimator was not trained by iterations, or is no network and `retrace` asks for
            its kernel.
        ValueError
            If `monitor` recorded another training, or `retrace` is for a network that went on
            training.
        """
        if not isinstance(estimator, DescentRegressor):
            raise TypeError(
                "estimator must be trained by iterations, as LinearRNNRegressor and "
                f"WeightedConv1DRegressor are, but got {type(estimator).__name__}."
            )
        check_is_fitted(estimator)
        record, n_iter = estimator.training_, estimator.n_iter_
        curves = {"loss": estimator.loss_curve_}
        if (held_out := record.curves.get("validation_loss_curve_")) is not None:
            # Of fits that went on, only the last ones may have held something out.
            curves["held_out_loss"] = np.r_[np.full(n_iter - len(held_out), np.nan), held_out]
        if retrace:
            curves["kernel_change"] = _scatter(n_iter, *_retrace_kernel(estimator))
        if monitor is not None:
            curves["spectral_radius"] = _scatter(n_iter, monitor.steps_, monitor.radii_)
        returned = record.n_kept if held_out is not None and not record.went_on else None
        index = pd.RangeIndex(1, n_iter + 1, name="iteration")
        return cls(pd.DataFrame(curves, index), type(estimator).__name__, returned)

    def frame(self) -> pd.DataFrame:
        """Return the numbers of the plot.

        Returns
        -------
        frame : pandas.DataFrame
            A copy of `curves`.
        """
        return self.curves.copy()

    def plot(self, ax: Any = None) -> Self:
        """Draw the curves against the iteration, one panel below the other.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or array of them, default=None
            An axes for the loss and for each other quantity that was recorded; ``None`` for new
            ones.

        Returns
        -------
        display : TrainingDisplay
            Itself, with ``ax_``, ``axes_`` and ``figure_``.
        """
        others = {"kernel_change": GREEN, "spectral_radius": GREEN}
        shown = [name for name in others if name in self.curves]
        axes = make_axes(self, ax, 1 + len(shown), sharex=True)
        self._draw_loss(axes[0])
        for panel, name in zip(axes[1:], shown, strict=True):
            recorded = self.curves[name].dropna()
            panel.plot(recorded.index, recorded, color=others[name])
            panel.set_ylabel(LABELS[name])
        axes[-1].set_xlabel("iteration")
        if "held_out_loss" in self.curves:
            add_legend(axes, is_new=ax is None)
        self.ax_, self.axes_, self.figure_ = axes[0], np.array(axes), axes[0].figure
        return self

    def _draw_loss(self, ax: Axes) -> None:
        iterations = self.curves.index
        ax.plot(iterations, self.curves["loss"], color=BLUE, label="training")
        ax.set(yscale="log", ylabel="loss")
        ax.set_title(f"Training of {self.name}", fontsize=TITLE)
        ax.locator_params(axis="x", integer=True)
        if "held_out_loss" not in self.curves:
            return
        held_out = self.curves["held_out_loss"]
        ax.plot(iterations, held_out, color=VERMILION, ls="--", label="held out")
        if self.n_kept is not None:
            label = f"kept: iteration {self.n_kept}"
            ax.axvline(self.n_kept, color="0.4", lw=1, ls=":", label=label)


LABELS = {"kernel_change": "change of the kernel", "spectral_radius": "spectral radius"}


def _scatter(n_iter: int, iterations: NDArray, values: NDArray) -> NDArray:
    """Return the values at each iteration, NaN at the others."""
    if len(iterations) and max(iterations) > n_iter:
        raise ValueError(
            f"monitor recorded another training: it got to iteration {max(iterations)}, but this "
            f"estimator took n_iter_={n_iter}."
        )
    curve = np.full(n_iter, np.nan)
    curve[np.asarray(iterations, dtype=int) - 1] = values
    return curve


def _retrace_kernel(estimator: DescentRegressor) -> tuple[NDArray, NDArray]:
    """Return iterations, and the relative changes of the tangent kernel by then."""
    if not isinstance(estimator, NetworkKernel):
        raise TypeError(
            "retrace=True shows the tangent kernel of a LinearRNNRegressor, but got "
            f"{type(estimator).__name__}, whose kernel does not change."
        )
    record = estimator.training_
    if record.went_on:
        raise ValueError(
            "retrace=True takes the iterations of one fit again, but this network went on "
            "training, by partial_fit or warm_start."
        )
    iterations = np.unique(np.geomspace(1, max(record.n_kept, 1), N_KERNELS).round().astype(int))
    iterations = iterations[iterations <= record.n_kept]
    return iterations, kernel_changes(record, iterations)
