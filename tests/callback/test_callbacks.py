"""Callbacks: when they stop, what they record and show, and many fits that share one."""

import copy
import pickle
from io import StringIO

import numpy as np
import pytest
import rich
from numpy.testing import assert_allclose, assert_array_equal
from rich.console import Console
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.callback import CallbackSupportMixin, FitCallback, ProgressBar, with_callbacks
from sklearn.model_selection import GridSearchCV
from sklearn.utils.parallel import Parallel, delayed

from sklearn_linrnn import (
    LagStatistics,
    LinearRNNRegressor,
    NTKConvRegressor,
    NTKConvRegressorCV,
    WeightedConv1DRegressor,
)
from sklearn_linrnn._data import stretches
from sklearn_linrnn._estimators import pass_reports
from sklearn_linrnn.callback import EarlyStopping, SpectralRadiusMonitor, TrainingProgress

CALLBACKS = [EarlyStopping, SpectralRadiusMonitor, TrainingProgress]


class Trained(CallbackSupportMixin, RegressorMixin, BaseEstimator):
    """A model of constants: after task ``i`` it predicts ``levels[i]``, in 10 iterations each."""

    def __init__(self, levels=(0.0,), hands_out=True, n_parts=True, fails_at=None):
        self.levels = levels
        self.hands_out = hands_out
        self.n_parts = n_parts
        self.fails_at = fails_at

    def state(self, task):
        return {
            "level_": self.levels[task],
            "n_iter_": 10 * (task + 1),
            "loss_curve_": np.geomspace(123.4, 1e-5, 10 * (task + 1)),
            "validation_scores_": np.linspace(-123.4, 1e-5, task + 1),
            "transition_": np.diag([3.0, -self.levels[task], 1.0, 0.0]),
        }

    @with_callbacks
    def fit(self, X, y, sample_weight=None):
        n_parts = len(self.levels) if self.n_parts else 0
        context = self._init_callback_context(max_subtasks=n_parts)
        data = {"estimator": self, "X": X, "y": y, "metadata": {}}
        if sample_weight is not None:
            data["metadata"]["sample_weight"] = sample_weight
        context.call_on_fit_task_begin(**data)
        task = 0
        for task in range(n_parts):
            part = context.subcontext("steps").call_on_fit_task_begin(**data)
            if self.fails_at == task:
                raise KeyboardInterrupt
            state = self.state(task) if self.hands_out else None
            if part.call_on_fit_task_end(**data, reconstruction_attributes=state):
                break
        vars(self).update(self.state(task))
        context.call_on_fit_task_end(**data, reconstruction_attributes=self.state(task))
        return self

    def predict(self, X):
        return np.full(len(X), self.level_)


X, Y = np.arange(6.0)[:, None], np.full(6, 10.0)
MAE = "neg_mean_absolute_error"  # of a level it is its distance from 10, with a minus


def fit(callback, levels, **options):
    return Trained(levels, **options).set_callbacks(callback).fit(X, Y)


@pytest.mark.parametrize("callback", CALLBACKS)
def test_callbacks_follow_the_protocol(callback):
    assert isinstance(callback(), FitCallback)


# -- Stopping ----------------------------------------------------------------------------


def test_training_stops_after_patience_tasks_without_a_rise():
    stopping = EarlyStopping(scoring=MAE, patience=3)
    model = fit(stopping, [1.0, 4.0, 3.0, 4.0, 2.0, 9.0, 9.0])
    assert stopping.scores_ == [-9.0, -6.0, -7.0, -6.0, -8.0]
    assert stopping.best_score_ == -6.0
    assert stopping.stopped_at_ == 5
    assert model.n_iter_ == 50


def test_a_rise_in_time_begins_the_count_anew():
    stopping = EarlyStopping(scoring=MAE, patience=3)
    fit(stopping, [1.0, 0.0, 0.0, 2.0, 0.0, 0.0, 3.0])
    assert stopping.stopped_at_ is None
    assert len(stopping.scores_) == 7
    assert stopping.best_score_ == -7.0


def test_rises_below_the_least_one_count_once_they_add_up():
    stopping = EarlyStopping(scoring=MAE, patience=3, min_delta=1.0)
    fit(stopping, [0.0, 0.6, 1.2, 1.8, 2.1, 2.1, 9.0])
    assert stopping.stopped_at_ == 6
    assert stopping.best_score_ == pytest.approx(-7.9)


