"""
A heat exchanger identified
===========================

Steam heats water that flows through a heat exchanger. More flow makes the water at the outlet
colder: after a dead time, and slowly. The pressure of the steam drifts, and the temperature with
it. What does the outlet do after the flow has changed, and how well is that known?
"""

# %%
# An experiment of fifty minutes
# ------------------------------
#
# Every two seconds flow and temperature are recorded. The valve switches between two positions at
# random times. Water takes 12 seconds to the sensor; the wall of the exchanger has a time constant
# of 20 seconds and the sensor one of 4 seconds; a liter per minute more means 1.5 degrees less. The
# disturbance is an autoregression.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.signal import freqz, lfilter

from sklearn_linrnn import (
    FrequencyResponseDisplay,
    ImpulseResponseDisplay,
    NTKConvRegressor,
    ResidualDisplay,
    StepResponseDisplay,
    residual_tests,
)

SAMPLING_TIME = 2.0  # seconds
DELAY = 6  # time steps
POLES = np.poly(np.exp(-SAMPLING_TIME / np.array([20.0, 4.0])))
ZEROS = np.append(np.zeros(DELAY), -1.5 * POLES.sum())
N_LAGS = 60


def experiment(seed, n_timesteps=1500):
    """Return the flow in l/min, a data frame, and the temperature in degrees Celsius, an array."""
    rng = np.random.default_rng(seed)
    flow = np.where(np.cumsum(rng.random(n_timesteps) < 0.15) % 2, 11.0, 9.0)
    steam = lfilter([1.0], [1.0, -0.95], 0.15 * rng.normal(size=n_timesteps + 200))[200:]
    return pd.DataFrame({"flow": flow}), 60.0 + lfilter(ZEROS, POLES, flow - 10.0) + steam


flow, temperature = experiment(seed=7)
minutes = np.arange(300) * SAMPLING_TIME / 60.0
fig, axes = plt.subplots(2, 1, sharex=True, figsize=(7.5, 4), layout="constrained")
axes[0].step(minutes, flow["flow"][:300], where="post")
axes[0].set_ylabel("flow, l/min")
axes[1].plot(minutes, temperature[:300])
axes[1].set(ylabel="outlet, °C", xlabel="minutes", title="The first ten minutes")

# %%
# The model finds the rest
# ------------------------
#
# The evidence chooses the dead time, the decay of the prior "tc", the penalty and, with
# ``noise="ar"``, the autoregression of the disturbance: the true one has the coefficient -0.95. The
# same model with white noise is for comparison.


def identify(flow, temperature, noise):
    model = NTKConvRegressor(
        "auto",
        alpha="auto",
        prior="tc",
        noise=noise,
        delay="auto",
        rows="timesteps",
        n_lags=N_LAGS,
        initial_state="mean",
    )
    return model.fit(flow, temperature)


models = {noise: identify(flow, temperature, noise) for noise in ("white", "ar")}
for noise, model in models.items():
    print(f"{noise}: dead time {SAMPLING_TIME * model.delay_:.0f} s, decay {model.nu_w_:.2f}")
print(f"coefficients of the noise: {models['ar'].noise_coefficients_.round(2)}")

# %%
# Does the model hold?
# --------------------
#
# Residuals of the model with "ar" are its innovations, and pass all tests. Those of the other go on
# from step to step. Neither model lacks dynamics, and the flow does not follow the temperature.

for noise, model in models.items():
    print(noise)
    print(residual_tests(model, flow, temperature)[["input", "test", "p_value"]].round(3))

fig, axes = plt.subplots(2, 2, figsize=(8, 6), layout="constrained")
for row, (noise, model) in zip(axes, models.items(), strict=True):
    display = ResidualDisplay.from_estimator(model, flow, temperature, sampling_time=SAMPLING_TIME)
    display.plot(row)
    row[0].set_ylabel(f'noise="{noise}"\ncorrelation')
axes[1, 0].get_legend().remove()

# %%
# Impulse and step, beside the truth
# ----------------------------------
#
# The bands hold each lag with a probability of 90 %. Those of the white model count that its
# residuals go on from step to step, and are wide.

impulse = lfilter(ZEROS, POLES, np.eye(1, 2 * N_LAGS)[0])
time = SAMPLING_TIME * np.arange(N_LAGS + DELAY)
fig, axes = plt.subplots(2, 2, sharex=True, sharey="row", figsize=(8, 6), layout="constrained")
for column, (noise, model) in zip(axes.T, models.items(), strict=True):
    ImpulseResponseDisplay.from_estimator(model, sampling_time=SAMPLING_TIME).plot(column[0])
    StepResponseDisplay.from_estimator(model, sampling_time=SAMPLING_TIME).plot(column[1])
    column[0].plot(time, impulse[: len(time)], "k:", label="truth")
    column[1].plot(time, impulse.cumsum()[: len(time)], "k:", label="truth")
    column[0].set_title(f'noise="{noise}"', fontsize="medium")
    column[1].set_title("")
    column[0].legend(loc="upper right", fontsize="small")
    column[1].legend(loc="lower left", fontsize="small")
