"""
A network that learns its way out of its bias
=============================================

The bias of a linear RNN to short memory is that of its tangent kernel, which training leaves as it
is as long as the parameters move little: for targets that are small against the root of the width
(Emami et al. [1]_; Chizat, Oyallon and Bach [2]_ call such training lazy). Large targets that need
a long memory make the transition matrix move. The kernel then changes, and the network learns to
remember for longer than its initialisation allows.
"""

# %%
# Running sums
# ------------
#
# The target is the sum of the last 16 inputs, times a scale. All lags count alike, but at
# ``nu_w=0.4`` the weight of lag 15 in the tangent kernel is 50,000 times smaller than the largest.

import matplotlib.pyplot as plt
import numpy as np

from sklearn_linrnn import (
    LinearRNNRegressor,
    NTKConvRegressor,
    TrainingDisplay,
    linear_rnn_lag_weights,
    ntk_gap,
)
from sklearn_linrnn.callback import SpectralRadiusMonitor

n_lags, n_steps, nu_w = 16, 150, 0.4
rng = np.random.default_rng(0)
x = rng.normal(size=(4000, 1))
y = np.convolve(x[:, 0], np.ones(n_lags))[: len(x)]

weights = linear_rnn_lag_weights(n_lags, nu_w=nu_w)
print(f"lag weights: largest {weights.max():.2g}, lag {n_lags - 1} {weights[-1]:.2g}")

# %%
# Two scales, one network
# -----------------------
#
# The same network, with the same initialisation and number of iterations, learns the sums times
# 0.01 and times 1. In the kernel regime a scale would change nothing but the scale of what is
# learned. :func:`~sklearn_linrnn.ntk_gap` repeats both trainings in the limit and in the network's
# first-order expansion, and says how far the network is from them.

common = {"nu_w": nu_w, "rows": "timesteps", "n_lags": n_lags}
training = {"init": "centered", "max_iter": n_steps}
limit = NTKConvRegressor(alpha=0.0, n_steps=n_steps, **common).fit(x, y)

networks, monitors = {}, {}
for scale in (0.01, 1.0):
    monitors[scale] = SpectralRadiusMonitor()
    network = LinearRNNRegressor(512, random_state=0, **training, **common)
    networks[scale] = network.set_callbacks(monitors[scale]).fit(x, scale * y)
    print(f"Scale {scale}. {ntk_gap(network)}\n")

# %%
# The small target leaves the network in the kernel regime, and its response ends where its limit's
# does. The large one teaches it all 16 lags.
#
# The spectral radius of :math:`n^{-1/2} W` is the factor by which the most lasting state fades at
# each time step. It starts near :math:`\sqrt{\nu_W}`. In the kernel regime it stays there; beyond
# it an eigenvalue leaves the circle and goes to nearly one, which is what a sum needs.

styles = {
    0.01: {"color": "#0072B2", "marker": "o", "label": "network, targets times 0.01"},
    1.0: {"color": "#D55E00", "marker": "s", "label": "network, targets times 1"},
}
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
left.axhline(1, color="0.6", lw=0.8, ls=":")
left.plot(limit.impulse_response_[0, 0], "k--", label="infinite-width limit")
for scale, network in networks.items():
    left.plot(network.impulse_response_[0, 0] / scale, ms=5, **styles[scale])
    monitor = monitors[scale]
    right.plot(monitor.steps_, monitor.radii_, **{**styles[scale], "marker": ""})
left.set(xlabel="lag (time steps)", ylabel="impulse response / scale", title="What was learned")
right.axhline(nu_w**0.5, color="k", lw=0.8, ls=":", label=r"$\sqrt{\nu_W}$, circular law")
right.set(xlabel="iteration", ylabel="spectral radius", title="Memory during training")
left.legend(loc="lower left")
right.legend(loc="center right")

# %%
# The training that left it, iteration by iteration. With ``retrace=True`` the display takes the
# iterations again and compares the tangent kernel with that at initialisation.

display = TrainingDisplay.from_estimator(networks[1.0], monitors[1.0], retrace=True).plot()

# %%
# Where the kernel regime ends
# ----------------------------
#
# The gap has two parts. The part due to the width is the same at all scales and falls with the
# inverse root of the number of hidden units. The part due to movement grows with the targets, and
# at the same scale it is smaller in a wider network. Grey: the movement is below ten per cent,
# ``is_lazy``.

scales, widths, seeds = np.geomspace(0.003, 3.0, 7), (32, 64, 128), range(8)


def median_gap(n_hidden, scale):
    network = LinearRNNRegressor(n_hidden, **training, **common)
    fits = (network.set_params(random_state=seed).fit(x, scale * y) for seed in seeds)
    return np.median([ntk_gap(fit) for fit in fits], axis=0)  # total, width, movement, kernel


fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
for n_hidden, marker, color in zip(widths, "^so", ("#009E73", "#D55E00", "#0072B2"), strict=True):
    gaps = np.array([median_gap(n_hidden, scale) for scale in scales])
    left.loglog(scales * y.std(), gaps[:, 2], marker + "-", color=color, label=n_hidden)
    right.loglog(scales * y.std(), gaps[:, 0], marker + "-", color=color)
left.axhspan(1e-3, 0.1, color="0.93", zorder=0)
left.legend(title="hidden units", loc="lower right")
left.set(
    xlabel="standard deviation of the targets",
    ylabel="distance / what the limit learned",
    ylim=(2e-3, 2.0),
    title="Because the parameters moved",
)
right.set(xlabel="standard deviation of the targets", title="Total, median of 8 networks")

# %%
# .. rubric:: References
#
# .. [1] M. Emami, M. Sahraee-Ardakan, P. Pandit, S. Rangan, A. K. Fletcher, "Implicit Bias of
#    Linear RNNs", ICML 2021, arXiv:2101.07833.
# .. [2] L. Chizat, E. Oyallon, F. Bach, "On Lazy Training in Differentiable Programming", NeurIPS
#    2019, arXiv:1812.07956.

plt.show()