def test_training_without_scores_that_are_numbers_stops():
    stopping = EarlyStopping(scoring=lambda *_: np.nan, patience=2)
    fit(stopping, [0.0] * 5)
    assert stopping.stopped_at_ == 2
    assert stopping.best_score_ == -np.inf


def test_the_score_of_the_estimator_is_the_default():
    y = Y + np.arange(6)
    stopping = EarlyStopping()
    model = Trained([3.0]).set_callbacks(stopping).fit(X, y)
    assert stopping.scores_ == [model.score(X, y)]


def test_scores_are_on_the_data_given_or_else_on_those_of_the_training():
    on_other = EarlyStopping(scoring=MAE, X=X[:2], y=[4.0, 6.0])
    on_training = EarlyStopping(scoring=MAE)
    weights, targets = np.array([0.0, 0.0, 0.0, 0.0, 1.0, 3.0]), np.array([0, 0, 0, 0, 7.0, 9.0])
    model = Trained([5.0]).set_callbacks(on_other, on_training)
    model.fit(X, targets, sample_weight=weights)
    assert on_other.scores_ == [-1.0]
    assert on_training.scores_ == [-3.5]


def test_every_fit_begins_anew():
    stopping = EarlyStopping(scoring=MAE, patience=1)
    fit(stopping, [9.0, 1.0, 1.0])
    assert stopping.stopped_at_ == 2
    fit(stopping, [1.0, 2.0])
    assert stopping.stopped_at_ is None
    assert stopping.scores_ == [-9.0, -8.0]


def test_a_fit_without_parts_is_not_scored():
    stopping = EarlyStopping(scoring=MAE)
    fit(stopping, [1.0], n_parts=False)
    assert stopping.scores_ == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scoring": ["r2", MAE]}, "scoring must be one name"),
        ({"X": X}, "got X without y"),
        ({"y": Y}, "got y without X"),
        ({"patience": 0}, "patience must be at least 1 task, but got 0"),
        ({"min_delta": -0.1}, "min_delta must not be negative, but got -0.1"),
        ({"min_delta": np.nan}, "min_delta"),
    ],
)
def test_arguments_that_cannot_be_are_errors(options, message):
    with pytest.raises(ValueError, match=message):
        EarlyStopping(**options)


def test_an_unknown_scorer_is_an_error_before_training():
    with pytest.raises(ValueError, match=r"'scoring'.*'nonsense'"):
        fit(EarlyStopping(scoring="nonsense"), [1.0])


def test_a_training_without_data_needs_data_to_score_on():
    with pytest.raises(ValueError, match="EarlyStopping needs data to score on"):
        Trained([1.0]).set_callbacks(EarlyStopping(scoring=MAE)).fit(None, None)
    stopping = EarlyStopping(scoring=MAE, X=X, y=Y)
    Trained([1.0]).set_callbacks(stopping).fit(None, None)
    assert stopping.scores_ == [-9.0]


# -- Watching ----------------------------------------------------------------------------


def test_radius_is_recorded_after_each_task():
    monitor = SpectralRadiusMonitor()
    fit(monitor, [0.0, 2.0, 5.0])
    assert_allclose(monitor.radii_, [1.5, 1.5, 2.5])  # n^{-1/2} is one half
    assert_array_equal(monitor.steps_, [10, 20, 30])


class Network(Trained):
    """A model with a given transition matrix."""

    def __init__(self, transition=None, n_tasks=1):
        super().__init__([0.0] * n_tasks)
        self.transition = transition
        self.n_tasks = n_tasks

    def state(self, task):
        return {**super().state(task), "transition_": self.transition}


def radius(transition):
    monitor = SpectralRadiusMonitor()
    Network(transition).set_callbacks(monitor).fit(X, Y)
    return monitor.radii_[0]


@pytest.mark.parametrize("n_hidden", [1, 5, 256, 257, 400])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_radius_of_a_random_matrix_is_that_of_all_its_eigenvalues(n_hidden, dtype):
    W = np.random.default_rng(n_hidden).normal(size=(n_hidden, n_hidden)).astype(dtype)
    expected = np.abs(np.linalg.eigvals(W.astype(float) / n_hidden**0.5)).max()
    assert_allclose(radius(W), expected, rtol=1e-5)


