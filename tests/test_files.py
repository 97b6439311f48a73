"""Fitted estimators go through files and come back as they were."""

import copy
import io
import pickle

import numpy as np
import pytest
import skops.io
import torch

from sklearn_linrnn import (
    LagWeighter,
    LinearRNNRegressor,
    LRURegressor,
    NTKConvRegressor,
    NTKConvRegressorCV,
    WeightedConv1DRegressor,
)

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(60, 6)), RNG.normal(size=60)

ESTIMATORS = [
    NTKConvRegressor("auto", alpha="auto"),
    NTKConvRegressor(prior="tc", n_steps=20),
    NTKConvRegressor(solver="cg"),
    NTKConvRegressorCV(),
    WeightedConv1DRegressor(max_iter=10),
    LinearRNNRegressor(8, max_iter=10, random_state=0),
    LRURegressor(8, max_iter=10, random_state=0),
    LagWeighter(),
]
every_estimator = pytest.mark.parametrize("model", ESTIMATORS, ids=repr)


def by_skops(model):
    stored = skops.io.dumps(model)
    return skops.io.loads(stored, trusted=skops.io.get_untrusted_types(data=stored))


@every_estimator
@pytest.mark.parametrize(
    "through", [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy, by_skops]
)
def test_a_model_comes_back_as_it_was(model, through):
    model.fit(X, Y)
    act = "transform" if isinstance(model, LagWeighter) else "predict"
    back = through(model)
    np.testing.assert_array_equal(getattr(back, act)(X), getattr(model, act)(X))


@pytest.mark.parametrize("through", [lambda m: pickle.loads(pickle.dumps(m)), by_skops])
def test_the_posterior_comes_back_too(through):
    model = NTKConvRegressor("auto", alpha="auto").fit(X, Y)
    back = through(model)
    np.testing.assert_array_equal(back.impulse_response_std_, model.impulse_response_std_)
    assert back.log_marginal_likelihood() == model.log_marginal_likelihood()


@every_estimator
def test_a_file_asks_to_trust_types_of_this_package_alone(model):
    stored = skops.io.dumps(model.fit(X, Y))
    asked = skops.io.get_untrusted_types(data=stored)
    assert {name.partition(".")[0] for name in asked} == {"sklearn_linrnn"}


@every_estimator
def test_no_file_holds_a_tensor(model):
    model.fit(X, Y)

    class Refusing(pickle.Pickler):
        def persistent_id(self, obj):
            assert not isinstance(obj, torch.Tensor)

    Refusing(io.BytesIO()).dump(model)


def test_what_was_cached_is_not_stored():
    model = NTKConvRegressor().fit(X, Y)
    before = len(pickle.dumps(model))
    model.predict(X, return_std=True)
    assert len(pickle.dumps(model)) == before
