"""Parameters of prior objects by name, as scikit-learn's searches and pipelines set them."""

from dataclasses import FrozenInstanceError, dataclass, fields

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_linrnn import LagKernel, NTKConvRegressor, NTKConvRegressorCV, priors
from sklearn_linrnn.forecasting import LagForecaster
from sklearn_linrnn.priors import DC, TC, LagPrior, LeakyRNN
from sklearn_linrnn.regression import LagTimeSeriesRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 6))
Y = X[:, -1] + 0.5 * X[:, -2] + 0.3 * RNG.normal(size=80)
LEAKS = [0.2, 0.5, 1.0]

MADE = [getattr(priors, name) for name in priors.__all__]
PRIORS = [make() for make in MADE if not getattr(make, "__abstractmethods__", ())]


@dataclass(frozen=True)
class Sum(LagPrior):
    """The sum of two responses that know nothing of each other."""

    first: LagPrior
    second: LagPrior
    share: float = 0.5

    def covariance(self, n_lags):
        first, second = (each.covariance(n_lags) for each in (self.first, self.second))
        return self.share * first + (1.0 - self.share) * second


BOTH = Sum(TC(0.9), DC(0.5, correlation=0.2))


@pytest.mark.parametrize("prior", PRIORS, ids=lambda prior: type(prior).__name__)
def test_the_parameters_of_a_prior_make_it_again(prior):
    params = prior.get_params()
    assert list(params) == [each.name for each in fields(prior)]
    assert type(prior)(**params) == prior
    assert clone(prior) == prior
    assert prior.with_params(**params) == prior


def test_a_prior_of_priors_has_the_parameters_of_both():
    assert BOTH.get_params() == {
        "first": TC(0.9),
        "first__nu_w": 0.9,
        "second": DC(0.5, 0.2),
        "second__nu_w": 0.5,
        "second__correlation": 0.2,
        "share": 0.5,
    }
    assert list(BOTH.get_params(deep=False)) == ["first", "second", "share"]
    changed = BOTH.with_params(share=0.1, second__nu_w=0.7, first=TC(0.3))
    assert changed == Sum(TC(0.3), DC(0.7, 0.2), share=0.1)
    assert clone(BOTH) == BOTH


MODELS = [
    NTKConvRegressor(prior=LeakyRNN()),
    NTKConvRegressorCV(prior=LeakyRNN()),
    LagKernel(LeakyRNN()),
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_they_are_parameters_of_what_takes_the_prior(model):
    own = {f"prior__{name}": value for name, value in LeakyRNN().get_params().items()}
    found = model.get_params()
    assert {name: value for name, value in found.items() if name.startswith("prior__")} == own
    assert not any(name.startswith("prior__") for name in model.get_params(deep=False))
    changed = clone(model).set_params(prior__leak=0.2, prior__nu_w=0.7)
    assert changed.prior == LeakyRNN(0.7, leak=0.2)
    # Of a prior that is set with them, in any order.
    assert changed.set_params(prior__nu_w=0.4, prior=TC()).prior == TC(0.4)
    # All that there are, as a kernel's own search sets them.
    assert clone(model).set_params(**model.get_params()).get_params() == model.get_params()
    assert clone(changed).get_params() == changed.get_params()


def test_a_prior_does_not_change():
    prior = LeakyRNN()
    one, other = NTKConvRegressor(prior=prior).fit(X, Y), NTKConvRegressor(prior=prior)
    one.set_params(prior__leak=0.1)
    assert prior == one.prior_ == other.prior == LeakyRNN()
    assert one.prior.leak == 0.1
    with pytest.raises(FrozenInstanceError):
        prior.leak = 0.3


def test_a_grid_of_a_hyperparameter_is_the_grid_of_whole_priors():
    searches = [
        GridSearchCV(NTKConvRegressor(prior=LeakyRNN()), grid, cv=3).fit(X, Y)
        for grid in ({"prior__leak": LEAKS}, {"prior": [LeakyRNN(leak=leak) for leak in LEAKS]})
    ]
    scores = [search.cv_results_["mean_test_score"] for search in searches]
    assert_allclose(*scores, rtol=1e-12)
    assert len(set(scores[0])) == len(LEAKS)
    assert searches[0].best_estimator_.prior == searches[1].best_params_["prior"]


def test_they_are_in_reach_of_a_pipeline_and_of_a_prior_within_a_prior():
    pipeline = make_pipeline(FunctionTransformer(), NTKConvRegressor(prior=BOTH))
    grid = {"ntkconvregressor__prior__second__correlation": [0.1, 0.8]}
    search = GridSearchCV(pipeline, grid, cv=3).fit(X, Y)
    (best,) = search.best_params_.values()
    assert search.best_estimator_[-1].prior == BOTH.with_params(second__correlation=best)


def test_they_are_in_reach_of_a_gaussian_process():
    process = GaussianProcessRegressor(LagKernel(LeakyRNN()), alpha=0.1)
    search = GridSearchCV(process, {"kernel__prior__leak": LEAKS}, cv=3).fit(X, Y)
    leak = search.best_params_["kernel__prior__leak"]
    same = GaussianProcessRegressor(LagKernel(LeakyRNN(leak=leak)), alpha=0.1).fit(X, Y)
    assert_allclose(search.predict(X), same.predict(X), rtol=1e-12)


@pytest.mark.parametrize("make", [LagForecaster, LagTimeSeriesRegressor])
def test_they_are_in_reach_of_sktime(make):
    model = make(NTKConvRegressor(prior=LeakyRNN()))
    assert model.get_params()["estimator__prior__leak"] == 0.5
    assert model.clone().set_params(estimator__prior__leak=0.2).estimator.prior.leak == 0.2


@pytest.mark.parametrize(
    ("prior", "changes", "error"),
    [
        (TC(), {"prior__leak": 0.5}, r"TC has the parameters \['nu_w'\], but got 'leak'"),
        (TC(), {"prior__nu_w__x": 1}, "nu_w__x needs an object of sklearn_linrnn.priors as nu_w"),
        ("tc", {"prior__nu_w": 0.5}, "prior__nu_w needs an object .* as prior, but got 'tc'"),
        (TC(), {"prior": "dc", "prior__nu_w": 0.5}, "as prior, but got 'dc'"),
        (TC(), {"priors__nu_w": 0.5}, "[Ii]nvalid parameter '?priors"),
    ],
    ids=["no such one", "of a number", "of a name", "of a new name", "of nothing"],
)
@pytest.mark.parametrize("make", [NTKConvRegressor, NTKConvRegressorCV, LagKernel])
def test_what_is_no_parameter_changes_nothing(make, prior, changes, error):
    model = make(prior=prior)
    with pytest.raises(ValueError, match=error):
        model.set_params(**changes)
    assert model.prior == prior
