"""
A file larger than memory
=========================

What a model learns from are sums, and sums can be formed piece by piece. So a recording may lie in
a file, and be longer than memory holds: `fit`, `score` and `predict` read a stretch of it at a
time. The file of this example is small, 16 MB, so that it runs in a second; one of 16 GB would take
a thousand times as long to read, and about as much memory.
"""

# %%
# A recording in a file
# ---------------------
#
# Two million time steps of one channel, and of a target that answers it. They are written to files
# piece by piece, as an instrument would do. Memory maps are used here, which need NumPy alone;
# datasets of h5py and arrays of Zarr are passed in the same way.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from numpy.lib.format import open_memmap

from sklearn_linrnn import NTKConvRegressor

n_timesteps, n_lags, length = 2_000_000, 60, 100_000
truth = 0.9 ** np.arange(n_lags) * np.cos(0.3 * np.arange(n_lags))

folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
files = {name: Path(folder.name) / f"{name}.npy" for name in ("inputs", "targets", "predictions")}
inputs = open_memmap(files["inputs"], "w+", np.float32, (n_timesteps, 1))
targets = open_memmap(files["targets"], "w+", np.float32, (n_timesteps,))

rng = np.random.default_rng(0)
before = np.zeros(n_lags - 1)
for first in range(0, n_timesteps, length):
    piece = slice(first, first + length)
    x = rng.normal(size=length)
    answer = np.convolve(np.concatenate([before, x]), truth, mode="valid")
    inputs[piece, 0] = x
    targets[piece] = answer + rng.normal(scale=3.0, size=length)
    before = x[1 - n_lags :]
inputs.flush()
targets.flush()

# %%
# Fit, score and predict
# ----------------------
#
# An array that lies in a file is passed like any other. Predictions are as long as the recording,
# and go into a file, too: whatever takes slices may be passed as ``out``.

X = np.load(files["inputs"], mmap_mode="r")
y = np.load(files["targets"], mmap_mode="r")
predictions = open_memmap(files["predictions"], "w+", np.float32, y.shape)

model = NTKConvRegressor(0.9, rows="timesteps", n_lags=n_lags).fit(X, y)
model.predict(X, out=predictions)
megabytes = (X.nbytes + y.nbytes) / 1e6
print(f"R^2 = {model.score(X, y):.3f}, from {megabytes:.0f} MB of files")

# %%
# From a generator
# ----------------
#
# Data that are no arrays, such as many files, the rows of a database or a decoder, come from a
# generator of pieces ``(X, y)``. The pieces are consecutive parts of one recording, of any length;
# the sums, and so the response, are those of the whole.


def pieces():
    """Yield a recording in pieces, as they might be read from as many files."""
    for first in range(0, n_timesteps, 30_000):
        piece = slice(first, first + 30_000)
        yield X[piece], y[piece]


streamed = NTKConvRegressor(0.9, rows="timesteps", n_lags=n_lags).fit(pieces())
difference = np.abs(streamed.impulse_response_ - model.impulse_response_).max()
print(f"largest difference of the two responses: {difference:.1e}")

# %%
# What was learned
# ----------------
#
# With so many time steps the response is known within the width of the line.

fig, (left, right) = plt.subplots(ncols=2, figsize=(8, 3.2), layout="constrained")
left.plot(truth, "o", color="0.7", label="truth")
left.plot(model.impulse_response_.ravel(), label="learned")
left.set(xlabel="lag", ylabel="impulse response")
left.legend()
last = slice(n_timesteps - 120, n_timesteps)
right.plot(np.arange(n_timesteps)[last], y[last], color="0.7", label="target")
right.plot(np.arange(n_timesteps)[last], predictions[last], label="prediction, from its file")
right.xaxis.set_major_formatter("{x:,.0f}")
right.set_xticks([n_timesteps - 120, n_timesteps])
right.set(xlabel="time step")
right.legend()
plt.show()

folder.cleanup()
