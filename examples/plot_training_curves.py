r"""
A network learns as its convolution does
========================================

The first experiment of Emami et al. [1]_: a small linear RNN is the teacher, its outputs are noisy,
and three models learn from a few short sequences. The theorem says more than that network and
weighted convolution arrive at the same place: they take the same way, and their test errors are the
same at every iteration. The flat convolution, which treats all lags alike, can represent the same
responses and takes another way.
"""

# %%
# A teacher with a short memory
# -----------------------------
#
# The teacher has four hidden units, a spectral radius of 0.5, and 15 channels and outputs. It
# answers 50 sequences of ten time steps to learn from, and 50 others, with a target at every step.
# The noise is 20 dB below the signal: a hundredth of its variance, which no model can predict. The
# theorem is about targets that are small against the root of the width, and here their standard
# deviation is near one.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sklearn_linrnn import LinearRNNRegressor, NTKConvRegressor, ntk_gap
from sklearn_linrnn.callback import EarlyStopping

n_timesteps, n_sequences, n_channels, nu_w, n_steps = 10, 50, 15, 0.3, 100
rng = np.random.default_rng(0)
A, F, C = rng.normal(size=(4, 4)), rng.normal(size=(4, 15)), 0.1 * rng.normal(size=(15, 4))
A *= 0.5 / np.abs(np.linalg.eigvals(A)).max()


def answer(x):
    state, outputs = np.zeros((len(x), 4)), []
    for inputs in x.swapaxes(0, 1):
        state = state @ A.T + inputs @ F.T
        outputs.append(state @ C.T)
    return np.stack(outputs, axis=1)


x, x_test = rng.normal(size=(2, n_sequences, n_timesteps, n_channels))
noise = 0.1 * answer(x_test).std()  # 20 dB below the signal
y, y_test = (answer(inputs) + noise * rng.normal(size=x.shape) for inputs in (x, x_test))

# %%
# Test errors at every iteration
# ------------------------------
#
# The closed form of the convolutions knows the whole path of gradient descent:
# ``staged_predict`` goes along it without another fit. The network is trained, and a callback that
# is patient enough never to stop it notes its test score after each iteration. Errors are
# :math:`1 - R^2`, shares of the variance of the test targets.

iterations = np.arange(1, n_steps + 1)
variance = y_test.var(axis=(0, 1))


def errors_of(convolution):
    stages = convolution.fit(x, y).staged_predict(x_test, iterations)
    return [np.mean((y_test - predicted) ** 2 / variance) for predicted in stages]


errors = {
    "weighted convolution": errors_of(NTKConvRegressor(nu_w, alpha=0.0)),
    "flat convolution": errors_of(NTKConvRegressor(alpha=0.0, prior="flat")),
}
network = LinearRNNRegressor(1000, nu_w=nu_w, init="centered", max_iter=n_steps, random_state=0)
watch = EarlyStopping(X=x_test, y=y_test, patience=n_steps)
network.set_callbacks(watch).fit(x, y)
errors["network, 1000 units"] = [1 - score for score in watch.scores_]

table = pd.DataFrame(errors, index=pd.Index(iterations, name="iteration"))
table.loc[[1, 2, 5, 10, 20, 50, 100]].round(4)

# %%
# The figure
# ----------

styles = {
    "flat convolution": {"color": "#D55E00", "ls": "-."},
    "network, 1000 units": {"color": "#0072B2", "lw": 4, "alpha": 0.6},
    "weighted convolution": {"color": "black", "ls": "--"},
}
fig, ax = plt.subplots(figsize=(5.6, 4.2), layout="constrained")
for name, style in styles.items():
    ax.loglog(iterations, table[name], label=name, **style)
ax.axhline(np.mean(noise**2 / variance), color="0.5", ls=":", label="variance of the noise")
ax.set(xlabel="iteration", ylabel="test error, $1 - R^2$")
ax.minorticks_off()
ax.set_xticks([1, 2, 5, 10, 20, 50, 100], [1, 2, 5, 10, 20, 50, 100])
ax.set_yticks([0.01, 0.02, 0.05, 0.1, 0.2], [0.01, 0.02, 0.05, 0.1, 0.2])
ax.legend()

print(ntk_gap(network))

# %%
# Network and weighted convolution go down side by side to an error near that of the noise, and
# stay there. The flat convolution is slower at first, because it learns all lags at once, and then
# begins to fit noise at the lags where the teacher has forgotten. It has no bias: what it gains
# where memory must be long, as in :ref:`sphx_glr_auto_examples_plot_delay_task.py`, it pays for
# here. In the paper the convolution starts at the function that the network is before training;
# here that function is subtracted, and all three start at zero.
#
# .. rubric:: References
#
# .. [1] M. Emami, M. Sahraee-Ardakan, P. Pandit, S. Rangan, A. K. Fletcher, "Implicit Bias of
#    Linear RNNs", ICML 2021, arXiv:2101.07833.

plt.show()
