"""Saved models load as they were: by pickle, by skops with one list of types, and by sktime.

Run as a script, this writes the file of models of the present format, which later versions load.
"""

import copy
import lzma
import pickle
import re
from functools import cache
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
import skops.io
import torch
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.gaussian_process import GaussianProcessRegressor
from sktime.base import load
from sktime.datasets import load_airline

import sklearn_linrnn
from sklearn_linrnn import (
    SKOPS_TRUSTED_TYPES,
    LagKernel,
    LagStatistics,
    LagWeighter,
    LinearRNNRegressor,
    LRURegressor,
    NTKConvRegressor,
    NTKConvRegressorCV,
    RecurrentKernel,
    WeightedConv1DRegressor,
    forecasting,
    regression,
)
from sklearn_linrnn._core import saved_state
from sklearn_linrnn._core.priors.catalogue import PRIORS
from sklearn_linrnn._core.saved_state import SAVED_FORMAT, SavedState
from sklearn_linrnn.callback import EarlyStopping, SpectralRadiusMonitor, TrainingProgress
from sklearn_linrnn.forecasting import AutoLagForecaster, LagForecaster
from sklearn_linrnn.regression import LagTimeSeriesRegressor

FILE = Path(__file__).parent / "saved" / f"format_{SAVED_FORMAT}.skops.xz"

N_LAGS = 4
# No random numbers, which another version of NumPy may draw differently.
X = np.sin(np.arange(40.0 * N_LAGS) ** 2).reshape(-1, N_LAGS)
Y = X[:, -1] - 0.5 * X[:, -2] + 0.3 * np.cos(np.arange(40.0) ** 2)
BOTH = np.column_stack([Y, -Y])
FRAME = pd.DataFrame(X, columns=[f"y_lag_{lag}" for lag in range(N_LAGS)])


def network(**options):
    return LinearRNNRegressor(**{"n_hidden": 5, "max_iter": 4, "random_state": 0, **options})


def unit(**options):
    return LRURegressor(**{"n_hidden": 5, "max_iter": 4, "random_state": 0, **options})


def conv(**options):
    return WeightedConv1DRegressor(max_iter=4, **options)


