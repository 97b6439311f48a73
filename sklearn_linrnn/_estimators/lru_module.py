"""A fitted linear recurrent unit as a module of PyTorch."""

from __future__ import annotations

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from sklearn_linrnn._core.networks.lru import LRUParameters
from sklearn_linrnn._estimators.response_module import ResponseModule


class LRUModule(ResponseModule):
    r"""Linear recurrent unit that predicts as its estimator, and can be trained further.

    .. math:: y_t = b + \sum_{j < n_\mathrm{lags}} H_j x_{t-\mathrm{delay}-j}, \qquad
              H_j = n^{-1/2} \mathrm{Re}(C \mathrm{diag}(\lambda^j \gamma) B) - H^0_j

    is the estimator's truncated convolution, with ``H`` computed from the parameters at every call,
    so that a loss has gradients with respect to all of them.

    Parameters
    ----------
    parameters : LRUParameters
        Those of the network, on the CPU; they are copied.
    bias : array-like of shape (n_outputs,)
        ``b``, the estimator's `intercept_`. To keep it fixed, set
        ``module.bias.requires_grad_(False)``.
    n_lags : int
        Number of lags, the present time step included.
    every_step : bool
        Whether there is a prediction at every time step, or at the last one alone.
    delay : int, default=0
        Number of time steps that inputs take to act, the lag of ``H_0``.
    origin : array-like of shape (n_outputs, n_channels, n_lags), default=None
        ``H^0``, the response at initialisation of a network with ``init="centered"``, which is
        subtracted and not trained; ``None`` for zeros.

    Attributes
    ----------
    log_rate, log_phase, log_norm : torch.nn.Parameter of shape (n_hidden,)
        ``log(-log r)``, ``log theta`` and ``log gamma``; ``None`` for the last one without
        normalisation.
    input : torch.nn.Parameter of shape (n_hidden, n_channels, 2)
        Real and imaginary parts of ``B``.
    readout : torch.nn.Parameter of shape (n_outputs, n_hidden, 2)
        Those of ``C``.
    bias : torch.nn.Parameter of shape (n_outputs,)
        ``b``.
    origin : Tensor of shape (n_outputs, n_channels, n_lags)
        ``H^0``, a buffer.

    Raises
    ------
    ValueError
        If the shapes of ``bias`` and ``origin`` do not agree with the others.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_linrnn import LRURegressor
    >>> x = np.random.default_rng(0).normal(size=(100, 1))
    >>> model = LRURegressor(8, rows="timesteps", n_lags=4, random_state=0).fit(x, x[:, 0])
    >>> module = model.to_torch()
    >>> module
    LRUModule(n_hidden=8, n_channels=1, n_outputs=1, n_lags=4, every_step=True, delay=0)
    >>> bool(np.allclose(module.response().detach(), model.impulse_response_))
    True
    """

    log_rate: nn.Parameter
    log_phase: nn.Parameter
    log_norm: nn.Parameter | None

    def __init__(
        self,
        parameters: LRUParameters,
        bias: ArrayLike,
        *,
        n_lags: int,
        every_step: bool,
        delay: int = 0,
        origin: ArrayLike | None = None,
    ) -> None:
        arrays = {
            name: None if tensor is None else tensor.numpy()
            for name, tensor in parameters._asdict().items()
        }
        super().__init__(
            {**arrays, "bias": bias},
            n_lags=n_lags,
            every_step=every_step,
            delay=delay,
            origin=origin,
        )

    def response(self) -> Tensor:
        """Return the impulse response ``H``, (n_outputs, n_channels, n_lags)."""
        own = self.log_rate, self.input, self.readout, self.log_phase, self.log_norm
        parameters = LRUParameters(*own)
        _, driven, readout = parameters.equations()
        powers = parameters.powers(self.n_lags).to(driven)
        lags = torch.einsum("oi,ic,ji->ocj", readout, driven, powers).real
        return len(driven) ** -0.5 * lags - self.origin