def test_an_eigenvalue_out_of_the_circle_is_found():
    W = np.random.default_rng(0).normal(size=(600, 600))
    direction = np.random.default_rng(1).normal(size=600) / 600**0.5
    assert_allclose(
        radius(0.5 * W + 2.0 * 600**0.5 * np.outer(direction, direction)), 2.0, rtol=0.1
    )


@pytest.mark.parametrize(
    ("A", "expected"),
    [
        (np.zeros((300, 300)), 0.0),
        (0.7 * np.eye(300), 0.7),
        (0.7 * np.linalg.qr(np.random.default_rng(2).normal(size=(300, 300)))[0], 0.7),
        (0.7 * np.roll(np.eye(300), 1, axis=0), 0.7),
    ],
    ids=["zero", "identity", "orthogonal", "shift"],
)
def test_radius_of_a_matrix_whose_eigenvalues_are_alike(A, expected):
    assert_allclose(radius(300**0.5 * A), expected, atol=1e-12)


def test_radii_are_the_same_every_time_and_leave_the_global_generator():
    W = np.random.default_rng(3).normal(size=(300, 300))
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    assert radius(W) == radius(W)
    assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_an_estimator_without_a_transition_matrix_is_an_error():
    class Other(Trained):
        def state(self, task):
            return {"n_iter_": task}

    with pytest.raises(TypeError, match=r"transition_ matrix.*got Other"):
        Other([1.0]).set_callbacks(SpectralRadiusMonitor()).fit(X, Y)


# -- Showing -----------------------------------------------------------------------------


@pytest.fixture
def screen(monkeypatch):
    """Return what rich's console, 80 columns wide, is given to show."""

    def make(*, is_terminal):
        console = Console(
            file=StringIO(),
            width=80,
            force_terminal=is_terminal,
            force_jupyter=False,
            color_system=None,
        )
        monkeypatch.setattr(rich, "_console", console)
        return console.file

    return make


def test_where_there_is_no_terminal_only_the_last_state_is_written(screen):
    output = screen(is_terminal=False)
    longest = type(WeightedConv1DRegressor.__name__, (Trained,), {})
    longest([0.0] * 20).set_callbacks(TrainingProgress()).fit(X, Y)
    (line,) = output.getvalue().strip().splitlines()
    assert len(line) <= 80
    assert line.startswith("WeightedConv1DRegressor")
    for part in ("100%", "loss 1e-05", "score 1e-05", "00:0"):
        assert part in line
    assert "…" not in line


def test_a_terminal_shows_the_loss_and_keeps_the_bar(screen):
    output = screen(is_terminal=True)
    fit(TrainingProgress(), [0.0] * 3)
    last = output.getvalue().rpartition("Trained")[2]
    assert "100%" in last
    assert "loss 1e-05" in last


def test_what_a_model_does_not_have_is_not_shown(screen):
    output = screen(is_terminal=False)
    fit(TrainingProgress(), [0.0], hands_out=False)
    assert "100%" in output.getvalue()
    assert "loss" not in output.getvalue()
    assert "score" not in output.getvalue()


def test_a_training_that_stopped_early_is_done(screen):
    output = screen(is_terminal=False)
    stopping = EarlyStopping(scoring=MAE, patience=1)
    Trained([1.0] * 50).set_callbacks(stopping, TrainingProgress()).fit(X, Y)
    assert stopping.stopped_at_ == 2
    assert "100%" in output.getvalue()


def test_an_interrupt_leaves_the_bar_where_it_was(screen):
    output = screen(is_terminal=False)
    with pytest.raises(KeyboardInterrupt):
        fit(TrainingProgress(), [0.0] * 4, fails_at=2)
    assert "50%" in output.getvalue()


# -- Many fits ---------------------------------------------------------------------------


@pytest.mark.parametrize("callback", CALLBACKS)
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))])
def test_callbacks_are_copied_before_and_after_a_fit(callback, copied, screen):
    screen(is_terminal=False)
    original = copied(callback())
    fit(original, [1.0, 2.0])
    other = copied(original)
    if callback is EarlyStopping:
        assert other.scores_ == original.scores_
    if callback is SpectralRadiusMonitor:
        assert_array_equal(other.radii_, original.radii_)
    fit(other, [1.0, 2.0, 3.0])


