"""Data that come piece by piece, as the sums that all estimators learn from."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError

from sklearn_linrnn._core.statistics.aged_sums import AgedSums
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.statistics.series import Start
from sklearn_linrnn._core.statistics.stream_sums import StreamSums
from sklearn_linrnn._core.tensors import check_device, whole_number
from sklearn_linrnn._data.containers import FLOATS, check_numbers
from sklearn_linrnn._data.stream_file import StreamFile


class LagStream:
    """The sums of data that come piece by piece.

    Pieces of any length continue a recording where the one before ended, and the statistics are at
    any time those of the whole: `LagStatistics.from_series` of everything that was added. They may
    forget: by weights that halve with the time steps that pass (`forget`), or beyond the last time
    steps (`window`).

    Parameters
    ----------
    n_lags : int
        Number of lags, the present time step included; at least 1.
    window : int, default=None
        How many of the last time steps count, of all recordings together; ``None`` for all.
        Exactly these have targets. Their lags reach the inputs before the window, which are those
        of the same recording.
    start : {"zero_state", "full_windows"}, default="zero_state"
        What came before the first time step of a recording: a zero state (inputs of zero), or
        something unknown, so that its first ``n_lags - 1`` time steps are left out.
    device : torch.device or str, default="cpu"
        Where to compute and to keep the statistics.

    Attributes
    ----------
    half_life : float or None
        Number of time steps in which weights halve, as `forget` set it.

    Raises
    ------
    ValueError
        If `n_lags` or `window` is less than 1, `start` is unknown, or there is no such device.
    TypeError
        If `n_lags` or `window` is not whole.

    See Also
    --------
    LagStatistics : The sums, of data that are there as a whole.

    Notes
    -----
    `add` keeps rows until there are enough of them to be summed together, so that short pieces cost
    little more than long ones. With ``p = n_lags * n_channels``, a time step costs the transforms
    of `LagStatistics.from_series`, about ``log(n_lags)``, also where weights halve evenly; where
    sample weights change from step to step, or the lags are many half-lives long, ``p^2``. Each
    access to `statistics` sums up what has been added since the last one, and costs ``p^2`` at
    least.

    The memory is a few scatters of ``p^2`` numbers and the last 65,536 time steps or, if these take
    more, as many as a scatter does. With a `window` all of its time steps are kept, and the sums of
    4 to 64 parts of it, the fewer the larger ``p^2`` is beside the window. Parts that have left the
    window are left out of the sum, and the part that is leaving is summed anew. So nothing is ever
    taken away, and an outlier that has left takes no digits along.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_linrnn import LagStream, NTKConvRegressor
    >>> x = np.random.default_rng(0).normal(size=1000)
    >>> y = x + 0.5 * np.roll(x, 1)
    >>> stream = LagStream(n_lags=3, window=500)
    >>> for piece in np.split(np.arange(1000), range(8, 1000, 8)):
    ...     _ = stream.add(x[piece], y[piece])
    >>> stream
    LagStream(n_lags=3, window=500, n_timesteps=1000)
    >>> stream.statistics.weight
    500.0
    >>> model = NTKConvRegressor(alpha=1e-6).fit_statistics(stream.statistics)
    >>> model.impulse_response_.round(1) + 0.0
    array([[[1. , 0.5, 0. ]]])
    """

    def __init__(
        self,
        n_lags: int,
        *,
        window: int | None = None,
        start: Start = "zero_state",
        device: Any = "cpu",
    ) -> None:
        self.n_lags = _count(n_lags, "n_lags")
        self.window = None if window is None else _count(window, "window")
        if start not in ("zero_state", "full_windows"):
            raise ValueError(f"start must be 'zero_state' or 'full_windows', but got {start!r}.")
        self.start: Start = start
        self.device = check_device(device)
        self.half_life: float | None = None
        self._sums: StreamSums | None = None  # the first piece says how many columns there are

    @property
    def n_timesteps(self) -> int:
        """Number of time steps that were added so far."""
        return 0 if self._sums is None else self._sums.n_timesteps

    @property
    def statistics(self) -> LagStatistics:
        """The sums of what counts now, as a model's `fit_statistics` takes them."""
        if self._sums is None:
            raise NotFittedError("This LagStream has no statistics yet: nothing was added to it.")
        self._sums = self._sums.summed()
        return self._sums.statistics

    def add(
        self, X: Any, y: Any, *, sample_weight: Any = None, new_recording: bool = False
    ) -> Self:
        """Add the next time steps of a recording, or the first ones of another.

        Parameters
        ----------
        X : array-like of shape (n_timesteps,) or (n_timesteps, n_channels)
            Inputs; finite. Any number of time steps will do, also none.
        y : array-like of shape (n_timesteps,) or (n_timesteps, n_outputs)
            Targets. A time step with a NaN among its targets is not observed and is left out.
        sample_weight : array-like of shape (n_timesteps,), default=None
            Weights of the time steps, not negative; ``None`` for ones.
        new_recording : bool, default=False
            Whether a recording begins here. Lags never cross from one recording into another.

        Returns
        -------
        self : LagStream
            The stream.

        Raises
        ------
        ValueError
            If shapes disagree with each other or with those of earlier pieces, X or a weight is not
            finite, or a weight is negative. The stream is then unchanged.
        TypeError
            If X, y or a weight holds anything but real numbers.
        """
        inputs = _columns(X, "X", "n_channels")
        targets = _columns(y, "y", "n_outputs", allow_nan=True)
        if len(targets) != len(inputs):
            raise ValueError(
                f"y must have as many time steps as X, {len(inputs)}, but got {len(targets)}."
            )
        weights = _weights(sample_weight, len(inputs))
        kept = self._sums
        if kept is None:
            kept = self._begin(inputs.shape[1], targets.shape[1])
        for name, array, known in (
            ("X", inputs, kept.part.rows.inputs),
            ("y", targets, kept.part.rows.targets),
        ):
            if array.shape[1] != known.shape[1]:
                raise ValueError(
                    f"{name} must have {known.shape[1]} columns, as in earlier pieces, but got "
                    f"{array.shape[1]}."
                )
        if new_recording:
            kept = kept.at_a_new_recording()
        rate = 0.0 if self.half_life is None else 1.0 / self.half_life
        self._sums = kept.with_steps(inputs, targets, weights, rate)
        return self

    def forget(self, half_life: float | None) -> Self:
        """Let weights halve with the time steps that come from now on.

        Every later time step, observed or not, takes the same share from the weights of all that
        came before it. So with one half-life from the beginning, a time step that is ``k`` time
        steps old has its weight times ``2 ** (-k / half_life)``.

        Parameters
        ----------
        half_life : float or None
            Number of time steps in which weights halve; ``None`` to forget nothing more.

        Returns
        -------
        self : LagStream
            The stream.

        Raises
        ------
        ValueError
            If `half_life` is not positive and finite.
        TypeError
            If it is not a number.
        """
        if half_life is not None:
            if isinstance(half_life, bool) or not isinstance(half_life, Real):
                raise TypeError(f"half_life must be a number or None, but got {half_life!r}.")
            if not 0.0 < half_life < np.inf:
                raise ValueError(f"half_life must be positive and finite, but got {half_life!r}.")
            half_life = float(half_life)
        self.half_life = half_life
        return self

    def save(self, path: str | PathLike[str]) -> None:
        """Write the stream to a file, from which it goes on where it is now.

        The file has the safetensors format: arrays and texts, and nothing that runs. It is there as
        a whole or not at all: one that was there before stays until the new one is complete.

        Parameters
        ----------
        path : str or path-like
            The file.

        Raises
        ------
        OSError
            If it could not be written; then the file is as it was.
        """
        StreamFile(**self.__getstate__()).write(Path(path))

    @classmethod
    def load(cls, path: str | PathLike[str], *, device: Any = "cpu") -> Self:
        """Return the stream that a file holds.

        Parameters
        ----------
        path : str or path-like
            A file that `save` wrote. Nothing in it is run.
        device : torch.device or str, default="cpu"
            Where to compute and to keep the statistics.

        Returns
        -------
        stream : LagStream
            The stream as it was saved.

        Raises
        ------
        ValueError
            If the file is damaged, is none of a stream, or has the format of another version, or
            there is no such device.
        OSError
            If the file cannot be read.
        """
        device = check_device(device)
        file = StreamFile.read(Path(path))
        stream = cls.__new__(cls)
        settings = {**file.settings, "device": str(device)}
        stream.__setstate__({"arrays": file.arrays, "settings": settings})
        return stream

    def _begin(self, n_channels: int, n_outputs: int) -> StreamSums:
        nothing = AgedSums.of_nothing(self.n_lags, n_channels, n_outputs, self.device)
        return StreamSums.begin(nothing, self.window, self.start)

    def __getstate__(self) -> dict[str, Any]:
        """Return what is saved; in copies, too, so that no two streams write to one memory."""
        settings = {
            "n_lags": self.n_lags,
            "window": self.window,
            "start": self.start,
            "device": str(self.device),
            "half_life": self.half_life,
        }
        return {"arrays": {} if self._sums is None else self._sums.arrays(), "settings": settings}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        """Become the stream that was saved."""
        arrays, settings = state["arrays"], dict(state["settings"])
        half_life = settings.pop("half_life")
        self.__init__(**settings)  # type: ignore[misc]
        self.forget(half_life)
        if arrays:
            shape = arrays["inputs"].shape[1], arrays["targets"].shape[1]
            self._sums = self._begin(*shape).with_arrays(arrays)

    def __repr__(self) -> str:
        """Say what the stream keeps, and how much it has seen."""
        shown: dict[str, float | None] = {
            "n_lags": self.n_lags,
            "window": self.window,
            "half_life": self.half_life,
            "n_timesteps": self.n_timesteps,
        }
        words = [f"{name}={value!r}" for name, value in shown.items() if value is not None]
        return f"{type(self).__name__}({', '.join(words)})"


