"""A fitted linear RNN as a module of PyTorch."""

from __future__ import annotations

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from sklearn_linrnn._estimators.response_module import ResponseModule


class LinearRNNModule(ResponseModule):
    r"""Linear RNN that predicts as the estimator it was made from, and can be trained further.

    .. math:: y_t = b + \sum_{j < n_\mathrm{lags}} H_j x_{t-\mathrm{delay}-j}, \qquad
              H_j = n^{-1/2} C (n^{-1/2} W)^j F - H^0_j

    is the estimator's truncated convolution, with ``H`` computed from the parameters at every call,
    so that a loss has gradients with respect to all of them. An iteration costs forward and
    backward passes through ``n_lags`` steps of the recurrence, and the convolutions of the batch.

    Parameters
    ----------
    transition : array-like of shape (n_hidden, n_hidden)
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

    Attributes
    ----------
    transition, input, readout, bias : torch.nn.Parameter
        ``W``, ``F``, ``C`` and ``b``, of the dtypes of the arrays.
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

    transition: nn.Parameter

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
    ) -> None:
        parameters = {
            "transition": transition,
            "input": inputs,
            "readout": readout,
            "bias": bias,
        }
        super().__init__(
            parameters, n_lags=n_lags, every_step=every_step, delay=delay, origin=origin
        )
        n_hidden = len(self.input)
        self._check("transition", (n_hidden, n_hidden))
        self._check("readout", (len(self.bias), n_hidden))

    def response(self) -> Tensor:
        """Return the impulse response ``H``, (n_outputs, n_channels, n_lags)."""
        scale = len(self.transition) ** -0.5
        A, state = scale * self.transition, self.input
        lags = [self.readout @ state]
        for _ in range(1, self.n_lags):
            state = A @ state
            lags.append(self.readout @ state)
        return scale * torch.stack(lags, dim=-1) - self.origin
