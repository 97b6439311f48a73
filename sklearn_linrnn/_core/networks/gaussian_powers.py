r"""Powers of a real Gaussian matrix: the means that a tangent kernel takes, exact at any width.

Let ``A`` be ``n x n`` with entries ``N(0, 1/n)``, ``tau`` the trace over ``n``, and ``P = tr A^m``
with ``m = j + 1``. The shares of a kernel at lag ``j`` are norms of the derivatives of ``P`` by the
entries of ``A``,

    |grad P|^2 = n m^2 tau(A^j^T A^j),
    |Hess P|^2 = n^2 m^2 sum_{i < j, l < j} tau(A^i A^l^T) tau(A^{j-1-i}^T A^{j-1-l}) .

With the variances ``a_r`` of the parts of degree ``r`` of the Hermite expansion of ``P``, the means
of these norms are ``n sum_r r a_r`` and ``n^2 sum_r r (r - 1) a_r``.

``exp(Delta / 2n) P`` is that expansion, with the Laplacian by the entries. ``P`` is the sum of the
characters of ``GL(n)`` of the hooks of size ``m``, with alternating signs. Under ``O(n)`` each
falls into irreducible parts, hooks ``(alpha | beta)``, arm and leg, of size ``M``, none twice.
``Delta`` commutes with ``O(n)`` on both sides and leaves the parts apart. In degree ``r = M + 2i``
a part is in the characters of ``(alpha + 2i | beta)`` and ``(alpha + 2i - 1 | beta + 1)`` alone.
``Delta`` takes their coefficients ``a`` and ``b`` to degree ``r - 2`` by

    a <- x a + w b,    b <- (x - w - 2r) b,
    x = 2i (n + 2 alpha + 2i),    w = 2 (n + alpha - beta - 1) M / (r - 2) .

They begin in degree ``m`` as 1 and -1, or as 1 alone where ``M = m``. The character of ``(a | b)``
has the variance ``r a! b! dim / n^r`` within a part, whose dimension is [1]_

    dim = (n + 2 alpha) / (M alpha! beta!)
          prod_{i=1}^{beta} (n + alpha - i) prod_{i=0}^{alpha-1} (n - beta - 1 + i) .

The user guide derives this.

References
----------
.. [1] N. El Samra, R. C. King, "Dimensions of irreducible representations of the classical Lie
   groups", Journal of Physics A 12, 1979.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def mean_multiples(lag: int, n: int) -> tuple[float, float]:
    """Return the means of ``tau(A^j^T A^j)`` and of the double sum over ``j``; 1 in the limit."""
    m = lag + 1
    r = np.arange(m, 0, -2)
    of_gradient = r * hermite_variances(m, n) / m**2
    return float(of_gradient.sum()), float(((r - 1) * of_gradient).sum()) / max(lag, 1)


def hermite_variances(m: int, n: int) -> Floats:
    """Return ``a_r`` of ``tr A^m`` for ``r = m, m - 2, ...`` above zero; exact but for rounding."""
    alpha, beta = _parts(m)
    size, scale, rising = alpha + beta + 1, _scale(alpha, beta, n), _rising_factorials(m, n)
    # The sum a + b and -b are positive, so that nothing cancels.
    is_alone = (size == m) | (size == 0)
    total, less = is_alone.astype(np.float64), (~is_alone).astype(np.float64)
    variances = []
    for r in range(m, 0, -2):
        live = slice(np.searchsorted(size, r, side="right"))
        alpha, beta, size, scale = alpha[live], beta[live], size[live], scale[live]
        total, less = total[live], less[live]
        arm = alpha + r - size
        squares = (total + less) ** 2 + (beta + 1) / np.maximum(arm, 1) * less**2
        variances.append(r * (scale * rising[alpha + 1, r - size] * squares).sum())
        if r > 2:
            x, w = (r - size) * (n + alpha + arm), 2 * (n + alpha - beta - 1) * size / (r - 2)
            steps = n * (m - r + 2)  # 2n, and the number of this power of the Laplacian
            total, less = (x * total + 2 * r * less) / steps, (x - w - 2 * r) * less / steps
    return np.array(variances)


def _parts(m: int) -> tuple[Integers, Integers]:
    """Return ``alpha`` and ``beta`` of all parts of ``tr A^m``, small ones first.

    The trivial part, of size 0, counts as (-1 | 0).
    """
    alpha, beta = np.indices((m + 1, m)).reshape(2, -1) - [[1], [0]]
    size = alpha + beta + 1
    is_part = (size <= m) & ((m - size) % 2 == 0) & ((alpha >= 0) | (beta == 0))
    order = np.argsort(size[is_part], kind="stable")
    return alpha[is_part][order], beta[is_part][order]


def _scale(alpha: Integers, beta: Integers, n: int) -> Floats:
    """Return ``alpha! beta! dim / n^M`` of parts."""
    first, second = np.arange(-1, alpha.max() + 1)[:, None], np.arange(beta.max() + 1)[:, None]
    legs = _products(1.0 + (first - np.arange(1, beta.max() + 1)) / n)[alpha + 1, beta]
    arms = _products(1.0 + (np.arange(alpha.max()) - second - 1) / n)[beta, np.maximum(alpha, 0)]
    size = alpha + beta + 1
    return np.where(size > 0, (1.0 + 2.0 * alpha / n) / np.maximum(size, 1), 1.0) * legs * arms


def _rising_factorials(m: int, n: int) -> Floats:
    """Return ``(alpha + k)! / (alpha! n^k)``, of ``alpha`` from -1 on in rows; ``(-1)! = 1``."""
    return _products(np.maximum(np.arange(-1.0, m)[:, None] + np.arange(1, m + 1), 1.0) / n)


def _products(factors: Floats) -> Floats:
    """Return the products of the first 0, 1, ... factors of each row."""
    first = np.ones((len(factors), 1))
    return np.cumprod(np.concatenate([first, factors], axis=1), axis=1)
