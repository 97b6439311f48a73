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
        self.scale = len(start.log_rate) ** -0.5
        self.lags = torch.arange(n_lags).to(start.input)[:, None]
        self._seen = _Seen.of(start, n_lags)
        for parameter in self.parameters:
            parameter.grad = torch.zeros_like(parameter)

    @property
    def shown(self) -> list[Tensor]:
        """The poles, ``diag(norm) B`` and ``C``, complex."""
        return list(self.start.equations())

    def response(self) -> Tensor:
        """Return ``H`` in float64."""
        self._seen.become(_Seen.of(self.start, self.n_lags))
        response = self._response_of(self._seen.powers.sums(self._seen.weights))
        return response if self.origin is None else response - self.origin

    def backward(self, gradient: Tensor) -> None:
        """Set the parameters' ``grad`` from that of the response, at the last `response`.

        With the pulled gradients ``S_co = n^{-1/2} sum_j g_jco lambda^j``, and ``T_co`` that of ``j
        g_jco``, and ``w_co = c_o norm b_c`` it is the conjugate of ``norm sum_o c_o S_co`` for
        ``b_c`` and of ``norm sum_c b_c S_co`` for ``c_o``, and the real part of ``sum_co w_co
        S_co`` for ``log norm`` and of ``sum_co w_co T_co`` times the derivative of ``log lambda``
        for the poles.
        """
        seen, start = self._seen, self.start
        columns = (gradient * self.scale).to(start.input.dtype).view(self.n_lags, -1)
        plain, by_lag = seen.powers.pull(torch.cat([columns, self.lags * columns], 1)).chunk(2)
        by_pair = plain.view(seen.driven.shape[1], -1, seen.driven.shape[0])
        by_input = (by_pair * seen.readout).sum(1).T
        by_readout = (by_pair * seen.driven.T[:, None]).sum(0)
        if start.log_norm is not None:
            by_input = by_input * start.log_norm.exp()[:, None]
            _set(start.log_norm, (seen.weights * plain).sum(0).real)
        by_pole = (seen.weights * by_lag).sum(0)
        _set(start.log_rate, -start.log_rate.exp() * by_pole.real)
        _set(start.log_phase, -start.log_phase.exp() * by_pole.imag)
        _set(start.input, torch.view_as_real(by_input.conj_physical()))
        _set(start.readout, torch.view_as_real(by_readout.conj_physical()))

    def push(self, moves: list[Tensor]) -> Tensor:
        """Return ``sum_p dH/dp dp`` for moves ``dp`` of the parameters, at the last `response`."""
        seen, start, move = self._seen, self.start, LRUParameters(*moves)
        by_input, by_readout = map(torch.view_as_complex, (move.input, move.readout))
        if start.log_norm is not None and move.log_norm is not None:
            by_input = by_input * start.log_norm.exp()[:, None]
            by_input = by_input + seen.driven * move.log_norm[:, None]
        of_ends = _paired(by_input, seen.readout) + _paired(seen.driven, by_readout)
        by_pole = torch.complex(
            -start.log_rate.exp() * move.log_rate, start.log_phase.exp() * move.log_phase
        )
        of_poles = self.lags * seen.powers.sums(seen.weights * by_pole)
        return self._response_of(seen.powers.sums(of_ends) + of_poles)

    def _response_of(self, columns: Tensor) -> Tensor:
        """Return the matrix (n_lags * n_channels, n_outputs) of (n_lags, k) in float64."""
        return (columns.view(-1, len(self.start.readout)) * self.scale).double()


class _Seen(NamedTuple):
    """What the last response was made of.

    Its tensors stay where they are: an iteration on a GPU, captured once, reads what the one before
    has written there.

    Attributes
    ----------
    powers : PolePowers
        Of the poles.
    driven : Tensor of shape (n, n_channels)
        ``diag(norm) B``.
    readout : Tensor of shape (n_outputs, n)
        ``C``, in the memory of the parameter.
    weights : Tensor of shape (n_channels * n_outputs, n)
        ``c_o norm b_c``.
    """

    powers: PolePowers
    driven: Tensor
    readout: Tensor
    weights: Tensor

    @classmethod
    def of(cls, parameters: LRUParameters, n_lags: int) -> _Seen:
        """Return that of a network as it is."""
        driven, readout = parameters.driven(), torch.view_as_complex(parameters.readout)
        weights = _paired(driven, readout)
        powers = PolePowers.of(parameters.poles(), n_lags, len(weights), parameters.input.dtype)
        return cls(powers, driven.clone(), readout, weights)

    def become(self, other: _Seen) -> None:
        """Take the values of another."""
        self.powers.long.copy_(other.powers.long)
        self.powers.short.copy_(other.powers.short)
        self.driven.copy_(other.driven)
        self.weights.copy_(other.weights)


def _paired(driven: Tensor, readout: Tensor) -> Tensor:
    """Return the products for each channel and output, (n_channels * n_outputs, n)."""
    return (driven.T[:, None] * readout).flatten(0, 1)


def _set(parameter: Tensor, gradient: Tensor) -> None:
    assert parameter.grad is not None
    parameter.grad.copy_(gradient)
