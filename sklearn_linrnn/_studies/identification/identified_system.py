"""A system identified from a recording of its inputs and its output, and tested on the rest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import pandas as pd
from scipy.stats import norm

from sklearn_linrnn._estimators.ntk_conv import NTKConvRegressor
from sklearn_linrnn._studies.identification.dependent_inputs import warn_of_dependent_inputs
from sklearn_linrnn._studies.identification.enough_data import TwoParts
from sklearn_linrnn._studies.identification.held_out_fit import HeldOutFit, held_out_fit
from sklearn_linrnn._studies.identification.input_table import input_table
from sklearn_linrnn._studies.identification.time_unit import TimeUnit, time_unit
from sklearn_linrnn._studies.series import StudySeries
from sklearn_linrnn._studies.study_design import checked_level
from sklearn_linrnn.inspection import ImpulseResponseDisplay, ResidualDisplay
from sklearn_linrnn.inspection._residual_tests import USUAL_LAGS

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
        Probability of all bands and intervals, within [0.5, 1).
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

    def __post_init__(self) -> None:
        checked_level(self.level)

    def with_lags(self, X: pd.DataFrame, y: pd.Series) -> IdentificationDesign:
        """Return the design with the number of lags and the delay of the highest evidence.

        They are chosen first, for white noise and one memory.
        """
        if "auto" not in (self.n_lags, self.delay):
            return self
        found = self._estimator().fit(X, y)
        return replace(self, n_lags=found.impulse_response_.shape[2], delay=found.delay_)

    def fit(self, X: pd.DataFrame, y: pd.Series) -> NTKConvRegressor:
        """Return the model, everything that is not given chosen by its evidence."""
        return self._estimator(memory=self.memory, noise=self.noise).fit(X, y)

    def _estimator(self, **parameters: Any) -> NTKConvRegressor:
        return NTKConvRegressor(
            "auto",
            alpha="auto",
            prior=self.prior,
            correlation="auto",
            n_lags=self.n_lags,
            delay=self.delay,
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
    idle : tuple of str
        The inputs that do not vary there.
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
    idle: tuple[str, ...]

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
        steps after known inputs.
    """
    if series.inputs is None:
        raise ValueError("--inputs must name the columns that drive the target.")
    parts = TwoParts.of(series.inputs, series.target, design.held_out)
    parts.check_observed()
    X, y = series.inputs.iloc[: parts.n_first], parts.learned
    warn_of_dependent_inputs(X)
    parts.check_lags(design.n_lags, design.delay)
    settled = design.with_lags(X, y)
    parts.check_lags(settled.n_lags, settled.delay)
    model = settled.fit(X, y)
    unit = time_unit(series.target.index, design.sampling_time)
    return IdentifiedSystem(
        design=design,
        name=series.name,
        target=str(y.name),
        unit=unit,
        model=model,
        inputs=input_table(model, unit, design.level),
        held_out=_simulated(model, parts, design.level),
        residuals=_tested(model, parts, design.level, unit),
        n_learned=int(y.count()),
        idle=tuple(str(name) for name in X.columns[X.nunique() <= 1]),
    )


def _tested(
    model: NTKConvRegressor, parts: TwoParts, level: float, unit: TimeUnit
) -> ResidualDisplay:
    try:
        return ResidualDisplay.from_estimator(
            model,
            parts.inputs,
            parts.tested,
            n_lags=_n_tested_lags(model, int(parts.tested.count())),
            coverage=level,
            sampling_time=unit.step,
        )
    except ValueError as error:
        raise parts.untestable(model.impulse_response_.shape[2], model.first_lag_) from error


def _n_tested_lags(model: NTKConvRegressor, n_observed: int) -> int:
    """Return how far residuals are compared: as usual, or as a share of the steps allows."""
    _, n_channels, n_lags = model.impulse_response_.shape
    most = int((MOST_COEFFICIENTS * n_observed / n_channels - n_lags) / 2)
    return min(max(most, 1), USUAL_LAGS)


def _simulated(model: NTKConvRegressor, parts: TwoParts, level: float) -> HeldOutFit:
    simulated, deviation = model.predict(parts.inputs, return_std=True)
    half_width = norm.ppf((1.0 + level) / 2.0) * deviation
    observed = parts.tested.notna().to_numpy()
    return held_out_fit(
        parts.tested[observed],
        simulated[observed],
        half_width[observed],
        levels=[float(parts.learned.mean()), _own_level(model, parts)],
        level=level,
    )


def _own_level(model: NTKConvRegressor, parts: TwoParts) -> float:
    """Return what the model expects of an output whose inputs are at their means."""
    means = parts.inputs.iloc[: parts.n_first].mean().to_numpy()
    return float(model.intercept_[0] + model.impulse_response_[0].sum(axis=1) @ means)
