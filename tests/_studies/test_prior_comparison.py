"""The comparison of priors: what it measures and says, on series whose answer is known."""

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal

from sklearn_linrnn import (
    NTKConvRegressor,
    PriorComparisonDisplay,
    compare_priors,
    effective_memory,
)
from sklearn_linrnn._core.priors.catalogue import PRIORS
from sklearn_linrnn._studies.inference import compare
from sklearn_linrnn._studies.study_data import LAST, MEAN, SEASONAL
from sklearn_linrnn._studies.study_text import rounded
from sklearn_linrnn.inspection import lag_energy, response_energy
from sklearn_linrnn.priors import DI, SS, TC, Flat, LinearRNN

SMALL = {"priors": ["linear_rnn", "tc", "flat", "ss"], "n_lags": 8, "n_splits": 3}


def remembers(n_timesteps=200, decay=0.6, seed=0):
    rng = np.random.default_rng(seed)
    y = np.zeros(n_timesteps)
    for t in range(1, n_timesteps):
        y[t] = decay * y[t - 1] + rng.normal()
    return 5 + 2 * y


def driven_by(prior, n_timesteps, n_lags, noise, seed):
    """Return an input, and an output with a response that is drawn from a prior."""
    rng = np.random.default_rng(seed)
    root = prior.root(n_lags)
    response = root * rng.normal(size=n_lags) if root.ndim == 1 else root @ rng.normal(size=n_lags)
    x = rng.normal(size=n_timesteps)
    y = np.convolve(x, response / np.linalg.norm(response))[:n_timesteps]
    return x, y + noise * rng.normal(size=n_timesteps)


@pytest.fixture(scope="module")
def result():
    return compare_priors(pd.Series(remembers(), name="waves"), **SMALL)


# -- Its numbers -------------------------------------------------------------------------


def test_the_evidence_is_that_of_the_estimator(result):
    windows, targets = result.data.windows, result.data.targets
    for row in result.of_priors.itertuples():
        prior = {"linear_rnn": LinearRNN(*["auto"] * 3), "tc": TC("auto"), "flat": Flat(),
                 "ss": SS("auto")}[row.prior]  # fmt: skip
        model = NTKConvRegressor(prior=prior, alpha="auto").fit(windows, targets)
        assert_allclose(row.evidence, model.log_marginal_likelihood(), rtol=1e-7)
        for name, value in result.priors[row.prior].hyperparameters.items():
            assert_allclose(value, getattr(model.prior_, name), rtol=1e-4)
        energy = lag_energy(model.prior_, 8)
        assert row.prior_memory == effective_memory(energy)
        assert row.fit_memory == effective_memory(response_energy(model.impulse_response_))


def test_the_table_goes_from_the_highest_evidence_down_then_without_a_model(result):
    assert sorted(result.table["prior"][:4]) == sorted(SMALL["priors"])
    assert result.table["prior"].tolist()[4:] == [MEAN, LAST]
    assert result.of_priors["evidence"].is_monotonic_decreasing
    assert result.best == result.table["prior"][0] == next(iter(result.priors))
    assert_allclose(
        result.of_priors["below"], result.of_priors["evidence"][0] - result.of_priors["evidence"]
    )


def test_densities_add_up_to_the_evidence(result):
    assert result.log_densities.index.equals(pd.Index(result.data.times[1:], name="time"))
    evidence = result.of_priors.set_index("prior")["evidence"]
    assert_allclose(result.log_densities.sum()[evidence.index], evidence)


def test_errors_are_those_of_fits_to_the_training_parts(result):
    data = result.data
    for part, (train, test) in enumerate(data.parts(3)):
        x, y = data.windows[train], data.targets[train]
        level, unit = x.mean(), x.std()
        model = NTKConvRegressor(prior=TC("auto"), alpha="auto")
        model.fit((x - level) / unit, (y - y.mean()) / y.std())
        predictions = y.mean() + y.std() * model.predict((data.windows[test] - level) / unit)
        expected = np.square(data.targets[test] - predictions)
        assert_allclose(result.errors.loc[part, "tc"], expected, rtol=1e-6, atol=1e-8)


def test_costs_are_relative_to_the_prior_of_the_highest_evidence(result):
    reference = result.errors[result.best].to_numpy()
    for row in result.table.itertuples():
        losses = result.errors[row.prior].to_numpy()
        assert_allclose(row.rmse, np.sqrt(losses.mean()))
        assert_allclose(row.cost, np.sqrt(losses.mean() / reference.mean()) - 1, atol=1e-12)
        assert row.cost_low <= row.cost <= row.cost_high
        assert_allclose(row.cost_low, compare(losses[:, None], reference, level=0.9,
                                              seed=result_seed()).low)  # fmt: skip


def result_seed():
    return int(np.random.RandomState(0).randint(np.iinfo(np.int32).max))


def test_the_parts_have_the_prior_of_the_highest_evidence_before_them(result):
    for part, row in result.parts.iterrows():
        losses = result.errors.loc[part, row["prior"]]
        assert_allclose(row["rmse"], np.sqrt(losses.mean()))
    assert result.parts["n_train"].tolist() == [len(train) for train, _ in result.data.parts(3)]


