"""
One series under all recurrences
================================

Every linear recurrence that is trained by gradient descent from a random start prefers some
memories to others before it has seen any data. What it prefers is a prior of its impulse response,
and each architecture has its own. Which of them suits a series?
"""

# %%
# What each prefers
# -----------------
#
# The share of the energy that each prior expects of each lag. Their hyperparameters are set such
# that lags 0 to 10 hold 90 % of the energy, so that what differs is the shape. A linear RNN expects
# most of the lags just after the newest ones, a second layer moves that peak to later lags, and a
# linear recurrent unit (LRU) has it too. A leak, state-space models (S4D) and the kernels of system
# identification expect most of the newest input. Two priors have no hyperparameters; their memory
# is in brackets.

import matplotlib.pyplot as plt

from sklearn_linrnn import LagPriorDisplay

LagPriorDisplay.from_priors(memory=10, n_lags=60).plot()

# %%
# On one series
# -------------
#
# Logarithms of monthly airline passengers, from the 24 months before. For each prior the
# hyperparameters and the penalty are those of the highest evidence, the probability of the series
# when the response has been averaged out. Then each predicts five later parts of the series, one
# step ahead, with all that was chosen on what came before.

from sktime.datasets import load_airline

from sklearn_linrnn import compare_priors

result = compare_priors(load_airline().rename("airline"), n_lags=24, log=True)
print(result.summary)

# %%
# Filled points are the priors that cannot be told from the best, among all of them at once. The
# default initialisation of PyTorch's ``nn.RNN``, "torch_rnn", remembers two months and misses the
# year. Of the others most can reach it, and the data do not say which of them is best: a prior is a
# preference, which matters less the more data there are.

result.plot()

# %%
# Numbers first: how far each is below the highest evidence, in nats, with its standard error over
# time; the error on later parts against that of the first, with its interval; and the lag that
# holds 90 % of the energy of the prior, and of the response that it has learned.

columns = ["prior", "below", "below_error", "cost", "cost_low", "cost_high"]
memories = ["prior_memory", "prior_memory_low", "prior_memory_high", "memory_low", "memory_high"]
result.table[[*columns, *memories]].round(2)

# %%
# The priors with the hyperparameters that the evidence chose can be used as they are.

from sklearn_linrnn import NTKConvRegressor

model = NTKConvRegressor(prior=result.priors[result.best], alpha="auto")
print(model)

plt.show()
