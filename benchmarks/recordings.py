"""100,000 short recordings: fit and predict of a list of arrays, and of one array of all.

The unit is the one array, a panel with a target at every time step.
"""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import Action, milliseconds, show
from benchmarks.panels import seconds
from sklearn_linrnn import NTKConvRegressor

N_RECORDINGS, N_TIMESTEPS, N_LAGS = 100_000, 10, 5

Data = dict[str, Any]


def recordings(lengths: NDArray) -> Data:
    """Return lists of the inputs and the targets of recordings."""
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=(length, 1)) for length in lengths]
    return {"X": inputs, "y": [x + rng.normal(size=x.shape) for x in inputs]}


def kinds() -> dict[str, Data]:
    """Return the data: as one array, and as lists of arrays of one length and of many."""
    equal = recordings(np.full(N_RECORDINGS, N_TIMESTEPS))
    around = np.random.default_rng(1).integers(5, 2 * N_TIMESTEPS - 4, N_RECORDINGS)
    return {
        "one array": {name: np.stack(parts) for name, parts in equal.items()},
        "list, of one length": equal,
        "list, of 5 to 15 steps": recordings(around),
    }


def run() -> None:
    """Print the seconds of fit and predict, of the processor, and ratios to those of the array."""
    model = NTKConvRegressor(rows="timesteps", n_lags=N_LAGS, device="cpu")
    given = kinds()
    fits = [best(partial(model.fit, **data)) for data in given.values()]
    predictions = [best(partial(model.predict, data["X"])) for data in given.values()]
    rows = [
        (name, milliseconds(fit), f"{fit / fits[0]:.1f}", milliseconds(predict))
        for name, fit, predict in zip(given, fits, predictions, strict=True)
    ]
    show(
        f"recordings: {N_RECORDINGS:,} recordings, {N_LAGS} lags",
        ("data", "fit", "ratio", "predict"),
        rows,
    )


def best(action: Action) -> float:
    """Return the seconds of the processor that an action takes, the least of three times."""
    return min(seconds(action) for _ in range(3))
