"""
A cluster on a laptop
=====================

Eight days of a sensor lie in eight files. Workers read them, each its own, and send sums: of every
day a matrix of 60 by 60 numbers, however many time steps it had. From the sums of the days follow
the model of all days, and how well each day is predicted from those before it.
"""

# %%
# A folder of days
# ----------------
#
# Every day has 2,000 time steps and a gap, in which nothing was measured.

import tempfile
from pathlib import Path

import numpy as np
from scipy.signal import lfilter

n_lags, n_days, n_timesteps = 60, 8, 2_000
truth = lfilter([0.2], [1.0, -1.7, 0.8], np.eye(1, n_lags)[0])
folder = tempfile.TemporaryDirectory()
for day in range(n_days):
    rng = np.random.default_rng(day)
    x = lfilter([1.0], [1.0, -0.8], rng.normal(size=n_timesteps))
    y = np.convolve(x, truth)[:n_timesteps] + rng.normal(0.0, 4.0, n_timesteps)
    gap = rng.integers(n_timesteps - 300)
    y[gap : gap + 300] = np.nan
    np.save(Path(folder.name) / f"{day}.npy", np.column_stack([x, y]))

# %%
# Workers that read them
# ----------------------
#
# Two workers of one thread each, here in this process. On a machine of your own leave out
# ``processes=False``, and they have a process each; other clusters are started in the same way, see
# :ref:`cluster`. What is read is only described here: no file is open yet.

import dask
from dask.distributed import Client, LocalCluster

from sklearn_linrnn import NTKConvRegressor, distributed

machines = LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0")
client = Client(machines)

files = sorted(Path(folder.name).glob("*.npy"))
days = [dask.delayed(np.load)(file) for file in files]
inputs = [day[:, :1] for day in days]
targets = [day[:, 1:] for day in days]

# %%
# All days together
# -----------------
#
# The lags of a day do not reach into the day before: the recordings of a list are apart. The fit is
# that of ``model.fit`` to a list of arrays, to the last digits but one.

model = NTKConvRegressor(0.8, n_lags=n_lags)
distributed.fit(model, inputs, targets)
score = distributed.score(model, inputs, targets)
print(f"{model.solution_.statistics}\nR^2 {score:.3f}")

# %%
# Day by day
# ----------
#
# The sums of each day answer more: the memory and the penalty of the highest evidence, and what a
# model of the first days is worth on the next one. The data are not read again.

from sklearn_linrnn import NTKConvRegressorCV

sums = [
    distributed.lag_statistics([x], [y], n_lags=n_lags)
    for x, y in zip(inputs, targets, strict=True)
]
auto = NTKConvRegressor("auto", alpha="auto").fit_statistics(sum(sums))
search = NTKConvRegressorCV([auto.nu_w_], alphas=[auto.alpha_])
scores = [
    search.fit_statistics(sum(sums[:day]), held_out=sums[day]).best_score_
    for day in range(1, n_days)
]

# %%
# The band holds the true response nearly everywhere. Every day that is learned from adds a little
# to what is known of the next; the days themselves differ, too.

import matplotlib.pyplot as plt

from sklearn_linrnn import ImpulseResponseDisplay

fig, axes = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
ImpulseResponseDisplay.from_estimator(auto).plot(axes[0])
axes[0].plot(truth, color="0.3", ls="--", label="truth")
axes[0].legend()
axes[1].plot(range(1, n_days), scores, "o-")
axes[1].set(xlabel="days learned from", ylabel="$R^2$ of the next day")

client.close()
machines.close()
folder.cleanup()
plt.show()
