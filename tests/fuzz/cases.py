"""Calls of an estimator: a case says in a few words what it is made from, and makes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from .arrays import (
    CONTAINERS,
    FILLS,
    ORDINARY_CONTAINERS,
    ORDINARY_TYPES,
    TYPES,
    Array,
    cast,
    fills,
    mostly,
    to_numbers,
)

FORMS = ["windows", "steps", "sequences", "panel", "panel of steps", "list"]
RECORDED = {"steps", "sequences", "panel of steps", "list"}  # a target at every time step
ODD_FORMS = ["flat", "no axis", "four axes", "ragged", "nothing"]

WEIGHTS: dict[str, Callable[[np.random.Generator, int], Any]] = {
    "none": lambda rng, n: None,
    "ones": lambda rng, n: np.ones(n),
    "some": lambda rng, n: rng.uniform(0.1, 2.0, n),
    "whole": lambda rng, n: rng.integers(0, 3, n),
    "series": lambda rng, n: pd.Series(rng.uniform(0.1, 2.0, n)),
    "list": lambda rng, n: rng.uniform(0.1, 2.0, n).tolist(),
    "one alone": lambda rng, n: np.arange(n) == n // 2,
    "zero": lambda rng, n: np.zeros(n),
    "negative": lambda rng, n: rng.normal(size=n),
    "missing": lambda rng, n: np.full(n, np.nan),
    "infinite": lambda rng, n: np.full(n, np.inf),
    "smallest": lambda rng, n: np.full(n, 1e-308),
    "largest": lambda rng, n: np.full(n, 1e300),
    "many orders": lambda rng, n: np.exp(50.0 * rng.normal(size=n)),
    "too few": lambda rng, n: np.ones(max(n - 1, 0)),
    "two axes": lambda rng, n: np.ones((n, 2)),
    "names": lambda rng, n: ["a"] * n,
    "number": lambda rng, n: 2.0,
}
IDS: dict[str, Callable[[np.random.Generator, int], Any]] = {
    "in order": lambda rng, n: np.arange(n) // max(n // 3, 1),
    "mixed": lambda rng, n: rng.integers(0, 3, n),
    "names": lambda rng, n: np.array(["a", "b"])[np.arange(n) % 2],
    "series": lambda rng, n: pd.Series(np.arange(n) // 4),
    "list": lambda rng, n: (np.arange(n) // 4).tolist(),
    "one": lambda rng, n: np.zeros(n, dtype=bool),
    "each its own": lambda rng, n: np.arange(n),
    "missing": lambda rng, n: np.where(np.arange(n) < n // 2, np.nan, 1.0),
    "objects": lambda rng, n: np.array([None, 1, "a"] * n, dtype=object)[:n],
    "too few": lambda rng, n: np.zeros(max(n - 1, 0)),
    "two axes": lambda rng, n: np.zeros((n, 2)),
    "number": lambda rng, n: 3,
}


@dataclass(frozen=True)
class Part:
    """An array of a case: how it is filled, of what type it is, and what it is passed in."""

    fill: str
    dtype: str
    container: str

    def numbers(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Return the numbers."""
        return cast(FILLS[self.fill](rng, shape), self.dtype)

    def contain(self, numbers: Array | list[Array]) -> Any:
        """Return numbers, or a list of them, in the container."""
        contain = CONTAINERS[self.container]
        if isinstance(numbers, list):
            return [contain(part) for part in numbers]
        return contain(numbers)


@dataclass(frozen=True)
class Call:
    """What is passed, and the numbers of X, as an array or a list of them."""

    X: Any
    y: Any
    sample_weight: Any
    sequence_id: Any
    inputs: Any

    def fit_arguments(self, *, weighted: bool = True) -> dict[str, Any]:
        """Return what is passed to `fit`."""
        weight = {"sample_weight": self.sample_weight} if weighted else {}
        given = {**weight, "sequence_id": self.sequence_id}
        return {"X": self.X, "y": self.y} | {k: v for k, v in given.items() if v is not None}

    def predict_arguments(self) -> dict[str, Any]:
        """Return what is passed to `predict`."""
        given = {} if self.sequence_id is None else {"sequence_id": self.sequence_id}
        return {"X": self.X, **given}


