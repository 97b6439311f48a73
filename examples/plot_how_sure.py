"""
How much memory, and how certain
================================

A system with a delayed, oscillating response is measured for a short while and with noise. The
evidence chooses the memory of the prior and the strength of the penalty; the posterior says what
remains uncertain. The prior of a linear RNN treats lags as independent, the tuned/correlated prior
of system identification expects neighbouring lags to be similar.
"""

# %%
# Four hundred noisy time steps
# -----------------------------

import matplotlib.pyplot as plt
import numpy as np

from sklearn_linrnn import ImpulseResponseDisplay, NTKConvRegressor, memory_interval

rng = np.random.default_rng(1)
n_lags = 60
lag = np.arange(n_lags)
system = np.where(lag > 4, 0.88 ** (lag - 5) * np.cos(0.4 * (lag - 5)), 0.0)
x = rng.normal(size=(400, 1))
y = np.convolve(x[:, 0], system)[: len(x)] + 1.5 * rng.normal(size=len(x))

# %%
# Two priors, each at its highest evidence
# ----------------------------------------
#
# The posterior's band holds each lag with a probability of 90 %, as the prior's envelope would
# without the data.

names = {"linear_rnn": "linear RNN", "tc": "tuned/correlated"}
fig, axes = plt.subplots(2, 1, sharex=True, sharey=True, figsize=(5.6, 6), layout="constrained")
models = {}
for ax, (prior, name) in zip(axes, names.items(), strict=True):
    model = NTKConvRegressor("auto", alpha="auto", prior=prior, rows="timesteps", n_lags=n_lags)
    models[prior] = model.fit(x, y)
    ImpulseResponseDisplay.from_estimator(model).plot(ax)
    ax.plot(lag, system, "k:", label="true response")
    evidence, freedom = model.log_marginal_likelihood(), model.effective_degrees_of_freedom_
    ax.set_title(
        rf"{name}: $\nu_W$ = {model.nu_w_:.2f}, evidence {evidence:.0f}, "
        f"{freedom:.0f} degrees of freedom",
        fontsize="medium",
    )
    low, high = memory_interval(model)
    print(f"{name}: 90 % of the energy of the response within lag {low} to {high}")
axes[0].get_legend().remove()
axes[1].legend(ncols=2, loc="lower right")

# %%
# Evidence against memory
# -----------------------
#
# Each point of a curve has the penalty that suits its initial variance best. A memory that is too
# short cannot explain the data, one that is too long could have explained much else.

variances, penalties = np.linspace(0.3, 0.99, 30), np.geomspace(0.01, 1000.0, 40)
fig, ax = plt.subplots(layout="constrained")
for color, (prior, name) in zip(("tab:blue", "tab:orange"), names.items(), strict=True):
    model = models[prior]
    curve = [
        max(model.log_marginal_likelihood(nu_w=nu_w, alpha=alpha) for alpha in penalties)
        for nu_w in variances
    ]
    ax.plot(variances, curve, color=color, label=name)
    ax.plot(model.nu_w_, model.log_marginal_likelihood(), "o", color=color)
ax.set(xlabel=r"$\nu_W$", ylabel="log evidence", title="Points: what the search found")
ax.legend()

plt.show()
