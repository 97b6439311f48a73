r"""Linear RNNs and impulse responses as state-space systems.

    x_{k+1} = A x_k + B u_k        y_k = C x_k + D u_k

A system has the response ``H_0 = D``, ``H_j = C A^{j-1} B``. The initial state is zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag, solve_discrete_lyapunov, svd, svdvals

from sklearn_linrnn._core.networks.parametrization import NTK, Factors
from sklearn_linrnn._core.tensors import whole_number


class StateSpace(NamedTuple):
    """Matrices of a system, in the order of `scipy.signal.dlti`.

    ``A (n_states, n_states)``, ``B (n_states, n_channels)``, ``C (n_outputs, n_states)`` and ``D
    (n_outputs, n_channels)``.
    """

    A: NDArray[np.float64]
    B: NDArray[np.float64]
    C: NDArray[np.float64]
    D: NDArray[np.float64]


def network_realisation(
    transition: NDArray,
    inputs: NDArray,
    readout: NDArray,
    coupling: NDArray | None = None,
    *,
    factors: Factors | None = None,
    start: Sequence[NDArray] | None = None,
) -> StateSpace:
    """Return a linear RNN as a system, whose state is the hidden state of the time step before.

    Parameters
    ----------
    transition : ndarray of shape (n_hidden, n_hidden) or (n_layers, n_hidden, n_hidden)
        ``W``.
    inputs : ndarray of shape (n_hidden, n_channels)
        ``F``.
    readout : ndarray of shape (n_outputs, n_hidden)
        ``C``.
    coupling : ndarray of shape (n_layers - 1, n_hidden, n_hidden), default=None
        ``U`` of further layers; ``None`` for one layer.
    factors : Factors, default=None
        Those in the equations; ``None`` for those of the theory.
    start : sequence of ndarray, default=None
        The same matrices of a network whose outputs are subtracted: the initial ones, if it is
        centred. ``None`` for nothing.

    Returns
    -------
    system : StateSpace
        ``n_hidden`` states for each layer, or twice as many if outputs are subtracted. Its response
        does not end at the last lag that the network was trained with.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_linrnn._core.networks.state_space import network_realisation
    >>> W, F, C = np.array([[0.5]]), np.array([[2.0]]), np.array([[3.0]])
    >>> network_realisation(W, F, C)
    StateSpace(A=array([[0.5]]), B=array([[2.]]), C=array([[1.5]]), D=array([[6.]]))
    """
    factors = NTK.equations(len(inputs)) if factors is None else factors
    couplings = [] if coupling is None else [coupling]
    network = _realise(factors, transition, inputs, readout, *couplings)
    if start is None:
        return network
    origin = _realise(factors, *start)
    return StateSpace(
        block_diag(network.A, origin.A),
        np.concatenate([network.B, origin.B]),
        np.concatenate([network.C, -origin.C], axis=1),
        network.D - origin.D,
    )


def delayed(system: StateSpace, delay: int) -> StateSpace:
    """Return a system whose inputs take some more time steps to act.

    Parameters
    ----------
    system : StateSpace
        The system.
    delay : int
        Number of time steps.

    Returns
    -------
    system : StateSpace
        Its further states are the last ``delay`` inputs.
    """
    if delay == 0:
        return system
    A, B, C, D = system
    n_states, n_channels = B.shape
    n_kept = delay * n_channels
    line = np.eye(n_kept, k=-n_channels)  # each input takes the place of the one before
    whole = block_diag(A, line)
    whole[:n_states, -n_channels:] = B
    first = np.concatenate([np.zeros(B.shape), np.eye(n_kept, n_channels)])
    last = np.concatenate([C, np.zeros((len(C), n_kept - n_channels)), D], axis=1)
    return StateSpace(whole, first, last, np.zeros(D.shape))


def _realise(factors: Factors, *matrices: NDArray) -> StateSpace:
    """Return a network as a system; inputs pass all of its layers within a time step."""
    W, F, C, *couplings = (np.asarray(matrix, dtype=np.float64) for matrix in matrices)
    n_hidden = len(F)
    A, B = np.zeros((0, 0)), factors.input * F
    passed = np.zeros((n_hidden, 0))  # of the states before to the last layer, by those below
    entries = []  # of the inputs to the layers
    for index, transition in enumerate(W.reshape(-1, n_hidden, n_hidden)):
        if index:
            coupling = factors.transition * couplings[0][index - 1]
            passed, B = coupling @ passed, coupling @ B
        own = factors.keep * np.eye(n_hidden) + factors.transition * transition
        passed = np.concatenate([passed, own], axis=1)
        A = np.concatenate([np.pad(A, ((0, 0), (0, n_hidden))), passed])
        entries.append(B)
    read = factors.readout * C
    return StateSpace(A, np.concatenate(entries), read @ passed, read @ B)


def balanced_truncation(
    impulse_response: NDArray, *, order: int | None = None, max_error: float | None = None
) -> StateSpace:
    r"""Return a system of few states whose response is near to a given one.

    A response of finite length is a system whose state is the recent inputs. Of its states those
    are kept that can be both reached and seen best: the leading singular vectors of the block
    Hankel matrix ``H_{i+j+1}`` [1]_ [2]_. With ``sigma`` its singular values in falling order, the
    frequency responses of the two systems are nowhere further apart than [3]_

    .. math:: \| H(z) - \hat H(z) \|_\infty \le 2 \sum_{i > \mathrm{order}} \sigma_i

    Parameters
    ----------
    impulse_response : ndarray of shape (n_outputs, n_channels, n_lags)
        ``H``, lag 0 first; zero after its last lag.
    order : int, default=None
        Number of states, at most ``(n_lags - 1) min(n_outputs, n_channels)``: that many give the
        response exactly, 0 its lag 0 alone.
    max_error : float, default=None
        In place of `order`: the system has the fewest states whose error, as `response_error`
        measures it, is at most this; positive. Up to rounding, any value can be reached.

    Returns
    -------
    system : StateSpace
        Stable: the eigenvalues of ``A`` lie within a circle of radius ``cos(pi / n_lags)``. Before
        the truncation its states have unit controllability Gramian and a diagonal observability
        Gramian, the squares of ``sigma``; balanced coordinates are a scaling of these.

    Raises
    ------
    ValueError
        If not exactly one of `order` and `max_error` is given, one is out of its range, or the
        response is not a finite array of rank three.
    TypeError
        If `order` is not whole.

    References
    ----------
    .. [1] S. Y. Kung, "A new identification and model reduction algorithm via singular value
       decompositions", 12th Asilomar Conference on Circuits, Systems and Computers, 1978.
    .. [2] B. C. Moore, "Principal component analysis in linear systems", IEEE Transactions on
       Automatic Control 26, 1981.
    .. [3] U. M. Al-Saggaf, G. F. Franklin, "An error bound for a discrete reduced order model of a
       linear multivariable system", IEEE Transactions on Automatic Control 32, 1987.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_linrnn._core.networks.state_space import balanced_truncation, response_error
    >>> H = 0.5 ** np.arange(40).reshape(1, 1, 40)
    >>> system = balanced_truncation(H, max_error=1e-6)
    >>> system.A.round(6), response_error(system, H) < 1e-6
    (array([[0.5]]), True)
    """
    H = _check_response(impulse_response)
    if order is not None and max_error is None:
        return _of_order(H, order)
    if max_error is not None and order is None:
        return _within_error(H, max_error)
    raise ValueError(
        f"Exactly one of order and max_error must be given, but got order={order} and "
        f"max_error={max_error}."
    )


def _of_order(H: NDArray[np.float64], order: int) -> StateSpace:
    most, order = most_states(H), whole_number(order, "order")
    if not 0 <= order <= most:
        raise ValueError(
            f"order must be from 0 to {most}, (n_lags - 1) min(n_outputs, n_channels), but got "
            f"{order}."
        )
    return _truncate(_input_normal(H), order)


def _within_error(H: NDArray[np.float64], max_error: float) -> StateSpace:
    if not max_error > 0:
        raise ValueError(f"max_error must be positive, but got {max_error}.")
    full, most = _input_normal(H), most_states(H)
    # The error need not fall with every state, so that orders are tried one after another.
    smaller = (_truncate(full, order) for order in range(most))
    near = (system for system in smaller if response_error(system, H) <= max_error)
    return next(near, _truncate(full, most))


def hankel_singular_values(impulse_response: NDArray) -> NDArray[np.float64]:
    """Return how much each state of a finite response weighs, in falling order.

    Parameters
    ----------
    impulse_response : ndarray of shape (n_outputs, n_channels, n_lags)
        ``H``, lag 0 first; zero after its last lag.

    Returns
    -------
    sigma : ndarray of shape (n_states,)
        The singular values of the block Hankel matrix ``H_{i+j+1}``, for ``(n_lags - 1)
        min(n_outputs, n_channels)`` states. `balanced_truncation` to some of them is nowhere
        further from the frequency response than twice the sum of the others.
    """
    H = _check_response(impulse_response)
    return svdvals(_hankel_matrix(H))[: most_states(H)]


def response_error(system: StateSpace, impulse_response: NDArray) -> float:
    """Return the distance of a system's response from a given one, relative in Frobenius norm.

    Parameters
    ----------
    system : StateSpace
        A stable system.
    impulse_response : ndarray of shape (n_outputs, n_channels, n_lags)
        ``H``, lag 0 first; zero after its last lag.

    Returns
    -------
    error : float
        ``||H - H_system|| / ||H||`` over all lags, also those, without end, after the last one of
        ``H``. For white inputs it is the root mean square error of the outputs over their root
        mean square. 0 if both responses are zero, infinity if ``H`` alone is.
    """
    H = _check_response(impulse_response)
    A, B, C, D = system
    squares = np.square(H[:, :, 0] - D).sum()
    states = B
    for lag in range(1, H.shape[2]):
        squares += np.square(H[:, :, lag] - C @ states).sum()
        states = A @ states
    if len(A):
        later = solve_discrete_lyapunov(A, states @ states.T)  # sum_j A^j B B^T A^jT, from n_lags
        squares += max(0.0, np.einsum("os,st,ot->", C, later, C))
    norm = np.linalg.norm(H)
    if norm == 0:
        return 0.0 if squares == 0 else float("inf")
    return float(np.sqrt(squares) / norm)


def _check_response(impulse_response: NDArray) -> NDArray[np.float64]:
    H = np.asarray(impulse_response, dtype=np.float64)
    if H.ndim != 3 or 0 in H.shape:
        raise ValueError(
            "impulse_response must have shape (n_outputs, n_channels, n_lags), none of them 0, but "
            f"got shape {H.shape}."
        )
    if not np.isfinite(H).all():
        raise ValueError("impulse_response must be finite, but it contains NaN or infinity.")
    return H


def most_states(impulse_response: NDArray) -> int:
    """Return the number of states that give any response of such a shape exactly."""
    n_outputs, n_channels, n_lags = impulse_response.shape
    return (n_lags - 1) * min(n_outputs, n_channels)


def _input_normal(H: NDArray[np.float64]) -> StateSpace:
    """Return the system of a finite response, its states sorted by their part in it.

    The state of the shift realisation is ``(u_{k-1}, u_{k-2}, ...)``: its controllability Gramian
    is the identity, and its observability Gramian is ``K^T K`` for the block Hankel matrix ``K``.
    The right singular vectors of ``K`` are coordinates that keep the one and diagonalise the other.
    """
    n_outputs, n_channels, _ = H.shape
    U, sigma, Vt = svd(_hankel_matrix(H), full_matrices=False)
    V = Vt.T
    return StateSpace(
        V[n_channels:].T @ V[: len(V) - n_channels],
        V[:n_channels].T,
        U[:n_outputs] * sigma,
        H[:, :, 0],
    )


def _hankel_matrix(H: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``[H_{i+j+1}]``, row by row of blocks."""
    n_outputs, n_channels, n_lags = H.shape
    length = max(1, n_lags - 1)  # one lag needs no state, but its Hankel matrix an entry
    lag = np.add.outer(np.arange(length), np.arange(length)) + 1
    padded = np.concatenate([H, np.zeros((n_outputs, n_channels, n_lags))], axis=2)
    return padded[:, :, lag].transpose(2, 0, 3, 1).reshape(length * n_outputs, -1)


def _truncate(system: StateSpace, order: int) -> StateSpace:
    A, B, C, D = system
    return StateSpace(A[:order, :order], B[:order], C[:, :order], D)
