r"""How the transition matrix of a linear RNN is initialised.

All initialisations have the same scale: ``A = n^{-1/2} W`` keeps the share ``nu_w`` of the square
of a random state at each time step. They differ in what is left after many time steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

TransitionInit = (
    Literal["gaussian", "orthogonal", "identity"]
    | Callable[[int, float, np.random.Generator], ArrayLike]
)


def draw_transition(
    kind: TransitionInit, n_hidden: int, nu_w: float, generator: torch.Generator
) -> Tensor:
    r"""Draw the initial transition matrix ``W`` of a linear RNN.

    Parameters
    ----------
    kind : {"gaussian", "orthogonal", "identity"} or callable
        - "gaussian": ``W_ij ~ N(0, nu_w)``, as in the theory.
        - "orthogonal": ``A = n^{-1/2} W`` is ``sqrt(nu_w)`` times an orthogonal matrix, uniform
          over all of them [1]_: all states keep the same share of their square.
        - "identity": ``A`` is ``sqrt(nu_w)`` times the identity: states only decay [2]_.
        - ``kind(n_hidden, nu_w, rng)`` returns ``W``, array-like of shape (n_hidden, n_hidden);
          ``rng`` is a NumPy generator seeded by ``generator``.
    n_hidden : int
        Number of hidden units ``n``.
    nu_w : float
        Mean square of the entries of ``W``; not negative.
    generator : torch.Generator
        The source of all random numbers; on the CPU.

    Returns
    -------
    transition : Tensor of shape (n_hidden, n_hidden)
        ``W`` in float64, on the CPU, stored by rows.

    Raises
    ------
    ValueError
        If ``kind`` is unknown, or what it returns is not a finite matrix of that shape.

    References
    ----------
    .. [1] F. Mezzadri, "How to generate random matrices from the classical compact groups",
       Notices of the AMS 54, 2007.
    .. [2] Q. V. Le, N. Jaitly, G. E. Hinton, "A simple way to initialize recurrent networks of
       rectified linear units", 2015, arXiv:1504.00941.

    Examples
    --------
    >>> import torch
    >>> from sklearn_linrnn._core.networks.initialisation import draw_transition
    >>> W = draw_transition("orthogonal", 100, 0.25, torch.Generator().manual_seed(0))
    >>> A = W / 100**0.5
    >>> torch.allclose(A @ A.T, 0.25 * torch.eye(100, dtype=torch.float64))
    True
    """
    if callable(kind):
        return _called(kind, n_hidden, nu_w, generator)
    if kind == "gaussian":
        return _normal(n_hidden, generator).mul_(nu_w**0.5)
    if kind == "orthogonal":
        return _orthogonal(n_hidden, generator).mul_((n_hidden * nu_w) ** 0.5)
    if kind == "identity":
        return torch.eye(n_hidden, dtype=torch.float64).mul_((n_hidden * nu_w) ** 0.5)
    raise ValueError(
        "transition_init must be 'gaussian', 'orthogonal', 'identity' or a callable, but "
        f"got {kind!r}."
    )


def _normal(n_hidden: int, generator: torch.Generator) -> Tensor:
    return torch.randn((n_hidden, n_hidden), generator=generator, dtype=torch.float64)


def _orthogonal(n_hidden: int, generator: torch.Generator) -> Tensor:
    Q, R = torch.linalg.qr(_normal(n_hidden, generator))
    # Only with a positive diagonal of R, which LAPACK does not promise, is Q uniform. LAPACK stores
    # it by columns, which PyTorch's L-BFGS does not take.
    return Q.mul_(torch.where(R.diagonal() < 0, -1.0, 1.0)).contiguous()


def _called(
    kind: Callable[[int, float, np.random.Generator], ArrayLike],
    n_hidden: int,
    nu_w: float,
    generator: torch.Generator,
) -> Tensor:
    seed = int(torch.randint(2**62, (), generator=generator))
    transition = np.asarray(kind(n_hidden, nu_w, np.random.default_rng(seed)))
    if transition.shape != (n_hidden, n_hidden) or transition.dtype.kind not in "fiu":
        raise ValueError(
            f"transition_init must return real numbers of shape ({n_hidden}, {n_hidden}), but "
            f"got shape {transition.shape} of dtype {transition.dtype}."
        )
    if not np.isfinite(transition).all():
        raise ValueError("transition_init must return finite numbers, but got NaN or infinity.")
    return torch.tensor(transition, dtype=torch.float64)
