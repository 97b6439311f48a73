"""Fit of the peer `impulseest`: regularised FIR by empirical Bayes, in an environment of its own.

Run it with the Python of an environment with what `requirements-impulseest.txt` pins::

    python impulseest_peer.py data.npz > fit.json
    python impulseest_peer.py < data.npz > fit.json

The archive holds ``u`` and ``y``, of equal length, ``n``, the number of lags, ``kernel``, one of
"DI", "TC", "DC" and "none", and may hold ``method``, one of "L-BFGS-B" (the peer's default),
"Powell" and "TNC". The peer neither centres nor scales, and its starting point depends on the
units: pass the data as it should get them. Its rows begin at time step ``n``, so that nothing is
assumed before time step 0.

The answer is one JSON object: ``seconds``, the wall time of the fit without imports and reading;
``impulse_response``, lag 0 first, or null if the peer fails; ``error``, then the reason;
``kernel``, ``n``, ``method`` and ``versions``. The peer does not report whether its
optimiser converged: with "L-BFGS-B" it often stays at its initial point, where the cost becomes NaN
at a noise of 0.
"""

import io
import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from impulseest import impulseest


def fit(u: np.ndarray, y: np.ndarray, n: int, kernel: str, method: str) -> dict[str, object]:
    """Return the seconds of one fit and its impulse response."""
    error, response = None, None
    start = time.perf_counter()
    try:
        # Copies, since the peer reshapes what it is given.
        response = impulseest(u.copy(), y.copy(), n, kernel, method)
    except Exception as failure:  # the benchmark reports it
        error = f"{type(failure).__name__}: {failure}"
    seconds = time.perf_counter() - start
    if response is not None and not np.isfinite(response).all():
        error, response = "the impulse response is not finite", None
    answer = None if response is None else np.asarray(response).ravel().tolist()
    return {"seconds": seconds, "impulse_response": answer, "error": error}


def main() -> None:
    """Read the archive, fit, and print JSON."""
    source = Path(sys.argv[1]).read_bytes() if len(sys.argv) > 1 else sys.stdin.buffer.read()
    with np.load(io.BytesIO(source)) as data:
        u, y = (np.asarray(data[name], dtype=float).ravel() for name in ("u", "y"))
        n, kernel = int(data["n"]), str(data["kernel"])
        method = str(data["method"]) if "method" in data else "L-BFGS-B"
    versions = {name: version(name) for name in ("impulseest", "numpy", "scipy")}
    settings = {"kernel": kernel, "n": n, "method": method, "versions": versions}
    json.dump({**fit(u, y, n, kernel, method), **settings}, sys.stdout)


if __name__ == "__main__":
    main()
