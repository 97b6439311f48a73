"""Data that come piece by piece, as the sums that all estimators learn from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
from sklearn_linrnn._core.tensors import check_device
from sklearn_linrnn._data.piece_passes import PiecePass
from sklearn_linrnn._data.stream_file import StreamFile, check_path
from sklearn_linrnn._data.stream_inputs import check_count, check_steps


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
        self.n_lags = check_count(n_lags, "n_lags")
        self.window = None if window is None else check_count(window, "window")
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
            If X, y or a weight holds anything but real numbers, or `new_recording` is no bool.
        """
        if not isinstance(new_recording, (bool, np.bool_)):
            raise TypeError(f"new_recording must be a bool, but got {new_recording!r}.")
        inputs, targets, weights = check_steps(X, y, sample_weight)
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

    def add_pieces(
        self,
        pieces: Iterable[Any],
        *,
        new_recording: bool | Iterable[int] = False,
        checkpoint: str | PathLike[str] | None = None,
    ) -> Self:
        """Add pieces one after another, and go on where an earlier pass over them was stopped.

        Parameters
        ----------
        pieces : iterable of tuple
            Each ``(X, y)`` or ``(X, y, sample_weight)``, as `add` takes them. With a `checkpoint`
            they have a length, and each is read by its number: a list, `SeriesPieces`, or any
            object with ``__len__`` and ``__getitem__``, which may open a file for each piece.
        new_recording : bool or iterable of int, default=False
            Whether a recording begins with each of the pieces, or the numbers, from 0, of those
            with which one begins. The others continue the recording before.
        checkpoint : str or path-like, default=None
            A file that holds, after each piece, the stream and how many pieces were added. If it
            is there already the pass goes on after those, and none of them is read again.

        Returns
        -------
        self : LagStream
            The stream.

        Raises
        ------
        ValueError
            If `add` refuses a piece, there is no piece of a number in `new_recording`, or the
            checkpoint is damaged, or that of a pass over another number of pieces or of other
            lengths, with other recordings, or by a stream with other settings or other time steps
            before the pass.
        TypeError
            If something is no piece or holds anything but real numbers, or if with a checkpoint the
            pieces cannot be read by their numbers.
        OSError
            If the checkpoint could not be read or written.

        Notes
        -----
        An error or an interruption leaves the stream as it was before the pass, and the checkpoint
        with the pieces that were added: the same call goes on, in this process or another one. A
        process that is killed at any moment reads again the piece that it had in hand, if any. A
        pass that is complete is taken from its checkpoint as a whole; to add more pieces later,
        name another file for them.

        Writing a checkpoint takes the time of some copies of the sums and of the rows that wait:
        make the pieces some times as long as `LagStream` keeps rows. A checkpoint can also be read
        by `load`.

        Examples
        --------
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import numpy as np
        >>> from sklearn_linrnn import LagStream, SeriesPieces
        >>> x, y = np.random.default_rng(0).normal(size=(2, 1000))
        >>> pieces = SeriesPieces(x, y, n_timesteps=100)  # or arrays in files
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "pass.safetensors"
        ...     stream = LagStream(n_lags=3).add_pieces(pieces, checkpoint=path)
        ...     again = LagStream(n_lags=3).add_pieces(pieces, checkpoint=path)  # reads no piece
        >>> again
        LagStream(n_lags=3, n_timesteps=1000)
        """
        steps = PiecePass.of(pieces, new_recording)
        before = self._sums
        try:
            if checkpoint is None:
                for piece in steps.read(0):
                    piece.give_to(self.add)
            else:
                self._go_on(steps, check_path(checkpoint, "checkpoint"))
        except BaseException:
            self._sums = before
            raise
        return self

    def _go_on(self, steps: PiecePass, path: Path) -> None:
        progress = steps.progress(self.n_timesteps)
        if path.exists():
            file = StreamFile.read(path)
            progress = progress.gone_on_from(file.progress, path)
            self._check_settings(file.settings, path)
            self._take(file.arrays)
        for piece in steps.read(progress.n_added):
            piece.give_to(self.add)
            progress = progress.with_piece()
            StreamFile(**self.__getstate__(), progress=vars(progress)).write(path)

    def _check_settings(self, theirs: Mapping[str, Any], path: Path) -> None:
        """Raise a ValueError unless a checkpoint is that of a stream with the same settings."""
        for name in ("n_lags", "window", "start", "half_life"):
            if (ours := getattr(self, name)) != theirs[name]:
                raise ValueError(
                    f"checkpoint must be that of a stream like this one, of {name}={ours!r}, but "
                    f"got {path} with {name}={theirs[name]!r}. Name another file, or remove this "
                    "one to begin again."
                )

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
        StreamFile(**self.__getstate__()).write(check_path(path, "path"))

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
        file = StreamFile.read(check_path(path, "path"))
        stream = cls.__new__(cls)
        settings = {**file.settings, "device": str(device)}
        stream.__setstate__({"arrays": file.arrays, "settings": settings})
        return stream

    def _begin(self, n_channels: int, n_outputs: int) -> StreamSums:
        nothing = AgedSums.of_nothing(self.n_lags, n_channels, n_outputs, self.device)
        return StreamSums.begin(nothing, self.window, self.start)

    def _take(self, arrays: Mapping[str, NDArray]) -> None:
        """Go on from what was saved, if anything."""
        if arrays:
            shape = arrays["inputs"].shape[1], arrays["targets"].shape[1]
            self._sums = self._begin(*shape).with_arrays(arrays)

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
        self._take(arrays)

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
