"""Ways to look at a series before it is regressed on its past: scale, differences, season."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.priors.identification import DI
from sklearn_linrnn._core.priors.lag_prior import LagPrior
from sklearn_linrnn._core.priors.seasonal_lags import SeasonalLags

Drift = Literal["free", "by evidence", "none"]

N_LAGS = 8  # where the season is an input, or there is none
N_FIRST = 4  # of these, that a short series has
LONGEST_SEASON = 200  # that lags may reach; of longer ones the pattern alone is learned
LONGEST_RUN = 25  # lags without a gap; beyond them those around the season alone
REACH, FURTHEST = 5.0, 10.0  # widths of a series' range that forecasts may leave it by
LARGEST_LOGARITHM = 300.0  # of a forecast: its square is a number
N_HARMONICS = 12  # of a season's pattern, at most
MEMORIES = (0.0, 0.5, 0.8)  # of differences; averaged by their evidence
DECAYS = (0.2, 0.5, 0.8, 0.95)  # from lag to lag; averaged by their evidence


@dataclass(frozen=True)
class Form:
    """What a regression on the past is made of.

    Attributes
    ----------
    logarithm : bool
        Whether logarithms are taken first.
    differences : tuple of int
        The steps over which differences are taken, one after another.
    season : int
        Steps after which lags count again; 1 for none.
    pattern : tuple of int
        Seasons whose pattern is an input.
    """

    logarithm: bool
    differences: tuple[int, ...] = ()
    season: int = 1
    pattern: tuple[int, ...] = ()

    @property
    def lags(self) -> tuple[int, ...]:
        """Steps back from the target."""
        if self.season == 1:
            return tuple(range(1, N_LAGS + 1))
        run = range(1, min(self.season + 1, LONGEST_RUN) + 1)
        return tuple(sorted({*run, self.season, self.season + 1}))

    def lags_of(self, n_known: int) -> tuple[int, ...]:
        """Return the lags that so many differences have room for.

        Lags reach back by less than half of them, and without a season the later ones by less than
        a quarter.
        """
        later = n_known // 4 if self.season == 1 else n_known
        reach = min(n_known // 2, max(N_FIRST + 1, later))
        return tuple(lag for lag in self.lags if lag < reach)

    @property
    def memories(self) -> list[tuple[float, ...]]:
        """What differences may remember of the past, each combination of `MEMORIES`."""
        return list(product(MEMORIES, repeat=len(self.differences)))

    @property
    def n_lost(self) -> int:
        """Steps that the differences cost."""
        return sum(self.differences)

    def describe(self) -> dict[str, object]:
        """Return the form in the words of a summary."""
        return {
            "scale": "logarithm" if self.logarithm else "as is",
            "differences": self.differences,
            "seasonal_lags": (self.season,) if self.season > 1 else (),
            "pattern": self.pattern,
        }

    def prepare(self, y: NDArray) -> NDArray:
        """Return a series (n,) on the scale of the form; NaN where there is no logarithm."""
        return np.log(np.where(y > 0, y, np.nan)) if self.logarithm else y

    def log_slopes(self, y: NDArray) -> NDArray:
        """Return the logarithms of the slopes of the scale at a series (n,)."""
        return -self.prepare(y) if self.logarithm else np.zeros(len(y))

    def restore(self, paths: NDArray) -> NDArray:
        """Return forecasts on the scale of the series."""
        return np.exp(np.minimum(paths, LARGEST_LOGARITHM)) if self.logarithm else paths

    def roots(self, lags: Sequence[int]) -> NDArray:
        """Return prior deviations of lags and pattern for each prior, (n_priors, p)."""
        places = np.array(lags, dtype=int) - 1
        n_lags = max(lags, default=0)
        variances = [prior.covariance(n_lags)[places] for prior in self._priors()]
        return np.pad(np.sqrt(variances), ((0, 0), (0, self.n_waves)), constant_values=1.0)

    def _priors(self) -> Iterator[LagPrior]:
        for decay in DECAYS:
            yield DI(decay)
            if self.season > 1:
                yield SeasonalLags(self.season, decay)

    @property
    def n_waves(self) -> int:
        """Number of inputs that make the patterns."""
        return sum(_n_waves(season) for season in self.pattern)

    def waves(self, steps: NDArray) -> NDArray:
        """Return the patterns' inputs at some steps, (n_steps, n_waves).

        With unit prior variances a pattern has the covariance of centred effects of each step of
        the season, as far as there are as many harmonics.
        """
        parts = [np.empty((len(steps), 0))]
        for season in self.pattern:
            number = 1 + np.arange(_n_waves(season)) // 2
            angle = 2.0 * np.pi * steps[:, None] * number / season
            even = np.arange(len(number)) % 2 == 0
            parts.append(np.where(even, np.cos(angle), np.sin(angle)) * _amplitudes(season))
        return np.concatenate(parts, axis=1)


def within_reach(paths: NDArray, series: NDArray, ends: NDArray) -> NDArray:
    """Return paths no further from a series than forecasts may go.

    From its range up to each origin that is `REACH` times its width, and once more for each time
    that the series would fit into the horizon, up to `FURTHEST`: a line goes on.

    Parameters
    ----------
    paths : ndarray of shape (..., n_origins, n_ahead)
        Forecasts.
    series : ndarray of shape (n_timesteps,)
        The series.
    ends : ndarray of int, shape (n_origins,)
        Numbers of its steps that come before each path.
    """
    low, high = (f.accumulate(series)[ends - 1, None] for f in (np.minimum, np.maximum))
    share = np.arange(1, paths.shape[-1] + 1) / ends[:, None]
    reach = np.minimum(REACH + share, FURTHEST) * (high - low)
    return np.clip(paths, low - reach, high + reach)


def as_far_as_ever(paths: NDArray, series: NDArray, ends: NDArray) -> NDArray:
    """Return paths that move no further than a series ever did in as many steps or fewer.

    Parameters
    ----------
    paths, series, ends : ndarray
        As in `within_reach`, on the scale of a form.
    """
    last, moves = series[ends - 1, None], furthest_moves(series, ends, paths.shape[-1])
    return np.clip(paths, last - moves, last + moves)


def furthest_moves(series: NDArray, ends: NDArray, n_steps: int) -> NDArray:
    """Return the largest changes within 1 to `n_steps` steps up to each end, (n_origins, n_steps).

    Those within more steps than a series has grow in proportion: a line goes on.
    """
    moves = np.zeros((len(ends), n_steps))
    for step in range(1, min(n_steps, ends.max(initial=1) - 1) + 1):
        largest = np.maximum.accumulate(np.abs(series[step:] - series[:-step]))
        known = ends > step
        moves[known, step - 1] = largest[ends[known] - 1 - step]
    beyond = np.maximum(np.arange(1, n_steps + 1) / np.maximum(ends[:, None] - 1, 1), 1.0)
    return np.maximum.accumulate(moves, axis=1) * beyond


def _n_waves(season: int) -> int:
    return min(season - 1, 2 * N_HARMONICS)


def _amplitudes(season: int) -> NDArray:
    """Return the deviations of the waves; the one of every other step has no sine."""
    scale = np.full(_n_waves(season), np.sqrt(2.0 / (_n_waves(season) + 1)))
    if season % 2 == 0 and len(scale) == season - 1:
        scale[-1] /= np.sqrt(2.0)
    return scale


def make_forms(y: NDArray, seasons: Sequence[int]) -> list[tuple[Form, tuple[Drift, ...]]]:
    """Return the forms for a series, each with the drifts that it may have.

    Logarithms are for positive series, seasons for series that have at least two of them.

    Parameters
    ----------
    y : ndarray of shape (n_timesteps,)
        The series.
    seasons : sequence of int
        Steps of its seasons.
    """
    known = tuple(season for season in seasons if 2 * season <= len(y))
    scales = (False, True) if (y > 0).all() else (False,)
    shapes = _seasonal_shapes(known) if known else PLAIN_SHAPES
    return [(Form(logarithm, *shape), drifts) for logarithm in scales for shape, drifts in shapes]


Shape = tuple[tuple[int, ...], int, tuple[int, ...]]  # differences, season, pattern
PLAIN_SHAPES: list[tuple[Shape, tuple[Drift, ...]]] = [
    (((1,), 1, ()), ("free", "by evidence", "none")),
    (((1, 1), 1, ()), ("none",)),
]


def _seasonal_shapes(seasons: tuple[int, ...]) -> list[tuple[Shape, tuple[Drift, ...]]]:
    shapes: list[tuple[Shape, tuple[Drift, ...]]] = [
        (((), 1, seasons), ("free",)),
        (((1,), 1, seasons), ("free", "by evidence", "none")),
    ]
    for season in (one for one in seasons if one <= LONGEST_SEASON):
        shapes += [
            (((), season, ()), ("free",)),
            (((1,), season, ()), ("none",)),
            (((season,), season, ()), ("free", "by evidence", "none")),
        ]
    return shapes
