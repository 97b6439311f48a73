"""A system is identified from its first part, and tested on the rest."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.signal import lfilter

from sklearn_linrnn import NTKConvRegressor
from sklearn_linrnn._studies.identification.identified_system import (
    IdentificationDesign,
    identify,
)
from sklearn_linrnn._studies.identification.system_report import input_legend
from sklearn_linrnn._studies.identification.system_sentences import (
    DOUBTFUL,
    IDENTIFIED,
    NOTHING,
    failed_tests,
    system_sentences,
    title_of,
)
from sklearn_linrnn._studies.series import StudySeries

GIVEN = IdentificationDesign(n_lags=25, delay=2, noise="white")


def recording(gain=1.0, n_timesteps=1200, seed=0, feedback=0.0):
    """Return one input that acts after two steps, one that does nothing, and the output."""
    rng = np.random.default_rng(seed)
    heat, idle = rng.normal(size=(2, n_timesteps))
    y = lfilter([0, 0, gain], [1, -0.7], heat) + rng.normal(size=n_timesteps)
    if feedback:
        heat[1:] += feedback * y[:-1]
    inputs = pd.DataFrame({"heat": heat, "idle": idle})
    return StudySeries("plant", pd.Series(y, name="temperature"), inputs)


@pytest.fixture(scope="module")
def system():
    return identify(recording(), GIVEN)


def test_the_model_learns_from_the_first_part_alone(system):
    series = recording()
    model = NTKConvRegressor(
        "auto", alpha="auto", prior="tc", memory="channel", n_lags=25, delay=2, rows="timesteps",
        initial_state="mean",
    ).fit(series.inputs[:900], series.target[:900])  # fmt: skip
    assert_allclose(system.model.impulse_response_, model.impulse_response_, atol=1e-10)
    assert system.n_learned == 900


def test_the_held_out_end_is_simulated_with_its_own_past(system):
    series = recording()
    simulated = system.model.predict(series.inputs)[900:]
    assert_allclose(system.held_out.frame["simulated"], simulated)
    assert_allclose(system.held_out.frame["truth"], series.target[900:])
    errors = np.sqrt(np.mean((series.target[900:] - simulated) ** 2))
    mean = np.sqrt(np.mean((series.target[900:] - series.target[:900].mean()) ** 2))
    fit, low, high = system.held_out.fit
    assert fit == pytest.approx(1 - errors / mean)
    assert low < fit < high


def test_each_input_has_its_gain_its_memory_and_its_share(system):
    heat, idle = system.inputs.loc["heat"], system.inputs.loc["idle"]
    assert heat.gain_low < 1 / 0.3 < heat.gain_high
    assert heat.gain == pytest.approx(system.model.impulse_response_[0, 0].sum())
    assert heat.memory_low <= heat.memory <= heat.memory_high
    # Of 0.7^(2 j) nine tenths are within the first four lags, which begin at two.
    assert heat.memory == 5
    assert abs(idle.gain) <= 3 * (idle.gain_high - idle.gain)
    assert (heat.relevance, heat.share) == pytest.approx((1.0, 1.0), abs=0.01)
    assert idle.relevance < 0.01


def test_shares_are_those_of_the_variances_that_inputs_bring(system):
    series = recording()
    statistics = system.model.solution_.statistics
    brought = []
    for channel in range(2):
        response = system.model.impulse_response_[0, channel]
        own = (
            series.inputs.iloc[:900, channel].to_numpy() - series.inputs.iloc[:900, channel].mean()
        )
        brought.append(np.convolve(own, np.append([0, 0], response))[:900].var())
    expected = np.array(brought) / sum(brought)
    assert statistics.weight == 900
    assert_allclose(system.inputs["share"], expected, atol=1e-3)


def test_a_right_model_passes_its_tests_most_times():
    """Of tests at 10 % that count each other four of eight fail once in 200 times."""
    titles = [title_of(identify(recording(seed=seed), GIVEN)) for seed in range(8)]
    assert set(titles) <= {IDENTIFIED, DOUBTFUL}
    assert titles.count(DOUBTFUL) < 4


def test_the_sentences_say_fit_delay_and_tests(system):
    verdict, *others = system_sentences(system)
    assert "follows the last 300 values of temperature" in verdict
    assert "The inputs take 2 steps to act." in others
    assert "The tests find no feedback" in " ".join(others)
    failed = failed_tests(system)
    assert not failed[failed["p_value"] > 0.1]["failed"].any()


def test_few_lags_are_said_to_lack_dynamics():
    found = identify(recording(), IdentificationDesign(n_lags=2, delay=2, noise="white"))
    assert title_of(found) == DOUBTFUL
    assert any("still depend on heat" in sentence for sentence in system_sentences(found))


def test_feedback_is_said():
    found = identify(recording(feedback=-0.8, n_timesteps=3000), GIVEN)
    assert any("tell what heat will be" in sentence for sentence in system_sentences(found))


def test_of_noise_there_is_nothing_to_tell():
    found = identify(recording(gain=0.0), GIVEN)
    assert title_of(found) == NOTHING
    assert "not better than the mean" in system_sentences(found)[0]


def test_lags_delay_and_noise_are_found():
    rng = np.random.default_rng(1)
    series = recording()
    drift = lfilter([1.0], [1, -0.9], rng.normal(size=1200))
    target = series.target + 0.5 * drift
    found = identify(StudySeries("plant", target, series.inputs), IdentificationDesign())
    assert found.model.delay_ == 2
    assert 3 <= found.n_lags <= 100
    assert len(found.model.noise_coefficients_) >= 1
    assert any("act, as the evidence has it" in sentence for sentence in system_sentences(found))


def test_missing_targets_are_left_out():
    series = recording()
    target = series.target.copy()
    target[::7] = np.nan
    found = identify(StudySeries("plant", target, series.inputs), GIVEN)
    assert found.n_learned == target[:900].count()
    assert len(found.held_out.frame) == target[900:].count()


def test_too_few_values_are_refused():
    with pytest.raises(ValueError, match="--held-out leaves 7 observed values of temperature in"):
        identify(recording(n_timesteps=700), IdentificationDesign(held_out=0.01))


def test_the_legend_of_the_terminal_fits_80_columns(system):
    assert max(map(len, input_legend(system).splitlines())) < 80
