"""Whether a recording has enough to learn a system from, and enough to test it on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from sklearn_linrnn._estimators.delay_choice import MOST_DELAY
from sklearn_linrnn._studies.identification.time_unit import TimeUnit

LEAST_STEPS = 20  # observed, in each of the two parts


@dataclass(frozen=True, eq=False)
class TwoParts:
    """A recording of which the first part is to learn from, and the other one tests the model.

    Attributes
    ----------
    inputs : DataFrame of shape (n_timesteps, n_inputs)
        The inputs.
    target : Series of shape (n_timesteps,)
        The output; NaN where it was not observed.
    n_first : int
        Number of time steps of the first part.
    """

    inputs: pd.DataFrame
    target: pd.Series
    n_first: int

    @classmethod
    def of(cls, inputs: pd.DataFrame, target: pd.Series, held_out: float) -> TwoParts:
        """Return those of a recording whose end, that share of it, tests the model."""
        return cls(inputs, target, round(len(target) * (1.0 - held_out)))

    @property
    def learned(self) -> pd.Series:
        """The output of the first part."""
        return self.target.iloc[: self.n_first]

    @property
    def tested(self) -> pd.Series:
        """The output of both, missing in the first part."""
        tested = self.target.copy()
        tested.iloc[: self.n_first] = float("nan")
        return tested

    @property
    def _each(self) -> tuple[tuple[pd.Series, str], ...]:
        """The output of each part, and where that is."""
        return (self.learned, "before"), (self.tested, "in")

    def check_observed(self) -> None:
        """Raise unless both parts have enough observed values, and the first one has a response."""
        name, found = self.target.name, int(self.target.count())
        if found < 2 * LEAST_STEPS:
            raise ValueError(
                f"--target {name} has {_counted(found, 'observed value')}, but at least "
                f"{2 * LEAST_STEPS} are needed: {LEAST_STEPS} to learn from, and {LEAST_STEPS} "
                "that test the model."
            )
        for part, where in self._each:
            if (found := int(part.count())) < LEAST_STEPS:
                raise ValueError(
                    f"--held-out leaves {_counted(found, 'observed value')} of {name} {where} the "
                    f"part that is held out, but at least {LEAST_STEPS} are needed."
                )
        if self.learned.nunique() == 1:
            raise ValueError(
                f"--target {name} must vary before the part that is held out, but is always "
                f"{self.learned.dropna().iloc[0]:g} there."
            )

    def check_lags(self, n_lags: int | Literal["auto"], delay: int | Literal["auto"]) -> None:
        """Raise unless both parts have enough values after inputs that are known at all lags.

        Of what is "auto" the least is taken.

        Parameters
        ----------
        n_lags : int or "auto"
            Number of lags.
        delay : int or "auto"
            Time steps that the inputs take to act. Delays are compared at the lags of all of them.
        """
        lags = 1 if n_lags == "auto" else n_lags
        first_lag = 0 if delay == "auto" else delay
        if lags + first_lag > self.n_first:
            raise ValueError(
                f"--lags {lags} with --delay {first_lag} needs {lags + first_lag} time steps, but "
                f"there are {self.n_first} before the part that is held out."
            )
        more = 0
        if delay == "auto" and n_lags != "auto":
            more = min(MOST_DELAY, self.n_first - lags)
        self._check_known(lags, first_lag, more)
        n_tested = int((self.tested.notna() & self._known(lags, first_lag)).sum())
        n_least = (first_lag + lags + 1 - min(first_lag - 1, 0)) * self.inputs.shape[1]
        if n_tested <= n_least + 1:  # with a lag more on both sides, which is the least
            raise self.untestable(lags, first_lag)

    def untestable(self, n_lags: int, delay: int) -> ValueError:
        """Return the error of a part that is too short to test a model."""
        n_inputs, steps = self.inputs.shape[1], TimeUnit(1.0, "steps").of(delay)
        return ValueError(
            f"--held-out leaves {_counted(int(self.tested.count()), 'observed value')} of "
            f"{self.target.name}, which do not test {_counted(n_lags, 'lag')} of "
            f"{_counted(n_inputs, 'input')}{f' after a dead time of {steps}' if delay else ''}. "
            "Raise --held-out, or set fewer --lags."
        )

    def _known(self, n_lags: int, first_lag: int) -> pd.Series:
        """Return at which time steps all inputs are known at all lags, or are before the first."""
        missing = self.inputs.isna().any(axis=1).astype(float)
        return missing.rolling(n_lags, min_periods=1).max().shift(first_lag, fill_value=0.0) == 0.0

    def _check_known(self, n_lags: int, first_lag: int, more: int) -> None:
        is_known = self._known(n_lags + more, first_lag)
        for part, where in self._each:
            n_known = int((part.notna() & is_known.loc[part.index]).sum())
            if n_known < LEAST_STEPS:
                missing = self.inputs.isna().sum()
                delays = f" after delays of 0 to {more} steps" if more else ""
                raise ValueError(
                    f"--inputs {missing.idxmax()} lacks {_counted(int(missing.max()), 'value')}, "
                    f"so that {_counted(n_known, 'value')} of {self.target.name} {where} the part "
                    f"that is held out have {_counted(n_lags, 'known lag')}{delays}, but at least "
                    f"{LEAST_STEPS} are needed. Set {'--delay or ' if more else ''}fewer --lags, "
                    "or leave that input out."
                )


def _counted(number: int, what: str) -> str:
    """Return a number of things.

    >>> _counted(1, "lag"), _counted(1200, "lag")
    ('1 lag', '1,200 lags')
    """
    return f"{number:,} {what}" + ("" if number == 1 else "s")
