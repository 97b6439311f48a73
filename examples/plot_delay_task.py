r"""
The delay task
==============

To repeat the input of :math:`d` time steps ago, :math:`y_t = x_{t-d}`, takes a memory of :math:`d`
time steps and nothing else. Reservoirs are measured by how well they do it at each delay (Jaeger
[1]_), and trained recurrent networks by a related one, the copying task (Arjovsky, Shah and Bengio
[2]_). Here it shows the bias of a trained linear RNN [3]_: after a fixed number of iterations its
test error rises from none to all of the signal as the delay grows, and the initial variance
:math:`\nu_W` of the transition matrix says at which delay. A convolution whose lags all count alike
knows no such limit.
"""

# %%
# White inputs
# ------------
#
# Training has 2,000 time steps, the test 20,000 others; the targets have noise 20 dB below the
# signal. A filter of 31 lags solves each of the tasks up to the noise; only training keeps a model
# from the solution.

import matplotlib.pyplot as plt
import numpy as np

from sklearn_linrnn import LinearRNNRegressor, NTKConvRegressor

n_lags, n_steps = 31, 50
variances = [0.3, 0.5, 0.7]
delays = np.array([*range(13), *range(14, 31, 2)])
rng = np.random.default_rng(0)
x, x_test = rng.normal(size=(2000, 1)), rng.normal(size=(20_000, 1))


def delayed(x, delay):
    repeated = np.concatenate([np.zeros(delay), x[: len(x) - delay, 0]])
    return repeated + 0.1 * rng.normal(size=len(x))


# %%
# Fifty iterations
# ----------------
#
# A network of 256 hidden units from three random initialisations for each delay, and its
# infinite-width limit and the flat convolution after the same fifty iterations. The error is
# :math:`1 - R^2`: the share of the noise where the delayed input is repeated exactly, one where
# nothing of it has been learned.


def test_error(model, delay):
    model.fit(x, delayed(x, delay))
    return 1 - model.score(x_test, delayed(x_test, delay))


seeds = range(3)
networks, limits = {}, {}
flat = NTKConvRegressor(alpha=0.0, n_steps=n_steps, prior="flat", rows="timesteps", n_lags=n_lags)
flat_errors = [test_error(flat, delay) for delay in delays]
for nu_w in variances:
    common = {"nu_w": nu_w, "rows": "timesteps", "n_lags": n_lags}
    limit = NTKConvRegressor(alpha=0.0, n_steps=n_steps, **common)
    limits[nu_w] = [test_error(limit, delay) for delay in delays]
    network = LinearRNNRegressor(256, init="centered", max_iter=n_steps, **common)
    networks[nu_w] = np.array(
        [
            [test_error(network.set_params(random_state=seed), delay) for seed in seeds]
            for delay in delays
        ]
    )

# %%
# The error against the delay
# ---------------------------

fig, ax = plt.subplots(figsize=(5.2, 4.6), layout="constrained")
styles = zip(variances, ("#0072B2", "#D55E00", "#009E73"), "os^", strict=True)
for nu_w, color, marker in styles:
    ax.plot(delays, limits[nu_w], color=color, lw=1)
    mean = networks[nu_w].mean(axis=1)
    ax.plot(delays, mean, marker, color=color, ms=6, label=rf"$\nu_W$ = {nu_w}")
    ax.vlines(delays, networks[nu_w].min(axis=1), networks[nu_w].max(axis=1), color=color, lw=1.5)
ax.plot([], [], "k-", lw=1, label="infinite-width limit")
ax.plot(delays, flat_errors, color="#CC79A7", ls="--", label="flat convolution")
ax.axhline(0.01 / 1.01, color="0.4", lw=1, ls=":", label="noise")
ax.set(
    xlabel="delay $d$ (time steps)",
    ylabel="test error, $1 - R^2$",
    title=f"Linear RNNs of 256 units after {n_steps} iterations",
)
fig.legend(title="points: mean and range of 3 networks", loc="outside lower center", ncols=2)

# %%
# White inputs make the limit simple. Training multiplies the error of lag :math:`d` by :math:`1 -
# \eta \rho_d` in each iteration, where the step size :math:`\eta` is the inverse of the largest lag
# weight. After :math:`k` iterations the test error is thus about :math:`(1 - \rho_d / \max_j
# \rho_j)^{2k}`: the delays that a model has learned are those whose lag weight :math:`\rho_d` is
# above about :math:`\max_j \rho_j / (2k)`. The weights die out as :math:`d \, \nu_W^{\,d}`, so that
# ten times as many iterations reach only about :math:`\log 10 / \log(1 / \nu_W)` more delays:

for nu_w in variances:
    print(f"nu_w = {nu_w}: {np.log(10) / np.log(1 / nu_w):.1f} delays for ten times the iterations")

# %%
# The flat convolution learns every delay as fast as any other, and is left with the noise and with
# what 2,000 time steps leave uncertain of 31 lags:

print(
    f"flat convolution: {min(flat_errors):.4f} to {max(flat_errors):.4f}; noise: {0.01 / 1.01:.4f}"
)

# %%
# The finite networks follow the limit. Where it begins to fail they do slightly better, because
# their parameters have begun to move. With larger targets and more iterations they leave it, and
# learn to remember: :ref:`sphx_glr_auto_examples_plot_out_of_the_bias.py`.
#
# .. rubric:: References
#
# .. [1] H. Jaeger, "Short term memory in echo state networks", GMD Report 152, 2001.
# .. [2] M. Arjovsky, A. Shah, Y. Bengio, "Unitary Evolution Recurrent Neural Networks", ICML 2016,
#    arXiv:1511.06464.
# .. [3] M. Emami, M. Sahraee-Ardakan, P. Pandit, S. Rangan, A. K. Fletcher, "Implicit Bias of
#    Linear RNNs", ICML 2021, arXiv:2101.07833.

plt.show()
