r"""The linear recurrent unit: a diagonal complex recurrence, its response and its exact gradient.

    s_t = diag(lambda) s_{t-1} + diag(norm) B x_t        y_t = n^{-1/2} Re(C s_t) + b

The response ``H_j = n^{-1/2} Re sum_i c_i lambda_i^j norm_i b_i`` is that of ``n`` poles ``lambda =
r e^{i theta}``. Trained are ``log(-log r)``, so that all poles stay within the unit circle, ``log
theta``, ``log norm``, ``B`` and ``C``: real tensors, the complex ones with a last axis of their
real and imaginary parts.

Responses and their gradients are matrices of shape (n_lags * n_channels, n_outputs), lag 0 first.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from sklearn_linrnn._core.networks.pole_powers import PolePowers

# So that neither ``log(-log r)`` nor ``log theta`` is ever infinite.
LEAST, MOST = torch.finfo(torch.float64).tiny, 1 - torch.finfo(torch.float64).eps


class LRUParameters(NamedTuple):
    """The parameters of a linear recurrent unit, all real.

    Attributes
    ----------
    log_rate : Tensor of shape (n,)
        ``log(-log r)``.
    input : Tensor of shape (n, n_channels, 2)
        ``B``, real and imaginary parts.
    readout : Tensor of shape (n_outputs, n, 2)
        ``C``.
    log_phase : Tensor of shape (n,)
        ``log theta``.
    log_norm : Tensor of shape (n,) or None
        ``log norm``; ``None`` without normalisation.
    """

    log_rate: Tensor
    input: Tensor
    readout: Tensor
    log_phase: Tensor
    log_norm: Tensor | None = None

    def trained(self) -> list[Tensor]:
        """Return those that there are, in the same memory."""
        return [parameter for parameter in self if parameter is not None]

    def like(self, other: Tensor) -> LRUParameters:
        """Return the parameters in the type of a tensor, on its device."""
        return LRUParameters(*(parameter.to(other) for parameter in self.trained()))

    def poles(self) -> Tensor:
        """Return ``lambda``, (n,), in complex128, so that their powers keep their phases."""
        return torch.polar(torch.exp(-self.log_rate.double().exp()), self.log_phase.double().exp())

    def powers(self, n_lags: int) -> Tensor:
        """Return ``lambda^j``, (n_lags, n), in complex128, each from its own exponent."""
        lag = torch.arange(n_lags, device=self.log_rate.device)[:, None]
        exponents = -self.log_rate.double().exp(), self.log_phase.double().exp()
        size, phase = (lag * exponent for exponent in exponents)
        return torch.polar(size.exp(), phase)

    def driven(self) -> Tensor:
        """Return ``diag(norm) B``, complex, (n, n_channels)."""
        inputs = torch.view_as_complex(self.input)
        return inputs if self.log_norm is None else inputs * self.log_norm.exp()[:, None]

    def equations(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return ``lambda``, ``diag(norm) B`` and ``C``, complex, of the equations."""
        driven = self.driven()
        return self.poles().to(driven), driven, torch.view_as_complex(self.readout)


