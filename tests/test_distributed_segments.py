"""Segments: whatever the parts and the tree, every row is seen once, with all of its lags."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_linrnn.distributed._rows import Block
from sklearn_linrnn.distributed._segments import Summing

N_ROWS = 40


def seen(n_before, block):
    """Return what is known of each row of a block: its target and the inputs before it."""
    if len(block) == 0:
        return None
    rows = np.ravel(block.X).tolist()
    targets = [None] * block.n_before + np.ravel(block.y).tolist()
    return [
        (targets[k], rows[max(k - n_before, 0) : k + 1]) for k in range(block.n_before, len(rows))
    ]


def data_of(kind):
    x, y = np.arange(N_ROWS)[:, None], np.arange(N_ROWS) + 0.5
    if kind == "frames":
        return pd.DataFrame(x), pd.Series(y)
    return x, y


def tree_of(summing, segments, arity):
    while len(segments) > 1:
        segments = [summing.joined(segments[k : k + arity]) for k in range(0, len(segments), arity)]
    return summing.whole(segments[0])


@pytest.mark.parametrize("kind", ["arrays", "frames"])
@given(
    cuts=st.lists(st.integers(0, N_ROWS)),
    n_before=st.integers(0, 12),
    arity=st.integers(2, 5),
)
def test_every_row_is_seen_once_with_its_lags(kind, cuts, n_before, arity):
    x, y = data_of(kind)
    edges = [0, *sorted(cuts), N_ROWS]
    blocks = [Block(x[first:stop], y[first:stop]) for first, stop in pairwise(edges)]
    summing = Summing(lambda block: seen(n_before, block), n_before)
    found = tree_of(summing, [summing.segment(block) for block in blocks], arity)
    assert found == seen(n_before, Block(x, y))


def test_nothing_is_made_of_no_rows():
    x, y = data_of("arrays")
    summing = Summing(lambda block: seen(3, block), 3)
    nothing = summing.segment(Block(x[:0], y[:0]))
    assert summing.whole(summing.joined([nothing, nothing])) is None
