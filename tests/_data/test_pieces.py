"""Pieces that an iterator hands out."""

import numpy as np
import pytest

from sklearn_linrnn._data.pieces import are_pieces, check_piece


@pytest.mark.parametrize("weights", [None, 1.0])
def test_a_piece_is_inputs_targets_and_perhaps_weights(weights):
    given = ("X", "y") if weights is None else ("X", "y", weights)
    assert check_piece(given, 0) == ("X", "y", weights)


@pytest.mark.parametrize(
    ("bad", "got"),
    [
        (("X",), "tuple of length 1"),
        (("X", "y", "w", "id"), "tuple of length 4"),
        (["X", "y"], "list of length 2"),
        (np.zeros((2, 3)), "ndarray"),
        (None, "NoneType"),
    ],
    ids=["short", "long", "list", "array", "nothing"],
)
def test_what_is_no_piece_is_refused(bad, got):
    with pytest.raises(TypeError, match=rf"piece 7 a {got}\."):
        check_piece(bad, 7)


def test_only_iterators_hand_out_pieces():
    x = np.zeros((3, 1))
    assert are_pieces(piece for piece in [(x, x)])
    assert are_pieces(zip([x], [x], strict=True))
    for whole in (x, [x], (x,), {"x": x}, range(3)):
        assert not are_pieces(whole)
