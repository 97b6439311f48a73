"""The response of the scaled convolution in training."""

import torch
from torch import Tensor

from sklearn_linrnn._core.priors.prior_root import PriorRoot


class ScaledConvolution:
    """The response ``H = H^0 + L theta`` in training, from ``theta = 0``.

    Parameters
    ----------
    root : PriorRoot
        ``L``; for independent lags the square roots of their weights.
    n_outputs : int
        Number of outputs.
    dtype : torch.dtype
        Type of ``theta``.
    start : Tensor of shape (n_lags * n_channels, n_outputs), default=None
        ``H^0`` in float64; ``None`` for zero.
    """

    def __init__(
        self, root: PriorRoot, n_outputs: int, dtype: torch.dtype, start: Tensor | None = None
    ) -> None:
        self.root = PriorRoot(root.lags.to(dtype), root.n_channels)
        theta = self.root.lags.new_zeros(len(root.scale), n_outputs)
        theta.grad = torch.zeros_like(theta)
        self.parameters = self.shown = [theta]
        self.rates: dict[str, list[float]] = {}
        self.start = start

    def response(self) -> Tensor:
        """Return ``H`` in float64."""
        response = self.root.respond(self.parameters[0]).double()
        return response if self.start is None else response + self.start

    def backward(self, gradient: Tensor) -> None:
        """Set the ``grad`` of ``theta``."""
        (theta,) = self.parameters
        assert theta.grad is not None
        theta.grad.copy_(self.root.pull(gradient.to(theta.dtype)))
