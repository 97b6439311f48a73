"""
A stream that forgets
=====================

A plant is watched around the clock, and one day its response changes. A model of everything that
was ever seen takes as long to notice as it has been watching. Two others forget: one halves the
weight of the past with every 400 time steps, one knows the last 1000 time steps alone. All three
learn from sums that are kept up to date piece by piece, and the past is not read again.
"""

# %%
# A response that changes
# -----------------------
#
# After 4000 time steps the plant answers half as much and twice as slowly. A faulty sensor once
# reports a thousand.

import matplotlib.pyplot as plt
import numpy as np

from sklearn_linrnn import LagStream, NTKConvRegressor

rng = np.random.default_rng(0)
n_lags, n_timesteps, change, fault = 30, 8000, 4000, 2000
lag = np.arange(n_lags)
before, after = 0.7**lag, 0.5 * 0.85**lag
x = rng.normal(size=n_timesteps)
responses = [np.convolve(x, response)[:n_timesteps] for response in (before, after)]
y = np.where(np.arange(n_timesteps) < change, *responses) + rng.normal(size=n_timesteps)
y[fault] = 1e3

# %%
# Three memories
# --------------
#
# Forty time steps arrive at a time. A fit from sums takes a few milliseconds.

streams = {
    "everything": LagStream(n_lags),
    "half-life of 400": LagStream(n_lags).forget(half_life=400),
    "window of 1000": LagStream(n_lags, window=1000),
}
times = np.arange(40, n_timesteps + 1, 40)
errors = {name: [] for name in streams}
for now in times:
    piece = slice(now - 40, now)
    truth = before if now <= change else after
    for name, stream in streams.items():
        stream.add(x[piece], y[piece])
        model = NTKConvRegressor(nu_w=0.8, alpha=5.0).fit_statistics(stream.statistics)
        errors[name].append(np.linalg.norm(model.impulse_response_.ravel() - truth))

# %%
# How fast each of them learns the new response
# ---------------------------------------------
#
# After the fault, the window has it for 1000 time steps and is rid of it at once: sums of parts
# that have left are left out, never taken away, so that no digit is lost. With a half-life the
# fault fades. In the sum of everything it stays, and with it the old response.

fig, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
for name, error in errors.items():
    ax.semilogy(times, error, label=name)
for time, what in ((fault, "fault"), (change, "change")):
    ax.axvline(time, color="0.6", ls=":")
    ax.annotate(what, (time, 1), xycoords=("data", "axes fraction"), va="bottom", ha="center")
ax.set(xlabel="time step", ylabel="error of the impulse response")
ax.legend()

# %%
# Going on tomorrow
# -----------------
#
# The stream with the half-life goes on from its file as if it had never stopped.

import tempfile
from pathlib import Path

with tempfile.TemporaryDirectory() as folder:
    file = Path(folder) / "plant.safetensors"
    streams["half-life of 400"].save(file)
    print(f"{LagStream.load(file)} from a file of {file.stat().st_size / 1024:.0f} KiB")

plt.show()