axes[1, 0].set_ylim(-3.0, 0.1)

# %%
# Frequency by frequency
# ----------------------
#
# A Bode plot up to Nyquist's frequency. Where the exchanger passes on next to nothing, the data do
# not tell the magnitude from zero, and the band reaches down without end.

frequencies = np.geomspace(0.005, np.pi / SAMPLING_TIME, 200)
_, truth = freqz(ZEROS, POLES, SAMPLING_TIME * frequencies)
fig, axes = plt.subplots(2, 2, sharex=True, sharey="row", figsize=(8, 6), layout="constrained")
for column, (noise, model) in zip(axes.T, models.items(), strict=True):
    display = FrequencyResponseDisplay.from_estimator(
        model, frequencies=frequencies, sampling_time=SAMPLING_TIME
    )
    display.plot(column)
    column[0].plot(frequencies, 20.0 * np.log10(np.abs(truth)), "k:", label="truth")
    column[1].plot(frequencies, np.degrees(np.unwrap(np.angle(truth))), "k:", label="truth")
    column[0].set_title(f'noise="{noise}"', fontsize="medium")
    column[0].legend(loc="lower left", fontsize="small")

# %%
# Another day
# -----------
#
# A simulation knows the flow alone, and errs by the disturbance. A prediction one step ahead knows
# the temperatures before, too, and errs by the innovations, whose standard deviation is 0.15
# degrees.

model = models["ar"]
new_flow, new_temperature = experiment(seed=1000)
simulated, spread = model.predict(new_flow, return_std=True)
predicted = model.predict_one_step(new_flow, new_temperature)
for name, found in {"simulation": simulated, "one step ahead": predicted}.items():
    print(f"{name}: error {np.std(new_temperature - found):.2f} degrees")

fig, ax = plt.subplots(figsize=(7.5, 3.4), layout="constrained")
ax.plot(minutes, new_temperature[:300], "k", lw=0.8, label="measured")
ax.plot(minutes, simulated[:300], color="tab:blue", label="simulation, 90 %")
lower, upper = simulated - 1.645 * spread, simulated + 1.645 * spread
ax.fill_between(minutes, lower[:300], upper[:300], color="tab:blue", alpha=0.25, lw=0)
ax.set(xlabel="minutes", ylabel="outlet, °C")
ax.legend()

# %%
# Eight experiments
# -----------------
#
# One record proves little. Over eight, the mean and its standard error: how far the step response
# is from the truth at its worst, the standard deviation that the model itself states for its gain,
# the share of the lags of the impulse response that the bands hold, and the dead time.


def assess(seed, noise):
    model = identify(*experiment(seed), noise)
    found = model.impulse_response_[0, 0]
    true = impulse[model.delay_ :][:N_LAGS]
    held = np.abs(found - true) < 1.645 * model.impulse_response_std_[0, 0]
    return {
        "error of the step, °C": np.abs(np.cumsum(found - true)).max(),
        "stated deviation of the gain, °C": model.impulse_response_cov().sum() ** 0.5,
        "lags within 90 % bands": held.mean(),
        "dead time, s": SAMPLING_TIME * model.delay_,
    }


rows = {noise: pd.DataFrame([assess(seed, noise) for seed in range(8)]) for noise in models}
summary = {
    f"{noise}, {name}": values
    for noise, frame in rows.items()
    for name, values in {"mean": frame.mean(), "error": frame.sem()}.items()
}
pd.DataFrame(summary).round(2)

# %%
# To the controller
# -----------------
#
# A controller is designed for a few states. Balanced truncation keeps those that matter, here as
# many as a relative error of 0.05 needs. The dead time takes six of them.

print("Hankel singular values:", model.hankel_singular_values()[:12].round(2))
system = model.to_state_space(max_error=0.05, sampling_time=SAMPLING_TIME)
_, (reduced,) = system.impulse(n=N_LAGS + model.delay_)
whole = np.append(np.zeros(model.delay_), model.impulse_response_[0, 0])
error = np.linalg.norm(reduced[:, 0] - whole) / np.linalg.norm(whole)
print(f"{len(system.A)} states, relative error of the impulse response {error:.3f}")

plt.show()
