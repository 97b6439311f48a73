"""The priors that a comparison takes: by name, as objects, or as what an argument says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields
from typing import Any

from sklearn_linrnn._core.priors.catalogue import PRIORS
from sklearn_linrnn._core.priors.lag_prior import LagPrior


def read_priors(priors: Any = None) -> dict[str, LagPrior]:
    """Return the priors to compare by their labels, in the order of these.

    Parameters
    ----------
    priors : None, str, LagPrior, iterable of them, or mapping
        ``None`` for all that have a name; of a mapping the keys are labels.

    Returns
    -------
    priors : dict of str to LagPrior

    Raises
    ------
    TypeError, ValueError
        If there is no such prior, none at all, or two of one label.
    """
    if priors is None:
        priors = PRIORS
    if isinstance(priors, (str, LagPrior)):
        priors = [priors]
    if isinstance(priors, Mapping):
        pairs = [(str(label), _read(one)) for label, one in priors.items()]
    elif isinstance(priors, Iterable):
        pairs = [(one if isinstance(one, str) else _label(one), _read(one)) for one in priors]
    else:
        raise TypeError(f"priors must be names or LagPrior objects, but got {priors!r}.")
    if not pairs:
        raise ValueError("priors must name one prior at least, but it is empty.")
    labels = [label for label, _ in pairs]
    twice = [label for label in labels if labels.count(label) > 1]
    if twice:
        raise ValueError(
            f"priors must differ, but got {twice[0]!r} more than once. Give them as a mapping, "
            "whose keys are their labels."
        )
    return dict(sorted(pairs))


def named_prior(name: str) -> LagPrior:
    """Return the prior of a name, with all of its hyperparameters "auto"."""
    if name not in PRIORS:
        raise ValueError(f"priors must be among {sorted(PRIORS)}, but got {name!r}.")
    return _with_auto(PRIORS[name])


def _with_auto(kind: type[LagPrior]) -> LagPrior:
    plain = kind(**{each.name: "auto" for each in fields(kind) if each.default is MISSING})
    return plain.with_values(**dict.fromkeys(plain.hyperparameters, "auto"))


def _read(one: Any) -> LagPrior:
    if isinstance(one, type) and issubclass(one, LagPrior):
        return _with_auto(one)
    if isinstance(one, LagPrior):
        one.settled()  # raises where "auto" cannot be chosen
        return one
    if isinstance(one, str):
        return named_prior(one)
    raise TypeError(f"priors must be names or LagPrior objects, but got {one!r}.")


def _label(one: Any) -> str:
    """Return the name of an object's kind if it has one and all is "auto", else what it is."""
    prior = _read(one)
    names = [name for name in PRIORS if named_prior(name) == prior]
    return names[0] if names else repr(prior).replace("'", "")