class Nosy(EarlyStopping.__mro__[1]):
    """Copy the model with all its callbacks in the midst of the fit."""

    def _open(self, estimator, context):
        return None

    def on_fit_task_end(self, estimator, context):
        pickle.loads(pickle.dumps(clone(estimator)))
        copy.deepcopy(clone(estimator))


def test_callbacks_are_copied_in_the_midst_of_a_fit(screen):
    screen(is_terminal=False)
    callbacks = [callback() for callback in CALLBACKS]
    Trained([1.0, 2.0]).set_callbacks(*callbacks, Nosy()).fit(X, Y)
    assert len(callbacks[0].scores_) == 2


def test_one_callback_serves_clones_at_the_same_time(screen):
    screen(is_terminal=False)
    stopping = EarlyStopping(scoring=MAE, patience=2)
    model = Trained([1.0] * 50).set_callbacks(stopping, SpectralRadiusMonitor())
    fits = Parallel(n_jobs=4, prefer="threads")(delayed(clone(model).fit)(X, Y) for _ in range(12))
    assert {fitted.n_iter_ for fitted in fits} == {30}
    assert stopping.stopped_at_ == 3


@pytest.mark.parametrize(
    ("callback", "name"), [(EarlyStopping, "scores_"), (SpectralRadiusMonitor, "radii_")]
)
def test_before_a_fit_there_is_nothing_to_read(callback, name):
    assert not hasattr(callback(), name)
    with pytest.raises(AttributeError, match=f"This {callback.__name__} has no results yet"):
        getattr(callback(), name)


@pytest.mark.parametrize("callback", [EarlyStopping, SpectralRadiusMonitor])
def test_an_estimator_that_hands_out_no_model_is_an_error(callback):
    with pytest.raises(ValueError, match=f"{callback.__name__} needs a fitted estimator"):
        fit(callback(), [1.0], hands_out=False)


# -- The estimators ----------------------------------------------------------------------


def make_windows():
    windows = np.random.default_rng(4).normal(size=(200, 8))
    return windows, windows @ 0.5 ** np.arange(8)[::-1]


@pytest.mark.parametrize(
    "model",
    [LinearRNNRegressor(30, max_iter=500, random_state=0), WeightedConv1DRegressor(max_iter=500)],
    ids=lambda model: type(model).__name__,
)
def test_a_training_that_has_learned_all_stops(model, screen):
    output = screen(is_terminal=False)
    windows, y = make_windows()
    stopping = EarlyStopping(patience=4, min_delta=1e-4)
    fitted = clone(model).set_callbacks(stopping, TrainingProgress()).fit(windows, y)
    assert fitted.n_iter_ < 500
    assert stopping.stopped_at_ == len(stopping.scores_)
    assert_allclose(fitted.score(windows, y), stopping.scores_[-1], rtol=1e-12)
    assert f"loss {fitted.loss_curve_[-1]:.3g}" in output.getvalue()


def test_a_network_that_is_taught_a_longer_memory_grows_its_radius():
    x = np.random.default_rng(5).normal(size=(1000, 1))
    y = np.convolve(x[:, 0], 0.9 ** np.arange(30))[:1000]
    monitor = SpectralRadiusMonitor()
    model = LinearRNNRegressor(
        100, nu_w=0.3, rows="timesteps", n_lags=30, max_iter=200, random_state=0
    )
    model.set_callbacks(monitor).fit(x, y)
    assert monitor.radii_[0] < 0.7
    assert monitor.radii_[-1] > 0.8
    assert monitor.steps_[-1] == model.n_iter_
    expected = np.abs(np.linalg.eigvals(model.transition_ / 10.0)).max()
    assert_allclose(monitor.radii_[-1], expected, rtol=1e-12)


def test_early_stopping_watches_recordings_as_a_list_where_fit_has_sequence_ids():
    rng = np.random.default_rng(0)
    x, ids = rng.normal(size=(120, 1)), np.repeat([0, 1, 2], 40)
    model = WeightedConv1DRegressor(rows="timesteps", n_lags=3, max_iter=20)
    watched = EarlyStopping(X=[x[:40]], y=[x[:40, 0]], patience=30)
    model.set_callbacks(watched).fit(x, x[:, 0], sequence_id=ids)
    assert watched.best_score_ == pytest.approx(model.score([x[:40]], [x[:40, 0]]))
    model.set_callbacks(EarlyStopping(X=x, y=x[:, 0]))
    with pytest.raises(ValueError, match="needs X and y as lists of recordings"):
        model.fit(x, x[:, 0], sequence_id=ids)


