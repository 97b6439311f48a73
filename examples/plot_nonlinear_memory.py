"""
What a nonlinearity buys
========================

Recurrent networks are nonlinear as a rule, and their limit of many hidden units is a kernel between
windows, too. Does a nonlinearity buy memory? This page looks at what three wide networks remember,
and at what they learn from two simulated series and from sunspots.
"""

# %%
# What a network remembers
# ------------------------
#
# Give one input of a window a new value. How much do functions of the prior change? Averaged over
# windows, this is the memory of a kernel, lag by lag. For a linear network it is the lag weight
# times the variance of the inputs. The error function has the slope :math:`2 / \sqrt\pi` at zero,
# and ReLU passes on half of the squares: the variances below make each of the three pass on 0.8 of
# a small signal.

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import WhiteKernel
from statsmodels.datasets import sunspots

from sklearn_linrnn import RecurrentKernel

N_LAGS, N_TRAIN = 12, 150


def memory(kernel, windows):
    """Return by how much a new input changes functions of the prior: the share of each lag."""
    changes = []
    for column in reversed(range(windows.shape[1])):
        changed = windows.copy()
        changed[:, column] = np.roll(windows[:, column], len(windows) // 2)
        between = np.diagonal(kernel(windows, changed))
        changes.append(np.mean(kernel.diag(windows) + kernel.diag(changed) - 2 * between))
    return np.array(changes) / np.sum(changes)


rng = np.random.default_rng(0)
inputs = rng.normal(size=(100, 13))
erf = RecurrentKernel("erf", np.pi / 4 * 0.8)
lines = [
    ("identity", RecurrentKernel("identity", 0.8), 1.0, "k-"),
    ("ReLU", RecurrentKernel("relu", 2 * 0.8), 1.0, "C1-"),
    ("erf, inputs of size 0.01", erf, 0.01, "C0:"),
    ("erf, inputs of size 1", erf, 1.0, "C0--"),
    ("erf, inputs of size 5", erf, 5.0, "C0-"),
]
fig, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
for name, kernel, size, style in lines:
    ax.semilogy(memory(kernel, size * inputs), style, label=name)
ax.set(xlabel="lag", ylabel="share of the memory")
ax.legend()

# %%
# ReLU remembers about as the linear network does. So does the error function where its inputs are
# so small that it is linear. Larger ones saturate it, and a saturated unit passes on next to
# nothing of what came before: this nonlinearity costs memory.
#
# Three series
# ------------
#
# The first is linear with a long memory, the second nonlinear with a memory of three time steps.
# Of the sunspots' yearly numbers, the next one is to be forecast from the last twelve.


def windows_of(series, length):
    return np.lib.stride_tricks.sliding_window_view(series, length)


def noisy(signal):
    return signal + 0.5 * signal.std() * rng.normal(size=len(signal))


x = windows_of(rng.normal(size=561), N_LAGS)
numbers = np.sqrt(sunspots.load_pandas().data["SUNACTIVITY"].to_numpy())
numbers = windows_of(numbers, N_LAGS + 1)
tasks = {
    "linear, long memory": (x, noisy(x @ 0.85 ** np.arange(N_LAGS)[::-1])),
    "nonlinear, short memory": (x, noisy(x[:, -1] * x[:, -2] + 0.5 * np.abs(x[:, -3]))),
    "sunspots": (numbers[:, :-1], numbers[:, -1]),
}

# %%
# Three networks for each
# -----------------------
#
# Gaussian processes find all variances by their evidence, the marginal likelihood of the first 150
# targets. They start where all networks are nearly linear. What comes later is held out; errors are
# squared, and in units of the variance of the first 150. A variance that is of no use runs to the
# end of its range, of which scikit-learn warns.

warnings.filterwarnings("ignore", ".* is close to the specified")


def standardised(values):
    known = values[:N_TRAIN]
    return (values - known.mean()) / known.std()


def learn(activation, X, y):
    kernel = RecurrentKernel(
        activation, nu_f=0.01, nu_c=10.0, nu_b=0.01, nu_b_bounds=(1e-4, 1e2)
    ) + WhiteKernel(0.5)
    return GaussianProcessRegressor(kernel).fit(X[:N_TRAIN], y[:N_TRAIN])


def compare(X, y):
    """Return a table, and what each network remembers."""
    X, y = standardised(X), standardised(y)
    rows, memories, errors = {}, {}, {}
    for activation in ("identity", "erf", "relu"):
        process = learn(activation, X, y)
        errors[activation] = np.square(process.predict(X[N_TRAIN:]) - y[N_TRAIN:])
        shares = memories[activation] = memory(process.kernel_.k1, X[:N_TRAIN])
        difference = errors[activation] - errors["identity"]
        rows[activation] = {
            "log evidence": process.log_marginal_likelihood_value_,
            "error": errors[activation].mean(),
            "less that of identity": difference.mean(),
            "standard error": difference.std(ddof=1) / len(difference) ** 0.5,
            "90 % within lag": np.searchsorted(shares.cumsum(), 0.9),
        }
    return pd.DataFrame(rows).T, memories


found = {name: compare(X, y) for name, (X, y) in tasks.items()}
pd.concat({name: table for name, (table, _) in found.items()}).round(3)

# %%
# Is that more than chance?
# -------------------------
#
# Both networks of a row forecast the same targets, so that the differences between their squared
# errors have a mean with a standard error. Below two of these nothing can be told.


def verdict(row):
    difference, error = row["less that of identity"], row["standard error"]
    if abs(difference) < 2 * error:
        return f"cannot tell ({difference:+.4f} ± {error:.4f})"
    better = "smaller" if difference < 0 else "larger"
    return f"error {better} than the linear network's ({difference:+.4f} ± {error:.4f})"


for name, (table, _) in found.items():
    for activation in ("erf", "relu"):
        print(f"{name}, {activation}: {verdict(table.loc[activation])}")

# %%
# Evidence and held-out errors agree where the truth is known: a nonlinearity is of no use for the
# linear series, and makes all the difference for the other one. For the sunspots the evidence of
# the first 150 years is in favour of both; the errors in the years after that do not tell.
#
# What they have come to remember
# -------------------------------

fig, axes = plt.subplots(1, 3, sharey=True, figsize=(8.4, 3), layout="constrained")
for ax, (name, (_, memories)) in zip(axes, found.items(), strict=True):
    for (activation, shares), color in zip(memories.items(), ("k", "C0", "C1"), strict=True):
        ax.plot(shares, color=color, marker=".", label=activation)
    ax.set(title=name, xlabel="lag", xticks=range(0, N_LAGS, 2))
    ax.title.set_fontsize("medium")
axes[0].set_ylabel("share of the memory")
axes[1].legend()

# %%
# Each network finds a variance of its own, and the three come to memories of much the same length.
# So what a nonlinearity buys is functions that are not linear, and no memory. The network with the
# error function looks further back into the sunspots than the linear one; whether it gains by that
# is more than these data can tell.

plt.show()
