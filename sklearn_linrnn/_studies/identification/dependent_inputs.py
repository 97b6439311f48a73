"""Which inputs follow from others, so that their effects cannot be told apart."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import pandas as pd

from sklearn_linrnn._data.user_line import warn
from sklearn_linrnn._studies.study_text import listed

ALIKE = 1e-3  # of the deviation of an input: less is no movement of its own


def dependent_inputs(inputs: pd.DataFrame) -> dict[Hashable, list[Hashable]]:
    """Return the inputs that are sums of multiples of earlier ones and a constant, with these.

    >>> heat = np.array([0.0, 3.0, 1.0, 2.0])
    >>> dependent_inputs(pd.DataFrame({"kelvin": heat + 273.0, "fahrenheit": 1.8 * heat + 32.0}))
    {'fahrenheit': ['kelvin']}

    Parameters
    ----------
    inputs : DataFrame of shape (n_timesteps, n_inputs)
        The inputs, of which time steps with a NaN are left out. Those that do not vary depend on
        nothing.
    """
    known = inputs.dropna()
    scaled = known / known.abs().max()  # so that squares neither overflow nor vanish
    scaled = scaled - scaled.iloc[:1].to_numpy()
    deviations = scaled.std(ddof=0)
    scaled = ((scaled - scaled.mean()) / deviations).loc[:, deviations > 0]
    free: list[Hashable] = []
    found = {}
    for name, values in scaled.items():
        shares = np.linalg.lstsq(scaled[free], values)[0]
        rest = values - scaled[free] @ shares
        if len(scaled) > len(free) + 1 and np.sqrt(np.square(rest).mean()) < ALIKE:
            found[name] = [free[place] for place in np.flatnonzero(abs(shares) > ALIKE)]
        else:
            free.append(name)
    return found


def warn_of_dependent_inputs(inputs: pd.DataFrame) -> None:
    """Warn of inputs whose effects cannot be told apart.

    Parameters
    ----------
    inputs : DataFrame of shape (n_timesteps, n_inputs)
        The inputs to learn from.
    """
    found = [
        f"{name} from {listed([str(other) for other in others])}"
        for name, others in dependent_inputs(inputs).items()
    ]
    if found:
        warn(
            f"Inputs that follow from others cannot be told apart from them: {listed(found)}. What "
            "they do together is known, but how it is shared among them is the choice of the "
            "prior. Leave such inputs out."
        )
