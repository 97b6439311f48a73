"""Pieces that an iterator hands out."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from sklearn_linrnn import NTKConvRegressor, NTKConvRegressorCV, WeightedConv1DRegressor
from sklearn_linrnn._data.pieces import Pieces, check_piece


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
    assert isinstance((piece for piece in [(x, x)]), Pieces)
    assert isinstance(zip([x], [x], strict=True), Pieces)
    for whole in (x, [x], (x,), {"x": x}, range(3)):
        assert not isinstance(whole, Pieces)


def steps_and_targets(n_steps=60):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n_steps, 1))
    return x, x[:, 0] + rng.normal(size=n_steps)


def pieces(*arrays, cuts=(7, 20)):
    return zip(*(np.split(array, cuts) for array in arrays), strict=True)


STEPS = {"rows": "timesteps", "n_lags": 3, "device": "cpu"}

NEED_ROWS = {
    "cv": (NTKConvRegressorCV(cv=3, **STEPS), r"cv=3, unlike .*, needs the rows"),
    "leaving one out": (NTKConvRegressorCV(cv="loo", **STEPS), r"cv=.loo., unlike .*, needs"),
    "early stopping": (
        WeightedConv1DRegressor(early_stopping=True, **STEPS),
        r"early_stopping=True needs the rows",
    ),
    "lags": (NTKConvRegressor(**STEPS | {"n_lags": "auto"}), r"n_lags='auto' needs the rows"),
    "iterations": (NTKConvRegressor(n_steps="validation", **STEPS), r"n_steps='validation' needs"),
    "solver": (NTKConvRegressor(solver="cg", **STEPS), r"solver='cg' needs the rows"),
    "initial state": (NTKConvRegressor(initial_state="mean", **STEPS), r"initial_state='mean'"),
}


@pytest.mark.parametrize("name", NEED_ROWS)
def test_what_needs_rows_says_so_before_the_first_piece_is_read(name):
    model, message = NEED_ROWS[name]

    def unread():
        raise AssertionError
        yield

    with pytest.raises(ValueError, match=message):
        clone(model).fit(unread())


@pytest.mark.parametrize("name", ["y", "sample_weight", "sequence_id"])
@pytest.mark.parametrize("method", ["fit", "partial_fit", "score"])
def test_pieces_hold_all_there_is(method, name):
    x, y = steps_and_targets()
    model = NTKConvRegressor(**STEPS).fit(x, y)
    with pytest.raises(ValueError, match=rf"{name} must be None .* got ndarray"):
        getattr(model, method)(pieces(x, y), **{name: y})


X, Y = steps_and_targets()
BAD = {
    "nothing": (lambda: iter([]), "at least one piece, but got none"),
    "no rows": (lambda: iter([(X[:0], Y[:0])] * 2), "at least one piece, but got none that"),
    "targets alone": (lambda: iter([(X, Y), (X[:0], Y[:1])]), "y must have as many rows as X, 0"),
    "weights alone": (lambda: iter([(X, Y), (X[:0], Y[:0], Y)]), "sample_weight must have as many"),
    "no piece": (lambda: iter([X]), "piece 0 a ndarray"),
    "other columns": (lambda: iter([(X, Y), (np.hstack([X, X]), Y)]), "X has 2 features, but"),
    "other targets": (lambda: iter([(X, Y), (X, Y[:, None])]), "without an axis of outputs"),
    "other lengths": (lambda: iter([(X, Y[1:])]), "y must have as many rows as X, .* but got"),
    "too short": (lambda: iter([(X[:2], Y[:2])]), "n_lags=3 needs as many .* n_timesteps=2"),
    "short recordings": (lambda: iter([([X[:2]], [Y[:2]])] * 3), "n_lags=3 needs .* n_timesteps=2"),
    "infinite": (lambda: iter([(X, Y), (X / 0.0, Y)]), "X contains infinity"),
    "no targets": (lambda: iter([(X, Y * np.nan)] * 2), "y must be observed at one time step"),
    "no weights": (lambda: iter([(X, Y, 0.0 * Y)]), "sample_weight that is not zero"),
    "no whole lags": (lambda: iter([(X * np.nan, Y)]), "n_lags=3 lags are known, but got none"),
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
def test_bad_pieces_are_refused_and_change_nothing(bad):
    make, message = BAD[bad]
    model = NTKConvRegressor(**STEPS).fit(X, Y)
    before = model.impulse_response_.copy()
    with pytest.raises((TypeError, ValueError), match=message):
        model.fit(make())
    np.testing.assert_array_equal(model.impulse_response_, before)


@pytest.mark.parametrize("method", ["fit", "partial_fit", "score", "predict"])
def test_the_piece_that_is_wrong_is_named(method):
    model = NTKConvRegressor(**STEPS).fit(X, Y)
    wrong = iter([(X, Y), (np.hstack([X, X]), Y)])
    with pytest.raises(ValueError, match="X has 2 features") as caught:
        list(model.predict(x for x, _ in wrong)) if method == "predict" else getattr(model, method)(
            wrong
        )
    assert caught.value.__notes__ == ["This is piece 1 of X."]


def test_targets_of_a_piece_that_are_wrong_are_named():
    model = NTKConvRegressor(**STEPS).fit(X, Y)
    for wrong, message in (
        (Y[1:], "60, but got 59"),
        (np.ones((60, 2)), "n_outputs=1, .* got .*2"),
    ):
        with pytest.raises(ValueError, match=f"y must have .*{message}") as caught:
            model.score(iter([(X, Y), (X, Y), (X, wrong)]))
        assert caught.value.__notes__ == ["This is piece 2 of X."]
    with pytest.raises(ValueError, match="at least one piece, but got none"):
        model.score(iter([]))


def test_pieces_have_no_names_of_recordings():
    model = NTKConvRegressor(**STEPS).fit(X, Y, sequence_id=np.repeat([0, 1], 30))
    with pytest.raises(ValueError, match="an iterator of pieces, needs X and y as lists"):
        model.score(pieces(X, Y))
    recordings = np.split(X, 2), np.split(Y[:, None], 2)
    found = model.score(
        iter([tuple([part] for part in pair) for pair in zip(*recordings, strict=True)])
    )
    assert found == pytest.approx(model.score(X, Y, sequence_id=np.repeat([0, 1], 30)), rel=1e-10)


def test_pieces_of_more_data_have_the_lags_of_the_earlier_ones():
    model = NTKConvRegressor(**STEPS).fit(X, Y).set_params(n_lags=2)
    for given in ((X, Y), (pieces(X, Y),)):
        with pytest.raises(ValueError, match="n_lags agree, but got 3 and 2"):
            model.partial_fit(*given)


def test_a_list_of_pieces_is_told_to_be_none():
    with pytest.raises(
        ValueError, match=r"y to be passed.* of a list of pieces pass iter\(pieces\)"
    ):
        NTKConvRegressor(**STEPS).fit(list(pieces(X, Y)))


@pytest.mark.parametrize("state", ["zero", "unknown"])
def test_gaps_and_the_state_before_are_those_of_the_whole(state):
    x, y = X.copy(), Y.copy()
    x[[4, 6, 30]] = np.nan
    model = NTKConvRegressor(initial_state=state, **STEPS)
    whole = model.fit(x, y).impulse_response_, model.predict(x), model.score(x, y)
    model.fit(pieces(x, y))
    np.testing.assert_allclose(model.impulse_response_, whole[0], rtol=1e-10)
    found = np.concatenate(list(model.predict(iter(np.split(x, [1, 7, 33])))))
    np.testing.assert_allclose(found, whole[1], rtol=1e-10, atol=1e-12)
    assert model.score(pieces(x, y)) == pytest.approx(whole[2], rel=1e-10)


def test_a_recording_goes_on_after_its_pieces():
    whole = NTKConvRegressor(**STEPS).fit(X, Y)
    model = NTKConvRegressor(**STEPS).fit(pieces(X[:40], Y[:40]))
    model.partial_fit(X[40:42], Y[40:42]).partial_fit(pieces(X[42:], Y[42:], cuts=(7,)))
    np.testing.assert_allclose(model.impulse_response_, whole.impulse_response_, rtol=1e-10)
    model = NTKConvRegressor(**STEPS)
    for part in (slice(0, 2), slice(2, None)):  # the first is shorter than the lags
        model.partial_fit(iter([(X[part], Y[part])]))
    np.testing.assert_allclose(model.impulse_response_, whole.impulse_response_, rtol=1e-10)


@pytest.mark.parametrize("cuts", [(), (1,), (7, 20)], ids=str)
def test_zeros_before_a_recording_that_outweigh_its_inputs_are_warned_of(cuts):
    x = X + 30.0
    for fit in (
        lambda model: model.fit(x, Y),
        lambda model: model.fit(pieces(x, Y, cuts=cuts)),
    ):
        with pytest.warns(UserWarning, match="assumes zeros before each recording") as caught:
            fit(NTKConvRegressor(**STEPS))
        assert len(caught) == 1


def test_predictions_need_inputs_alone():
    model = NTKConvRegressor(**STEPS).fit(X, Y)
    with pytest.raises(TypeError, match="inputs alone, but got as piece 0 a tuple of length 2"):
        list(model.predict(pieces(X, Y)))


def test_predictions_of_pieces_are_made_when_they_are_asked_for():
    model = NTKConvRegressor(**STEPS).fit(X, Y)
    handed_out = []

    def inputs():
        for piece in np.split(X, [7, 20]):
            handed_out.append(len(piece))
            yield piece

    predictions = model.predict(inputs(), return_std=True)
    assert handed_out == []
    mean, std = next(predictions)
    assert handed_out == [7]
    assert mean.shape == std.shape == (7,)


def test_names_of_columns_are_those_of_the_first_piece():
    frames = [pd.DataFrame({"load": part[:, 0]}) for part in np.split(X, [20])]
    targets = np.split(Y, [20])
    model = NTKConvRegressor(**STEPS).fit(zip(frames, targets, strict=True))
    assert list(model.feature_names_in_) == ["load"]
    frames[1].columns = ["wind"]
    with pytest.raises(ValueError, match="feature names"):
        model.fit(zip(frames, targets, strict=True))


PANEL, WINDOWS = X.reshape(10, 6, 1), X.reshape(10, 6)
KINDS = {
    "time steps": (X, Y, STEPS),
    "a frame": (pd.DataFrame(X), pd.Series(Y), STEPS),
    "windows": (WINDOWS, Y[:10], {"n_lags": 3}),
    "windows of a panel": (PANEL, Y[:10, None], {"n_lags": 3}),
    "a panel": (PANEL, Y.reshape(10, 6, 1), {"n_lags": 3}),
    "lists": (list(PANEL), list(Y.reshape(10, 6, 1)), {"n_lags": 3}),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_piece_without_rows_adds_nothing(kind, place):
    x, y, shape = KINDS[kind]
    some = [(x[:4], y[:4]), (x[4:], y[4:])]
    pieces = [*some[:place], (x[:0], y[:0]), *some[place:]]
    model = NTKConvRegressor(0.6, **{"device": "cpu", **shape})
    for method in ("fit", "partial_fit"):
        ours, plain = (getattr(clone(model), method)(iter(each)) for each in (pieces, some))
        np.testing.assert_array_equal(ours.impulse_response_, plain.impulse_response_)
    assert plain.score(iter(pieces)) == plain.score(iter(some))
    found = list(plain.predict(each for each, _ in pieces))
    expected = list(plain.predict(each for each, _ in some))
    nothing = found.pop(place)
    assert len(nothing) == 0
    if isinstance(nothing, np.ndarray):
        assert (nothing.shape, nothing.dtype) == (expected[0][:0].shape, expected[0].dtype)
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(mine, theirs)
