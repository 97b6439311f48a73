"""The memory that a forecast needs, before it is taken."""

from __future__ import annotations

import os

N_ARRAYS = 4  # of the size of the path: the path, its means, its variances, and one in between
GIBIBYTE = 2**30


def check_room(n_ahead: int, n_columns: int, n_exogenous: int, *, uncertain: bool) -> None:
    """Raise if the path of a recursion does not fit in the memory of the machine.

    Some systems promise memory that is not there, and end the process that uses it.

    Parameters
    ----------
    n_ahead : int
        Number of steps of the path.
    n_columns, n_exogenous : int
        Numbers of columns.
    uncertain : bool
        Whether variances are computed, which need the response of each column to each, once as it
        is, twice times the sources of noise, and those squared.

    Raises
    ------
    MemoryError
        If the path takes more than there is.
    """
    per_step = N_ARRAYS * n_columns + 2 * n_exogenous + (6 * n_columns**2 if uncertain else 0)
    needed, there_is = 8 * n_ahead * per_step, _physical_memory()
    if there_is is not None and needed > there_is:
        raise MemoryError(
            f"fh asks for {n_ahead} steps ahead. All of them are computed, one by one, which "
            f"needs {needed / GIBIBYTE:.3g} GiB of memory, but this machine has "
            f"{there_is / GIBIBYTE:.3g} GiB. Lower the furthest step of fh."
        )


def _physical_memory() -> int | None:
    """Return the bytes of memory of the machine, None where a system promises no more than it has.

    That is Windows, which has no `os.sysconf`: allocations fail by themselves.
    """
    if not hasattr(os, "sysconf"):
        return None
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
