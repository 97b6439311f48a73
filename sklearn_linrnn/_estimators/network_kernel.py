"""The tangent kernel of the one network that was trained."""

from __future__ import annotations

import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from sklearn_linrnn._core.networks.recipes import NetworkRecipe
from sklearn_linrnn._estimators.descent import DescentRegressor
from sklearn_linrnn._estimators.training_record import (
    initial_network,
    network_recipe,
    trained_network,
)


class NetworkKernel(DescentRegressor):
    """A network whose kernel can be looked at."""

    def empirical_lag_weights(self, *, at_start: bool = False) -> NDArray:
        """Return the lag weights of this one network, as it is.

        They are the diagonal of its tangent kernel, averaged over channels and outputs. At
        initialisation they differ from `lag_weights_` by the inverse root of the width; where
        training has changed them, the network has left the regime in which its limit holds.

        Parameters
        ----------
        at_start : bool, default=False
            Whether to return those at initialisation.

        Returns
        -------
        lag_weights : ndarray of shape (n_lags,) or (n_channels, n_lags)
            Lag 0 first; with `channel_scale` times that of each channel.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_linrnn import LinearRNNRegressor
        >>> X = np.random.default_rng(0).normal(size=(100, 4))
        >>> model = LinearRNNRegressor(1000, max_iter=1, random_state=0).fit(X, X[:, -1])
        >>> model.lag_weights_, model.empirical_lag_weights(at_start=True).round(1)
        (array([2. , 2. , 1.5, 1. ]), array([2. , 2. , 1.5, 1. ]))
        """
        check_is_fitted(self)
        network = initial_network if at_start else trained_network
        recipe = network_recipe(self.training_)
        weights = recipe.lag_weights(network(self.training_), self.impulse_response_.shape[2])
        return self._export(_scaled(weights, recipe))

    def expected_lag_weights(self) -> NDArray:
        """Return the lag weights at initialisation, averaged over all initialisations.

        They are the mean of ``empirical_lag_weights(at_start=True)`` over networks of this width,
        exactly, see `finite_width_lag_weights`: where they differ from `lag_weights_`, the lags are
        too many for the width. The mean of networks of later lags is that of few large ones.

        Returns
        -------
        lag_weights : ndarray of shape (n_lags,) or (n_channels, n_lags)
            Lag 0 first; with `channel_scale` times that of each channel.

        Raises
        ------
        ValueError
            If the mean is not known, with a function as `transition_init`, a leak, several layers
            or recurrent units of another kind, or if it overflows.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_linrnn import LinearRNNRegressor
        >>> X = np.random.default_rng(0).normal(size=(100, 10))
        >>> model = LinearRNNRegressor(25, max_iter=1, random_state=0).fit(X, X[:, -1])
        >>> (model.expected_lag_weights() / model.lag_weights_)[[0, 3, 6, 9]].round(2)
        array([1.  , 1.01, 1.18, 1.98])
        """
        check_is_fitted(self)
        recipe = network_recipe(self.training_)
        weights = recipe.mean_lag_weights(self.impulse_response_.shape[2])
        return self._export(_scaled(torch.from_numpy(weights), recipe))


def _scaled(weights: Tensor, recipe: NetworkRecipe) -> Tensor:
    """Return lag weights times the scale of each channel, if channels have scales."""
    if recipe.channel_scale is None:
        return weights
    return torch.outer(torch.tensor(recipe.channel_scale).to(weights), weights)