OPTIMISERS = {"gd": {"momentum": 0.9}, "adam": {"solver": "adam"}, "lbfgs": {"solver": "lbfgs"}}
CASES = {
    **{f"prior {prior}": (NTKConvRegressor(prior=prior), X, Y) for prior in PRIORS},
    **{
        f"LagPrior {prior}": (NTKConvRegressor(prior=make()), X, Y)
        for prior, make in PRIORS.items()
    },
    "prior matrix": (NTKConvRegressor(prior=np.eye(N_LAGS) + 0.5), X, Y),
    "evidence": (NTKConvRegressor("auto", alpha="auto", n_lags="auto"), X, Y),
    "memories of channels": (
        NTKConvRegressor("auto", alpha="auto", memory="channel", rows="timesteps", n_lags=3),
        X,
        Y,
    ),
    "least squares": (NTKConvRegressor(alpha=0.0), X, Y),
    "steps": (NTKConvRegressor(n_steps="gcv"), X, Y),
    "conjugate gradients": (NTKConvRegressor(solver="cg"), X, Y),
    "device": (NTKConvRegressor(device=torch.device("cpu")), X, Y),
    "float32": (NTKConvRegressor(dtype="float32"), X, Y),
    "frame": (NTKConvRegressor(), FRAME, Y),
    "panel": (NTKConvRegressor(), X[:, :, None], BOTH),
    "time steps": (NTKConvRegressor(rows="timesteps", n_lags=3), X, BOTH),
    "noise that goes on": (
        NTKConvRegressor(rows="timesteps", n_lags=3),
        X,
        np.cumsum(BOTH, axis=0),
    ),
    "coloured noise": (
        NTKConvRegressor(rows="timesteps", n_lags=3, noise="ar"),
        X,
        np.cumsum(BOTH, axis=0),
    ),
    "leads": (NTKConvRegressor(prior="tc", n_leads=2), X, Y),
    "delay": (NTKConvRegressor(delay="auto", alpha="auto"), X, Y),
    "search": (NTKConvRegressorCV([0.2, 0.8], alphas=[0.1, 1.0], prior=["tc", "ss"]), X, Y),
    **{f"conv {name}": (conv(**options), X, Y) for name, options in OPTIMISERS.items()},
    "conv early stopping": (conv(early_stopping=True, schedule="cosine"), X, Y),
    **{
        f"network {name}": (network(init=init, **options), X, Y)
        for init, (name, options) in zip(
            ["random", "centered", "random"], OPTIMISERS.items(), strict=True
        )
    },
    **{f"unit {name}": (unit(**options), X, Y) for name, options in OPTIMISERS.items()},
    "unit not normalised": (unit(normalise=False, init="centered"), X, Y),
    "unit float32": (unit(dtype="float32"), X, Y),
    "network orthogonal": (network(transition_init="orthogonal"), X, Y),
    "network identity": (network(transition_init="identity", init="centered"), X, Y),
    "network leaky": (network(leak=0.5, rates=(1.0, 0.0, 2.0)), X, Y),
    "network of layers": (
        network(n_layers=2, parametrization="mup", solver="adam", init="centered"),
        X,
        Y,
    ),
    "network float32": (network(dtype="float32"), X, Y),
    "network seed": (network(random_state=np.random.RandomState(0)), X, Y),
    "callbacks": (
        network().set_callbacks(
            EarlyStopping(patience=9), SpectralRadiusMonitor(), TrainingProgress()
        ),
        X,
        Y,
    ),
    "time series": (LagTimeSeriesRegressor(), X[:, None, :], Y),
    "weighter": (LagWeighter(), X, None),
    "weighter of a frame": (LagWeighter(), FRAME, None),
    **{
        f"Gaussian process, {type(kernel).__name__}": (
            GaussianProcessRegressor(kernel, alpha=0.1, optimizer=None),
            X,
            Y,
        )
        for kernel in (LagKernel(), RecurrentKernel())
    },
}
every_case = pytest.mark.parametrize("name", CASES)


@cache
def fitted(name):
    model, x, y = CASES[name]
    # scikit-learn's clone leaves callbacks out.
    return copy.deepcopy(model).fit(x, y) if "callbacks" in name else clone(model).fit(x, y)


def answers(model, x, y):
    """Return what a model says of data, and after learning more from them."""
    if isinstance(model, LagWeighter):
        return {"transform": np.asarray(model.transform(x))}
    found = {"predict": model.predict(x), "score": model.score(x, y)}
    if hasattr(model, "impulse_response_std_"):
        found["std"] = model.predict(x, return_std=True)[1]
        found["evidence"] = model.log_marginal_likelihood(alpha=0.5)
    if hasattr(model, "partial_fit"):
        found["more"] = copy.deepcopy(model).partial_fit(x, y).predict(x)
    if hasattr(model, "empirical_lag_weights"):
        found["tangent kernel"] = model.empirical_lag_weights(at_start=True)
    return found


def assert_same_answers(found, expected, rtol=1e-12):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert_allclose(found[name], value, rtol=rtol, atol=rtol, err_msg=name)


def through_skops(model):
    return skops.io.loads(skops.io.dumps(model), trusted=SKOPS_TRUSTED_TYPES)


def through_pickle(model):
    return pickle.loads(pickle.dumps(model))


both_ways = pytest.mark.parametrize(
    "through", [through_pickle, through_skops], ids=["pickle", "skops"]
)


# -- Estimators --------------------------------------------------------------------------


@every_case
@both_ways
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_what_was_loaded_is_what_was_saved(name, through):
    _, x, y = CASES[name]
    again = through(fitted(name))
    assert type(again) is type(fitted(name))
    assert_same_answers(answers(again, x, y), answers(fitted(name), x, y))