def draw_lru(
    n_hidden: int,
    n_channels: int,
    n_outputs: int,
    ring: tuple[float, float, float],
    variances: tuple[float, float],
    generator: torch.Generator,
    *,
    normalise: bool = True,
) -> LRUParameters:
    """Draw the initial parameters of a linear recurrent unit.

    Parameters
    ----------
    n_hidden, n_channels, n_outputs : int
        Numbers of poles, channels and outputs.
    ring : tuple of float
        ``r_min``, ``r_max`` and ``max_phase``: poles are uniform on the area of this part of a
        ring.
    variances : tuple of float
        ``nu_f`` and ``nu_c``, of the real and of the imaginary parts of input and readout.
    generator : torch.Generator
        The source of all random numbers; on the CPU.
    normalise : bool, default=True
        Whether there is a norm, ``sqrt(1 - r^2)``.

    Returns
    -------
    parameters : LRUParameters
        In float64, on the CPU.
    """
    r_min, r_max, max_phase = ring
    uniform = torch.rand((2, n_hidden), generator=generator, dtype=torch.float64)
    inner, outer = ((1 - r) * (1 + r) for r in (r_max, r_min))  # of 1 - r^2, with all its digits
    below_one = (inner + (outer - inner) * uniform[0]).clamp(LEAST, MOST)
    log_rate = (-0.5 * torch.log1p(-below_one)).log()
    log_phase = (max_phase * uniform[1]).clamp(LEAST).log()
    shapes = (n_hidden, n_channels, 2), (n_outputs, n_hidden, 2)
    inputs, readout = (
        torch.randn(shape, generator=generator, dtype=torch.float64).mul_(variance**0.5)
        for shape, variance in zip(shapes, variances, strict=True)
    )
    log_norm = 0.5 * below_one.log() if normalise else None
    return LRUParameters(log_rate, inputs, readout, log_phase, log_norm)


class LRUModel:
    """A linear recurrent unit in training.

    Parameters
    ----------
    start : LRUParameters
        Initial parameters; they are trained in place.
    n_lags : int
        Number of lags of the response.
    origin : Tensor of shape (n_lags * n_channels, n_outputs), default=None
        What is subtracted from the response: the initial response, if training is to begin at
        zero. ``None`` for nothing.
    """

    def __init__(self, start: LRUParameters, n_lags: int, *, origin: Tensor | None = None) -> None:
        self.start = start
        self.parameters = start.trained()
        self.rates: dict[str, list[float]] = {}
        self.n_lags = n_lags
        self.origin = origin
        self.lags = torch.arange(n_lags).to(start.input)[:, None]
        self._seen = _Seen(start, n_lags)
        # The gradients, as views of the form in which they are computed.
        self._by_pole = start.log_rate.new_zeros(2, len(start.log_rate))
        by_rate, by_phase = self._by_pole
        others = map(torch.zeros_like, self.parameters)
        gradients = LRUParameters(*others)._replace(log_rate=by_rate, log_phase=by_phase)
        for parameter, gradient in zip(self.parameters, gradients.trained(), strict=True):
            parameter.grad = gradient
        self._by_input = gradients.input.transpose(0, 1)
        self._by_readout = torch.view_as_complex(gradients.readout)
        self._by_norm = gradients.log_norm

    @property
    def shown(self) -> list[Tensor]:
        """The poles, ``diag(norm) B`` and ``C``, complex."""
        return list(self.start.equations())

    def response(self) -> Tensor:
        """Return ``H`` in float64."""
        self._seen.renew()
        response = self._response_of(self._seen.powers.sums(self._seen.weights))
        return response if self.origin is None else response - self.origin

    def backward(self, gradient: Tensor) -> None:
        """Set the parameters' ``grad`` from that of the response, at the last `response`.

        With the pulled gradients ``S_co = sum_j g_jco lambda^j``, and ``T_co`` that of ``j g_jco``,
        with ``d = n^{-1/2} norm b`` and ``w_co = c_o d_c``, it is the conjugate of ``n^{-1/2} norm
        sum_o c_o S_co`` for ``b_c`` and of ``sum_c d_c S_co`` for ``c_o``, and the real part of
        ``sum_co w_co S_co`` for ``log norm`` and of ``sum_co w_co T_co`` times the derivative of
        ``log lambda`` for the poles.
        """
        seen = self._seen
        pulled = seen.powers.pull(gradient.view(self.n_lags, -1))
        by_pair = pulled[0].view(seen.by_pair.shape)
        by_driven = torch.view_as_real((by_pair * seen.readout).sum(1))
        torch.mul(by_driven, seen.norms, out=self._by_input)
        by_readout = (by_pair * seen.driven[:, None]).sum(0)
        torch.conj_physical(by_readout, out=self._by_readout)
        by_norm, by_pole = torch.view_as_real((pulled * seen.weights).sum(1))
        torch.mul(by_pole.T, seen.by_pole, out=self._by_pole)
        if self._by_norm is not None:
            self._by_norm.copy_(by_norm[:, 0])

    def push(self, moves: list[Tensor]) -> Tensor:
        """Return ``sum_p dH/dp dp`` for moves ``dp`` of the parameters, at the last `response`."""
        seen, move = self._seen, LRUParameters(*moves)
        by_input, by_readout = map(torch.view_as_complex, (move.input, move.readout))
        by_driven = by_input.T * seen.norms[:, 0]
        if move.log_norm is not None:
            by_driven = by_driven + seen.driven * move.log_norm
        of_ends = _paired(by_driven, seen.readout) + _paired(seen.driven, by_readout)
        by_rate, by_phase = seen.by_pole
        by_pole = torch.complex(by_rate * move.log_rate, -by_phase * move.log_phase)
        of_poles = self.lags * seen.powers.sums(seen.weights * by_pole)
        return self._response_of(seen.powers.sums(of_ends) + of_poles)

    def _response_of(self, columns: Tensor) -> Tensor:
        """Return the matrix (n_lags * n_channels, n_outputs) of (n_lags, k) in float64."""
        return columns.double().view(-1, len(self.start.readout))


