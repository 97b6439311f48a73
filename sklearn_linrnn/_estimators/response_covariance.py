"""How the posterior of a response goes together from lag to lag."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.closed_form.solution import Solution
from sklearn_linrnn._core.tensors import place_among


class ResponseCovarianceMixin(ABC):
    """An estimator whose posterior of the response has a covariance."""

    dtype: str

    @abstractmethod
    def _posterior(self) -> Solution:
        """Return the solution, or raise if it has no posterior."""

    def impulse_response_cov(self, channel: int = 0, output: int = 0) -> NDArray:
        """Return the posterior covariance of the impulse response of a pair, lag by lag.

        Parameters
        ----------
        channel : int, default=0
            Number of the input channel.
        output : int, default=0
            Number of the output.

        Returns
        -------
        covariance : ndarray of shape (n_lags, n_lags)
            Of ``impulse_response_[output, channel]``, whose `impulse_response_std_` are the roots
            of its diagonal. Whatever is linear in the response follows from it, as steps and
            frequency responses do. Residuals that are not white count as they do there.

        Raises
        ------
        ValueError
            If there is no such channel or output, or no posterior: after `n_steps` iterations of
            gradient descent, or without a penalty if the data do not determine the impulse
            response.
        TypeError
            If `channel` or `output` is not whole.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_linrnn import NTKConvRegressor
        >>> rng = np.random.default_rng(0)
        >>> x = rng.normal(size=(400, 1))
        >>> y = x[:, 0] + rng.normal(size=400)
        >>> model = NTKConvRegressor(rows="timesteps", n_lags=3).fit(x, y)
        >>> model.impulse_response_cov().shape
        (3, 3)
        """
        solution = self._posterior()
        n_channels = solution.statistics.n_channels
        channel = place_among(channel, n_channels, "channel")
        output = place_among(output, len(solution.noise_variance), "output")
        root = solution.posterior_root[channel::n_channels].numpy()
        covariance = root @ root.T * float(solution.noise_variance[output])
        return np.asarray(covariance, self.dtype)