# -- Passes over data ----------------------------------------------------------------------


class Tasks:
    """Records the tasks that begin and end."""

    def __init__(self):
        self.begun, self.ended, self.fitted = [], [], None

    def setup(self, estimator, context):
        assert not self.begun

    def teardown(self, estimator, context):
        assert sorted(self.begun) == sorted(self.ended)

    def on_fit_task_begin(self, estimator, context):
        self.begun.append(context.task_name)

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.ended.append(context.task_name)
        self.fitted = fitted_estimator


def recording(n_steps=600):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n_steps, 1))
    return x, x[:, 0] + rng.normal(size=n_steps)


STEPS = {"rows": "timesteps", "n_lags": 3, "device": "cpu"}
CLOSED = [NTKConvRegressor(0.5, **STEPS), NTKConvRegressorCV([0.2, 0.8], cv="gcv", **STEPS)]
DESCENT = [
    WeightedConv1DRegressor(max_iter=20, tol=0.0, **STEPS),
    LinearRNNRegressor(5, max_iter=20, tol=0.0, random_state=0, **STEPS),
]


@pytest.mark.parametrize("model", [*CLOSED, *DESCENT], ids=repr)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_each_percent_of_a_pass_is_a_task(monkeypatch, model, method):
    monkeypatch.setattr(stretches, "NUMBERS", 50)
    x, y = recording()
    tasks = Tasks()
    model = getattr(clone(model).set_callbacks(tasks), method)(x, y)
    assert tasks.ended.count("pass") == 1
    assert tasks.ended.count("read") == 100
    assert tasks.ended[-1] == "fit"
    assert tasks.ended.index("pass") == 100  # before any training
    assert tasks.ended.count("steps") == getattr(model, "n_iter_", 0)
    assert_array_equal(tasks.fitted.predict(x), model.predict(x))
    assert tasks.fitted.n_features_in_ == 1


@pytest.mark.parametrize("model", [*CLOSED, DESCENT[0]], ids=repr)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_pass_over_pieces_is_a_task_of_the_same_fit(monkeypatch, model):
    monkeypatch.setattr(pass_reports, "SECONDS", 0.0)
    x, y = recording()
    tasks, pieces = Tasks(), list(zip(np.split(x, 6), np.split(y, 6), strict=True))
    clone(model).set_callbacks(tasks).fit(iter(pieces))
    assert tasks.ended[:7] == ["read"] * 6 + ["pass"]
    assert tasks.begun.count("fit") == 1


def test_sums_alone_are_a_fit_without_a_pass():
    tasks = Tasks()
    sums = LagStatistics.from_series(*recording(), n_lags=3)
    NTKConvRegressor(0.5).set_callbacks(tasks).fit_statistics(sums)
    assert tasks.ended == ["fit"]


def test_a_fit_that_fails_leaves_nothing_behind():
    x, y = recording()
    tasks = Tasks()
    model = NTKConvRegressor(0.5, **STEPS).set_callbacks(tasks)
    tasks.teardown = lambda estimator, context: tasks.ended.append("torn down")
    with pytest.raises(ValueError, match="infinity"):
        model.fit(iter([(x, y), (np.full_like(x, np.inf), y)]))
    assert tasks.ended[-1] == "torn down"
    assert set(vars(model)) == {*model.get_params(), "_skl_callbacks"}


@pytest.mark.parametrize("model", [*CLOSED, *DESCENT], ids=repr)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_bar_shows_passes_and_then_trainings(screen, model):
    x, y = recording()
    for data in ((x, y), (iter([(x, y)]),)):
        output = screen(is_terminal=False)
        clone(model).set_callbacks(TrainingProgress()).fit(*data)
        last = output.getvalue().rstrip().splitlines()[-1]
        assert "100%" in last
        assert "reading" not in last
        assert ("loss" in last) == hasattr(model, "max_iter")


def test_scikit_learns_own_bars_show_passes():
    x, y = recording()
    model = NTKConvRegressor(0.5, **STEPS).set_callbacks(ProgressBar()).fit(x, y)
    search = GridSearchCV(NTKConvRegressor(0.5, **STEPS), {"alpha": [0.1, 1.0]}, cv=2)
    search.set_callbacks(ProgressBar()).fit(x, y)
    assert model.predict(x).shape == search.predict(x).shape