class _Seen:
    """What the last response was made of.

    Its tensors stay where they are: an iteration on a GPU, captured once, reads what the one before
    has written there.

    Parameters
    ----------
    start : LRUParameters
        Those of the network, which change in their place.
    n_lags : int
        Number of lags.

    Attributes
    ----------
    powers : PolePowers
        Of the poles.
    by_pole : Tensor of shape (2, n)
        The derivatives of ``log lambda`` by ``log_rate`` and, over ``-i``, by ``log_phase``.
    norms : Tensor of shape (n, 2)
        ``n^{-1/2} norm``, and minus it for the imaginary parts of conjugates.
    driven : Tensor of shape (n_channels, n)
        ``n^{-1/2} diag(norm) B``.
    readout : Tensor of shape (n_outputs, n)
        ``C``, in the memory of the parameter.
    weights : Tensor of shape (n_channels * n_outputs, n)
        The products of these two.
    by_pair : Tensor of shape (n_channels, n_outputs, n)
        The same.
    """

    def __init__(self, start: LRUParameters, n_lags: int) -> None:
        n_hidden, n_channels, _ = start.input.shape
        no_norm = torch.zeros_like(start.log_rate)
        log_norm = no_norm if start.log_norm is None else start.log_norm
        self._logs = [start.log_rate, start.log_phase, log_norm, log_norm]
        self._exact = start.input.new_empty(4, n_hidden, dtype=torch.float64)
        scale = n_hidden**-0.5
        self._scales = self._exact.new_tensor([-1.0, -1.0, scale, -scale])[:, None]
        self._scaled = start.input.new_empty(4, n_hidden)
        self.by_pole, self.norms = self._scaled[:2], self._scaled[2:].T
        self._input, self._norm = start.input, self.norms[:, None, :1]
        self._driven = torch.empty_like(start.input)
        self.driven = torch.view_as_complex(self._driven).T
        self.readout = torch.view_as_complex(start.readout)
        self.weights = self.driven.new_empty(n_channels * len(self.readout), n_hidden)
        self.by_pair = self.weights.view(n_channels, -1, n_hidden)
        self.powers = PolePowers(n_hidden, n_lags, len(self.weights), start.input)
        self.renew()

    def renew(self) -> None:
        """Take the values of the network as it is."""
        torch.exp(torch.stack(self._logs).double(), out=self._exact)
        torch.mul(self._exact, self._scales, out=self._scaled)
        torch.mul(self._input, self._norm, out=self._driven)
        torch.mul(self.driven[:, None], self.readout, out=self.by_pair)
        self.powers.become(self._exact[:2])


def _paired(driven: Tensor, readout: Tensor) -> Tensor:
    """Return the products for each channel and output, (n_channels * n_outputs, n)."""
    return (driven[:, None] * readout).flatten(0, 1)
