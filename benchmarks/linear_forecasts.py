"""Linear forecasts whose settings the validation part settles: ours in `benchmarks.ltsf`.

The number of lags and the level that is taken from each window, its last value, its mean or none,
are not chosen but averaged over, with weights inversely proportional to the errors on the
validation part (J. M. Bates, C. W. J. Granger, "The combination of forecasts", Operational Research
Quarterly 20, 1969). The penalty of each is that of the least error there. A mean of linear
forecasts is linear.

A kind of forecast is whether there is an intercept, and whether all columns share one model. Each
is compared on the validation part with the plain one, `PLAIN`: another one takes its place only if
its errors are lower beyond doubt, by a test of paired differences over stretches of the validation
part that are as long as the horizon. Errors of windows nearer to each other than that are no
separate evidence.

All of it comes from sums, one pass over each part: those for fewer lags are blocks of those for the
most, plus the first windows, for which the longest ones have no room.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import t as student
from torch import Tensor

from sklearn_linrnn import LagStatistics, NTKConvRegressorCV
from sklearn_linrnn._core.statistics.horizons import future_statistics
from sklearn_linrnn._core.statistics.levels import LevelName, Levels

N_LAGS = (96, 192, 336, 512, 720, 1024, 1440)
LEVELS: tuple[LevelName | None, ...] = ("last", "mean", None)
COMPARED = 336  # lags that kinds are compared with, as many as the peer has
DOUBT = 0.05  # probability that any kind is taken although it is no better
ALPHAS = tuple(10.0**power for power in range(-1, 8))
BATCH = 512  # windows


@dataclass(frozen=True)
class Kind:
    """What is forecast from windows of all lengths and levels."""

    intercept: bool = False
    shared: bool = True


PLAIN = Kind()
KINDS = tuple(Kind(*some) for some in product((False, True), repeat=2))


@dataclass(frozen=True, eq=False)
class Forecast:
    """Forecasts that are linear in the last steps.

    Attributes
    ----------
    response : Tensor of shape (n_columns or 1, n_lags, n_horizons)
        Of each column, or of all of them; the newest step first.
    intercept : Tensor of shape (n_columns or 1, n_horizons)
        What is added.
    error : float
        Mean squared error on the validation part.
    """

    response: Tensor
    intercept: Tensor
    error: float

    def errors(self, series: NDArray) -> NDArray:
        """Return the mean squared error of each origin, (m,), from all full windows of a series.

        Parameters
        ----------
        series : ndarray of shape (n_timesteps, n_columns)
            With the window before its first target.
        """
        _, n_lags, n_horizons = self.response.shape
        columns = torch.from_numpy(np.ascontiguousarray(series.T))
        found = []
        for batch in columns.unfold(1, n_lags + n_horizons, 1).split(BATCH, dim=1):
            forecasts = batch[..., :n_lags] @ self.response.flip(1) + self.intercept[:, None]
            found.append((forecasts - batch[..., n_lags:]).square().mean((0, 2)))
        return torch.cat(found).numpy()


@dataclass(frozen=True, eq=False)
class Parts:
    """The sums of some columns, with the most lags.

    Attributes
    ----------
    training, validation : LagStatistics
        Of the windows whose targets lie in a part.
    start : list of ndarray of shape (n_steps, 1)
        The first steps of the columns, with the windows that the most lags leave no room for.
    """

    training: LagStatistics
    validation: LagStatistics
    start: list[NDArray]

    @classmethod
    def of(cls, seen: NDArray, n_training: int, n_lags: int, horizon: int) -> "Parts":
        """Return the sums of a series (n_timesteps, n_columns) up to the end of validation."""
        steps = range(1, horizon + 1)
        columns = [column[:, None] for column in seen.T]
        return cls(
            future_statistics([one[:n_training] for one in columns], n_lags, steps),
            future_statistics([one[n_training - n_lags :] for one in columns], n_lags, steps),
            [one[: n_lags + horizon - 1] for one in columns],
        )

    def with_lags(self, n_lags: int) -> tuple[LagStatistics, LagStatistics]:
        """Return the sums of training and validation part with fewer lags, of all their windows."""
        training, validation = (one.first_lags(n_lags) for one in (self.training, self.validation))
        if n_lags < self.training.n_lags:
            steps = range(1, len(training.target_mean) + 1)
            training += future_statistics(self.start, n_lags, steps)
        return training, validation


def learned(seen: NDArray, n_training: int, horizon: int) -> tuple[Kind, Forecast]:
    """Return the kind of forecast that is taken, and its mean over all lengths and levels.

    Parameters
    ----------
    seen : ndarray of shape (n_timesteps, n_columns)
        Training and validation part.
    n_training : int
        Where the former ends.
    horizon : int
        Number of steps ahead.
    """
    shared = [Parts.of(seen, n_training, max(N_LAGS), horizon)]
    single = [Parts.of(column[:, None], n_training, COMPARED, horizon) for column in seen.T]

    def forecasts(kind: Kind, n_lags: int) -> list[Forecast]:
        sums = [one.with_lags(n_lags) for one in (shared if kind.shared else single)]
        return [
            _side_by_side([_tuned(level, kind.intercept, *some) for some in sums])
            for level in LEVELS
        ]

    validation = seen[n_training - COMPARED :]
    compared = [mean(forecasts(kind, COMPARED)).errors(validation) for kind in KINDS]
    errors = [_by_stretch(some, horizon) for some in compared]
    kind = KINDS[better_beyond_doubt(errors, KINDS.index(PLAIN))]
    # Models of single columns have less to learn from, and as many coefficients each.
    lags = [n_lags for n_lags in N_LAGS if kind.shared or n_lags <= COMPARED]
    return kind, mean([one for n_lags in lags for one in forecasts(kind, n_lags)])


def _tuned(
    level: LevelName | None, intercept: bool, training: LagStatistics, validation: LagStatistics
) -> Forecast:
    """Return the forecast with the penalty of the least validation error."""
    n_lags, horizon = training.n_lags, len(training.target_mean)
    levels = None if level is None else Levels.of(level, n_lags, 1, [0] * horizon)
    if levels is not None:
        training, validation = map(levels.normalised, (training, validation))
    model = NTKConvRegressorCV(
        1.0,
        alphas=ALPHAS,
        prior="di",  # with nu_w=1 a ridge
        scoring="neg_mean_squared_error",
        fit_intercept=intercept,
        device="cpu",
    ).fit_statistics(training, held_out=validation)
    response = torch.from_numpy(np.ascontiguousarray(model.impulse_response_[:, 0].T))
    return Forecast(
        (response if levels is None else levels.restore(response))[None],
        torch.from_numpy(np.array(model.intercept_)).reshape(1, -1),
        -model.best_score_,
    )


def _side_by_side(found: Sequence[Forecast]) -> Forecast:
    """Return the forecasts of single columns as one."""
    return Forecast(
        torch.cat([one.response for one in found]),
        torch.cat([one.intercept for one in found]),
        float(np.mean([one.error for one in found])),
    )


def mean(found: Sequence[Forecast]) -> Forecast:
    """Return the mean of forecasts, weighted by the inverse of their errors."""
    weights = 1.0 / np.array([one.error for one in found])
    weights /= weights.sum()
    n_lags = max(one.response.shape[1] for one in found)
    pairs = list(zip(found, weights, strict=True))
    padded = [
        weight * torch.nn.functional.pad(one.response, (0, 0, 0, n_lags - one.response.shape[1]))
        for one, weight in pairs
    ]
    return Forecast(
        torch.stack(padded).sum(0),
        torch.stack([weight * one.intercept for one, weight in pairs]).sum(0),
        float(np.average([one.error for one in found], weights=weights)),
    )


def _by_stretch(errors: NDArray, horizon: int) -> NDArray:
    """Return the mean errors of stretches of origins that are as long as the horizon at least."""
    n_stretches = max(1, len(errors) // horizon)
    return np.array([part.mean() for part in np.array_split(errors, n_stretches)])


def better_beyond_doubt(errors: Sequence[NDArray], plain: int) -> int:
    """Return the kind of the least error of those that are surely better than the plain one.

    Parameters
    ----------
    errors : sequence of ndarray of shape (n_stretches,)
        Of each kind.
    plain : int
        The one that stays where none is.
    """
    n_stretches = len(errors[plain])
    if n_stretches < 2:
        return plain
    needed = student.ppf(1.0 - DOUBT / (len(errors) - 1), n_stretches - 1)
    sure = [plain]
    for number, some in enumerate(errors):
        gain = errors[plain] - some
        if gain.mean() > needed * gain.std(ddof=1) / np.sqrt(n_stretches):
            sure.append(number)
    return min(sure, key=lambda number: errors[number].mean())