def test_the_answers_are_those_of_posteriors_and_of_trainings():
    kinds = [set(answers(fitted(name), *CASES[name][1:])) for name in ("evidence", "network gd")]
    assert kinds[0] >= {"predict", "score", "std", "evidence"}
    assert kinds[1] >= {"predict", "score", "more", "tangent kernel"}


@every_case
@both_ways
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_an_estimator_that_is_not_fitted_is_loaded(name, through):
    model, x, y = CASES[name]
    again = through(model).fit(x, y)
    assert_same_answers(answers(again, x, y), answers(fitted(name), x, y))


@both_ways
def test_loaded_sums_add_up(through):
    sums = LagStatistics.from_series(X[:, 0], Y, n_lags=3)
    twice = through(sums) + sums
    found, expected = (NTKConvRegressor().fit_statistics(each) for each in (twice, sums + sums))
    assert_allclose(found.impulse_response_, expected.impulse_response_, rtol=1e-12)


def test_the_list_has_the_types_that_models_need_and_no_others():
    stored = [skops.io.dumps(fitted(name)) for name in CASES]
    needed = {name for data in stored for name in skops.io.get_untrusted_types(data=data)}
    assert needed == set(SKOPS_TRUSTED_TYPES)
    assert sorted(SKOPS_TRUSTED_TYPES) == SKOPS_TRUSTED_TYPES


def test_what_a_user_adds_is_named_before_it_is_built():
    stored = skops.io.dumps(conv(schedule=np.testing.assert_equal))
    added = set(skops.io.get_untrusted_types(data=stored)) - set(SKOPS_TRUSTED_TYPES)
    assert len(added) == 1
    with pytest.raises(skops.io.exceptions.UntrustedTypesFoundException, match="assert_equal"):
        skops.io.loads(stored, trusted=SKOPS_TRUSTED_TYPES)


def test_the_page_on_security_runs_as_it_stands(tmp_path, monkeypatch, capsys):
    page = (Path(__file__).parents[1] / "SECURITY.md").read_text()
    (block,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(block, {"model": fitted("evidence")})
    assert capsys.readouterr().out == "set()\n"


@pytest.mark.parametrize("name", [name for name in CASES if "Gaussian process" not in name])
def test_a_model_keeps_no_array_of_the_size_of_its_data(name):
    """Only forecasters do, which forecast from them; so do Gaussian processes."""
    stored = ZipFile(BytesIO(skops.io.dumps(fitted(name))))
    arrays = [part for part in stored.namelist() if part.endswith(".npy")]
    sizes = {part: np.load(BytesIO(stored.read(part)), allow_pickle=False).shape for part in arrays}
    assert {part: shape for part, shape in sizes.items() if len(X) in shape} == {}


# -- sktime ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "forecaster",
    [cls(**one) for cls in (LagForecaster, AutoLagForecaster) for one in cls.get_test_params()],
    ids=repr,
)
def test_forecasters_go_the_way_of_sktime(forecaster, tmp_path):
    y = load_airline()
    forecaster = forecaster.clone().fit(y[:60], fh=[1, 2, 3])
    forecaster.save(tmp_path / "forecaster")
    for again in (
        load(str(tmp_path / "forecaster")),
        type(forecaster).load_from_path(tmp_path / "forecaster.zip"),
        load(forecaster.save()),
    ):
        assert_allclose(again.predict(), forecaster.predict(), rtol=1e-12)
        assert_allclose(again.predict_interval(), forecaster.predict_interval(), rtol=1e-12)
        later = copy.deepcopy(forecaster).update(y[60:70])
        assert_allclose(again.update(y[60:70]).predict(), later.predict(), rtol=1e-12)


def test_time_series_regressors_go_the_way_of_sktime(tmp_path):
    model = LagTimeSeriesRegressor().fit(X[:, None], Y)
    model.save(tmp_path / "regressor")
    again = load(str(tmp_path / "regressor"))
    assert_allclose(again.predict(X[:, None]), model.predict(X[:, None]), rtol=1e-12)


