"""Predictions of data on many machines, and their score."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from sklearn_linrnn._estimators.gathering import gathering_of
from sklearn_linrnn._estimators.scoring import r2_of
from sklearn_linrnn.distributed._blocks import Source, read_source, rows_before, tree_of
from sklearn_linrnn.distributed._kinds import has_rows, is_array, is_bag, is_frame, require_dask
from sklearn_linrnn.distributed._names import Names
from sklearn_linrnn.distributed._parts import errors_of_part, predict_part, with_index
from sklearn_linrnn.distributed._rows import Block


def predict(estimator: Any, X: Any, *, sequence_id: Any = None) -> Any:
    """Predict the targets of data of Dask; nothing is computed before it is asked for.

    Parameters
    ----------
    estimator : estimator
        A fitted regressor of this package.
    X : Dask array, Dask DataFrame, Dask bag or list
        Inputs, as in `fit`.
    sequence_id : Dask array or Dask Series of shape (n_samples,), default=None
        With ``rows="timesteps"``, the recording that each row belongs to; required if the fit was
        given it. To see that no recording goes on after another one, any prediction reads all of
        it.

    Returns
    -------
    y : Dask array, Dask Series, Dask DataFrame, Dask bag or list
        Predictions as ``estimator.predict`` returns them, in the chunks of X. Of a DataFrame they
        are a Series, or a DataFrame if there is an axis of outputs, with its index; of a bag a bag;
        of a list a list, with something delayed for what is delayed or an array.

    Raises
    ------
    ImportError
        If Dask is not installed: it is in the extra ``distributed``.
    ValueError
        If X does not have the features or channels that the model was fitted with; what is only
        known of values is raised when they are computed.
    TypeError
        If the estimator is none of this package, or X is not of Dask.

    Examples
    --------
    >>> import dask.array as da
    >>> from sklearn_linrnn import NTKConvRegressor, distributed
    >>> x = da.random.default_rng(0).normal(size=(3000, 1), chunks=(1000, 1))
    >>> model = NTKConvRegressor(nu_w=0.3, rows="timesteps", n_lags=4)
    >>> distributed.predict(distributed.fit(model, x, x[:, 0]), x).chunks
    ((1000, 1000, 1000),)
    """
    reader, source = _prepare(estimator, Block(X, sequence_id=sequence_id))
    from dask.delayed import delayed

    nothing = _predictions_of_nothing(reader, X, sequence_id)
    predict_block = delayed(partial(predict_part, reader, nothing), traverse=False)
    names = _checked_names(source)
    groups = [
        [
            predict_block(names, block, before)
            for block, before in zip(group.blocks, rows_before(group, source.n_before), strict=True)
        ]
        for group in source.groups
    ]
    if not isinstance(X, (list, tuple)):
        return _as_collection(groups[0], X, nothing)
    return [
        _as_collection(group, x, nothing) if has_rows(x) else group[0]
        for group, x in zip(groups, X, strict=True)
    ]


def score(
    estimator: Any, X: Any, y: Any, *, sample_weight: Any = None, sequence_id: Any = None
) -> float:
    """Return R^2 of the predictions of data of Dask, averaged over the outputs.

    Workers send sums of squares. The result is that of ``estimator.score``.

    Parameters
    ----------
    estimator : estimator
        A fitted regressor of this package.
    X : Dask array, Dask DataFrame, Dask bag or list
        Inputs, as in `fit`.
    y : Dask array, Dask DataFrame, Dask Series, Dask bag or list
        Targets, as in `fit`. Time steps that were not observed (NaN) do not count, nor do those
        that cannot be predicted because one of their lags is missing.
    sample_weight : same kinds as y, default=None
        Weights, as in `fit`.
    sequence_id : Dask array or Dask Series of shape (n_samples,), default=None
        With ``rows="timesteps"``, the recording that each row belongs to; required if the fit was
        given it.

    Returns
    -------
    score : float
        Coefficient of determination of all observed time steps together.

    Raises
    ------
    ImportError
        If Dask is not installed: it is in the extra ``distributed``.
    ValueError
        As in ``estimator.score``, and if the rows of a recording do not come one after another.
    TypeError
        If the estimator is none of this package, or X is not of Dask.

    Examples
    --------
    >>> import dask.array as da
    >>> from sklearn_linrnn import NTKConvRegressor, distributed
    >>> x = da.random.default_rng(0).normal(size=(3000, 1), chunks=(1000, 1))
    >>> model = NTKConvRegressor(nu_w=0.3, rows="timesteps", n_lags=4)
    >>> round(distributed.score(distributed.fit(model, x, x[:, 0]), x, x[:, 0]), 4)
    1.0
    """
    reader, source = _prepare(estimator, Block(X, y, sample_weight, sequence_id))
    found = source.summed_with_lags(partial(errors_of_part, reader))
    if found is None:
        raise ValueError("X must have at least one row, but got blocks without any.")
    return r2_of(found.errors)


def _prepare(estimator: Any, given: Block) -> tuple[Any, Source]:
    """Return who predicts on the workers, and the data."""
    require_dask()
    gathering = gathering_of(estimator)
    check_is_fitted(estimator)
    n_before = estimator.impulse_response_.shape[2] - 1 + estimator.first_lag_
    source = read_source(given, rows=estimator.rows, n_before=n_before)
    source.check_leads(getattr(estimator, "n_leads", 0))
    return gathering.reader(knows=True), source


def _checked_names(source: Source) -> Any:
    """Return the delayed names of all recordings, or None if they have none."""
    from dask.delayed import delayed

    of = delayed(Names.of)
    names = [block.sequence_id for group in source.groups for block in group.blocks]
    return None if names[0] is None else tree_of([of(name) for name in names])


def _predictions_of_nothing(reader: Any, X: Any, sequence_id: Any) -> NDArray:
    """Return predictions for no rows: their type and their axes, or raise for wrong features."""
    example = X[0] if isinstance(X, (list, tuple)) else X
    if is_frame(example):
        example = pd.DataFrame(np.zeros((1, len(example.columns))), columns=example.columns)
    elif is_array(example):
        example = np.zeros((1, *example.shape[1:]))
    else:
        example = np.zeros((1, reader.impulse_response_.shape[1]))
    in_list = isinstance(X, (list, tuple)) or is_bag(X)
    ids = None if sequence_id is None else np.zeros(len(example))
    found = reader.predict([example] if in_list else example, sequence_id=ids)
    return (found[0] if in_list else found)[:0]


def _as_collection(parts: list[Any], X: Any, nothing: NDArray) -> Any:
    """Return delayed predictions in the kind and the chunks of X."""
    import dask.array as da

    if is_bag(X):
        import dask.bag as db

        return db.from_delayed(parts)
    if is_frame(X):
        import dask.dataframe as dd
        from dask.dataframe.dispatch import make_meta

        meta = with_index(nothing, make_meta(X).index)
        return dd.from_delayed(parts, meta=meta, divisions=X.divisions, verify_meta=False)
    pieces = [
        da.from_delayed(part, (length, *nothing.shape[1:]), meta=nothing)
        for part, length in zip(parts, X.chunks[0], strict=True)
    ]
    return da.concatenate(pieces) if len(pieces) > 1 else pieces[0]
