"""Watching the spectral radius of a linear RNN."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import ArpackError, eigs
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackContext

from sklearn_linrnn._core.networks.parametrization import PARAMETRIZATIONS, Factors
from sklearn_linrnn._core.threads import calm
from sklearn_linrnn.callback._step_callback import StepCallback, check_fitted, is_step

DENSE = 256  # hidden units, up to which all eigenvalues cost no more than the largest
# For Arnoldi's method. Many eigenvalues of a random matrix are near the largest: a search for that
# one alone may end at a neighbour, and one for all their digits takes ten times as long.
ARNOLDI = {"k": 8, "ncv": 120, "tol": 1e-4, "maxiter": 20}


@dataclass
class _Radii:
    steps: list[int] = field(default_factory=list)
    radii: list[float] = field(default_factory=list)


@final
class SpectralRadiusMonitor(StepCallback[_Radii]):
    """Record the spectral radius, the reach of a linear RNN's memory, while it trains.

    The spectral radius of ``A = n^{-1/2} W`` is the factor by which its most lasting state fades
    at each time step. At a Gaussian initialisation it is near ``sqrt(nu_w)``, the radius of the
    circular law; a network that learns a longer memory moves an eigenvalue out of that circle.

    Attributes
    ----------
    radii_ : ndarray of shape (n_tasks,)
        The radius after each task of the last fit.
    steps_ : ndarray of shape (n_tasks,)
        The number of iterations by then, the estimator's ``n_iter_``.

    Notes
    -----
    Above 256 hidden units the radius is that of the eight eigenvalues that Arnoldi's method finds
    from one fixed vector, to five digits, at the cost of some hundred products with ``W``. Where
    it does not converge, as for an orthogonal ``A``, all eigenvalues are computed.

    Examples
    --------
    >>> from sklearn.callback import FitCallback
    >>> from sklearn_linrnn.callback import SpectralRadiusMonitor
    >>> isinstance(SpectralRadiusMonitor(), FitCallback)
    True
    """

    @property
    def radii_(self) -> NDArray[np.float64]:
        """The radius after each task."""
        return np.array(self._read().radii)

    @property
    def steps_(self) -> NDArray[np.int64]:
        """The number of iterations by then."""
        return np.array(self._read().steps, dtype=np.int64)

    def _open(self, estimator: BaseEstimator, context: CallbackContext) -> _Radii:
        return _Radii()

    def on_fit_task_end(
        self,
        estimator: BaseEstimator,
        context: CallbackContext,
        *,
        fitted_estimator: BaseEstimator | None = None,
    ) -> None:
        """Record the radius.

        Parameters
        ----------
        estimator : estimator instance
            The estimator that is fitted.
        context : CallbackContext
            Context of the task.
        fitted_estimator : estimator instance, default=None
            The model as it is after this task.

        Raises
        ------
        ValueError
            If there is no model.
        TypeError
            If it has no transition matrix.
        """
        if not is_step(context):
            return
        model = check_fitted(fitted_estimator, self)
        if not hasattr(model, "transition_"):
            raise TypeError(
                "SpectralRadiusMonitor needs an estimator with a transition_ matrix, such as "
                f"LinearRNNRegressor, but got {type(estimator).__name__}."
            )
        record = self._records[estimator]
        record.steps.append(model.n_iter_)
        n_hidden = model.transition_.shape[-1]
        parametrization = PARAMETRIZATIONS[getattr(model, "parametrization", "ntk")]
        factors = parametrization.equations(n_hidden, getattr(model, "leak", 1.0))
        layers = model.transition_.reshape(-1, n_hidden, n_hidden)
        record.radii.append(max(_spectral_radius(each, factors) for each in layers))


def _spectral_radius(transition: NDArray, factors: Factors) -> float:
    """Return the largest modulus of an eigenvalue of what maps a state to the next one."""
    A = factors.transition * np.asarray(transition, dtype=np.float64)
    A.flat[:: len(A) + 1] += factors.keep
    with calm(A.size):
        return float(np.abs(_leading_eigenvalues(A)).max())


def _leading_eigenvalues(A: NDArray[np.float64]) -> NDArray:
    if len(A) > DENSE:
        start = np.random.default_rng(0).normal(size=len(A))
        try:
            return eigs(A, v0=start, return_eigenvectors=False, **ARNOLDI)
        except ArpackError:
            pass
    return np.linalg.eigvals(A)