# -- Formats -----------------------------------------------------------------------------

MODELS = {
    "NTKConvRegressor": NTKConvRegressor(),
    "NTKConvRegressorCV": NTKConvRegressorCV(),
    "WeightedConv1DRegressor": conv(),
    "LinearRNNRegressor": network(),
    "LRURegressor": unit(),
    "LagWeighter": LagWeighter(),
    "LagKernel": LagKernel(),
    "RecurrentKernel": RecurrentKernel(),
    "LagStatistics": LagStatistics.from_series(X[:, 0], Y, n_lags=3),
    "LagForecaster": LagForecaster(),
    "AutoLagForecaster": AutoLagForecaster(),
    "LagTimeSeriesRegressor": LagTimeSeriesRegressor(),
}
every_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


def test_every_class_that_is_fitted_names_its_format():
    public = [
        getattr(module, name)
        for module in (sklearn_linrnn, forecasting, regression)
        for name in module.__all__
    ]
    estimators = {one.__name__ for one in public if hasattr(one, "set_params")}
    assert estimators == set(MODELS) - {"LagStatistics"}
    assert all(isinstance(model, SavedState) for model in MODELS.values())


def saved_by(model, version, saved_format, monkeypatch):
    """Return the pickle that a version of the package would write."""
    with monkeypatch.context() as patch:
        patch.setattr(sklearn_linrnn, "__version__", version)
        patch.setattr(saved_state, "SAVED_FORMAT", saved_format)
        return pickle.dumps(model)


@every_model
def test_a_newer_format_is_refused_by_name(model, monkeypatch):
    newer = saved_by(model, "9.1", SAVED_FORMAT + 1, monkeypatch)
    name, own = type(model).__name__, sklearn_linrnn.__version__
    with pytest.raises(
        ValueError,
        match=rf"{own} reads models saved in format {SAVED_FORMAT}, but got a {name} in format "
        rf"{SAVED_FORMAT + 1}, saved by 9\.1\. Install that version or a newer one\.",
    ):
        pickle.loads(newer)


@every_model
def test_an_older_format_is_refused_by_name(model, monkeypatch):
    older = saved_by(model, "0.0.1", SAVED_FORMAT - 1, monkeypatch)
    with pytest.raises(ValueError, match=r"saved by 0\.0\.1\. Load it with that version, or fit"):
        pickle.loads(older)


@every_model
def test_another_version_of_the_same_format_is_loaded(model, monkeypatch):
    again = pickle.loads(saved_by(model, "9.1", SAVED_FORMAT, monkeypatch))
    assert vars(again).keys() == vars(model).keys()


@every_model
def test_a_state_without_a_format_is_refused(model):
    blank = type(model).__new__(type(model))
    with pytest.raises(ValueError, match="in format 0, saved by an unknown version"):
        blank.__setstate__(vars(model))
    assert vars(blank) == {}


# -- Models that earlier versions saved --------------------------------------------------


# Others change what scikit-learn and sktime save of their own.
FILED = [name for name in CASES if not name.startswith(("Gaussian process", "time series"))]


def write():
    """Save all models, and what they answer, in the present format."""
    models = {name: (fitted(name), answers(fitted(name), *CASES[name][1:])) for name in FILED}
    FILE.write_bytes(lzma.compress(skops.io.dumps(models)))


@cache
def saved_models():
    return skops.io.loads(lzma.decompress(FILE.read_bytes()), trusted=SKOPS_TRUSTED_TYPES)


@pytest.mark.parametrize("name", FILED)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_models_that_were_saved_in_this_format_load_and_go_on(name):
    model, expected = saved_models()[name]
    rtol = 1e-5 if getattr(model, "dtype", None) == "float32" else 1e-8
    assert_same_answers(answers(model, *CASES[name][1:]), expected, rtol=rtol)


if __name__ == "__main__":
    write()
