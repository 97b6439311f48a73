"""The paper's experiment on recordings of the somatosensory cortex: little data, and a delay.

Emami et al. (2021), section 5, decode the velocity of a hand from the spikes of 52 neurons in area
S1 (Benjamin et al. 2018), with a linear RNN, its limit and a plain convolution. With little data a
short memory is an advantage; with a delay added to the velocities it is none. Here the data is one
recording after another, of 0.4 to 22 seconds: lags never cross from one into another.

Protocol. Inputs are the 52 counts of spikes in 50 ms, targets the two velocities, both standardised
by the training part. With a delay of ``d`` the target at step ``t`` is the velocity at ``t - d`` of
the same recording, and not observed in its first ``d`` steps. All models have 20 lags and take 300
iterations of gradient descent from zero, with ``learning_rate="auto"``. They learn from each of
eight parts of 1,500 time steps (75 s), at equal distances in the first 70 % of the steps, and are
tested on the last 15 %; the score is R^2, the mean over both velocities.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import show
from benchmarks.real_series import FOLDER
from sklearn_linrnn import LinearRNNRegressor, NTKConvRegressor

FILE = "neural_s1.npz"
N_LAGS, N_STEPS, DELAYS = 20, 300, (0, 8)
PART, N_PARTS, LEARNED, TESTED = 1500, 8, 0.7, 0.15
VARIANCES = (0.1, 0.3, 0.5, 0.7)
N_HIDDEN, NETWORK_NU_W = 256, 0.3

COMMON: dict[str, Any] = {"rows": "timesteps", "n_lags": N_LAGS, "device": "cpu"}


@dataclass(frozen=True, eq=False)
class Recordings:
    """Inputs (n_timesteps, 52), targets (n_timesteps, 2) and which recording each step is of."""

    X: NDArray
    Y: NDArray
    ids: NDArray

    def part(self, steps: slice) -> "Recordings":
        """Return some of the time steps."""
        return Recordings(self.X[steps], self.Y[steps], self.ids[steps])

    def standardised(self, other: "Recordings") -> "Recordings":
        """Return them by means and deviations of others; a neuron that is silent there stays so."""
        X, Y = ((own - of.mean(axis=0)) / _deviation(of) for own, of in self._pairs(other))
        return Recordings(X, Y, self.ids)

    def delayed(self, delay: int) -> "Recordings":
        """Return them with targets that come later within their recording, NaN before they do."""
        source = np.arange(len(self.Y)) - delay
        same = (source >= 0) & (self.ids[source] == self.ids)
        Y = np.where(same[:, None], self.Y[source], np.nan)
        return Recordings(self.X, Y, self.ids)

    def _pairs(self, other: "Recordings") -> list[tuple[NDArray, NDArray]]:
        return [(self.X, other.X), (self.Y, other.Y)]


def _deviation(array: NDArray) -> NDArray:
    deviation = array.std(axis=0)
    return np.where(deviation > 0, deviation, 1.0)


def load() -> Recordings | None:
    """Return the recordings; None where they are missing."""
    if not (path := FOLDER / FILE).is_file():
        print(f"left out, for want of {FILE}: LINRNN_DATA names the folder of real series")
        return None
    with np.load(path) as stored:
        X, Y, starts = stored["spikes"].astype(float), stored["vel"], stored["segment_start"]
    return Recordings(X, Y, np.searchsorted(starts, np.arange(len(X)), side="right"))


def make_models() -> dict[str, Any]:
    """Return the models by their names."""
    descent = {"alpha": 0.0, "n_steps": N_STEPS, **COMMON}
    network = LinearRNNRegressor(
        N_HIDDEN, nu_w=NETWORK_NU_W, init="centered", max_iter=N_STEPS, random_state=0, **COMMON
    )
    return {
        **{f"limit, nu_w = {nu_w}": NTKConvRegressor(nu_w, **descent) for nu_w in VARIANCES},
        f"network, nu_w = {NETWORK_NU_W}": network,
        "flat convolution": NTKConvRegressor(prior="flat", **descent),
    }


def scores(recordings: Recordings, model: Any, delay: int) -> NDArray:
    """Return R^2 on the last steps after learning from each part, (n_parts,)."""
    n_timesteps = len(recordings.X)
    begins = np.linspace(0, LEARNED * n_timesteps - PART, N_PARTS).astype(int)
    last = slice(int((1 - TESTED) * n_timesteps), n_timesteps)
    found = []
    for begin in begins:
        part = recordings.part(slice(begin, begin + PART))
        learned = part.standardised(part).delayed(delay)
        tested = recordings.part(last).standardised(part).delayed(delay)
        model.fit(learned.X, learned.Y, sequence_id=learned.ids)
        found.append(model.score(tested.X, tested.Y, sequence_id=tested.ids))
    return np.array(found)


def run() -> None:
    """Print the table: mean and deviation of R^2 over the parts, and how often flat is worse."""
    if (recordings := load()) is None:
        return
    models = make_models().items()
    found = {name: [scores(recordings, model, delay) for delay in DELAYS] for name, model in models}
    flat = found["flat convolution"]
    rows = []
    for name, by_delay in found.items():
        cells = [
            (f"{own.mean():.3f} +- {own.std(ddof=1):.3f}", f"{(own > of_flat).sum()}")
            for own, of_flat in zip(by_delay, flat, strict=True)
        ]
        rows.append((name, *(text for cell in cells for text in cell)))
    show(
        f"neural_s1: R^2 of two velocities from 52 neurons, {N_PARTS} parts of {PART:,} steps, "
        f"{N_LAGS} lags, {N_STEPS} iterations; network of {N_HIDDEN} units",
        ("", *(text for delay in DELAYS for text in (f"delay {delay}", "flat is worse in"))),
        rows,
    )
