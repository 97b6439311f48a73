"""
A decoder with a memory for every neuron
========================================

A movement is decoded from the spikes of twenty neurons. Some drive it, each for a time of its own;
some feel it, and fire after it; some have nothing to do with it. Who is who is not known.
"""

# %%
# Twenty neurons
# --------------
#
# Spikes are counted in bins of 50 ms. The first eight neurons drive the velocity: a spike acts at
# once, and its effect decays from bin to bin. The next four fire more, or less, one to three bins
# after the movement. The last eight say nothing.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.signal import lfilter
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_linrnn import NTKConvRegressor

BIN = 0.05  # seconds
DECAYS = [0.0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.85, 0.9]
EFFECTS = [1.0, -0.8, 0.6, -0.5, 0.4, -0.4, 0.3, -0.25]
SENSES, AFTER = [0.4, -0.4, 0.3, -0.3], [1, 1, 2, 3]
KINDS = ["drives"] * 8 + ["feels"] * 4 + ["silent"] * 8
N_LAGS, N_LEADS = 13, 3


def session(seed, n_bins):
    """Return counts (n_bins, 20) and the velocity (n_bins,)."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(2.0, size=(n_bins, 20)).astype(float)
    velocity = 1.5 * rng.normal(size=n_bins)
    for neuron, (effect, decay) in enumerate(zip(EFFECTS, DECAYS, strict=True)):
        velocity += lfilter([effect], [1.0, -decay], counts[:, neuron] - 2.0)
    for neuron, (sense, after) in enumerate(zip(SENSES, AFTER, strict=True), start=8):
        felt = np.append(np.zeros(after), velocity[:-after])
        counts[:, neuron] = rng.poisson(2.0 * np.exp(sense * np.clip(felt / 3.0, -3.0, 3.0)))
    return counts, velocity


# %%
# A minute of data
# ----------------
#
# The decoder reads what each neuron does up to 0.15 s after the velocity, and 0.6 s before it. With
# ``memory="channel"`` the evidence chooses a decay and a scale for each neuron.


def decoder(memory):
    return NTKConvRegressor(
        "auto",
        alpha="auto",
        prior="tc",
        memory=memory,
        n_leads=N_LEADS,
        rows="timesteps",
        n_lags=N_LAGS,
        initial_state="mean",
    )


model = decoder("channel").fit(*session(seed=0, n_bins=1200))

# %%
# Who says something, and for how long
# ------------------------------------
#
# The relevance of a neuron is the variance of the velocity that its prior expects. The model has
# not seen the kinds, which are the colours; a bar is missing where a neuron has faded out.
# ``nu_w_`` is the decay of variances, so that its root is that of the effects that drive.

colors = {"drives": "tab:blue", "feels": "tab:orange", "silent": "0.6"}
relevance = model.channel_relevance_ / model.channel_relevance_.max()
fig, axes = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained")
for kind, color in colors.items():
    places = np.flatnonzero(np.array(KINDS) == kind)
    axes[0].bar(places + 1, relevance[places], color=color, label=kind)
axes[0].set(yscale="log", ylim=(1e-4, 2.0), xlabel="neuron", ylabel="relevance")
axes[0].legend(fontsize="small")
axes[1].plot([0.0, 1.0], [0.0, 1.0], "k:")
axes[1].plot(DECAYS, np.sqrt(model.nu_w_[:8]), "o")
axes[1].set(xlabel="true decay from bin to bin", ylabel=r"decay found, $\sqrt{\nu_W}$")

# %%
# The responses of four neurons, with the time from a spike to the velocity on the axis: below zero
# the velocity comes first. They are smaller than the true effects (dotted), as the best decoder's
# are: those neurons that feel the movement tell of the same effects.

time = BIN * np.arange(-N_LEADS, N_LAGS)
fig, axes = plt.subplots(1, 4, sharex=True, sharey=True, figsize=(9, 2.8), layout="constrained")
for ax, neuron in zip(axes, (1, 5, 8, 15), strict=True):
    response = model.impulse_response_[0, neuron]
    width = 1.645 * model.impulse_response_std_[0, neuron]
    ax.fill_between(time, response - width, response + width, alpha=0.3, lw=0, label="90 %")
    ax.plot(time, response, ".-", ms=4, label="response")
    if KINDS[neuron] == "drives":
        lag = np.maximum(np.arange(-N_LEADS, N_LAGS), 0)
        ax.plot(time, np.where(time < 0, 0.0, EFFECTS[neuron] * DECAYS[neuron] ** lag), "k:")
    ax.axvline(0.0, color="0.8", lw=0.8, zorder=0)
    ax.set_title(f"neuron {neuron + 1}: {KINDS[neuron]}", fontsize="medium")
axes[0].legend(fontsize="small")
fig.supxlabel("seconds from spike to velocity", fontsize="medium")

# %%
# What it is worth with little data
# ---------------------------------
#
# A shared memory, and a ridge regression on the same lags whose penalty is chosen by
# cross-validation, for comparison; scored on 150 seconds of other data, for five sessions each.


def lags_of(counts):
    """Return all lags of all neurons, (n_bins, (N_LEADS + N_LAGS) * 20)."""
    filled = np.full((N_LAGS - 1, 20), counts.mean(axis=0))
    padded = np.concatenate([filled, counts, filled[:N_LEADS]])
    windows = np.lib.stride_tricks.sliding_window_view(padded, N_LEADS + N_LAGS, axis=0)
    return windows.reshape(len(counts), -1)


def scores(seed, n_bins):
    (counts, velocity), (new_counts, new_velocity) = session(seed, n_bins), session(seed + 50, 3000)
    ridge = make_pipeline(StandardScaler(), RidgeCV(np.logspace(0.0, 5.0, 21)))
    ridge.fit(lags_of(counts), velocity)
    found = {
        memory: decoder(memory).fit(counts, velocity).score(new_counts, new_velocity)
        for memory in ("channel", "shared")
    }
    return {**found, "ridge": ridge.score(lags_of(new_counts), new_velocity)}


lengths = (300, 1200)
tables = {n: pd.DataFrame([scores(seed, n) for seed in range(1, 6)]) for n in lengths}

# %%
# The sessions differ, so that the decoders are compared within each. A good memory saves data: with
# it fifteen seconds come near to what the ridge regression learns from a minute.

for n_bins, table in tables.items():
    for other in ("shared", "ridge"):
        gain = table["channel"] - table[other]
        print(
            f"{BIN * n_bins:.0f} s: R^2 above {other} by {gain.mean():.3f}, "
            f"standard error {gain.sem():.3f}"
        )

fig, axes = plt.subplots(1, 2, sharey=True, figsize=(7.5, 3.4), layout="constrained")
for ax, (n_bins, table) in zip(axes, tables.items(), strict=True):
    ax.plot(table.columns, table.T, "o-", color="0.7", ms=4, lw=0.8)
    ax.errorbar(table.columns, table.mean(), table.sem(), fmt="o", color="tab:blue", capsize=4)
    ax.set_title(f"trained on {BIN * n_bins:.0f} s", fontsize="medium")
axes[0].set_ylabel(r"$R^2$ of other data: sessions and mean")

plt.show()
