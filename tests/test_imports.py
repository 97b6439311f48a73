"""Importing the package costs little, and every promised name is there."""

import importlib
import subprocess
import sys

import pytest

import sklearn_linrnn
from sklearn_linrnn import callback, distributed, forecasting, inspection, priors, regression

HEAVY = ["torch", "sktime", "matplotlib", "dask", "distributed", "pandas", "rich", "sklearn"]


def loaded_after(statement):
    """Return which of the heavy packages a fresh interpreter has loaded after a statement."""
    code = f"{statement}\nimport sys\nprint(*[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize(
    "package",
    [
        "sklearn_linrnn",
        "sklearn_linrnn.callback",
        "sklearn_linrnn.distributed",
        "sklearn_linrnn.forecasting",
        "sklearn_linrnn.inspection",
        "sklearn_linrnn.priors",
        "sklearn_linrnn.regression",
    ],
)
def test_importing_the_package_loads_nothing_heavy(package):
    assert loaded_after(f"import {package}; dir({package})") == []


def test_the_list_of_trusted_types_loads_nothing_heavy():
    assert loaded_after("from sklearn_linrnn import SKOPS_TRUSTED_TYPES") == []


def test_fitting_an_estimator_loads_no_optional_world():
    loaded = loaded_after(
        "import numpy as np, sklearn_linrnn as package\n"
        "package.LagWeighter().fit(np.eye(4))\n"
        "package.NTKConvRegressor().fit(np.eye(4), np.arange(4))\n"
        "package.WeightedConv1DRegressor(max_iter=2).fit(np.eye(4), np.arange(4))\n"
        "package.LinearRNNRegressor(5, max_iter=2).fit(np.eye(4), np.arange(4))"
    )
    assert not {"sktime", "matplotlib", "dask", "distributed"} & set(loaded)
    assert {"torch", "sklearn"} <= set(loaded)


def test_the_study_and_the_displays_load_neither_sktime_nor_matplotlib():
    loaded = loaded_after("from sklearn_linrnn import memory_bias, MemoryDisplay")
    assert not {"sktime", "matplotlib", "dask", "distributed"} & set(loaded)


@pytest.mark.parametrize(
    "module",
    [sklearn_linrnn, callback, distributed, inspection, forecasting, priors, regression],
    ids=lambda m: m.__name__,
)
def test_every_public_name_is_there_and_listed(module):
    assert set(module.__all__) <= set(dir(module))
    assert sorted(module.__all__) == sorted(set(module.__all__))
    for name in module.__all__:
        found = getattr(module, name)
        assert getattr(found, "__name__", name) == name  # a list has no name


def test_the_public_names_are_these():
    assert set(sklearn_linrnn.__all__) >= {
        "SKOPS_TRUSTED_TYPES",
        "ContributionDisplay",
        "FrequencyResponseDisplay",
        "ImpulseResponseDisplay",
        "LagKernel",
        "LagPrior",
        "LagPriorDisplay",
        "LagStatistics",
        "LagStream",
        "LagWeighter",
        "LRURegressor",
        "LinearRNNRegressor",
        "MeasuredMemory",
        "MeasuredMemoryDisplay",
        "MemoryDisplay",
        "NTKGap",
        "NTKGapDisplay",
        "NTKConvRegressor",
        "NTKConvRegressorCV",
        "PriorComparison",
        "PriorComparisonDisplay",
        "RecurrentKernel",
        "ResidualDisplay",
        "SeriesPieces",
        "StepResponseDisplay",
        "TrainingDisplay",
        "WeightedConv1DRegressor",
        "compare_priors",
        "effective_memory",
        "kernel_matrix",
        "linear_rnn_lag_covariance",
        "linear_rnn_lag_weights",
        "measured_memory",
        "memory_bias",
        "memory_interval",
        "ntk_gap",
        "prior_of_memory",
        "residual_tests",
    }


def test_a_star_import_gives_the_public_names():
    names = {}
    exec("from sklearn_linrnn import *", names)
    assert set(sklearn_linrnn.__all__) <= set(names)


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="NTKRegressor"):
        importlib.import_module("sklearn_linrnn").NTKRegressor  # noqa: B018
