"""
Checking memory bias with sktime's tools
========================================

How much memory does a series ask for, and does a forecaster have it?
`~sklearn_linrnn.forecasting.LagForecaster` with `~sklearn_linrnn.NTKConvRegressor` carries the
prior of a linear RNN whose memory is set by ``nu_w``, and sktime searches it like any other
hyperparameter. Nothing here but the forecaster itself is of this package.
"""

# %%
# A search over the memory
# ------------------------
#
# Monthly airline passengers, and lynx trapped each year in Canada, in logarithms. At every sixth
# step from the sixtieth on, forecasts of the next twelve are scored by their mean absolute scaled
# error: at 1 they are as far off as the last value is from the next one. The last twelve steps are
# left out of the search. The flat prior, which treats all lags alike, has no bias.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sktime.datasets import load_airline, load_lynx
from sktime.forecasting.model_evaluation import evaluate
from sktime.forecasting.model_selection import ForecastingGridSearchCV
from sktime.performance_metrics.forecasting import MeanAbsoluteScaledError
from sktime.split import ExpandingWindowSplitter

from sklearn_linrnn import NTKConvRegressor
from sklearn_linrnn.forecasting import LagForecaster

warnings.filterwarnings("ignore", category=FutureWarning)  # of defaults of sktime 1.3

n_lags, horizon = 24, np.arange(1, 13)
memories = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95]
series = {
    "airline passengers": np.log(load_airline()),
    "lynx": np.log(load_lynx()),
}
splitter = ExpandingWindowSplitter(fh=horizon, initial_window=60, step_length=6)
metric = MeanAbsoluteScaledError()


def search_memory(y):
    """Return the search over nu_w, fitted."""
    forecaster = LagForecaster(NTKConvRegressor("auto", alpha="auto"), n_lags)
    grid = {"estimator__nu_w": memories}
    search = ForecastingGridSearchCV(forecaster, splitter, grid, scoring=metric)
    return search.set_config(remember_data=False).fit(y, fh=horizon)


def score(forecaster, y):
    """Return the mean scaled error of one forecaster in the same folds."""
    results = evaluate(forecaster, splitter, y, scoring=metric)
    return results["test_MeanAbsoluteScaledError"].mean()


# %%
# What the bias costs
# -------------------
#
# The curve is the error of each memory, with the penalty of the highest evidence. The triangle
# stands at the memory that the evidence chooses for all of the training data; its error is that of
# the memories that it chooses in each fold, from what was before.

fig, axes = plt.subplots(1, 2, sharey=True, figsize=(9, 3.8), layout="constrained")
searches = {}
for ax, (name, y) in zip(axes, series.items(), strict=True):
    train = y[:-12]
    searches[name] = search = search_memory(train)
    scores = search.cv_results_["mean_test_MeanAbsoluteScaledError"]
    ax.plot(memories, scores, color="#0072B2", marker="o", label="prior of a linear RNN")
    flat = score(LagForecaster(NTKConvRegressor(1.0, alpha="auto", prior="flat"), n_lags), train)
    ax.axhline(flat, color="black", linestyle=":", label="flat prior")
    evidence = LagForecaster(n_lags=n_lags).fit(train)
    ax.plot(
        evidence.estimators_[0].nu_w_,
        score(LagForecaster(n_lags=n_lags), train),
        color="#D55E00",
        marker="^",
        markersize=10,
        linestyle="none",
        label="memory by evidence",
    )
    ax.set(title=name, xlabel=r"$\nu_W$, from short memory to long")
axes[0].set(ylabel="mean absolute scaled error", ylim=(0, None))
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)

{name: search.best_params_ for name, search in searches.items()}

# %%
# On the passengers the shortest memory has more than three times the error of the best one, because
# training cannot reach the season at lag 11. On the lynx it costs a quarter. In both, a memory that
# is longer than the best one ends close to the flat prior: too long is cheaper than too short.

# %%
# Forecasts with the memory that was found
# ----------------------------------------
#
# The search chose the memory without these twelve steps. ``predict_interval`` has the noise of each
# step ahead and what is uncertain of the response.

fig, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
units = ["passengers per month, thousand", "animals per year"]
for ax, unit, (name, y) in zip(axes, units, series.items(), strict=True):
    forecaster = searches[name].best_forecaster_
    forecast = np.exp(forecaster.predict(horizon))
    interval = np.exp(forecaster.predict_interval(horizon, coverage=0.9))
    months = forecast.index.to_timestamp()
    past = np.exp(y[-60:])
    ax.plot(past.index.to_timestamp(), past, color="0.35", label="measured")
    ax.fill_between(
        months, *interval.to_numpy().T, color="#0072B2", alpha=0.25, lw=0, label="90 % interval"
    )
    ax.plot(months, forecast, color="#0072B2", linestyle="--", label="forecast")
    ax.set(title=name, ylabel=unit)
    ax.tick_params(axis="x", rotation=30)
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)

plt.show()
