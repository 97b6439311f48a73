"""Fitted responses as systems in state space."""

from __future__ import annotations

from numbers import Real

import numpy as np
from numpy.typing import NDArray
from scipy.signal import dlti
from sklearn.utils.validation import check_is_fitted

from sklearn_linrnn._core.networks.state_space import (
    StateSpace,
    balanced_truncation,
    hankel_singular_values,
    most_states,
)
from sklearn_linrnn._core.response import causal_response
from sklearn_linrnn._estimators.response_lags import response_lags


class SystemMixin:
    """A response that is also a system in state space."""

    impulse_response_: NDArray

    def to_state_space(
        self,
        *,
        order: int | None = None,
        max_error: float | None = None,
        sampling_time: float = 1.0,
    ) -> dlti:
        r"""Return the model as a discrete-time system, as it is or reduced to a few states.

        Reduction is balanced truncation of the impulse response [1]_. With its Hankel singular
        values :math:`\sigma` (`hankel_singular_values`) the frequency responses of model and system
        are nowhere further apart than

        .. math:: \| H(z) - \hat H(z) \|_\infty \le 2 \sum_{i > \mathrm{order}} \sigma_i .

        Parameters
        ----------
        order : int, default=None
            Number of states to reduce it to.
        max_error : float, default=None
            In place of `order`: the fewest states with which the response differs by at most this,
            ``||H - H_reduced|| / ||H||`` in Frobenius norm. ``None`` for both: no reduction.
        sampling_time : float, default=1.0
            Time between two time steps, in seconds: ``dt`` of the system. It changes nothing else.

        Returns
        -------
        system : scipy.signal.dlti
            From the inputs to the outputs without `intercept_`. Without a reduction it has the
            impulse response of the model up to its last lag: a network has its own states, one for
            each hidden unit or, of `LRURegressor`, two, with ``init="centered"`` twice as many, and
            its response goes on after that lag; the system of any other model has ``(n_lags - 1)
            min(n_outputs, n_channels)`` states and a response that ends there. A reduced system
            approximates `predict`: its response decays after the last lag.

        Raises
        ------
        ValueError
            If both are given, one is out of range, or `sampling_time` is not positive.

        References
        ----------
        .. [1] B. C. Moore, "Principal component analysis in linear systems", IEEE Transactions on
           Automatic Control 26, 1981.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_linrnn import NTKConvRegressor
        >>> x = np.random.default_rng(0).normal(size=(2000, 1))
        >>> y = np.convolve(x[:, 0], 0.5 ** np.arange(10))[:2000]
        >>> model = NTKConvRegressor(rows="timesteps", n_lags=10).fit(x, y)
        >>> model.to_state_space(max_error=0.01).A.round(1)
        array([[0.5]])
        >>> float(2 * model.hankel_singular_values()[1:].sum())  # at most, at any frequency
        0.01
        """
        check_is_fitted(self)
        check_sampling_time(sampling_time)
        if order is None and max_error is None:
            system = self._whole_system()
        else:
            system = balanced_truncation(self._causal(), order=order, max_error=max_error)
        return dlti(*system, dt=sampling_time)

    def hankel_singular_values(self) -> NDArray:
        r"""Return how much each state of the impulse response weighs, in falling order.

        Returns
        -------
        sigma : ndarray of shape (n_states,)
            The Hankel singular values of the response, which is zero after its last lag:
            ``(n_lags - 1) min(n_outputs, n_channels)`` of them, in the unit of the outputs over
            that of the inputs. `to_state_space` to some of them errs by at most twice the sum of
            the others, in the largest singular value of the frequency response; no system of as
            many states errs by less than the largest of the others.
        """
        check_is_fitted(self)
        return hankel_singular_values(self._causal())

    def _causal(self) -> NDArray:
        return causal_response(self.impulse_response_, response_lags(self))

    def _whole_system(self) -> StateSpace:
        """Return the system that is not reduced."""
        response = self._causal()
        return balanced_truncation(response, order=most_states(response))


def check_sampling_time(sampling_time: float) -> None:
    """Raise unless a number can be the time between two time steps."""
    is_number = isinstance(sampling_time, Real) and not isinstance(sampling_time, bool)
    if not (is_number and 0 < float(sampling_time) < np.inf):
        raise ValueError(
            f"sampling_time must be a positive number of seconds, but got {sampling_time!r}."
        )