def test_memories_lie_in_intervals_that_lie_within_the_lags(result):
    rows = result.of_priors
    for name in ("prior_memory_low", "prior_memory_high", "memory_low", "memory_high"):
        assert rows[name].between(0, 7).all()
    assert (rows["prior_memory_low"] <= rows["prior_memory_high"]).all()
    assert (rows["memory_low"] <= rows["memory_high"]).all()
    flat = rows[rows["prior"] == "flat"]
    assert (flat["prior_memory_low"] == flat["prior_memory_high"]).all(), "nothing is uncertain"


def test_the_order_of_the_priors_changes_nothing(result):
    other = compare_priors(
        pd.Series(remembers(), name="waves"), **{**SMALL, "priors": SMALL["priors"][::-1]}
    )
    assert_frame_equal(other.table, result.table)
    assert str(other) == str(result)


def test_the_unit_of_the_series_changes_the_evidence_of_all_alike(result):
    other = compare_priors(1e3 * remembers() - 7e4, **SMALL)
    assert_allclose(other.table["rmse"], 1e3 * result.table["rmse"], rtol=1e-6)
    assert_allclose(other.of_priors["below"], result.of_priors["below"], atol=1e-5)
    steps = len(result.data.targets) - 1
    shift = other.of_priors["evidence"] - result.of_priors["evidence"]
    assert_allclose(shift, -steps * np.log(1e3), atol=1e-5)


def test_priors_may_be_objects_and_have_labels():
    found = compare_priors(
        remembers(100), priors={"short": DI(0.1), "long": DI(0.9), "any": "di"}, n_lags=6
    )
    assert found.priors["short"] == DI(0.1)
    evidence = found.of_priors.set_index("prior")["evidence"]
    assert evidence["any"] >= max(evidence["short"], evidence["long"]) - 1e-9


def test_all_named_priors_are_compared_by_default():
    found = compare_priors(remembers(80), n_lags=5, n_splits=2)
    assert set(found.priors) == set(PRIORS)


def test_a_seed_gives_the_same_again_and_the_result_can_be_stored(result):
    again = pickle.loads(pickle.dumps(result))
    assert_frame_equal(again.table, result.table)
    assert str(again) == str(result)


# -- What it finds -----------------------------------------------------------------------


def test_of_noise_there_is_nothing_to_learn_and_no_prior_is_better():
    found = compare_priors(np.random.default_rng(1).normal(size=200), **SMALL)
    assert found.verdict == "nothing to learn"
    assert "there is nothing to learn" in found.summary
    assert "mean of the training part, beyond noise" in found.summary


def test_of_a_constant_there_is_nothing_to_learn():
    found = compare_priors(np.ones(60), **SMALL)
    assert found.verdict == "nothing to learn"
    assert found.evidence_set == tuple(sorted(SMALL["priors"]))
    assert "nan" not in found.summary


def test_a_long_smooth_response_is_told_from_what_pytorch_prefers():
    x, y = driven_by(SS(0.9), 300, 24, 0.3, seed=0)
    found = compare_priors(y, x, priors=["ss", "torch_rnn", "flat"])
    assert found.verdict == "difference"
    assert found.suited == ("ss",)
    assert found.best == "ss"
    assert "the memory that suits is that of ss" in found.summary
    assert "flat and torch_rnn are not" in found.summary


def test_what_cannot_be_told_apart_is_said_so():
    found = compare_priors(remembers(120), priors=["di", "linear_rnn"], n_lags=4, n_splits=2)
    assert found.verdict == "no difference"
    assert "it cannot be told which memory suits it: each of the 2 priors" in found.summary


def test_one_prior_alone_is_no_comparison():
    found = compare_priors(remembers(120), priors="di", n_lags=4, n_splits=2)
    assert found.evidence_set == found.held_out_set == ("di",)
    assert "there is something to learn, and di learns it" in found.summary


def test_of_a_season_a_model_must_know_more_than_the_season():
    y = np.tile(np.random.default_rng(0).normal(size=12), 20) + 1e-6 * np.sin(np.arange(240))
    found = compare_priors(y, season=12, **{**SMALL, "n_lags": 4})
    assert SEASONAL in found.table["prior"].tolist()
    assert found.verdict == "nothing to learn"


def test_the_sentences_have_the_numbers_of_the_table():
    x, y = driven_by(SS(0.9), 300, 24, 0.3, seed=0)
    found = compare_priors(y, x, priors=["ss", "torch_rnn", "flat"])
    rows = found.of_priors.set_index("prior")
    last = rows.iloc[-1]
    below = rounded(last["below"], last["below_error"])
    assert f"{last.name} {below} ± " in found.summary
    assert f"costs {100 * rows['cost'].max():+.0f} % (" in found.summary


