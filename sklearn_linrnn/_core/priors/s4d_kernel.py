r"""The tangent kernel between lags of a wide diagonal state-space model, S4D.

    H_j = m^{-1/2} sum_i 2 Re sum_n C_in b_in lambda_in^j

of ``m`` copies ``i``, each with a step ``dt`` of its own and the poles ``lambda_n = exp(dt A_n)``,
held between samples: ``b_n = (lambda_n - 1) / A_n``. At initialisation ``log dt`` is uniform on
``[log dt_min, log dt_max]``, ``C`` complex Gaussian with ``nu_c = E|C|^2``, and ``A_n = -1/2 + i
w_n``; ``C``, ``log dt``, ``log(-Re A)`` and ``Im A`` are trained. With the derivatives

    X_j = b lambda^j                                   by C, up to factors
    Y_j = lambda^j (db/dA + j dt b)                    by A
    Z_j = dt lambda^j (lambda + j (lambda - 1))        by log dt

the kernel is ``K[j, k] = sum_n E Re[4 X_j X_k* + 2 nu_c (Re^2 A + 1) Y_j Y_k* + 2 nu_c Z_j Z_k*]``,
the mean over ``dt``.

With ``q = j - k`` each term is ``exp(-dt (j + k)/2) Re[(x_0 + j x_1 + k x_1* + j k x_2) exp(i w q
dt)]``. The mean over ``log dt`` is by `OscillatingRule` on intervals on which the rest is smooth.
The ``x`` of poles that turn much in a step oscillate as ``lambda`` does: for them the rule
integrates the kernel of step responses, of which ``K`` is the difference in both lags. Its ``x``
are powers of ``dt`` times numbers of the poles, over which the phases are summed first. That would
cost poles near 1 their digits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.priors.oscillating_rule import OscillatingRule, nodes_needed

DECAY = 0.5  # -Re A at initialisation
NARROW = 1e-6  # of log dt: a range that is next to none, and a step of differences
SHARED_LAGS = 256  # up to which integrals over whole parts are kept, of 1 MiB each at most
KEPT = 96  # parts: of steps from 1e-6 to 10, for kernels and variances
TURNS = 0.3  # |A dt| from which differences of step responses keep their digits
GONE = 750.0  # decay times after which a variance is zero in float64
Frequencies = tuple[float, ...]
Rows = tuple[NDArray[np.float64], NDArray[np.float64]]  # nodes and terms
# Of frequencies, n_lags, begin, end and dt_min: integrals over a part of a range.
OfPart = Callable[[Frequencies, int, float, float, float], NDArray[np.float64]]


@lru_cache(maxsize=2)
def s4d_shares(
    frequencies: Frequencies, n_lags: int, dt_min: float, dt_max: float
) -> NDArray[np.float64]:
    """Return the shares of the readout and of the poles, (2, n_lags, n_lags), read-only.

    The kernel is the first plus ``nu_c`` times the second.

    Parameters
    ----------
    frequencies : tuple of float
        ``w_n``, not negative.
    n_lags : int
        Number of lags; lag 0 is the present time step.
    dt_min, dt_max : float
        Ends of the range of steps, positive.
    """
    if dt_min == dt_max:
        return s4d_shares_at(frequencies, n_lags, dt_min)
    total = _summed(_part_shares, frequencies, n_lags, dt_min, dt_max)
    shares = total / _log_ratio(dt_max, dt_min)
    shares.setflags(write=False)
    return shares


def s4d_variances(
    frequencies: Frequencies, n_lags: int, dt_min: float, dt_max: float
) -> NDArray[np.float64]:
    """Return the diagonals of `s4d_shares`, (2, n_lags), for a small part of the work."""
    if dt_min == dt_max:
        return np.einsum("vjj->vj", s4d_shares_at(frequencies, n_lags, dt_min))
    total = _summed(_part_variances, frequencies, n_lags, dt_min, dt_max)
    return total / _log_ratio(dt_max, dt_min)


def s4d_shares_at(frequencies: Frequencies, n_lags: int, dt: float) -> NDArray[np.float64]:
    """Return the shares of models whose steps are all ``dt``."""
    turn = np.multiply.outer(dt * np.arange(n_lags, dtype=np.float64), np.array(frequencies))
    nodes = np.array([dt])
    return _assembled(
        nodes, _terms(np.array(frequencies), nodes, np.cos(turn)[None], np.sin(turn)[None])
    )


def s4d_share_slopes(
    frequencies: Frequencies, n_lags: int, end: float, other_end: float
) -> NDArray[np.float64]:
    """Return the derivatives of the shares by one end of the range of steps.

    The mean over a range moves with an end towards its value there. Where the range is next to
    none, it moves by half as much as that value.
    """
    width = _log_ratio(end, other_end)
    if abs(width) < NARROW:
        centre = np.sqrt(end * other_end)
        sides = [s4d_shares_at(frequencies, n_lags, centre * np.exp(s)) for s in (NARROW, -NARROW)]
        return (sides[0] - sides[1]) / (4 * NARROW * end)
    mean = s4d_shares(frequencies, n_lags, min(end, other_end), max(end, other_end))
    return (s4d_shares_at(frequencies, n_lags, end) - mean) / (end * width)


def _log_ratio(one: float, other: float) -> float:
    """Return ``ln(one / other)``, with all digits of numbers near each other and far apart."""
    if one < other:
        return -_log_ratio(other, one)
    return float(np.log1p((one - other) / other))


def _summed(
    of_part: OfPart, frequencies: Frequencies, n_lags: int, dt_min: float, dt_max: float
) -> NDArray[np.float64]:
    """Return the sum over the parts of a range of integrals for so many lags.

    Most ranges have the same parts, from one `edge` to the next: up to `SHARED_LAGS` these are
    kept.
    """
    total: Any = 0.0
    first = slice(n_lags)
    for begin, end in _intervals(dt_min, dt_max):
        exponent = _exponent(begin)
        if (begin, end) == (edge(exponent), edge(exponent + 1)) and n_lags <= SHARED_LAGS:
            part = _shared(of_part, frequencies, 1 << (n_lags - 1).bit_length(), exponent)
            total = total + (part[:, first] if part.ndim == 2 else part[:, first, first])
        else:
            total = total + of_part(frequencies, n_lags, begin, end, dt_min)
    return total


@lru_cache(maxsize=KEPT)
def _shared(
    of_part: OfPart, frequencies: Frequencies, n_lags: int, exponent: int
) -> NDArray[np.float64]:
    begin = edge(exponent)
    return of_part(frequencies, n_lags, begin, edge(exponent + 1), begin)


def _part_shares(
    frequencies: Frequencies, n_lags: int, begin: float, end: float, dt_min: float
) -> NDArray[np.float64]:
    """Return the integrals of the shares over a part, (2, n_lags, n_lags)."""
    slow, fast = _rows(frequencies, n_lags, n_lags + 1, begin, end, dt_min)
    total = np.zeros((2, n_lags, n_lags))
    if slow:
        total += _assembled(*slow)[:, :-1, :-1]
    if fast:
        total += np.diff(np.diff(_assembled(*fast), axis=1), axis=2)
    return total


def _part_variances(
    frequencies: Frequencies, n_lags: int, begin: float, end: float, dt_min: float
) -> NDArray[np.float64]:
    """Return their diagonals, (2, n_lags)."""
    slow, fast = _rows(frequencies, n_lags, 2, begin, end, dt_min)
    total = np.zeros((2, n_lags))
    if slow:
        total += _by_lesser(*slow, n_lags)[..., 0]
    if fast:
        own, beside = np.moveaxis(_by_lesser(*fast, n_lags + 1), 2, 0)
        total += own[:, 1:] - 2 * beside[:, :-1] + own[:, :-1]
    return total


def _rows(
    frequencies: Frequencies,
    n_lags: int,
    n_differences: int,
    begin: float,
    end: float,
    dt_min: float,
) -> tuple[Rows | None, Rows | None]:
    """Return those of `_piece` of a part of a range, for so many lags and their differences."""
    last = min(n_lags, GONE / dt_min)
    pieces = [
        _piece(frequencies, n_differences, *piece) for piece in _halved(begin, end, dt_min, last)
    ]
    slow, fast = zip(*pieces, strict=True)
    return _joined(slow), _joined(fast)


def _joined(pieces: Sequence[Rows | None]) -> Rows | None:
    rows = [piece for piece in pieces if piece]
    if not rows:
        return None
    nodes, terms = zip(*rows, strict=True)
    return np.concatenate(nodes), np.concatenate(terms)


def edge(exponent: int) -> float:
    """Return a power of the root of two: where the parts of ranges end, but for the outer ones."""
    return float(np.exp2(exponent / 2))


def _exponent(step: float) -> int:
    return round(2 * float(np.log2(step)))


def _intervals(begin: float, end: float) -> Iterator[tuple[float, float]]:
    """Return parts of an interval, from one edge to the next but at its ends."""
    first = int(np.ceil(2 * np.log2(begin) + 0.5))
    last = int(np.floor(2 * np.log2(end) - 0.5))
    return pairwise([begin, *map(edge, range(first, last + 1)), end])


def _halved(
    begin: float, end: float, dt_min: float, n_lags: float
) -> Iterator[tuple[float, float, int]]:
    """Return parts of an interval, with the number of nodes that has the digits of all lags.

    The variance of lag ``j`` falls as ``exp(-dt_min j)``: digits count relative to that.
    """
    if n_nodes := nodes_needed(begin, end, dt_min, n_lags + TURNS / begin):
        yield begin, end, n_nodes
    else:
        centre = begin / 2 + end / 2  # whose sum may overflow
        yield from _halved(begin, centre, dt_min, n_lags)
        yield from _halved(centre, end, dt_min, n_lags)


@lru_cache(maxsize=96)
def _piece(
    frequencies: Frequencies, n_differences: int, begin: float, end: float, n_nodes: int
) -> tuple[Rows | None, Rows | None]:
    """Return nodes and terms, for `_assembled`, of slow poles, and of fast ones' step responses.

    None where there are no such poles.
    """
    every = np.array(frequencies)
    is_slow = np.hypot(DECAY, every) * begin <= TURNS
    slow, fast = every[is_slow], every[~is_slow]
    of_slow = of_fast = None
    if len(slow):
        rule = OscillatingRule.on(slow, n_differences, begin, end, n_nodes)
        of_slow = rule.nodes, _terms(slow, rule.nodes, *rule.weights())
    if len(fast):
        rule = OscillatingRule.on(fast, n_differences, begin, end, n_nodes)
        of_fast = rule.nodes, _step_terms(fast, rule)
    return of_slow, of_fast


def _terms(
    frequencies: NDArray, nodes: NDArray, real: NDArray, imaginary: NDArray
) -> NDArray[np.float64]:
    """Return the terms of the kernel, as `_assembled` needs them.

    Parameters
    ----------
    frequencies : ndarray of shape (n_frequencies,)
        ``w``.
    nodes : ndarray of shape (n_nodes,)
        ``dt``.
    real, imaginary : ndarray of shape (n_nodes, n_lags, n_frequencies)
        Parts of the weights of the nodes for each lag and frequency.

    Returns
    -------
    terms : ndarray of shape (n_nodes, 4, n_lags)
        Sums over the frequencies: of the readout, and of the poles without a factor, with ``j + k``
        and with ``j k``.
    """
    pole, nodes = -DECAY + 1j * frequencies, nodes[:, None]
    step = pole * nodes
    rise, decayed = np.expm1(step), np.exp(step)
    b, b_slope = rise / pole, _held_slope(step, decayed, rise) * nodes**2
    factor, square = 2 * (DECAY**2 + 1), np.square(nodes)
    both = factor * nodes * b * b_slope.conj() + 2 * square * rise * decayed.conj()
    plain = factor * _squared(b_slope) + 2 * square * _squared(decayed)
    product = square * (factor * _squared(b) + 2 * _squared(rise))
    each = np.stack([4 * _squared(b), plain, both.real, product], axis=1)
    terms = each @ real.mT
    # Of ``j both + k both*`` the imaginary part has the factor ``i q``.
    terms[:, 1] -= np.arange(real.shape[1]) * (imaginary @ both.imag[..., None])[..., 0]
    return terms


def _held_slope(step: NDArray, decayed: NDArray, rise: NDArray) -> NDArray[np.complex128]:
    """Return ``d/dz ((exp(z) - 1)/z)`` of ``exp(z)`` and ``exp(z) - 1``, or by its series."""
    small = np.abs(step) < 0.5
    near = np.where(small, step, 0.0)
    series = np.polyval(SERIES, near)
    safe = np.where(small, 1.0, step)
    return np.where(small, series, (safe * decayed - rise) / safe**2)


SERIES = 1 / (np.arange(16.0, 0.0, -1) + 1) / np.cumprod(np.r_[1.0, np.arange(1.0, 16.0)])[::-1]


def _step_terms(frequencies: NDArray, rule: OscillatingRule) -> NDArray[np.float64]:
    """Return the terms of the kernel of step responses, as `_terms` does.

    They are ``lambda^j / A`` by the readout, ``lambda^j (j dt / A - 1 / A^2)`` by ``A`` and ``j dt
    lambda^j`` by ``log dt``.
    """
    factor, inverse = 2 * (DECAY**2 + 1), 1 / (DECAY**2 + np.square(frequencies))
    plain = factor * np.square(inverse)
    turned = -1j * frequencies * plain  # i times the imaginary part of what has the factor j
    numbers = np.stack([4 * inverse, plain, DECAY * plain, factor * inverse + 2, turned])
    readout, plain, both, product, turned = rule.real_sums(numbers).transpose(1, 2, 0)
    nodes = rule.nodes[:, None]
    plain = plain + np.arange(plain.shape[1]) * nodes * turned
    return np.stack([readout, plain, nodes * both, np.square(nodes) * product], axis=1)


def _squared(z: NDArray) -> NDArray[np.float64]:
    return np.square(z.real) + np.square(z.imag)


def _assembled(nodes: NDArray, terms: NDArray) -> NDArray[np.float64]:
    """Return both shares from the terms at the nodes, (2, n_lags, n_lags)."""
    n_lags = terms.shape[2]
    by_lesser = _by_lesser(nodes, terms, n_lags)
    return by_lesser.reshape(2, -1).take(_lesser_and_difference(n_lags), axis=1)


def _by_lesser(nodes: NDArray, terms: NDArray, n_lags: int) -> NDArray[np.float64]:
    """Return both shares by the lesser of two lags and their difference, (2, n_lags, n_terms)."""
    k, q = np.arange(n_lags)[:, None], np.arange(terms.shape[2])
    decayed = np.exp(-DECAY * np.multiply.outer(nodes, q))
    readout, plain, by_sum, by_product = np.einsum("ivq,iq->viq", terms, decayed)
    # DECAY is half of the decay of both together.
    falls = np.exp(-2 * DECAY * (k * nodes))
    poles = falls @ plain + (2 * k + q) * (falls @ by_sum) + k * (k + q) * (falls @ by_product)
    return np.stack([falls @ readout, poles])


@lru_cache(maxsize=8)
def _lesser_and_difference(n_lags: int) -> NDArray[np.intp]:
    """Return where a matrix by the lesser of two lags and their difference has them."""
    one, other = np.ogrid[:n_lags, :n_lags]
    return np.minimum(one, other) * n_lags + np.abs(one - other)
