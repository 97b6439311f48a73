"""The memory of any model, measured by how much its outputs change with earlier inputs."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from sklearn_linrnn._core.priors.lag_weights import is_float64_number
from sklearn_linrnn._core.priors.prior_root import PriorRoot
from sklearn_linrnn._core.response import as_impulse_response
from sklearn_linrnn._core.tensors import whole_number
from sklearn_linrnn._core.units import binary_unit
from sklearn_linrnn._data.containers import named
from sklearn_linrnn._data.user_line import warn
from sklearn_linrnn._estimators.training_record import TrainingRecord
from sklearn_linrnn.inspection._bootstrap_limits import LEAST_SAMPLES, limits_of_means
from sklearn_linrnn.inspection._input_groups import InputGroup, Reading, channel_scales, read_groups
from sklearn_linrnn.inspection._memory import check_share, effective_memory
from sklearn_linrnn.inspection._pictures import as_percent
from sklearn_linrnn.inspection._posterior import check_coverage
from sklearn_linrnn.inspection._sensitivities import Sensitivity, sensitivity

SQUARED = 2.0**300  # derivatives between this and its inverse keep the digits of their squares
SMOOTH = 0.01  # numerical error up to which a model counts as smooth, relative to all energy


@dataclass(frozen=True, eq=False, repr=False)
class MeasuredMemory:
    """How much the output of a model changes with inputs of each lag; `measured_memory` makes it.

    Attributes
    ----------
    energy : ndarray of shape (n_lags,)
        Squared derivatives of the output with respect to the input of each lag, summed over outputs
        and channels, mean over the sequences, in the square of `unit`. Of a linear model the
        squares of its impulse response.
    interval : ndarray of shape (2, n_lags)
        Lower and upper confidence limits of `energy`, for each lag by itself; NaN if there are
        fewer than ten sequences, from which they cannot be told.
    effective_memory : int
        The lag up to which there is `share` of the energy, as the function of that name returns it.
    effective_memory_interval : tuple of int or None
        Its confidence limits; None if they cannot be told.
    n_sequences : int
        Number of sequences.
    horizon : int
        Number of time steps from the input of lag 0 to the output.
    share, coverage : float
        As in `measured_memory`.
    numerical_error : ndarray of shape (n_lags,)
        Estimated error of `energy` by finite differences; zeros if there is none but rounding.
    unit : float
        1, or a power of two where squares of the derivatives would leave the range of float64.
    at_start : MeasuredMemory or None
        The same of the model at initialisation; None if that is not at hand.
    """

    energy: NDArray
    interval: NDArray
    effective_memory: int
    effective_memory_interval: tuple[int, int] | None
    n_sequences: int
    horizon: int
    share: float
    coverage: float
    numerical_error: NDArray
    unit: float = 1.0
    at_start: MeasuredMemory | None = None

    def __str__(self) -> str:
        """Return what was measured, in sentences."""
        if not self.energy.any():
            return f"The output does not depend on the inputs of {len(self.energy)} lags."
        later = f" {self.horizon} time steps later" if self.horizon else ""
        sentences = [
            f"{as_percent(self.share)} of the squared sensitivity of the output{later} is to "
            f"inputs within lag {self.effective_memory} ({self._say_limits()})."
        ]
        last = self.energy[-1] / self.energy.sum()
        if last > (1.0 - self.share) / len(self.energy):
            sentences.append(
                f"The last of {len(self.energy)} lags still has {last:.1%} of it: if the model "
                "sees inputs from before, its memory is longer."
            )
        if self.at_start is not None:
            before = self.at_start
            was = f"it was {say_within(before)}" if before.energy.any() else "there was none"
            sentences.append(f"At initialisation {was}.")
        return "\n".join(sentences)

    def __repr__(self) -> str:
        """Return what it is, and the sentences."""
        return f"<MeasuredMemory of {len(self.energy)} lags>\n{self}"

    def _say_limits(self) -> str:
        if (limits := self.effective_memory_interval) is None:
            return f"no interval: {self.n_sequences} of at least {LEAST_SAMPLES} sequences"
        between = f"{as_percent(self.coverage)} interval {limits[0]} to {limits[1]}"
        return f"{between}, {self.n_sequences} sequences"


def say_within(memory: MeasuredMemory) -> str:
    """Return within which lag most of the energy is, and the limits of that, as a label says it."""
    limits = memory.effective_memory_interval
    between = "" if limits is None else f" ({limits[0]} to {limits[1]})"
    return f"within lag {memory.effective_memory}{between}"


def measured_memory(
    model: Any,
    X: Any,
    *,
    n_lags: int,
    horizon: int = 0,
    initial: Any = None,
    share: float = 0.9,
    coverage: float = 0.9,
    step: float | None = None,
    layout: Literal["ntc", "nct"] | None = None,
    lag_order: Literal["infer", "oldest_first", "newest_first"] | None = None,
    n_channels: int | None = None,
    n_resamples: int = 1000,
    random_state: Any = 0,
) -> MeasuredMemory:
    r"""Measure how much the output of any model depends on the input of each lag.

    .. math:: e_j = \mathrm{E} \sum_{o, c}
              \left( \frac{\partial y_{t+h, o}}{\partial x_{t-j, c}} \right)^2

    with ``h`` the horizon, ``t + h`` the last time step of a sequence, and the mean over the
    sequences. Of a linear model it is ``||H_{j+h}||^2``, the square of its impulse response.

    Parameters
    ----------
    model : torch.nn.Module, estimator or callable
        What maps sequences to outputs. A module of PyTorch is differentiated in evaluation mode,
        and keeps its mode, state and gradients: it takes sequences as X has them, the time step
        first if it has an attribute ``batch_first=False``, as ``torch.nn.RNN``; of a tuple of
        outputs the first counts. What has a method ``predict``, as regressors of scikit-learn, and
        any other function of arrays are looked at by finite differences. Outputs are at the last
        time step, of shape (n_sequences,) or (n_sequences, n_outputs), or at every one,
        (n_sequences, n_timesteps, n_outputs) in the order of axes of X.
    X : array-like or list
        Sequences where the derivatives are taken, of at least ``n_lags + horizon`` time steps:
        (n_sequences, n_timesteps, n_channels); windows (n_samples, n_timesteps * n_channels), one
        in each row; or a list of recordings (n_timesteps_i, n_channels), of which methods
        ``predict`` get lists. For an estimator with ``rows="timesteps"`` a 2-D X is one recording.
        Sequences are taken to be independent: windows that overlap make intervals too short.
    n_lags : int
        Number of lags.
    horizon : int, default=0
        Number of time steps from the input of lag 0 to the output: what a forecast so many steps
        ahead could still use of the memory, since it does not know the inputs between, which stay
        as they are in X.
    initial : torch.nn.Module, estimator or callable, default=None
        The model at initialisation, such as a copy from before its training, to be measured on the
        same sequences. ``None`` for that of estimators which keep it, `LinearRNNRegressor`,
        `LRURegressor` and `WeightedConv1DRegressor`, and for nothing with others.
    share : float, default=0.9
        Share of the energy that the effective memory holds, within (0, 1].
    coverage : float, default=0.9
        Probability of the intervals, within (0, 1).
    step : float, default=None
        Step of finite differences to both sides, in standard deviations of a channel. ``None`` for
        a step of zero, as derivatives have it, by extrapolation. Models that are no smooth
        functions, such as trees and nearest neighbours, need a step, of one for instance.
    layout : {"ntc", "nct"}, default=None
        Order of the axes of X, and of outputs with three axes: sequence, time, channel or sequence,
        channel, time; ``None`` for that of the estimator, else ``"ntc"``. What a method ``predict``
        returns has the time before the outputs always.
    lag_order : {"infer", "oldest_first", "newest_first"}, default=None
        Order of the columns of windows, as in the :ref:`user guide <data_shapes>`; ``None`` for
        that of the estimator, else ``"infer"``.
    n_channels : int, default=None
        Number of channels in windows that are flattened; ``None`` for that of the estimator, else
        1.
    n_resamples : int, default=1000
        Number of resamples of the sequences, for the intervals.
    random_state : int, RandomState instance or None, default=0
        Source of the resamples.

    Returns
    -------
    memory : MeasuredMemory
        With ``energy`` and its ``interval``, ``effective_memory`` and its interval, and the same
        ``at_start``; ``str(memory)`` says it in sentences.

    Raises
    ------
    TypeError
        If `model` is none of these, or a number is not whole.
    ValueError
        If X does not have sequences that are long enough, a parameter is out of range, or the
        outputs are not finite, have another shape, or are not the same for a sequence by itself.

    Warns
    -----
    UserWarning
        If slopes over a step and over half of it differ so much that the model is not smooth.

    See Also
    --------
    MeasuredMemoryDisplay : The picture.
    memory_interval : The memory of a linear model and what the data leave uncertain of it.

    Notes
    -----
    Intervals tell how well the sequences determine the mean over all that could have been drawn;
    the model is taken as it is. They are those of the bootstrap-t [1]_, of the logarithm of an
    energy, and for the memory of the energy up to a lag less the share of all; as much lies below
    an interval as above.

    References
    ----------
    .. [1] B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap", Chapman and Hall, 1993,
       chapter 12.

    Examples
    --------
    >>> import torch
    >>> from sklearn_linrnn import measured_memory
    >>> _ = torch.manual_seed(0)
    >>> gru = torch.nn.GRU(1, 16, batch_first=True)
    >>> memory = measured_memory(gru, torch.randn(50, 40, 1), n_lags=30)
    >>> memory.energy.shape, memory.effective_memory
    ((30,), 1)
    """
    n_lags, horizon = _count(n_lags, "n_lags", 1), _count(horizon, "horizon", 0)
    n_resamples = _count(n_resamples, "n_resamples", 1)
    check_coverage(coverage)
    check_share(share)
    if step is not None and not (is_float64_number(step) and 0 < step < np.inf):
        raise ValueError(f"step must be a positive finite number, or None, but got {step!r}.")
    with named("random_state"):
        check_random_state(random_state)
    reading = Reading.of(model, layout=layout, lag_order=lag_order, n_channels=n_channels)
    groups = read_groups(X, reading, n_lags, horizon)
    meter = _Meter(groups, horizon, share, coverage, step, n_resamples, random_state)
    before = _untrained(model) if initial is None else initial
    return meter.measure(model, None if before is None else meter.measure(before))


@dataclass(frozen=True, eq=False)
class _Meter:
    """What measures models alike."""

    groups: list[InputGroup]
    horizon: int
    share: float
    coverage: float
    step: float | None
    n_resamples: int
    random_state: Any

    def measure(self, model: Any, at_start: MeasuredMemory | None = None) -> MeasuredMemory:
        """Return the memory of a model."""
        unit, found = self._sensitivities(model)
        energies = np.concatenate([each.energies for each in found])
        if not np.isfinite(energies).all():
            raise ValueError(
                "The derivatives of the model must be finite, but got NaN or infinity."
            )
        energy = energies.mean(axis=0)
        sizes = [len(group) for group in self.groups]
        errors = np.average([each.errors for each in found], axis=0, weights=sizes)
        _warn_if_not_smooth(energy, errors)
        memory = effective_memory(energy, share=self.share)
        interval = self._limits(energies, logarithmic=True)
        has_limits = bool(np.isfinite(interval).any())
        return MeasuredMemory(
            energy=energy,
            interval=interval,
            effective_memory=memory,
            effective_memory_interval=self._memory_limits(energies) if has_limits else None,
            n_sequences=len(energies),
            horizon=self.horizon,
            share=self.share,
            coverage=self.coverage,
            numerical_error=errors,
            unit=unit,
            at_start=at_start,
        )

    def _sensitivities(self, model: Any) -> tuple[float, list[Sensitivity]]:
        """Return the unit in which derivatives can be squared, and their squares."""
        scales = channel_scales(self.groups)
        found = [sensitivity(model, group, scales, self.step) for group in self.groups]
        largest = max(each.largest for each in found)
        if 1.0 / SQUARED <= largest <= SQUARED:
            return 1.0, found
        unit = binary_unit(np.array(largest))
        return unit, [sensitivity(model, group, scales, self.step, unit) for group in self.groups]

    def _memory_limits(self, energies: NDArray) -> tuple[int, int]:
        """Return the lags up to which the share may be, and surely is.

        The memory is at most ``j`` where the energy up to ``j`` less the share of all, which is a
        mean over the sequences, is not negative.
        """
        upto = np.cumsum(energies, axis=1)
        total = upto[:, -1:]
        # As in `effective_memory`, rounding must not push the last lags past the total.
        surplus = upto - self.share * total * (1 - 1e-12)
        least, most = self._limits(surplus, logarithmic=False)
        most[-1] = least[-1] = np.inf  # all of it is within all lags
        return int(np.argmax(most >= 0)), int(np.argmax(least >= 0))

    def _limits(self, samples: NDArray, *, logarithmic: bool) -> NDArray:
        return limits_of_means(
            samples,
            self.coverage,
            logarithmic=logarithmic,
            n_resamples=self.n_resamples,
            random_state=self.random_state,
        )


def _untrained(model: Any) -> Any:
    """Return an estimator as it was before training, or None if that is not known."""
    record = getattr(model, "training_", None)
    if not isinstance(record, TrainingRecord):
        return None
    sums, recipe = record.statistics, record.recipe
    prior, cpu = recipe.prior(sums.n_lags), torch.device("cpu")
    root = PriorRoot.of_prior(prior, sums.n_lags, sums.n_channels, cpu)
    dtype = torch.from_numpy(record.parameters[0]).dtype
    begun = recipe.model(root, len(sums.target_mean), dtype).response()
    start = copy.copy(model)
    start.impulse_response_ = as_impulse_response(begun, sums.n_lags).numpy()
    return start


def _warn_if_not_smooth(energy: NDArray, errors: NDArray) -> None:
    """Warn if finite differences depend on their step."""
    if errors.sum() > SMOOTH * energy.sum():
        warn(
            "Finite differences over a step and over half of it differ: their error is about "
            f"{errors.sum() / energy.sum():.0%} of the energy. A model that is no smooth function, "
            "as trees are none, has no derivatives: pass step=1.0, for its changes over a standard "
            "deviation of the inputs."
        )


def _count(number: Any, name: str, least: int) -> int:
    found = whole_number(number, name)
    if found < least:
        raise ValueError(f"{name} must be at least {least}, but got {found}.")
    return found