def _count(value: Any, name: str) -> int:
    number = whole_number(value, name)
    if number < 1:
        raise ValueError(f"{name} must be at least 1, but got {number}.")
    return number


def _columns(value: Any, name: str, columns: str, *, allow_nan: bool = False) -> NDArray:
    """Return time steps as an array of shape (n_timesteps, n_columns)."""
    array = check_numbers(
        value,
        name,
        dtype=FLOATS,
        ensure_2d=False,
        allow_nd=True,
        ensure_min_samples=0,
        ensure_all_finite="allow-nan" if allow_nan else True,
    )
    if array.ndim not in (1, 2):
        raise ValueError(
            f"{name} must have shape (n_timesteps,) or (n_timesteps, {columns}), but got "
            f"{array.shape}."
        )
    return array[:, None] if array.ndim == 1 else array


def _weights(sample_weight: Any, n_timesteps: int) -> NDArray:
    if sample_weight is None:
        return np.broadcast_to(1.0, n_timesteps)
    weights = check_numbers(
        sample_weight, "sample_weight", dtype=FLOATS, ensure_2d=False, ensure_min_samples=0
    )
    if weights.shape != (n_timesteps,):
        raise ValueError(
            f"sample_weight must have shape ({n_timesteps},), a weight for each time step of X, "
            f"but got {weights.shape}."
        )
    if (weights < 0).any():
        raise ValueError(f"sample_weight must not be negative, but got {weights.min()}.")
    return weights
