"""
What memory bias costs on a real series
=======================================

A linear RNN started with a small variance ``nu_w`` of its transition matrix prefers short memory.
On a series with a season it pays for that. How much, and how sure is that? Here networks, their
infinite-width limit and a convolution without bias predict monthly airline passengers one step
ahead.
"""

# %%
# The study
# ---------
#
# All models are stopped by one rule inside each training part, and tested on the steps that follow.
# The verdict is about the network with the ``nu_w`` that was best on held-out steps; ``table`` has
# the costs for each ``nu_w``, with their intervals.

from sktime.datasets import load_airline

from sklearn_linrnn import memory_bias

result = memory_bias(load_airline().rename("airline"), n_lags=24)
print(result.summary)

# %%
# The bars are intervals of 90 %. A network whose memory is shorter than the season costs, beyond
# doubt; for one that starts with a long memory no difference can be told. A ring marks networks
# that have left the kernel regime: they learned to remember for longer than their start allows.

import matplotlib.pyplot as plt

result.plot()

# %%
# Numbers first: the same as a table.

columns = ["model", "nu_w", "rmse", "cost", "cost_low", "cost_high", "p_value", "verdict"]
result.table[columns].round(3)

# %%
# Part by part
# ------------
#
# The number of passengers grows, so that the last parts weigh most. The study says so, and offers
# logarithms; here with two values of ``nu_w`` and smaller networks.

logarithms = memory_bias(
    load_airline().rename("airline"), nu_w=[0.1, 0.9], n_hidden=64, n_seeds=3, log=True
)
print(logarithms.summary)
columns = ["n_train", "nu_w", "cost", "cost_low", "cost_high", "verdict_without"]
logarithms.parts[columns].round(3)

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
