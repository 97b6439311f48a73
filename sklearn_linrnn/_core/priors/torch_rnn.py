"""The prior of PyTorch's recurrent network with its default initialisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.priors.lag_prior import LagPrior
from sklearn_linrnn._core.priors.lag_weights import linear_rnn_lag_weights

VARIANCE = 1.0 / 3.0  # of the uniform distribution from -1 to 1


@final
@dataclass(frozen=True)
class TorchRNN(LagPrior):
    r"""The tangent kernel of `torch.nn.RNN` at initialisation, without its nonlinearity.

    PyTorch draws all matrices of `torch.nn.RNN` and of the `torch.nn.Linear` that reads it from
    ``U(-1/sqrt(n), 1/sqrt(n))``, for ``n`` hidden units. Their variance is ``1/(3 n)``, and the
    kernel is that of `LinearRNN` with all variances ``1/3``, ``rho_j = (j + 2) / 3^{j+1}``: the
    first three lags have 92 % of it.
    """

    def covariance(self, n_lags: int) -> NDArray[np.float64]:
        """Return ``(j + 2) / 3^(j+1)``, (n_lags,)."""
        return linear_rnn_lag_weights(n_lags, VARIANCE, VARIANCE, VARIANCE)
