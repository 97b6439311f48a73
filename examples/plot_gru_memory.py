r"""
The memory of a GRU before and after training
=============================================

A recurrent network that is nonlinear has no impulse response: how long an input acts depends on
what comes after it. What can be measured is by how much the output changes with the input of each
lag, on average over sequences. Here a gated recurrent unit (GRU [1]_) and a plain RNN, both as
PyTorch initialises them, learn to keep the last value that was marked. The memory that they need is
known, and so is the one that a linear RNN with PyTorch's initial weights prefers.
"""

# %%
# Keep what was marked
# --------------------
#
# At each time step there is a value, and with a probability of 10 % a mark. The output is the last
# value that had a mark. That was :math:`j` time steps before with the probability :math:`0.1 \cdot
# 0.9^j`: 90 % are within lag 21.

import copy

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from sklearn_linrnn import (
    MeasuredMemoryDisplay,
    effective_memory,
    linear_rnn_lag_weights,
    measured_memory,
)

n_lags, chance = 40, 0.1
_ = torch.manual_seed(0)


def sequences(n_sequences, n_timesteps=60):
    values = torch.randn(n_sequences, n_timesteps)
    marks = torch.rand(n_sequences, n_timesteps) < chance
    kept, target = torch.zeros(n_sequences), []
    for value, mark in zip(values.T, marks.T, strict=True):
        kept = torch.where(mark, value, kept)
        target.append(kept)
    return torch.stack([values, marks.float()], dim=2), torch.stack(target, dim=1)[:, :, None]


class Network(nn.Module):
    def __init__(self, cell):
        super().__init__()
        self.cell = cell(2, 24, batch_first=True)
        self.readout = nn.Linear(24, 1)

    def forward(self, x):
        states, _ = self.cell(x)
        return self.readout(states)


# %%
# Four hundred iterations
# -----------------------
#
# A copy from before the training is kept, to be measured as well. The error is that on new
# sequences, relative to the variance of the targets.

X, y = sequences(500)
memories = {}
for cell in (nn.GRU, nn.RNN):
    network = Network(cell)
    initial = copy.deepcopy(network)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.005)
    for _ in range(400):
        x, target = sequences(32)
        loss = (network(x) - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
    with torch.no_grad():
        error = (network(X) - y).square().mean() / y.var()
    memories[cell.__name__] = measured_memory(network, X, n_lags=n_lags, initial=initial)
    print(f"{cell.__name__}, error {error:.3f}. {memories[cell.__name__]}\n")

# %%
# `measured_memory` differentiates the module, and leaves it as it was. The intervals tell how well
# 500 sequences determine the mean over all that there are: in each sequence there is one value that
# counts, so that the sensitivity at a lag differs much between them.

fig, axes = plt.subplots(1, 2, sharex=True, sharey=True, figsize=(8.4, 4), layout="constrained")
for ax, (name, memory) in zip(axes, memories.items(), strict=True):
    MeasuredMemoryDisplay(memory, name).plot(ax)

# %%
# What the initialisation prefers
# -------------------------------
#
# PyTorch draws the weights of a recurrent network from a uniform distribution of variance
# :math:`1/(3n)`. For a linear RNN of many hidden units with such weights the lag weights of the
# infinite-width limit are :math:`\rho_j = (j+2)/3^{j+1}`, with 90 % of their sum within lag 2.

prior = linear_rnn_lag_weights(n_lags, 1 / 3, 1 / 3, 1 / 3)
needed = chance * (1 - chance) ** np.arange(n_lags)
print(f"prior: 90 % within lag {effective_memory(prior)}")

fig, ax = plt.subplots(figsize=(7, 4.4), layout="constrained")
curves = {
    "needed": (needed, {"color": "black", "ls": ":"}),
    "linear RNN, prior": (prior, {"color": "0.5"}),
}
for (name, memory), color in zip(memories.items(), ("#0072B2", "#D55E00"), strict=True):
    curves[f"{name}, at initialisation"] = memory.at_start.energy, {"color": color, "ls": "--"}
    curves[f"{name}, trained"] = memory.energy, {"color": color}
for label, (energy, style) in curves.items():
    ax.plot(np.cumsum(energy) / energy.sum(), label=label, **style)
ax.axhline(0.9, color="0.7", lw=0.8)
ax.set(xlabel="lag, in time steps", ylabel="share of the energy up to this lag", ylim=(0, 1.03))
ax.legend()

# %%
# Both networks begin with a memory as short as the one that a linear RNN prefers, although neither
# is linear. Training has made them more sensitive by orders of magnitude, and given them a memory
# far beyond what their initialisation prefers: they have left the kernel regime. The GRU has
# learned the task, and its memory is near the one that is needed; it is a little shorter, because
# the output is sensitive to the newest mark, too, beside the value. The plain RNN has a long memory
# as well, but an error that is many times as large: how long a model remembers does not say that it
# remembers the right things.
#
# .. rubric:: References
#
# .. [1] K. Cho, B. van Merriënboer, D. Bahdanau, Y. Bengio, "On the Properties of Neural Machine
#    Translation: Encoder-Decoder Approaches", SSST-8, 2014, arXiv:1409.1259.

plt.show()
