"""
Wide networks are convolutions
==============================

As a linear RNN gets wider, gradient descent makes it the convolution whose lags are weighted by
the network's initial variances. Here networks of several widths learn a short-memory system, and
their distance from the limit falls with the square root of the width.
"""

# %%
# A system with a short memory
# ----------------------------

import matplotlib.pyplot as plt
import numpy as np

from sklearn_linrnn import LinearRNNRegressor, NTKConvRegressor

rng = np.random.default_rng(0)
n_lags, n_steps = 12, 100
system = 0.2 * 0.4 ** np.arange(n_lags)
x = rng.normal(size=(2000, 1))
y = np.convolve(x[:, 0], system)[: len(x)] + 0.1 * rng.normal(size=len(x))

# %%
# The limit after a hundred iterations, in closed form
# ----------------------------------------------------

common = {"nu_w": 0.4, "rows": "timesteps", "n_lags": n_lags}
limit = NTKConvRegressor(alpha=0.0, n_steps=n_steps, **common).fit(x, y).impulse_response_

# %%
# Networks after the same hundred iterations
# ------------------------------------------

widths = [32, 64, 128, 256, 512, 1024]
gaps = np.zeros((len(widths), 5))
for row, n_hidden in enumerate(widths):
    for seed in range(gaps.shape[1]):
        network = LinearRNNRegressor(
            n_hidden, init="centered", max_iter=n_steps, random_state=seed, **common
        ).fit(x, y)
        gaps[row, seed] = np.linalg.norm(network.impulse_response_ - limit)
gaps /= np.linalg.norm(limit)

fig, ax = plt.subplots(layout="constrained")
ax.loglog(widths, gaps, "o", color="tab:blue", alpha=0.4)
ax.loglog(widths, gaps.mean(axis=1), color="tab:blue", label="distance from the limit")
ax.loglog(widths, gaps[0].mean() * np.sqrt(widths[0] / np.array(widths)), "k:", label="$n^{-1/2}$")
ax.set(xlabel="hidden units", ylabel="relative distance of the impulse response")
ax.legend()

plt.show()
