"""
A system in feedback
====================

A tank is heated, and a controller keeps its temperature. The record of a day with the controller on
looks like any other: heating power goes in, a temperature comes out, and a model fits well. But the
controller makes the input depend on the noise of the output. The tests of residuals unmask it, and
tell it from a model that is too short.
"""

# %%
# The same tank, controlled and not
# ---------------------------------
#
# Each minute the temperature follows the power of the minute before, and forgets a fifth of it. The
# disturbances, as of the air, forget more slowly. The controller heats against what it measured
# a minute ago.

import matplotlib.pyplot as plt
import numpy as np

from sklearn_linrnn import NTKConvRegressor, ResidualDisplay, StepResponseDisplay, residual_tests

MINUTE = 60.0  # seconds


def record(gain, n_minutes=1440, seed=0):
    """Return power (n_minutes, 1) and temperature (n_minutes,), about their set points."""
    rng = np.random.default_rng(seed)
    power, heat, air = np.zeros((3, n_minutes))
    for now in range(1, n_minutes):
        heat[now] = 0.8 * heat[now - 1] + 0.2 * power[now - 1]
        air[now] = 0.9 * air[now - 1] + 0.2 * rng.normal()
        power[now] = rng.normal() - gain * (heat[now - 1] + air[now - 1])
    return power[:, None], heat + air


def fit(power, temperature, n_lags=30):
    model = NTKConvRegressor("auto", alpha="auto", prior="tc", rows="timesteps", n_lags=n_lags)
    return model.fit(power, temperature)


records = {"open loop": record(gain=0.0), "closed loop": record(gain=2.0)}
models = {name: fit(*data) for name, data in records.items()}

# %%
# Two responses that do not agree
# -------------------------------
#
# The true step goes to one. In the open loop the band holds it. In the closed loop the controller
# lowers the power whenever the air warms the tank, and the model takes the warmth for what less
# power does: the band is narrow, and wrong.

fig, axes = plt.subplots(1, 2, sharey=True, figsize=(7.5, 3.4), layout="constrained")
for ax, (name, model) in zip(axes, models.items(), strict=True):
    StepResponseDisplay.from_estimator(model, sampling_time=MINUTE).plot(ax)
    time = MINUTE * np.arange(30)
    ax.plot(time, 1.0 - 0.8 ** np.arange(30), "k:", label="true step response")
    ax.set_title(name, fontsize="medium")
axes[1].get_legend().remove()
axes[0].legend(loc="lower right", fontsize="small")

# %%
# What the residuals say
# ----------------------
#
# The air is not white in either record, which the legends above say and the bands count. The
# residuals of the closed loop also tell what the power is going to be, at negative lags.

for name, model in models.items():
    print(name)
    print(residual_tests(model, *records[name])[["input", "test", "p_value"]].round(4))

fig, axes = plt.subplots(2, 2, figsize=(7.5, 6), layout="constrained")
for row, (name, model) in zip(axes, models.items(), strict=True):
    ResidualDisplay.from_estimator(model, *records[name], sampling_time=MINUTE).plot(row)
    row[0].set_ylabel(f"{name}\ncorrelation")

# %%
# A model that is too short is something else
# -------------------------------------------
#
# With four lags the residuals of the open loop hold what the power did before. That is found as
# dynamics that are missing, and not as feedback.

short = fit(*records["open loop"], n_lags=4)
residual_tests(short, *records["open loop"])[["input", "test", "p_value"]].round(4)

# %%
# What to do about feedback: change the set point at random, loudly enough to be heard above the
# noise, and use that as the input; or switch the controller off for as long as it takes.

plt.show()
