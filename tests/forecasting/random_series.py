"""Series of many kinds, and how far a forecast of them may go."""

import numpy as np

HORIZON = 100


def inner_step(rng, t):
    """Return a step after which others follow: a jump at the end may be the start of a trend."""
    return rng.integers(1, len(t) - 1)


def trend(rng, t):
    return 10 ** rng.uniform(-3, 1) * t + rng.normal(size=len(t))


def line(rng, t):
    return rng.normal() + rng.normal() * t


def season(rng, t):
    wave = np.sin(2 * np.pi * t / rng.integers(2, 25))
    return 10 * rng.uniform() * wave + 10 ** rng.uniform(-2, 0.5) * rng.normal(size=len(t))


def growing_season(rng, t):
    wave = 10 + 3 * np.sin(2 * np.pi * t / 12)
    return (1 + 0.02 * t) * wave + rng.uniform(0, 2) * rng.normal(size=len(t))


def jump(rng, t):
    return rng.normal(size=len(t)) + 10 ** rng.uniform(0, 3) * (t >= inner_step(rng, t))


def constant(rng, t):
    return np.full(len(t), 10 ** rng.uniform(-3, 6))


def outlier(rng, t):
    return rng.normal(size=len(t)) + 1e6 * (t == inner_step(rng, t))


def near_unit_root(rng, t):
    noise, root = rng.normal(size=len(t)), rng.uniform(0.95, 1.02)
    return np.array([np.sum(root ** (s - t[: s + 1]) * noise[: s + 1]) for s in t])


def bursts(rng, t):
    return np.exp(1.5 * rng.normal(size=len(t))) * (rng.uniform(size=len(t)) < 0.4)


KINDS = [
    trend,
    line,
    season,
    growing_season,
    jump,
    constant,
    outlier,
    near_unit_root,
    bursts,
]


def random_series(rng, n_series):
    """Yield series of all kinds in turn, some of them with a trend or an outlier more."""
    for i in range(n_series):
        kind = KINDS[i % len(KINDS)]
        t = np.arange(rng.integers(24, 150))
        y = kind(rng, t)
        if rng.uniform() < 0.3 and kind is not constant:
            y = y + 0.3 * rng.normal() * t
        if rng.uniform() < 0.15:
            y = y + 1e6 * rng.choice([-1, 1]) * (t == inner_step(rng, t))
        yield kind.__name__, y


def excess(y, forecasts):
    """Return how far forecasts leave the range of a series, as a share of what they may.

    They may go as far as ten times its width or, where the series itself grows so, on as steeply as
    it ever was over a quarter of its length.
    """
    quarter = len(y) // 4
    steepest = np.abs(y[quarter:] - y[:-quarter]).max() / quarter
    allowed = max(10 * np.ptp(y), HORIZON * steepest, 1e-9 * np.abs(y).max())
    return np.maximum(forecasts - y.max(), y.min() - forecasts).max() / allowed
