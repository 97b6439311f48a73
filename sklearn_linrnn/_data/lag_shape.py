"""How many lags there are, and whether data are long enough for them."""

from __future__ import annotations

from sklearn_linrnn._data.sequences import Recordings, Sequences
from sklearn_linrnn._data.windows import Windows


def lag_shape(
    sequences: Sequences, n_lags: int | None, *, goes_on: bool = False
) -> tuple[int, int, int]:
    """Return the supervised time steps, lags and channels; the lags of windows for ``None``.

    Recordings that go on may be shorter than the lags.

    Parameters
    ----------
    sequences : Sequences
        The inputs.
    n_lags : int or None
        Number of lags from the target, or the delay, on. Leads are lags more.
    goes_on : bool, default=False
        Whether more data may follow.
    """
    first_lag = sequences.first_lag
    n_leads, delay = max(-first_lag, 0), max(first_lag, 0)
    if isinstance(sequences, Windows):  # which end where the delay begins
        n_steps, longest, n_channels = sequences.inputs.shape
        longest, goes_on = longest + delay, False
    else:
        n_steps, n_channels = sequences.n_supervised, sequences.n_channels
        longest = sequences.longest
        if goes_on and sequences.reads_on:
            raise ValueError(
                f"n_leads={n_leads} reads time steps after the target, which of a recording that "
                "may go on are not there yet. Pass whole recordings, in lists or panels."
            )
    if n_lags is None:
        if isinstance(sequences, Recordings) and isinstance(sequences.parts, list):
            raise ValueError(
                "n_lags must be given for recordings with a target at every time step "
                "(rows='timesteps' or a list), but got None: their shape does not contain it."
            )
        n_lags = longest - n_leads - delay
    n_lags = int(n_lags)  # NumPy's may be too short for products
    if n_lags < 1 or (n_lags + n_leads + delay > longest and not goes_on):
        what, remedy = "longest recording has", ""
        if isinstance(sequences, Windows):
            what = "windows have"
            remedy = " Where its rows are the time steps of one recording, set rows='timesteps'."
        raise ValueError(
            f"{needed_steps(n_lags, first_lag)}, but got an X of "
            f"n_samples={n_steps}, whose {what} n_timesteps={longest}.{remedy}"
        )
    return n_steps, n_lags + n_leads, n_channels


def needed_steps(n_lags: int, first_lag: int) -> str:
    """Return how many time steps so many lags from the target, or from the delay, on need."""
    if first_lag == 0:
        return f"n_lags={n_lags} needs as many time steps"
    beside = f"n_leads={-first_lag}" if first_lag < 0 else f"delay={first_lag}"
    return f"n_lags={n_lags} with {beside} needs n_timesteps={max(n_lags, 1) + abs(first_lag)}"
