"""How many cases are tried: a few that are always the same, or very many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import pytest
from hypothesis import HealthCheck, Phase, settings


@dataclass(frozen=True)
class Profile:
    """Settings of the cases of each of a kind, and of the functions that take arrays."""

    estimators: settings
    panels: settings
    forecasters: settings
    sums: settings
    kernels: settings
    studies: settings

    @classmethod
    def of(cls, *counts: int, derandomize: bool) -> Self:
        """Return the settings for so many cases of each."""
        return cls(*(_settings(count, derandomize=derandomize) for count in counts))


def _settings(max_examples: int, *, derandomize: bool) -> settings:
    return settings(
        max_examples=max_examples,
        derandomize=derandomize,
        database=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        print_blob=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


SHORT = Profile.of(60, 15, 10, 60, 40, 6, derandomize=True)
LONG = Profile.of(2800, 400, 500, 1000, 500, 200, derandomize=False)  # 20,000 in all

every_profile = pytest.mark.parametrize(
    "profile",
    [pytest.param(SHORT, id="short"), pytest.param(LONG, id="long", marks=pytest.mark.slow)],
)
