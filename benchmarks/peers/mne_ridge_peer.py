"""Fits of the peer `mne.decoding.TimeDelayingRidge`, in an environment of its own.

Run it with the Python of an environment with what `requirements-mne.txt` pins::

    python mne_ridge_peer.py problem.npz

The archive holds ``x`` of shape (n_timesteps, n_channels), ``y`` of shape (n_timesteps, n_outputs),
``n_lags``, ``alpha`` and ``fit_intercept``. For each line that it reads from its input it fits once
and answers with one line, a JSON object: ``wall`` and ``processor``, the seconds of the fit alone;
``coefficients``, (n_outputs, n_channels, n_lags), lag 0 first.
"""

import json
import sys
import time

import mne
import numpy as np
from mne.decoding import TimeDelayingRidge


def fit(problem: dict[str, np.ndarray]) -> dict[str, object]:
    """Return the seconds of one fit and its coefficients."""
    model = TimeDelayingRidge(
        0,
        int(problem["n_lags"]) - 1,
        sfreq=1.0,
        alpha=float(problem["alpha"]),
        fit_intercept=bool(problem["fit_intercept"]),
        n_jobs=1,
    )
    wall, processor = time.perf_counter(), time.process_time()
    model.fit(problem["x"], problem["y"])
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    return {"wall": wall, "processor": processor, "coefficients": model.coef_.tolist()}


def main() -> None:
    """Fit once for each line."""
    mne.set_log_level("ERROR")
    with np.load(sys.argv[1]) as archive:
        problem = dict(archive)
    for _ in sys.stdin:
        print(json.dumps(fit(problem)), flush=True)


if __name__ == "__main__":
    main()
