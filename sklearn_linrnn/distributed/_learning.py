"""Models learn from the sums of data on many machines."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from typing import Any, Literal, TypeVar

import numpy as np

from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.tensors import whole_number
from sklearn_linrnn._data.folds import consecutive_parts
from sklearn_linrnn._data.known_sums import KnownSums
from sklearn_linrnn._data.lag_shape import needed_steps
from sklearn_linrnn._data.sequences import Past
from sklearn_linrnn._estimators.gathering import gathering_of
from sklearn_linrnn._estimators.ntk_conv import NTKConvRegressor
from sklearn_linrnn.distributed._blocks import Source, read_source
from sklearn_linrnn.distributed._kinds import require_dask
from sklearn_linrnn.distributed._parts import PartSums, followed, sum_part, total_part
from sklearn_linrnn.distributed._rows import Block

E = TypeVar("E")


def fit(estimator: E, X: Any, y: Any, *, sample_weight: Any = None, sequence_id: Any = None) -> E:
    """Fit an estimator to data of Dask, of which the workers send sums alone.

    What is learned is what ``estimator.fit`` learns from the same data in one array, or more
    exactly what `fit_statistics` learns from their sums. Time goes on from one chunk to the next,
    however short these are: the first ``n_lags - 1`` time steps of a chunk are summed up where its
    sums are added to those of the chunks before it.

    Parameters
    ----------
    estimator : estimator
        A regressor of this package whose parameters need no more than sums. Its `device` is that of
        the workers, for the sums, and of this machine.
    X : Dask array, Dask DataFrame, Dask bag or list
        Inputs: the time steps of recordings ``(n_samples, n_channels)`` with ``rows="timesteps"``,
        windows ``(n_samples, n_timesteps * n_channels)``, a panel ``(n_sequences, n_timesteps,
        n_channels)``, or a list or bag of recordings ``(n_timesteps_i, n_channels)``. Those of a
        list are Dask arrays, delayed or arrays; those of a bag are arrays.
    y : Dask array, Dask DataFrame, Dask Series, Dask bag or list
        Targets, in the shapes that ``estimator.fit`` takes. A NaN was not observed.
    sample_weight : same kinds as y, default=None
        Weights, in the shapes that ``estimator.fit`` takes.
    sequence_id : Dask array or Dask Series of shape (n_samples,), default=None
        With ``rows="timesteps"``, the recording that each row belongs to. The rows of a recording
        must come one after another. ``None`` for a single recording.

    Returns
    -------
    estimator : estimator
        The same, fitted.

    Raises
    ------
    ImportError
        If Dask is not installed: it is in the extra ``distributed``.
    ValueError
        If a parameter or an argument is invalid or needs more than sums, or the rows of a recording
        do not come one after another. An earlier fit is then unchanged.
    TypeError
        If the estimator does not learn from sums, or X is not of Dask.

    See Also
    --------
    lag_statistics : The sums themselves, for all that learns from them.

    Notes
    -----
    The chunks of y, of weights and of names are made those of X. Where the lengths of chunks are
    not known, as in a DataFrame, there must be as many, and they must go together. Every chunk is
    read and summed up by one thread of a worker, in the memory of the chunk and of a scatter of
    ``(n_lags * n_channels)**2`` numbers, and waits for no other one. The scatters are added up in a
    tree, four at a time, in an order that does not depend on the workers: a lost one changes
    nothing.

    With `n_leads` recordings must be whole: windows, a panel, a bag, or a list of arrays of one
    chunk.

    As sums do not tell how residuals go on from step to step, `noise_predictability_` is 0, and a
    penalty that is "auto" is not checked on later parts of the data. ``initial_state="mean"``
    takes another pass over the data, for the mean. With ``cv=None`` or an int `NTKConvRegressorCV`
    holds out consecutive parts, each of which is summed up by itself; where the lengths of chunks
    are not known, they are computed first.

    A worker also sends the last ``n_lags - 1`` time steps of each recording that has a name, with
    which `partial_fit` goes on. Very many short recordings are better passed as a panel or a bag.

    Examples
    --------
    >>> import dask.array as da
    >>> import numpy as np
    >>> from sklearn_linrnn import NTKConvRegressor, distributed
    >>> x = np.random.default_rng(0).normal(size=(1000, 1))
    >>> y = x[:, 0] + 0.5 * np.roll(x[:, 0], 1)
    >>> X, Y = da.from_array(x, chunks=(300, 1)), da.from_array(y, chunks=300)
    >>> model = NTKConvRegressor(nu_w=0.3, rows="timesteps", n_lags=4)
    >>> distributed.fit(model, X, Y).impulse_response_.round(1) + 0.0
    array([[[1. , 0.5, 0. , 0. ]]])
    """
    require_dask()
    gathering = gathering_of(estimator)
    gathering.check(in_parts=True)
    given = Block(X, y, sample_weight, sequence_id)
    n_lags = estimator.n_lags  # type: ignore[attr-defined]
    sums = _gather(gathering.reader(knows=False), given, n_lags, n_parts=gathering.n_parts())
    _check_whole(sums)
    known = _known(sums, Past())
    if sums.form.before is None:
        known = replace(known, share_of_heads=sums.heads / known.sums.weight)
    return gathering.learn(known)


def partial_fit(
    estimator: E, X: Any, y: Any, *, sample_weight: Any = None, sequence_id: Any = None
) -> E:
    """Add data of Dask to what an estimator has learned from, and learn from all of it.

    The earlier data may be of `fit`, of this function, or of the estimator's own methods, and later
    ones too. With ``rows="timesteps"`` recordings go on where they ended.

    Parameters
    ----------
    estimator : estimator
        A regressor of this package, fitted or not.
    X, y, sample_weight, sequence_id : Dask collection or list
        As in `fit`, in the form of the earlier data.

    Returns
    -------
    estimator : estimator
        The same, fitted.

    Raises
    ------
    ImportError
        If Dask is not installed: it is in the extra ``distributed``.
    ValueError
        As in `fit`, and if the data have other lags, channels or outputs than the earlier ones, or
        the sums of these were never formed. The earlier fit is then unchanged.
    TypeError
        If the estimator does not learn from sums, or X is not of Dask.

    Examples
    --------
    >>> import dask.array as da
    >>> from sklearn_linrnn import NTKConvRegressor, distributed
    >>> x = da.random.default_rng(0).normal(size=(3000, 1), chunks=(1000, 1))
    >>> y = x[:, 0] + 0.5
    >>> model = NTKConvRegressor(nu_w=0.3, rows="timesteps", n_lags=4)
    >>> for day in (slice(0, 1500), slice(1500, None)):
    ...     _ = distributed.partial_fit(model, x[day], y[day])
    >>> model.solution_.statistics.weight
    3000.0
    """
    require_dask()
    gathering = gathering_of(estimator)
    gathering.check()
    earlier = gathering.past()
    n_lags = estimator.n_lags  # type: ignore[attr-defined]
    if earlier is not None and n_lags is None:
        fitted: Any = estimator
        n_lags = fitted.impulse_response_.shape[2] + min(fitted.first_lag_, 0)
    given = Block(X, y, sample_weight, sequence_id)
    reader = gathering.reader(knows=earlier is not None)
    sums = _gather(reader, given, n_lags, earlier=earlier)
    return gathering.add(_known(sums, earlier or Past()))


def lag_statistics(
    X: Any,
    y: Any,
    *,
    n_lags: int,
    sample_weight: Any = None,
    sequence_id: Any = None,
    initial_state: Literal["zero", "mean", "unknown"] = "zero",
    device: Any = "cpu",
) -> LagStatistics:
    """Return the sums of data of Dask, for all that learns from them.

    Parameters
    ----------
    X : Dask array, Dask DataFrame, Dask bag or list
        Inputs: the time steps of recordings ``(n_samples, n_channels)``, a panel ``(n_sequences,
        n_timesteps, n_channels)``, or a list or bag of recordings, as in `fit`.
    y : Dask array, Dask DataFrame, Dask Series, Dask bag or list
        Targets at every time step; for a panel also ``(n_sequences,)`` or ``(n_sequences,
        n_outputs)``, at the last one. A NaN was not observed.
    n_lags : int
        Number of lags, the present time step included; at least 1.
    sample_weight : same kinds as y, default=None
        Weights, as in `fit`.
    sequence_id : Dask array or Dask Series of shape (n_samples,), default=None
        The recording that each row belongs to, as in `fit`.
    initial_state : {"zero", "mean", "unknown"}, default="zero"
        Inputs before the first time step of a recording: zero, their mean, or unknown. Time steps
        with unknown lags are left out.
    device : torch.device or str, default="cpu"
        Where the workers compute.

    Returns
    -------
    statistics : LagStatistics
        The sums, on the CPU of this machine.

    Raises
    ------
    ImportError
        If Dask is not installed: it is in the extra ``distributed``.
    ValueError
        As in `fit`.
    TypeError
        If `n_lags` is not whole, or X is not of Dask.

    Examples
    --------
    >>> import dask.array as da
    >>> from sklearn_linrnn import distributed
    >>> x = da.random.default_rng(0).normal(size=(3000, 1), chunks=(1000, 1))
    >>> distributed.lag_statistics(x, x[:, 0], n_lags=20)
    LagStatistics(weight=3000, n_lags=20, n_channels=1, n_outputs=1)
    """
    require_dask()
    if whole_number(n_lags, "n_lags") < 1:
        raise ValueError(f"n_lags must be at least 1, but got {n_lags}.")
    reader = NTKConvRegressor(
        rows="timesteps", n_lags=n_lags, initial_state=initial_state, device=device
    )
    gathering_of(reader).check()
    sums = _gather(reader, Block(X, y, sample_weight, sequence_id), n_lags)
    return sums.whole.check_usable()


def _gather(
    reader: Any,
    given: Block,
    n_lags: int | None,
    *,
    earlier: Past | None = None,
    n_parts: int | None = None,
) -> PartSums:
    """Return the sums of all data, for so many parts that will be held out."""
    if n_lags is None and reader.rows == "timesteps" and getattr(given.X, "ndim", 2) == 2:
        raise ValueError(
            "n_lags must be given for recordings with a target at every time step, but got None: "
            "their shape does not contain it."
        )
    if given.y is None:
        raise ValueError("y must be passed: an estimator learns from targets, but got None.")
    source = read_source(given, rows=reader.rows, n_before=(n_lags or 1) - 1 + reader.delay)
    source.check_leads(getattr(reader, "n_leads", 0))
    level = _level(reader, source) if earlier is None else None
    edges = [0, sys.maxsize]
    if n_parts is not None:
        source, n_samples = source.counted()
        edges = consecutive_parts(n_samples, n_parts)
    sums = source.summed_with_lags(partial(sum_part, reader, n_lags, earlier, level, edges))
    if sums is None:
        raise ValueError("X must have at least one row, but got blocks without any.")
    return sums


def _level(reader: Any, source: Source) -> Any:
    """Return the inputs before recordings."""
    if reader.initial_state == "zero":
        return None
    if reader.initial_state == "unknown":
        return np.nan
    totals = source.summed(partial(total_part, reader))
    if totals is None:  # of windows, before which nothing is assumed
        return None
    with np.errstate(invalid="ignore"):  # a channel that is never seen is unknown
        return totals[0] / totals[1]


def _check_whole(sums: PartSums) -> None:
    """Raise if there is nothing to learn from, or no recording is as long as the lags."""
    n_lags, first_lag = sums.whole.check_usable().n_lags, sums.form.first_lag
    if sums.form.every_step and sums.longest < n_lags + max(first_lag, 0):
        raise ValueError(
            f"{needed_steps(n_lags + min(first_lag, 0), first_lag)}, but got an X whose longest "
            f"recording has n_timesteps={sums.longest}."
        )
    if any(part is None or part.weight == 0.0 for part in sums.sums):
        raise ValueError(
            "cv must have observed targets in every part of a split, but got a part without any."
        )


def _known(sums: PartSums, earlier: Past) -> KnownSums:
    """Return what an estimator learns from."""
    parts = tuple(part for part in sums.sums if part is not None)
    return KnownSums(
        sums.whole,
        form=sums.form,
        features=sums.features,
        past=followed(earlier, sums.past) if sums.form.every_step else None,
        parts=parts if len(parts) > 1 else (),
    )
