"""
What memory bias costs on a real series
=======================================

A linear RNN whose transition matrix has a small initial variance ``nu_w`` prefers short memory.
On a series with a season that costs accuracy. Here the network, its infinite-width limit and the
convolutions predict monthly airline passengers one step ahead.
"""

# %%
# The study
# ---------
#
# All models are trained by the same number of iterations of gradient descent and tested on the time
# steps that follow their training data. ``cost`` is relative to the flat convolution, which has no
# bias.

from sktime.datasets import load_airline

from sklearn_linrnn import memory_bias

frame = memory_bias(load_airline(), n_lags=24, nu_w=[0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9])
frame.round(3)

# %%
# Errors fall once the memory that training can reach includes the season: lag 11 is the same month
# of the year before. The network of 512 units follows its limit closely while its memory is short,
# and leaves it where it must learn to remember.

import matplotlib.pyplot as plt

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
for model, rows in frame.groupby("model", sort=False):
    if model == "flat convolution":
        left.axhline(rows["rmse"].item(), color="0.5", linestyle=":", label=model)
    elif model != "scaled convolution":  # the same as the infinite-width limit
        left.plot("nu_w", "rmse", data=rows, marker="o", label=model)
network = frame[frame["model"] == "linear RNN"]
left.set(xlabel="nu_w", ylabel="RMSE, thousand passengers", ylim=(0, None))
left.legend()
right.plot("nu_w", "prior_memory", data=network, marker="o", label="prior")
right.plot("nu_w", "fit_memory", data=network, marker="s", label="fit")
right.axhline(11, color="0.5", linestyle=":", label="season")
right.set(xlabel="nu_w", ylabel="lag that holds 90 % of the energy")
right.legend()

# %%
# One model in detail
# -------------------
#
# The closed form with little regularisation, on standardised logarithms: the fit puts its energy
# on the newest months and on the season, far out in the tail of its prior.

import numpy as np

from sklearn_linrnn import MemoryDisplay, NTKConvRegressor

series = np.log(load_airline().to_numpy())
series = (series - series.mean()) / series.std()
X = np.lib.stride_tricks.sliding_window_view(series[:-1], 24)
model = NTKConvRegressor(nu_w=0.7, alpha=0.01).fit(X, series[24:])
MemoryDisplay.from_estimator(model).plot()

plt.show()
