"""Parameters and attributes that estimators share are described alike."""

from itertools import combinations

import pytest
from numpydoc.docscrape import NumpyDocString
from sklearn.utils._testing import assert_docstring_consistency

from sklearn_linrnn import (
    LagWeighter,
    LinearRNNRegressor,
    LRURegressor,
    NTKConvRegressor,
    NTKConvRegressorCV,
    WeightedConv1DRegressor,
)

ESTIMATORS = [
    LagWeighter,
    LinearRNNRegressor,
    LRURegressor,
    NTKConvRegressor,
    NTKConvRegressorCV,
    WeightedConv1DRegressor,
]
SECTIONS = {"Parameters": "include_params", "Attributes": "include_attrs"}
DOCS = {
    (section, estimator): {entry.name for entry in NumpyDocString(estimator.__doc__)[section]}
    for section in SECTIONS
    for estimator in ESTIMATORS
}

# Where estimators differ their texts do, too: those named here are alike among themselves alone.
APART = {
    "nu_w, nu_f, nu_c": {
        (LinearRNNRegressor,): "they are the network's own",
        (NTKConvRegressor,): "they may be 'auto', and parameters of other priors",
        (NTKConvRegressorCV,): "they may be grids",
        (WeightedConv1DRegressor,): "nu_w may be an array",
    },
    "n_lags": {(NTKConvRegressor,): "may be 'auto'"},
    "delay": {(NTKConvRegressor,): "may be 'auto'", (NTKConvRegressorCV,): "may be a grid"},
    "prior": {(NTKConvRegressorCV,): "may be a list"},
    "correlation": {(NTKConvRegressorCV,): "may be a grid"},
    "memory": {(NTKConvRegressorCV,): "is chosen by its score"},
    "channel_scale": {
        (LinearRNNRegressor, LRURegressor): "scales the inputs of the network",
        (NTKConvRegressor,): "may be chosen by its evidence",
        (NTKConvRegressorCV,): "may be chosen by its score",
    },
    "n_steps": {(NTKConvRegressorCV,): "may be a grid"},
    "solver": {(NTKConvRegressor,): "nothing is trained"},
    "learning_rate": {
        (LinearRNNRegressor, LRURegressor): "the curvature changes, and with it what 'auto' is",
        (WeightedConv1DRegressor,): "'auto' depends on the solver",
    },
    "dtype": {
        (LinearRNNRegressor, LRURegressor): "may be 'tf32'",
        (WeightedConv1DRegressor,): "is that of the parameters, too",
    },
    "first_lag_": {(LagWeighter,): "has no impulse response"},
    "input_": {(LRURegressor,): "is complex, with the norm"},
    "readout_": {(LRURegressor,): "is complex"},
    "lag_weights_": {
        (LinearRNNRegressor,): "they are those of the limit, perhaps estimated",
        (LRURegressor,): "they are those of a limit with correlated lags",
        (NTKConvRegressor, NTKConvRegressorCV): "there are other priors",
        (WeightedConv1DRegressor,): "channels may differ",
    },
}


def groups(section, name):
    """Return the estimators that describe a name, in groups that must do so alike."""
    apart = [list(group) for group in APART.get(name, {})]
    others = {each for each in ESTIMATORS if name in DOCS[section, each]} - set().union(*apart)
    return [sorted(others, key=lambda each: each.__name__), *apart]


SHARED = [
    (section, name)
    for section in SECTIONS
    for name in sorted(set().union(*(DOCS[section, each] for each in ESTIMATORS)))
    if any(len(group) > 1 for group in groups(section, name))
]


@pytest.mark.parametrize(("section", "name"), SHARED, ids=[name for _, name in SHARED])
def test_what_estimators_share_is_described_alike(section, name):
    for group in groups(section, name):
        assert_docstring_consistency(group, **{SECTIONS[section]: [name]})


@pytest.mark.parametrize("name", APART)
def test_no_text_is_apart_without_need(name):
    section = "Attributes" if name.endswith("_") else "Parameters"
    for pair in combinations([group[0] for group in groups(section, name)], 2):
        with pytest.raises(AssertionError, match="inconsistent"):
            assert_docstring_consistency(pair, **{SECTIONS[section]: [name]})


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda each: each.__name__)
def test_every_parameter_is_described(estimator):
    names = {name for entry in DOCS["Parameters", estimator] for name in entry.split(", ")}
    assert names == set(estimator().get_params())
