"""What a model answers to oscillations of each frequency, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sklearn_linrnn._estimators.response_lags import response_lags
from sklearn_linrnn._estimators.systems import check_sampling_time
from sklearn_linrnn.inspection._complex_bands import half_widths
from sklearn_linrnn.inspection._pairs import draw_pairs, frame_of_pairs, numbered_channels
from sklearn_linrnn.inspection._pictures import BLUE, posterior_label
from sklearn_linrnn.inspection._posterior import (
    channel_names,
    check_coverage,
    check_regressor,
    posterior_roots,
    residual_predictability,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

N_FREQUENCIES = 200
DEEPEST = 20.0  # decibels below the smallest magnitude that are shown of a band down to zero
UNITS = {"rad/s": "rad per time step", "Hz": "cycles per time step"}  # if times are steps


class FrequencyResponseDisplay:
    """Magnitude and phase against the frequency (Bode plot), with the bands of the posterior.

    Make it with `from_estimator`.

    Parameters
    ----------
    frequencies : ndarray of shape (n_frequencies,)
        Frequencies in rising order, in `unit`.
    response : ndarray of complex, shape (n_outputs, n_channels, n_frequencies)
        The frequency response.
    phase : ndarray of shape (n_outputs, n_channels, n_frequencies)
        Its phase in degrees, without jumps.
    name : str
        Name of the estimator, for the title.
    half_widths : ndarray of shape (2, n_outputs, n_channels, n_frequencies), default=None
        How far magnitude, and phase in degrees, may be from those of the response; ``None`` if
        there is no posterior.
    coverage : float, default=0.9
        Probability that the bands hold the magnitude, and the phase, of a frequency.
    channel_names : sequence of str, default=None
        Names of the channels; ``None`` for numbers.
    sampling_time : float, default=1.0
        Time between two time steps, in seconds; 1 leaves frequencies in those of time steps.
    unit : {"rad/s", "Hz"}, default="rad/s"
        Unit of the frequencies.
    predictability : float, default=0.0
        Share of the variance of the residuals that the residuals before explain, which the legend
        names beside the posterior; 0 if they are white.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        First axes of the last plot.
    axes_ : ndarray of matplotlib.axes.Axes
        All of them, the magnitude of each pair before its phase, the channels of the first output
        first.
    figure_ : matplotlib.figure.Figure
        Figure of the last plot.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_linrnn import FrequencyResponseDisplay, NTKConvRegressor
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(300, 1))
    >>> y = np.convolve(x[:, 0], [1.0, 0.5])[:300] + rng.normal(size=300)
    >>> model = NTKConvRegressor(0.3, alpha="auto", rows="timesteps", n_lags=3).fit(x, y)
    >>> display = FrequencyResponseDisplay.from_estimator(model, frequencies=[0.01, 1.0, 3.0])
    >>> display.frame()[["magnitude", "lower", "upper"]].round(1)
                                magnitude  lower  upper
    output channel   frequency
    0      channel 0 0.01             1.6    1.5    1.8
                     1.00             1.4    1.3    1.6
                     3.00             0.5    0.3    0.6
    """

    def __init__(
        self,
        frequencies: NDArray,
        response: NDArray,
        phase: NDArray,
        name: str,
        *,
        half_widths: NDArray | None = None,
        coverage: float = 0.9,
        channel_names: Sequence[str] | None = None,
        sampling_time: float = 1.0,
        unit: Literal["rad/s", "Hz"] = "rad/s",
        predictability: float = 0.0,
    ) -> None:
        check_coverage(coverage)
        check_sampling_time(sampling_time)
        _check_unit(unit)
        self.frequencies = frequencies
        self.response = response
        self.phase = phase
        self.name = name
        self.half_widths = half_widths
        self.coverage = coverage
        self.channel_names = numbered_channels(response.shape[1], channel_names)
        self.sampling_time = sampling_time
        self.unit = unit
        self.predictability = predictability

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        frequencies: ArrayLike | None = None,
        coverage: float = 0.9,
        sampling_time: float = 1.0,
        unit: Literal["rad/s", "Hz"] = "rad/s",
    ) -> Self:
        """Return the display of a fitted estimator of this package.

        Parameters
        ----------
        estimator : estimator
            A fitted regressor of this package. Those without a posterior, networks among them,
            have no bands.
        frequencies : array-like of shape (n_frequencies,), default=None
            Frequencies in rising order, in `unit`, above 0 and up to Nyquist's, half a cycle in a
            time step; ``None`` for 200 at equal ratios, from a tenth of the one that goes once
            through all lags up to Nyquist's.
        coverage : float, default=0.9
            Probability of the bands, within (0, 1), for each frequency by itself.
        sampling_time : float, default=1.0
            Time between two time steps, in seconds; 1 leaves frequencies in those of time steps.
        unit : {"rad/s", "Hz"}, default="rad/s"
            Unit of the frequencies. Of time steps that is radians, or cycles, per time step.

        Returns
        -------
        display : FrequencyResponseDisplay

        Raises
        ------
        TypeError
            If the estimator is not one of this package's regressors.
        ValueError
            If an argument is out of range.

        Notes
        -----
        The posterior of the response at a frequency is a Gaussian in the complex plane, whose
        covariance follows from that of the impulse response. The bands are those widths to both
        sides of the magnitude and of the phase of the response within which it lies with the
        `coverage`: where the data do not tell the magnitude from zero its band begins there, and
        the phase may be anything.
        """
        check_regressor(estimator)
        check_coverage(coverage)
        check_sampling_time(sampling_time)
        _check_unit(unit)
        lags, to_angle = response_lags(estimator), _angle_of(unit, sampling_time)
        if frequencies is None:
            angles = np.geomspace(np.pi / (5 * len(lags)), np.pi, N_FREQUENCIES)
        else:
            angles = _check_frequencies(frequencies, np.pi / to_angle, unit) * to_angle
        waves = np.exp(-1j * np.outer(lags, angles))
        response = estimator.impulse_response_ @ waves
        widths = None
        if (posterior := posterior_roots(estimator)) is not None:
            roots, noise_variance = posterior
            spread = roots.swapaxes(1, 2) @ waves
            deviation = np.sqrt(noise_variance)[:, None, None, None] * spread
            widths = half_widths(response, deviation, coverage)
        return cls(
            angles / to_angle,
            response,
            _unwrapped_phase(estimator.impulse_response_, lags, angles),
            type(estimator).__name__,
            half_widths=widths,
            coverage=coverage,
            channel_names=channel_names(estimator),
            sampling_time=sampling_time,
            unit=unit,
            predictability=residual_predictability(estimator),
        )

    def frame(self) -> pd.DataFrame:
        """Return the numbers of the plot.

        Returns
        -------
        frame : pandas.DataFrame
            Columns ``magnitude`` and ``phase``, the latter in degrees, and with a posterior
            ``lower``, ``upper``, ``phase_lower`` and ``phase_upper``; index ``output``, ``channel``
            and ``frequency``.
        """
        columns = {"magnitude": np.abs(self.response), "phase": self.phase}
        if self.half_widths is not None:
            magnitude, phase = self.half_widths
            columns["lower"] = np.maximum(columns["magnitude"] - magnitude, 0.0)
            columns["upper"] = columns["magnitude"] + magnitude
            columns |= {"phase_lower": self.phase - phase, "phase_upper": self.phase + phase}
        n_outputs = len(self.response)
        return frame_of_pairs(columns, n_outputs, self.channel_names, frequency=self.frequencies)

    def plot(self, ax: Any = None) -> Self:
        """Draw magnitude and phase against the frequency, for each output and channel.

        Parameters
        ----------
        ax : array of matplotlib.axes.Axes, default=None
            Two axes for each pair, that of the magnitude first, the channels of the first output
            first; ``None`` for new ones.

        Returns
        -------
        display : FrequencyResponseDisplay
            Itself, with ``ax_``, ``axes_`` and ``figure_``.
        """
        unit = UNITS[self.unit] if self.sampling_time == 1 else self.unit
        draw_pairs(
            self,
            ax,
            len(self.response),
            self.channel_names,
            self._draw,
            title=f"Frequency response of {self.name}",
            labels=[f"frequency, in {unit}", "magnitude, in dB", "phase, in degrees"],
            n_stacked=2,
        )
        return self

    def _draw(self, axes: list[Axes], output: int, channel: int) -> None:
        rows = self.frame().loc[output, self.channel_names[channel]]
        magnitude, phase = axes
        name = "response" if self.half_widths is not None else "response (no posterior)"
        curves = _decibels(rows["magnitude"]), rows["phase"]
        for ax, curve in zip(axes, curves, strict=True):
            ax.plot(curve.index, curve, color=BLUE, label=name)
            ax.set_xscale("log")
            ax.grid(color="0.9")
        phase.locator_params(axis="y", steps=[1, 1.8, 4.5, 9, 10])  # parts of a turn
        if self.half_widths is None:
            return
        # A band that begins at zero has no end in decibels.
        bottom = curves[0][np.isfinite(curves[0])].min() - DEEPEST
        self._fill(magnitude, _decibels(rows["lower"]).clip(bottom), _decibels(rows["upper"]))
        self._fill(phase, rows["phase_lower"], rows["phase_upper"])

    def _fill(self, ax: Axes, lower: pd.Series, upper: pd.Series) -> None:
        label = posterior_label(self.coverage, self.predictability)
        ax.fill_between(lower.index, lower, upper, color=BLUE, alpha=0.35, lw=0, label=label)


def _decibels(magnitude: pd.Series) -> pd.Series:
    with np.errstate(divide="ignore"):
        return 20.0 * np.log10(magnitude)


def _unwrapped_phase(response: NDArray, lags: NDArray, angles: NDArray) -> NDArray:
    """Return phases in degrees that begin at frequency 0 and do not jump."""
    dense = np.linspace(0.0, np.pi, 8 * int(np.abs(lags).max() + 1) + 1)
    every, places = np.unique(np.concatenate([angles, dense]), return_inverse=True)
    values = response @ np.exp(-1j * np.outer(lags, every))
    return np.degrees(np.unwrap(np.angle(values))[..., places[: len(angles)]])


def _angle_of(unit: str, sampling_time: float) -> float:
    """Return the radians per time step that are one of a unit."""
    return float(sampling_time) * (2.0 * np.pi if unit == "Hz" else 1.0)


def _check_unit(unit: str) -> None:
    if unit not in UNITS:
        raise ValueError(f"unit must be 'rad/s' or 'Hz', but got {unit!r}.")


def _check_frequencies(frequencies: ArrayLike, highest: float, unit: str) -> NDArray:
    found = np.asarray(frequencies, dtype=np.float64)
    if found.ndim != 1 or found.size == 0:
        raise ValueError(
            f"frequencies must have shape (n_frequencies,), but got shape {found.shape}."
        )
    inside = (found > 0) & (found <= highest * (1 + 1e-9))
    if not (inside.all() and (np.diff(found) > 0).all()):
        raise ValueError(
            f"frequencies must rise, from above 0 to Nyquist's {highest:.6g} {unit} at most, but "
            f"got {found}."
        )
    return found
