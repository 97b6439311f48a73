"""
Wide networks are convolutions
==============================

As a linear RNN gets wider, gradient descent makes it the convolution whose lags are weighted by
the network's initial variances. Here networks of several widths learn a short-memory system, and
their distance from the limit falls with the inverse root of the width.
"""

# %%
# A system with a short memory
# ----------------------------

import matplotlib.pyplot as plt
import numpy as np

from sklearn_linrnn import LinearRNNRegressor, NTKGapDisplay

rng = np.random.default_rng(0)
n_lags, n_steps = 12, 10
system = 0.2 * 0.4 ** np.arange(n_lags)
x = rng.normal(size=(2000, 1))
y = np.convolve(x[:, 0], system)[: len(x)] + 0.1 * rng.normal(size=len(x))

# %%
# Networks of six widths, five of each
# ------------------------------------
#
# Each takes ten iterations; so do its limit and its first-order expansion at initialisation, on the
# same sums. The expansion divides the distance in two: by the width, because the kernel of a finite
# network is random, and by movement, because parameters that move learn otherwise. Training that
# goes on until all have learned everything would hide the first.

network = LinearRNNRegressor(
    nu_w=0.4, init="centered", max_iter=n_steps, rows="timesteps", n_lags=n_lags
)
display = NTKGapDisplay.from_estimator(network, x, y, widths=[32, 64, 128, 256, 512, 1024])
display.plot()
display.frame().groupby("n_hidden")[["total", "width", "movement", "kernel"]].median().round(4)

# %%
# Points are medians, bars go from the least to the largest. The targets are small, so that movement
# is the smallest part, and it falls faster than the part of the width.

plt.show()
