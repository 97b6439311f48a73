"""A system identified from a recording of its inputs and its output, and tested on the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.stats import norm

from sklearn_linrnn._estimators.ntk_conv import NTKConvRegressor
from sklearn_linrnn._studies.identification.held_out_fit import HeldOutFit, held_out_fit
from sklearn_linrnn._studies.identification.input_table import input_table
from sklearn_linrnn._studies.identification.time_unit import TimeUnit, time_unit
from sklearn_linrnn._studies.series import StudySeries
from sklearn_linrnn.inspection import ImpulseResponseDisplay, ResidualDisplay
from sklearn_linrnn.inspection._residual_tests import USUAL_LAGS

LEAST_STEPS = 20  # observed, in each of the two parts
MOST_COEFFICIENTS = 0.6  # of all lags that are tested, for each observed step


@dataclass(frozen=True)
class IdentificationDesign:
    """What is asked for.

    Attributes
    ----------
    n_lags : int or "auto"
        Number of lags.
    delay : int or "auto"
        Time steps that the inputs take to act.
    prior : str
        Prior of the response.
    memory : {"channel", "shared"}
        Whether each input has a memory of its own.
    noise : {"ar", "white"}
        Whether the noise may be an autoregression.
    held_out : float
        Share of the recording, its end, that tests the model.
    level : float
        Probability of all bands and intervals.
    sampling_time : float or None
        Seconds from one row to the next; ``None`` for what the times say.
    """

    n_lags: int | Literal["auto"] = "auto"
    delay: int | Literal["auto"] = "auto"
    prior: str = "tc"
    memory: Literal["channel", "shared"] = "channel"
    noise: Literal["ar", "white"] = "ar"
    held_out: float = 0.25
    level: float = 0.9
    sampling_time: float | None = None

    def fit(self, X: pd.DataFrame, y: pd.Series) -> NTKConvRegressor:
        """Return the model, everything that is not given chosen by its evidence.

        The number of lags and the delay are chosen first, for white noise and one memory.
        """
        n_lags, delay = self.n_lags, self.delay
        if "auto" in (n_lags, delay):
            first = self._estimator(n_lags=n_lags, delay=delay).fit(X, y)
            n_lags, delay = first.impulse_response_.shape[2], first.delay_
        last = self._estimator(n_lags=n_lags, delay=delay, memory=self.memory, noise=self.noise)
        return last.fit(X, y)

    def _estimator(self, **parameters: Any) -> NTKConvRegressor:
        return NTKConvRegressor(
            "auto",
            alpha="auto",
            prior=self.prior,
            correlation="auto",
            rows="timesteps",
            initial_state="mean",
            **parameters,
        )


@dataclass(frozen=True, eq=False)
class IdentifiedSystem:
    """What was identified, and how it was tested.

    Attributes
    ----------
    design : IdentificationDesign
        What was asked for.
    name : str
        Name of the recording.
    target : str
        Name of the output.
    unit : TimeUnit
        Unit of time.
    model : NTKConvRegressor
        Learned from the first part.
    inputs : DataFrame
        What `input_table` returns.
    held_out : HeldOutFit
        The simulation of the other part.
    residuals : ResidualDisplay
        What the residuals there have to do with each other and with the inputs.
    n_learned : int
        Observed time steps that the model has learned from.
    """

    design: IdentificationDesign
    name: str
    target: str
    unit: TimeUnit
    model: NTKConvRegressor
    inputs: pd.DataFrame
    held_out: HeldOutFit
    residuals: ResidualDisplay
    n_learned: int

    @property
    def n_lags(self) -> int:
        """Number of lags."""
        return int(self.model.impulse_response_.shape[2])

    def responses(self) -> pd.DataFrame:
        """Return the impulse responses and their bands, a row for each input and lag."""
        display = ImpulseResponseDisplay.from_estimator(
            self.model, coverage=self.design.level, sampling_time=self.unit.step
        )
        return display.frame().droplevel("output")


def identify(series: StudySeries, design: IdentificationDesign) -> IdentifiedSystem:
    """Return the system that a recording shows.

    Parameters
    ----------
    series : StudySeries
        The output, and the inputs at the same time steps.
    design : IdentificationDesign
        What is asked for.

    Returns
    -------
    system : IdentifiedSystem

    Raises
    ------
    ValueError
        If there are no inputs, the target does not vary, or either part has too few observed time
        steps.
    """
    if series.inputs is None:
        raise ValueError("--inputs must name the columns that drive the target.")
    y, X = series.target, series.inputs
    first = round(len(y) * (1.0 - design.held_out))
    learned, tested = y.copy(), y.copy()
    learned.iloc[first:], tested.iloc[:first] = np.nan, np.nan
    _check_observed(learned, tested)
    model = design.fit(X.iloc[:first], y.iloc[:first])
    unit = time_unit(y.index, design.sampling_time)
    return IdentifiedSystem(
        design=design,
        name=series.name,
        target=str(y.name),
        unit=unit,
        model=model,
        inputs=input_table(model, unit, design.level),
        held_out=_simulated(model, X, tested, float(learned.mean()), design.level),
        residuals=_tested(model, X, tested, design.level, unit),
        n_learned=int(learned.count()),
    )


def _tested(
    model: NTKConvRegressor, X: pd.DataFrame, tested: pd.Series, level: float, unit: TimeUnit
) -> ResidualDisplay:
    n_observed = int(tested.count())
    try:
        return ResidualDisplay.from_estimator(
            model,
            X,
            tested,
            n_lags=_n_tested_lags(model, n_observed),
            coverage=level,
            sampling_time=unit.step,
        )
    except ValueError as error:
        _, n_channels, n_lags = model.impulse_response_.shape
        inputs = "input" if n_channels == 1 else "inputs"
        delay = TimeUnit(1.0, "steps").of(model.first_lag_)
        raise ValueError(
            f"--held-out leaves {n_observed} observed values of {tested.name}, which do not test "
            f"{n_lags} lags of {n_channels} {inputs} after a dead time of {delay}. "
            "Raise --held-out, or set fewer --lags."
        ) from error


def _n_tested_lags(model: NTKConvRegressor, n_observed: int) -> int:
    """Return how far residuals are compared: as usual, or as a share of the steps allows."""
    _, n_channels, n_lags = model.impulse_response_.shape
    most = int((MOST_COEFFICIENTS * n_observed / n_channels - n_lags) / 2)
    return min(max(most, 1), USUAL_LAGS)


def _check_observed(learned: pd.Series, tested: pd.Series) -> None:
    if learned.nunique() == 1:
        raise ValueError(
            f"--target {learned.name} must vary before the part that is held out, but is always "
            f"{learned.dropna().iloc[0]:g} there."
        )
    for part, where in ((learned, "before"), (tested, "in")):
        if part.count() < LEAST_STEPS:
            raise ValueError(
                f"--held-out leaves {part.count()} observed values of {part.name} {where} the "
                f"part that is held out, but at least {LEAST_STEPS} are needed."
            )


def _simulated(
    model: Any, X: pd.DataFrame, tested: pd.Series, mean: float, level: float
) -> HeldOutFit:
    simulated, deviation = model.predict(X, return_std=True)
    half_width = norm.ppf((1.0 + level) / 2.0) * deviation
    observed = tested.notna().to_numpy()
    return held_out_fit(tested[observed], simulated[observed], half_width[observed], mean, level)