@dataclass(frozen=True)
class Case:
    """What a call of an estimator is made from."""

    form: str
    n: int
    n_timesteps: int
    n_channels: int
    n_outputs: int  # 0 for a y without an axis of them
    X: Part
    y: Part
    weights: str
    ids: str
    spare_targets: int
    seed: int
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, Any]:
        """The parameters, with those that the form needs."""
        needed: dict[str, Any] = {}
        if self.form in ("steps", "sequences"):
            needed = {"rows": "timesteps", "n_lags": 2}
        elif self.form == "list":
            needed = {"n_lags": 2}
        elif self.form == "windows":
            needed = {"n_channels": self.n_channels}
        return needed | self.parameters

    @property
    def is_recorded(self) -> bool:
        """Whether there is a target at every time step."""
        return self.form in RECORDED

    def call(self) -> Call:
        """Return what is passed to the estimator."""
        rng = np.random.default_rng(self.seed)
        inputs = self._inputs(rng)
        y = self._targets(rng, inputs)
        X = inputs.tolist() if self.form == "ragged" else self.X.contain(inputs)
        weights = WEIGHTS[self.weights](rng, self.n)
        ids = IDS[self.ids](rng, self.n) if self.form == "sequences" else None
        return Call(X, self.y.contain(y), weights, ids, inputs)

    def part(self, call: Call) -> tuple[Call, Any] | None:
        """Return a call with some of the rows, and how to find their predictions in all of them."""
        inputs, n = call.inputs, self.n
        first_steps = slice(0, max(1, self.n_timesteps // 2))
        if self.form == "panel of steps":
            place: Any = (slice(0, 1), first_steps)
            axes = (slice(0, 1), slice(None), first_steps)
            inputs = inputs[axes if self.settings.get("layout") == "nct" else place]
        elif self.form == "list":
            place = slice(0, 1)
            inputs = inputs[place]
        elif n >= 2 and self.form in FORMS:
            place = slice(0, n // 2) if self.is_recorded else slice(1, n, 2)
            inputs = inputs[place]
        else:
            return None
        ids = None if call.sequence_id is None else np.asarray(call.sequence_id)[place]
        return Call(self.X.contain(inputs), None, None, ids, inputs), place

    def may_be_unknown(self, call: Call) -> bool:
        """Whether predictions may be NaN: where an input is missing, or what was before it."""
        if self.settings.get("initial_state") == "unknown":
            return self.is_recorded
        parts = call.X if isinstance(call.inputs, list) else [call.X]
        numbers = [to_numbers(part) for part in parts]
        return self.is_recorded and any(
            part is not None and np.isnan(part).any() for part in numbers
        )

    def plain(self, call: Call) -> Call | None:
        """Return the same call with arrays of numbers alone; None where that is nothing certain."""
        if isinstance(call.inputs, list):
            X: Any = [to_numbers(part) for part in call.X]
            y: Any = [to_numbers(part) for part in call.y]
            known = all(part is not None for part in X + y)
        else:
            X, y = to_numbers(call.X), to_numbers(call.y)
            known = X is not None and y is not None
        return Call(X, y, call.sample_weight, call.sequence_id, X) if known else None

    def pieces(self, call: Call) -> Iterator[tuple] | None:
        """Return the same data in two pieces; None where they are not certain to mean the same."""
        plain = self.plain(call)
        if plain is None or self.form not in FORMS or self.form == "sequences" or self.n < 2:
            return None
        if self.weights not in ("none", "ones", "some", "whole", "list"):
            return None
        given = [each for each in (plain.X, plain.y, call.sample_weight) if each is not None]
        half = self.n // 2
        return iter([tuple(each[:half] for each in given), tuple(each[half:] for each in given)])

    def _shape(self) -> tuple[int, ...]:
        n, t, c = self.n, self.n_timesteps, self.n_channels
        shapes = {
            "windows": (n, t * c), "steps": (n, c), "sequences": (n, c), "panel": (n, t, c),
            "panel of steps": (n, t, c), "flat": (n,), "no axis": (), "four axes": (n, t, c, 1),
        }  # fmt: skip
        return shapes.get(self.form, (n, t))

    def _inputs(self, rng: np.random.Generator) -> Any:
        if self.form == "list":
            lengths = rng.integers(max(self.n_timesteps - 2, 0), self.n_timesteps + 3, self.n)
            return [self.X.numbers(rng, (int(length), self.n_channels)) for length in lengths]
        if self.form == "ragged":
            return np.array([[1.0] * (1 + i % 2) for i in range(self.n)], dtype=object)
        if self.form == "nothing":
            return np.array(None, dtype=object)
        return self.X.numbers(rng, self._shape())

    def _targets(self, rng: np.random.Generator, inputs: Any) -> Any:
        outputs = (self.n_outputs,) if self.n_outputs else ()
        if self.form == "list":
            lengths = [len(part) for part in inputs][: len(inputs) - self.spare_targets]
            return [self.y.numbers(rng, (length, *outputs)) for length in lengths]
        rows = max(self.n + self.spare_targets, 0)
        if self.form == "panel of steps":
            return self.y.numbers(rng, (rows, self.n_timesteps, max(self.n_outputs, 1)))
        return self.y.numbers(rng, (rows, *outputs))


def parts() -> st.SearchStrategy[Part]:
    """Return what an array may be."""
    return st.builds(
        Part,
        fill=fills(),
        dtype=mostly(ORDINARY_TYPES, TYPES, 8),
        container=mostly(["array", *ORDINARY_CONTAINERS], list(CONTAINERS), 8),
    )


def cases(parameters: dict[str, list]) -> st.SearchStrategy[Case]:
    """Return cases of an estimator that has such parameters, each with a few values of them."""
    pairs = [(name, value) for name, values in parameters.items() for value in values]
    settings = st.lists(st.sampled_from(pairs), max_size=3).map(dict)
    return st.builds(
        Case,
        form=mostly(FORMS, ODD_FORMS, 12),
        n=mostly(list(range(8, 30)), list(range(8)), 6),
        n_timesteps=mostly([3, 4, 5, 6], [0, 1, 2, 12], 5),
        n_channels=mostly([1, 2], [0, 3, 5], 10),
        n_outputs=mostly([0, 1, 2], [3], 8),
        X=parts(),
        y=parts(),
        weights=mostly(["none", "none", "none", "some"], list(WEIGHTS), 4),
        ids=mostly(["in order", "mixed", "names"], list(IDS), 4),
        spare_targets=mostly([0], [-1, 1], 20),
        seed=st.integers(0, 2**16),
        parameters=settings,
    )
