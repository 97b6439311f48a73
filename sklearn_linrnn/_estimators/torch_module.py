"""A fitted linear RNN as a module of PyTorch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.nn.functional import conv1d, pad

from sklearn_linrnn._core.networks.parametrization import NTK, Factors


class LinearRNNModule(nn.Module):
    r"""Linear RNN that predicts as the estimator it was made from, and can be trained further.

    .. math:: y_t = b + \sum_{j < n_\mathrm{lags}} H_j x_{t-\mathrm{delay}-j}, \qquad
              H_j = n^{-1/2} C (n^{-1/2} W)^j F - H^0_j

    is the estimator's truncated convolution; in another parametrisation, with a leak or with
    further layers, that of its equations. ``H`` is computed from the parameters at every call,
    so that a loss has gradients with respect to all of them. An iteration costs forward and
    backward passes through ``n_lags`` steps of the recurrence, and the convolutions of the batch.

    Parameters
    ----------
    transition : array-like of shape (n_hidden, n_hidden) or (n_layers, n_hidden, n_hidden)
        ``W``, the estimator's `transition_`. All arrays are copied.
    inputs : array-like of shape (n_hidden, n_channels)
        ``F``, its `input_`.
    readout : array-like of shape (n_outputs, n_hidden)
        ``C``, its `readout_`.
    bias : array-like of shape (n_outputs,)
        ``b``, its `intercept_`. To keep it fixed, set ``module.bias.requires_grad_(False)``.
    n_lags : int
        Number of lags, the present time step included.
    every_step : bool
        Whether there is a prediction at every time step, or at the last one alone.
    delay : int, default=0
        Number of time steps that inputs take to act, the lag of ``H_0``.
    origin : array-like of shape (n_outputs, n_channels, n_lags), default=None
        ``H^0``, the response at initialisation of a network with ``init="centered"``, which is
        subtracted and not trained; ``None`` for zeros.
    coupling : array-like of shape (n_layers - 1, n_hidden, n_hidden), default=None
        ``U``, the `coupling_` of an estimator of more than one layer.
    factors : Factors, default=None
        Those in the equations; ``None`` for those above.

    Attributes
    ----------
    transition, input, readout, bias : torch.nn.Parameter
        ``W``, ``F``, ``C`` and ``b``, of the dtypes of the arrays.
    coupling : torch.nn.Parameter or None
        ``U``.
    origin : Tensor of shape (n_outputs, n_channels, n_lags)
        ``H^0``, a buffer.

    Raises
    ------
    ValueError
        If the shapes of the arrays do not agree.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from sklearn_linrnn import LinearRNNRegressor
    >>> from sklearn_linrnn._estimators.torch_module import LinearRNNModule
    >>> x = np.random.default_rng(0).normal(size=(1000, 1))
    >>> y = x[:, 0] + 0.5 * np.roll(x[:, 0], 1)
    >>> model = LinearRNNRegressor(100, nu_w=0.3, rows="timesteps", n_lags=4, random_state=0)
    >>> arrays = [getattr(model.fit(x, y), f"{name}_") for name in
    ...           ("transition", "input", "readout", "intercept")]
    >>> module = LinearRNNModule(*arrays, n_lags=4, every_step=True)
    >>> with torch.no_grad():
    ...     predictions = module(torch.from_numpy(x)[None])
    >>> predictions.shape, np.allclose(predictions[0, :, 0], model.predict(x))
    (torch.Size([1, 1000, 1]), True)
    """

    origin: Tensor

    def __init__(
        self,
        transition: ArrayLike,
        inputs: ArrayLike,
        readout: ArrayLike,
        bias: ArrayLike,
        *,
        n_lags: int,
        every_step: bool,
        delay: int = 0,
        origin: ArrayLike | None = None,
        coupling: ArrayLike | None = None,
        factors: Factors | None = None,
    ) -> None:
        super().__init__()
        self.transition = nn.Parameter(torch.tensor(transition))
        self.input = nn.Parameter(torch.tensor(inputs))
        self.readout = nn.Parameter(torch.tensor(readout))
        self.bias = nn.Parameter(torch.tensor(bias))
        self.coupling = None if coupling is None else nn.Parameter(torch.tensor(coupling))
        self.n_lags = n_lags
        self.every_step = every_step
        self.delay = delay
        n_hidden, n_channels = self.input.shape
        self.factors = NTK.equations(n_hidden) if factors is None else factors
        shape = len(self.readout), n_channels, n_lags
        zeros = self.transition.new_zeros(shape)
        self.register_buffer("origin", zeros if origin is None else torch.tensor(origin).to(zeros))
        n_below = () if self.coupling is None else (len(self.coupling),)
        if self.coupling is not None:
            self._check("coupling", (*n_below, n_hidden, n_hidden))
        layers = tuple(below + 1 for below in n_below)
        self._check("transition", (*layers, n_hidden, n_hidden))
        self._check("readout", (shape[0], n_hidden))
        self._check("bias", (shape[0],))
        self._check("origin", shape)

    def response(self) -> Tensor:
        """Return the impulse response ``H``, (n_outputs, n_channels, n_lags)."""
        factors, n_hidden = self.factors, len(self.input)
        kept = factors.keep * torch.eye(n_hidden).to(self.transition)
        silence = torch.zeros_like(self.input)
        states = [factors.input * self.input, *[silence] * (self.n_lags - 1)]
        for index, transition in enumerate(self.transition.view(-1, n_hidden, n_hidden)):
            if index:
                assert self.coupling is not None
                coupling = factors.transition * self.coupling[index - 1]
                states = [coupling @ state for state in states]
            states = _run(kept + factors.transition * transition, states)
        lags = [self.readout @ state for state in states]
        return factors.readout * torch.stack(lags, dim=-1) - self.origin

    def forward(self, x: Tensor) -> Tensor:
        """Predict the targets.

        Parameters
        ----------
        x : Tensor of shape (n_sequences, n_timesteps, n_channels)
            Sequences, oldest time step first, from a zero initial state; of the dtype and on the
            device of the parameters.

        Returns
        -------
        y : Tensor of shape (n_sequences, n_timesteps, n_outputs) or (n_sequences, n_outputs)
            Predictions at every time step, or at the last one. The estimator leaves out the axis of
            outputs if its targets had none.

        Raises
        ------
        ValueError
            If x is not of that shape.
        """
        n_channels = self.input.shape[1]
        if x.ndim != 3 or x.shape[2] != n_channels:
            raise ValueError(
                f"x must have shape (n_sequences, n_timesteps, {n_channels}), but got shape "
                f"{tuple(x.shape)}."
            )
        acting = pad(x.mT, (self.delay, 0))[..., : x.shape[1]]
        seen = acting if self.every_step else acting[..., -self.n_lags :]
        rest = self.n_lags - (1 if self.every_step else seen.shape[2])
        padded = pad(seen, (rest, 0))
        # PyTorch's convolution is a correlation: the oldest lag comes first.
        outputs = conv1d(padded, self.response().flip(-1), self.bias).mT
        return outputs if self.every_step else outputs[:, -1]

    def extra_repr(self) -> str:
        """Return what `print` shows of the module."""
        n_outputs, n_channels, n_lags = self.origin.shape
        return (
            f"n_hidden={len(self.input)}, n_channels={n_channels}, n_outputs={n_outputs}, "
            f"n_lags={n_lags}, every_step={self.every_step}, delay={self.delay}"
        )

    def _check(self, name: str, shape: tuple[int, ...]) -> None:
        given = tuple(getattr(self, name).shape)
        if given != shape:
            raise ValueError(
                f"{name} must have shape {shape}, as inputs, readout and n_lags have it, but got "
                f"shape {given}."
            )


def _run(A: Tensor, drives: Sequence[Tensor]) -> list[Tensor]:
    """Return the states of a layer at each lag, from what drives it."""
    states = [drives[0]]
    for drive in drives[1:]:
        states.append(A @ states[-1] + drive)
    return states