def test_a_prior_that_is_far_but_uncertain_is_named(result):
    names = result.of_priors["prior"].tolist()
    table = result.table.set_index("prior")
    table.loc[names, "below"] = 10.0 * np.arange(len(names))
    table.loc[names, "below_error"] = [0.0, *[4.0] * (len(names) - 2), 18.0]
    table["in_evidence_set"] = [each in (names[0], names[-1]) for each in table.index]
    found = replace(result, table=table.reset_index(), verdict="difference")
    assert found.uncertain_set == (names[-1],)
    said = f"{names[-1]} ({10 * len(names) - 10} ± 18 nats below) lies farther off than others"
    assert said in found.summary
    table["in_evidence_set"] = [each in names[:2] for each in table.index]
    near = replace(result, table=table.reset_index(), verdict="difference")
    assert near.uncertain_set == ()
    assert "farther off" not in near.summary


def test_a_level_keeps_its_digits(result):
    found = replace(result, design=replace(result.design, level=0.975), verdict="difference")
    assert "(97.5% sets)" in found.summary


def test_a_series_that_grows_is_offered_logarithms():
    steps = np.arange(160)
    noise = np.random.default_rng(0).normal(size=160)
    y = np.exp(0.03 * steps + 0.1 * np.sin(steps / 2) + 0.05 * noise)
    plain = compare_priors(y, **SMALL)
    assert "--log" in plain.summary
    treated = compare_priors(y, log=True, difference=True, **SMALL)
    assert "--" not in treated.summary
    assert_allclose(treated.data.targets, np.diff(np.log(y))[8:])


@pytest.mark.parametrize(
    ("y", "parameters", "error", "message"),
    [
        (np.zeros(30), {"priors": "lur"}, ValueError, "priors must be among .* but got 'lur'"),
        (np.zeros(30), {"priors": []}, ValueError, "priors must name one prior at least"),
        (np.zeros(30), {"priors": 3}, TypeError, "priors must be names .* but got 3"),
        (np.zeros(30), {"n_lags": 0}, ValueError, "n_lags must be .* but got 0"),
        (np.zeros(30), {"n_lags": 28}, ValueError, "n_lags=28 leaves 2 windows.*n_splits=5"),
        (np.zeros(30), {"n_splits": 1}, ValueError, "n_splits must be .* but got 1"),
        (np.zeros(30), {"level": 90}, ValueError, r"level must be within \[0.5, 1\), but got 90"),
        (np.zeros(30), {"log": "yes"}, ValueError, "log must be True or False, but got 'yes'"),
        (np.zeros(30), {"season": 0}, ValueError, "season must be .* but got 0"),
        (np.zeros(30), {"random_state": "x"}, ValueError, "random_state: "),
        (np.full(30, np.inf), {}, ValueError, "y contains infinity"),
        (np.zeros((30, 2)), {}, ValueError, r"y must have shape \(n_timesteps,\)"),
        (np.ones(30), {"priors": [Flat(), TC("much")]}, ValueError, "nu_w of TC must be a number"),
    ],
)  # fmt: skip
def test_comparisons_that_cannot_be_made(y, parameters, error, message):
    with pytest.raises(error, match=message):
        compare_priors(y, **{"n_lags": 2, **parameters})


# -- Pictures ----------------------------------------------------------------------------


def test_the_pictures_draw_the_numbers_of_the_table(result):
    plt = pytest.importorskip("matplotlib.pyplot")
    display = result.plot()
    energies, evidence, errors = display.axes_
    assert all(ax.get_xlabel() for ax in display.axes_)
    points = evidence.containers[0].lines[0]
    assert_allclose(points.get_xdata(), -display.frame()["below"])
    points = errors.containers[0].lines[0]
    assert_allclose(points.get_xdata().astype(float), 100 * display.frame()["cost"])
    assert [text.get_text() for text in errors.get_yticklabels()] == list(result.priors)
    assert len(energies.lines) >= 4
    assert_allclose(display.energies.sum(), 1.0)
    _, axes = plt.subplots(1, 3)
    assert PriorComparisonDisplay.from_result(result).plot(axes).figure_ is axes[0].figure
    with pytest.raises(ValueError, match="ax must be three axes, but got 2"):
        result.plot(axes[:2])
    plt.close("all")


# -- Whether it can be believed ----------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("name", "prior"), [("di", DI(0.5)), ("ss", SS(0.9))])
def test_the_prior_that_a_series_was_drawn_from_is_kept_and_others_are_told_from_it(name, prior):
    n_trials, kept, told = 60, np.zeros(2), 0
    for seed in range(n_trials):
        x, y = driven_by(prior, 300, 24, 0.5, seed)
        found = compare_priors(y, x, priors=["di", "ss", "flat"])
        kept += [name in found.evidence_set, name in found.held_out_set]
        told += "flat" not in found.suited
    assert (kept >= 0.9 * n_trials - 3 * np.sqrt(0.09 * n_trials)).all()
    assert told > 0.5 * n_trials


@pytest.mark.slow
def test_of_white_noise_nothing_is_learned():
    series = (np.random.default_rng(seed).normal(size=200) for seed in range(100))
    priors = ["linear_rnn", "leaky_rnn", "dc", "flat"]
    verdicts = [compare_priors(y, priors=priors, n_lags=12).verdict for y in series]
    assert verdicts.count("nothing to learn") > 0.9 * 100
