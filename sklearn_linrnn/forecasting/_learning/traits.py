"""What tells the kinds of estimators apart where they learn forecasts: all of it is here."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import singledispatch
from typing import Any

from sklearn_linrnn._core.priors.catalogue import HYPERPARAMETERS
from sklearn_linrnn._core.priors.lag_prior import LagPrior
from sklearn_linrnn._core.priors.lru import LRU
from sklearn_linrnn._estimators.base import LagRegressor
from sklearn_linrnn._estimators.components import LAYOUT, cloned_component
from sklearn_linrnn._estimators.descent import DescentRegressor
from sklearn_linrnn._estimators.lru import LRURegressor
from sklearn_linrnn._estimators.network_kernel import NetworkKernel
from sklearn_linrnn._estimators.ntk_conv import NTKConvRegressor
from sklearn_linrnn._estimators.ntk_conv_cv import NTKConvRegressorCV

CHOICES = (*HYPERPARAMETERS, "alpha", "n_lags", "n_steps")  # strings there are rules of choice
# What a grid may say of its search: its defaults, or what the forecaster does anyway.
SEARCHES: dict[str, tuple[str | None, ...]] = {
    "cv": (None,),
    "scoring": ("r2", "neg_mean_squared_error"),
    "memory": ("shared",),
}


@dataclass(frozen=True, eq=False)
class Traits:
    """How an estimator learns forecasts.

    Attributes
    ----------
    estimator : LagRegressor
        What learns from sums, not fitted: clone it for each regression.
    chooses : bool
        Whether it chooses something from the data for all outputs together.
    shares_parameters : bool
        Whether its outputs share parameters, so that each horizon needs one of its own.
    searches : bool
        Whether it is a grid of candidates, to be scored on windows that are held out.
    lag_counter : NTKConvRegressor or None
        What finds the number of lags of the highest evidence for an estimator that cannot do so
        itself; ``None`` for the number that the sums have.
    """

    estimator: LagRegressor
    chooses: bool = False
    shares_parameters: bool = False
    searches: bool = False
    lag_counter: NTKConvRegressor | None = None


def make_traits(estimator: Any, *, auto_lags: bool) -> Traits:
    """Return the traits of an estimator.

    Parameters
    ----------
    estimator : LagRegressor or None
        ``None`` for the limit of wide networks, with all that can be chosen by its evidence.
    auto_lags : bool
        Whether the number of lags is to be found in the data.

    Raises
    ------
    TypeError
        If the estimator is not a regressor of the package.
    ValueError
        If one of its parameters contradicts what a forecaster settles itself.
    """
    if estimator is None:
        return _traits(NTKConvRegressor("auto", "auto", "auto", alpha="auto"), auto_lags)
    why = (
        "LagForecaster lays out the windows itself, up to the last time step that is known. Use "
        "the forecaster's own n_lags."
    )
    untouched = ("n_lags", "n_leads", "delay", *LAYOUT)
    return _traits(cloned_component(estimator, untouched, why), auto_lags)


@singledispatch
def _traits(estimator: LagRegressor, auto_lags: bool) -> Traits:
    return Traits(estimator, chooses=auto_lags)


@_traits.register
def _(estimator: NTKConvRegressor, auto_lags: bool) -> Traits:
    if estimator.noise != "white":
        raise ValueError(
            f"noise of estimator must be 'white', but got {estimator.noise!r}: LagForecaster "
            "learns from windows, and lags of the series itself already tell how it goes on from "
            "step to step."
        )
    if auto_lags:
        estimator.set_params(n_lags="auto")
    has_auto = any(isinstance(getattr(estimator, name), str) for name in CHOICES)
    seeks = isinstance(estimator.prior, LagPrior) and bool(estimator.prior.sought)
    return Traits(estimator, chooses=has_auto or seeks)


@_traits.register
def _(estimator: NTKConvRegressorCV, auto_lags: bool) -> Traits:
    for name, known in SEARCHES.items():
        value = getattr(estimator, name)
        if not (value is None or isinstance(value, str)) or value not in known:
            raise ValueError(
                f"{name} of estimator must be one of {known}, but got {value!r}: LagForecaster "
                "scores candidates by their squared errors at the held-out end of each series. Use "
                "the forecaster's own validation."
            )
    return Traits(
        estimator.set_params(scoring="neg_mean_squared_error"), chooses=auto_lags, searches=True
    )


@_traits.register
def _(estimator: DescentRegressor, auto_lags: bool) -> Traits:
    return Traits(estimator, auto_lags, lag_counter=_limit(estimator) if auto_lags else None)


@_traits.register
def _(estimator: NetworkKernel, auto_lags: bool) -> Traits:
    lag_counter = _limit(estimator) if auto_lags else None
    return Traits(estimator, auto_lags, shares_parameters=True, lag_counter=lag_counter)


def _limit(estimator: DescentRegressor) -> NTKConvRegressor:
    """Return the limit of wide networks with the initialisation of an estimator."""
    own = {name: getattr(estimator, name) for name in _initial_names(estimator)}
    initial: dict[str, Any] = {"prior": LRU(**own)} if isinstance(estimator, LRURegressor) else own
    same = ("channel_scale", "fit_intercept", "device")
    parameters = {name: getattr(estimator, name) for name in same}
    return NTKConvRegressor(alpha="auto", n_lags="auto", **initial, **parameters)


def _initial_names(estimator: DescentRegressor) -> list[str]:
    """Return the names of the parameters that say how an estimator's networks begin."""
    if isinstance(estimator, LRURegressor):
        return [each.name for each in fields(LRU)]
    return ["nu_w", "nu_f", "nu_c"]
