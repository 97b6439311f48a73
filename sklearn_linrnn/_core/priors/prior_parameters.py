"""Parameters of priors by name, also where a prior is one of another object: ``prior__nu_w``."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Self

SEPARATOR = "__"  # as in scikit-learn


class PriorParameters:
    """A frozen dataclass whose fields are parameters, as those of scikit-learn's estimators are."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name.

        Parameters
        ----------
        deep : bool, default=True
            Whether to return those of priors within this one, too, by names such as
            ``first__nu_w``.

        Returns
        -------
        params : dict of str to object
            The hyperparameters, and what else makes the prior.
        """
        params = {each.name: getattr(self, each.name) for each in fields(self) if each.init}  # type: ignore[arg-type]
        return with_inner_params(params) if deep else params

    def __sklearn_clone__(self) -> Self:
        return copy.deepcopy(self)  # priors of users may have more than parameters

    def with_params(self, **params: Any) -> Self:
        """Return the prior with other parameters: a copy, since a prior does not change.

        Estimators do this in their ``set_params``, which so takes ``prior__nu_w``.

        Parameters
        ----------
        **params : object
            Their values by name, as in `get_params`.

        Returns
        -------
        prior : same type
            A prior with these, and its own ones for the rest.

        Raises
        ------
        ValueError
            If the prior has no parameter of a name.
        """
        known = self.get_params(deep=False)
        changed = with_changed_priors(known, params)
        for name in changed:
            if name not in known:
                raise ValueError(
                    f"{type(self).__name__} has the parameters {sorted(known)}, but got {name!r}."
                )
        return replace(self, **changed)  # type: ignore[type-var]


def with_inner_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters, and those of priors among them by names such as ``prior__nu_w``."""
    found = dict(params)
    for name, value in params.items():
        if isinstance(value, PriorParameters):
            found |= {f"{name}{SEPARATOR}{inner}": own for inner, own in value.get_params().items()}
    return found


def with_changed_priors(known: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return changes of parameters, those of ``prior__nu_w`` as ``prior`` with another ``nu_w``.

    Parameters
    ----------
    known : mapping of str to object
        The parameters of the object that is changed. Other names are left to it.
    changes : mapping of str to object
        New values. Where ``prior`` has one, too, the others are changes of that.

    Raises
    ------
    ValueError
        If the parameter that is changed within is no prior object.
    """
    whole: dict[str, Any] = {}
    inner: dict[str, dict[str, Any]] = {}
    for name, value in changes.items():
        outer, separator, rest = name.partition(SEPARATOR)
        if separator and outer in known:
            inner.setdefault(outer, {})[rest] = value
        else:
            whole[name] = value
    for outer, params in inner.items():
        prior = whole.get(outer, known[outer])
        if not isinstance(prior, PriorParameters):
            raise ValueError(
                f"{outer}{SEPARATOR}{next(iter(params))} needs an object of sklearn_linrnn.priors "
                f"as {outer}, but got {prior!r}."
            )
        whole[outer] = prior.with_params(**params)
    return whole
