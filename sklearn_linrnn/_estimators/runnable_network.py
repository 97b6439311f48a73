"""A trained linear RNN as a model that runs elsewhere."""

from __future__ import annotations

from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from sklearn_linrnn._core.networks.recipes import RNNRecipe
from sklearn_linrnn._core.networks.state_space import StateSpace, delayed, network_realisation
from sklearn_linrnn._core.response import as_impulse_response
from sklearn_linrnn._estimators.network_kernel import NetworkKernel
from sklearn_linrnn._estimators.torch_module import LinearRNNModule
from sklearn_linrnn._estimators.training_record import subtracted_network


class RunnableNetwork(NetworkKernel):
    """A linear RNN whose matrices are fitted attributes."""

    transition_: NDArray
    input_: NDArray
    readout_: NDArray

    def to_torch(self) -> LinearRNNModule:
        """Return the network as a module of PyTorch, to use or to train further.

        Returns
        -------
        module : torch.nn.Module
            Predicts as `predict` does with ``initial_state="zero"``, for sequences (n_sequences,
            n_timesteps, n_channels), oldest time step first: at every time step, or at the last one
            for windows. Its parameters are copies, of the dtype of the fitted arrays, on the CPU.

        Examples
        --------
        >>> import numpy as np
        >>> import torch
        >>> from sklearn_linrnn import LinearRNNRegressor
        >>> X = np.random.default_rng(0).normal(size=(100, 4))
        >>> model = LinearRNNRegressor(50, random_state=0).fit(X, X[:, -1])
        >>> module = model.to_torch()
        >>> with torch.no_grad():
        ...     outputs = module(torch.from_numpy(X)[:, :, None])
        >>> bool(np.allclose(outputs[:, 0], model.predict(X)))
        True
        """
        check_is_fitted(self)
        n_lags, origin = self.impulse_response_.shape[2], None
        recipe = self._known_recipe()
        if (initial := subtracted_network(self.training_)) is not None:
            response = recipe.network(initial, n_lags).response()
            origin = self._export(as_impulse_response(response, n_lags))
        return LinearRNNModule(
            self.transition_,
            self.input_,
            self.readout_,
            self.intercept_,
            coupling=getattr(self, "coupling_", None),
            factors=recipe.factors,
            n_lags=n_lags,
            every_step=self._form.every_step,
            delay=self.first_lag_,
            origin=origin,
        )

    def _whole_system(self) -> StateSpace:
        initial = subtracted_network(self.training_)
        start = None if initial is None else [parameter.numpy() for parameter in initial]
        arrays = self.transition_, self.input_, self.readout_, getattr(self, "coupling_", None)
        factors = self._known_recipe().factors
        return delayed(network_realisation(*arrays, factors=factors, start=start), self.first_lag_)

    def _known_recipe(self) -> RNNRecipe:
        """Return the recipe of the network that was trained."""
        recipe = self.training_.recipe
        assert isinstance(recipe, RNNRecipe)
        return recipe
