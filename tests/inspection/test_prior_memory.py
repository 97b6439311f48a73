"""Priors of one memory, and their picture."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_linrnn import LagPriorDisplay, effective_memory, prior_of_memory
from sklearn_linrnn._core.priors.catalogue import PRIORS
from sklearn_linrnn.inspection import lag_energy
from sklearn_linrnn.priors import DC, TC, Flat, LinearRNN, TorchRNN

WITH_HYPERPARAMETERS = [name for name, kind in PRIORS.items() if kind().hyperparameters]


@pytest.mark.parametrize("name", WITH_HYPERPARAMETERS)
@pytest.mark.parametrize("memory", [5, 10])
def test_the_lags_up_to_the_memory_hold_the_share(name, memory):
    found = prior_of_memory(PRIORS[name](), memory, n_lags=60)
    energy = lag_energy(found, 60)
    assert_allclose(energy[: memory + 1].sum() / energy.sum(), 0.9, rtol=1e-9)
    assert effective_memory(energy) == memory


def test_other_hyperparameters_stay_as_they_are():
    found = prior_of_memory(DC(0.2, correlation=-0.4), 7, n_lags=40)
    assert found.correlation == -0.4
    assert prior_of_memory(DC("auto", "auto"), 7, n_lags=40).correlation == DC().correlation


def test_a_geometric_decay_has_the_memory_that_its_sum_says():
    found = prior_of_memory(TC(), 10, n_lags=200)
    assert_allclose(found.nu_w, 0.1 ** (1 / 11), rtol=1e-9)


def test_another_share():
    half = prior_of_memory(LinearRNN(), 10, n_lags=100, share=0.5)
    assert effective_memory(half.covariance(100), share=0.5) == 10


def test_the_energy_of_a_lag_is_its_variance():
    assert lag_energy(TC(0.5), 4).tolist() == [1.0, 0.5, 0.25, 0.125]
    assert lag_energy(Flat(), 3).tolist() == [1.0, 1.0, 1.0]


def test_pytorch_defaults_have_their_energy_within_lag_two():
    energy = lag_energy(TorchRNN(), 50)
    assert effective_memory(energy) == 2
    assert_allclose(energy[:3].sum() / energy.sum(), 0.92, atol=0.01)


@pytest.mark.parametrize("prior", [Flat(), TorchRNN()], ids=["flat", "torch_rnn"])
def test_a_prior_without_hyperparameters_has_the_memory_it_has(prior):
    with pytest.raises(ValueError, match=r"No hyperparameter of .* memory=10 hold 0.9 .*n_lags=60"):
        prior_of_memory(prior, 10, n_lags=60)


@pytest.mark.parametrize(
    ("arguments", "parameters", "error", "message"),
    [
        (["tc", 10], {}, TypeError, "prior must be a LagPrior, but got 'tc'"),
        ([TC(), 59], {}, ValueError, "memory must be from 0 to 58, but got 59"),
        ([TC(), -1], {}, ValueError, "memory must be from 0 to 58, but got -1"),
        ([TC(), 2.5], {}, TypeError, "memory must be a whole number, but got 2.5"),
        ([TC(), 1], {"n_lags": 6.5}, TypeError, "n_lags must be a whole number, but got 6.5"),
        ([TC(), 1], {"share": 1.0}, ValueError, r"share must be within \(0, 1\), but got 1.0"),
        ([TC(nu_w="many"), 1], {}, ValueError, "nu_w of TC must be a number.*but got 'many'"),
    ],
)
def test_wrong_arguments(arguments, parameters, error, message):
    with pytest.raises(error, match=message):
        prior_of_memory(*arguments, **{"n_lags": 60, **parameters})


# -- The picture -------------------------------------------------------------------------


def test_the_display_has_all_named_priors_at_one_memory_and_says_which_are_not():
    display = LagPriorDisplay.from_priors(memory=10, n_lags=60)
    memories = display.memories()
    assert set(memories) == set(PRIORS)
    assert all(memories[name] == 10 for name in WITH_HYPERPARAMETERS)
    assert set(display.unreached) == set(PRIORS) - set(WITH_HYPERPARAMETERS)
    assert_allclose(display.frame().sum(), 1.0)


def test_without_a_memory_priors_are_as_they_are():
    display = LagPriorDisplay.from_priors({"mine": LinearRNN(0.9), "other": "tc"}, n_lags=30)
    energy = LinearRNN(0.9).covariance(30)
    assert_allclose(display.frame()["mine"], energy / energy.sum())
    assert display.memories()["other"] == effective_memory(lag_energy(TC(), 30))


def test_the_plot_draws_the_frame_and_names_what_has_its_own_memory():
    plt = pytest.importorskip("matplotlib.pyplot")
    display = LagPriorDisplay.from_priors(["flat", "tc", "di"], memory=10, n_lags=20).plot()
    lines = {line.get_label(): line.get_ydata() for line in display.ax_.lines}
    assert_allclose(lines["di"][:5], display.frame()["di"][:5])
    assert "flat (17)" in lines
    _, ax = plt.subplots()
    assert LagPriorDisplay.from_priors("tc").plot(ax).ax_ is ax
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    plt.close("all")


@pytest.mark.parametrize(
    ("priors", "error", "message"),
    [
        ("lur", ValueError, "priors must be among .*but got 'lur'"),
        ([], ValueError, "priors must name one prior at least"),
        (["tc", "tc"], ValueError, "priors must differ, but got 'tc' more than once"),
        ([0.5], TypeError, "priors must be names or LagPrior objects, but got 0.5"),
        (0.5, TypeError, "priors must be names or LagPrior objects, but got 0.5"),
        ([TC("many")], ValueError, "nu_w of TC must be a number"),
    ],
)
def test_priors_that_there_are_not(priors, error, message):
    with pytest.raises(error, match=message):
        LagPriorDisplay.from_priors(priors)


def test_labels_are_names_where_all_is_auto_and_else_say_what_there_is():
    display = LagPriorDisplay.from_priors([TC("auto"), TC(0.3), LinearRNN], n_lags=np.int64(20))
    assert list(display.frame()) == ["TC(nu_w=0.3)", "linear_rnn", "tc"]
