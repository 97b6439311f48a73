"""A prior of the impulse response: how its lags vary, and vary together, before any data is seen.

A prior is a covariance over the lags, up to a factor, the same for every channel and output. To add
one, write a frozen dataclass with its hyperparameters as fields and with `covariance` in a file of
its own, and give it a name in `catalogue.py`; that of a network of random matrices is a subclass of
`GaussianGroups` (`lag_weights.py`). A search for hyperparameters climbs by `covariance_slope` along
`scale`; write them too where differences of the covariance are not exact enough, or a
hyperparameter has other bounds than a variance.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cholesky, eigh, qr
from scipy.linalg.lapack import dpstrf

from sklearn_linrnn._core.priors.prior_parameters import PriorParameters
from sklearn_linrnn._core.priors.scales import VARIANCE, Scale, decay_scale
from sklearn_linrnn._core.units import binary_unit

Hyperparameter = Any  # a number, or "auto"; within a search, a column of numbers

LIMITS = np.finfo(np.float64)
STEP = 1e-5  # of central differences, relative to a hyperparameter; from zero as it is
UNDERFLOW = 1e-280  # a variance, beside the largest, of which products lose digits
ROUNDING = 1e-10  # the share of the largest eigenvalue that a negative one may have by rounding
PIVOTED = 1e-14  # error of a root from pivots, by the number of lags


def structure(default: Any = MISSING) -> Any:
    """Return a field that says which prior it is, and is no hyperparameter to be sought."""
    return field(default=default, metadata={"is_structure": True})


@dataclass(frozen=True)
class LagPrior(PriorParameters, ABC):
    """Covariance of an impulse response over the lags, up to a factor.

    The fields of a prior are its hyperparameters, but for those made by `structure`. One that is
    "auto" is chosen by its evidence, where an estimator can do that. Estimators have the fields of
    their prior among their parameters, as ``prior__nu_w``.
    """

    tied: ClassVar[tuple[str, ...]] = ()  # hyperparameters of equal effect, to be sought as one

    @abstractmethod
    def covariance(self, n_lags: int) -> NDArray[np.float64]:
        """Return the covariance of lags 0 to ``n_lags - 1``.

        Parameters
        ----------
        n_lags : int
            Number of lags.

        Returns
        -------
        covariance : ndarray of shape (n_lags, n_lags) or (n_lags,)
            Symmetric and positive semi-definite; of independent lags the variances alone.
        """

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """The hyperparameters by name."""
        names = [each.name for each in fields(self) if not each.metadata.get("is_structure")]
        return {name: getattr(self, name) for name in names}

    @property
    def sought(self) -> tuple[str, ...]:
        """Names of the hyperparameters that are "auto"."""
        pairs = self.hyperparameters.items()
        return tuple(name for name, value in pairs if isinstance(value, str))

    def settled(self) -> Self:
        """Return the prior with defaults in the place of "auto".

        Returns
        -------
        prior : same type
            A prior whose hyperparameters are numbers.

        Raises
        ------
        ValueError
            If a hyperparameter is "auto" and has no default, or is another string.
        """
        defaults = {each.name: each.default for each in fields(self)}
        for name in self.sought:
            if self.hyperparameters[name] != "auto" or defaults[name] is MISSING:
                raise ValueError(
                    f'{name} of {type(self).__name__} must be a number, or "auto" where it has a '
                    f"default, but got {self.hyperparameters[name]!r}."
                )
        values = {name: defaults[name] for name in self.sought}
        return self.with_values(**values) if values else self

    def groups(self, sought: Sequence[str]) -> list[tuple[str, ...]]:
        """Return the names of hyperparameters that are sought; those of a tuple share a value.

        Parameters
        ----------
        sought : sequence of str
            Names of all of them.

        Returns
        -------
        groups : list of tuple of str
            Each name in one of them.
        """
        alone: list[tuple[str, ...]] = [(name,) for name in sought if name not in self.tied]
        together = tuple(name for name in self.tied if name in sought)
        return [*alone, together] if together else alone

    def scale(self, name: str, n_lags: int) -> Scale:
        """Return the scale on which a hyperparameter is sought: that of a decay, or a variance.

        Parameters
        ----------
        name : str
            The hyperparameter's name.
        n_lags : int
            Number of lags of the model.

        Returns
        -------
        scale : Scale
            With the bounds of the search, and where it starts.
        """
        return decay_scale(n_lags) if name == "nu_w" else VARIANCE

    def start_grids(self, groups: Sequence[tuple[str, ...]], n_lags: int) -> list[NDArray]:
        """Return grids of measures, of which a search begins at those of more evidence than beside.

        Parameters
        ----------
        groups : sequence of tuple of str
            Those of `groups`.
        n_lags : int
            Number of lags of the model.

        Returns
        -------
        grids : list of ndarray of shape (..., n_groups)
            Here one grid, of the starts of all scales.
        """
        starts = [self.scale(names[0], n_lags).starts for names in groups]
        grid = np.array(list(itertools.product(*starts)))
        return [grid.reshape(*map(len, starts), len(groups))]

    def with_values(self, **hyperparameters: Any) -> Self:
        """Return the prior with other hyperparameters.

        Parameters
        ----------
        **hyperparameters : float
            Their values by name.

        Returns
        -------
        prior : same type
            A prior with these, and its own ones for the rest.
        """
        return replace(self, **hyperparameters)

    def ordered(self) -> Self:
        """Return the same prior with the ends of ranges in order, which a search may swap.

        Returns
        -------
        prior : same type
            The prior itself where it has no ranges.
        """
        return self

    def covariance_slope(self, n_lags: int, name: str) -> NDArray[np.float64]:
        """Return the derivative of the covariance by a hyperparameter; here by differences.

        Parameters
        ----------
        n_lags : int
            Number of lags.
        name : str
            The hyperparameter's name.

        Returns
        -------
        slope : ndarray of shape (n_lags, n_lags) or (n_lags,)
            Of the shape of `covariance`.
        """
        value = float(getattr(self, name))
        before, after = value * (1.0 - STEP), min(value * (1.0 + STEP), LIMITS.max)
        if abs(value) < LIMITS.tiny:
            before, after = value, STEP
        rise = replace(self, **{name: after}).covariance(n_lags)
        return (rise - replace(self, **{name: before}).covariance(n_lags)) / (after - before)

    @property
    def has_independent_lags(self) -> bool:
        """Whether `covariance` has variances alone."""
        return np.ndim(self.covariance(1)) == 1

    def variances(self, n_lags: int) -> NDArray[np.float64]:
        """Return the variances of independent lags, without looking whether they are such.

        Where hyperparameters are columns, (n_priors, 1), the prior stands for as many, here and in
        `covariance_slope`.

        Parameters
        ----------
        n_lags : int
            Number of lags.

        Returns
        -------
        variances : ndarray of shape (n_lags,) or (n_priors, n_lags)
            The variances.
        """
        columns = {k: v for k, v in self.hyperparameters.items() if np.shape(v)[1:] == (1,)}
        if not columns:
            return self.covariance(n_lags)
        rows = zip(*(np.ravel(column).tolist() for column in columns.values()), strict=True)
        each = [self.with_values(**dict(zip(columns, row, strict=True))) for row in rows]
        return np.stack([prior.covariance(n_lags) for prior in each])

    def quick_variances(self, n_lags: int) -> NDArray[np.float64] | None:
        """Return the variances of the lags where they are far less work than the root, else None.

        A search asks for the root of those lags alone that matter.

        Parameters
        ----------
        n_lags : int
            Number of lags.

        Returns
        -------
        variances : ndarray of shape (n_lags,) or None
            The variances.
        """
        return None

    def root(self, n_lags: int) -> NDArray[np.float64]:
        """Return ``L`` with ``L L^T`` the covariance.

        Parameters
        ----------
        n_lags : int
            Number of lags.

        Returns
        -------
        root : ndarray of shape (n_lags, n_lags) or (n_lags,)
            Lower triangular, so that its leading block belongs to the first lags; of independent
            lags its diagonal alone.
        """
        name = f"The covariance of {type(self).__name__}"
        return lower_root(check_covariance(self.covariance(n_lags), n_lags, name))


def check_covariance(covariance: NDArray, n_lags: int, name: str) -> NDArray:
    """Return a covariance, or variances, of ``n_lags``; raise if it cannot be one."""
    shape = np.shape(covariance)
    if shape not in ((n_lags,), (n_lags, n_lags)):
        raise ValueError(
            f"{name} must have shape ({n_lags},) or ({n_lags}, {n_lags}), but got shape {shape}."
        )
    covariance = np.asarray(covariance, dtype=np.float64)
    variances = covariance if covariance.ndim == 1 else np.diagonal(covariance)
    if not np.isfinite(covariance).all() or (variances < 0).any() or not (variances > 0).any():
        raise ValueError(f"{name} must be finite, with variances not negative and not all zero.")
    if covariance.ndim == 2 and not _is_symmetric(covariance):
        raise ValueError(f"{name} must be symmetric.")
    return covariance


def _is_symmetric(covariance: NDArray) -> bool:
    """Return whether a covariance is, but for rounding: of lags that hardly vary together, too."""
    deviations = np.sqrt(np.diagonal(covariance))
    scale = np.maximum(np.outer(deviations, deviations), np.abs(covariance))
    return bool((np.abs(covariance - covariance.T) <= 1e-10 * scale).all())


def lower_root(covariance: NDArray) -> NDArray:
    """Return the lower triangular root of a covariance, or the square roots of variances.

    A covariance may be singular. Scaled to a unit diagonal first, it keeps the digits of variances
    that spread over many decades.
    """
    if covariance.ndim == 1:
        return np.sqrt(covariance)
    unit = binary_unit(np.sqrt(np.diagonal(covariance)))
    return unit * _scaled_root(covariance / unit**2)


def _scaled_root(covariance: NDArray) -> NDArray:
    """Return the root of a covariance whose largest variance is about one."""
    variances = np.diagonal(covariance)
    used = variances > UNDERFLOW
    if not used.all():
        if (covariance[~used] ** 2 > 16 * UNDERFLOW).any():
            raise ValueError(
                "A prior's covariance must be positive semi-definite, but a lag without variance "
                "varies together with others."
            )
        root = np.zeros_like(covariance)
        root[np.ix_(used, used)] = _scaled_root(covariance[np.ix_(used, used)])
        return root
    deviation = np.sqrt(np.diagonal(covariance))[:, None]
    correlation = covariance / deviation / deviation.T
    try:
        return deviation * cholesky(correlation, lower=True, check_finite=False)
    except LinAlgError:
        return deviation * _root_of_rank(correlation)


def _root_of_rank(correlation: NDArray) -> NDArray:
    """Return the lower triangular root of a singular matrix with a unit diagonal."""
    half = _pivoted_root(correlation)
    if np.abs(half @ half.T - correlation).max() > PIVOTED * len(half):
        half = _spectral_root(correlation)
    root = np.zeros_like(correlation)
    root[:, : half.shape[1]] = qr(half.T, mode="r", check_finite=False)[0].T[:, : len(root)]
    return root


def _pivoted_root(correlation: NDArray) -> NDArray:
    """Return a root of as many columns as there are pivots above rounding, the largest first."""
    factor, pivots, rank, _ = dpstrf(correlation, lower=True)
    half = np.empty((len(correlation), rank))
    half[pivots - 1] = np.tril(factor)[:, :rank]
    return half


def _spectral_root(correlation: NDArray) -> NDArray:
    """Return a root from eigenvectors, in a tenth of the speed; raise if there is none.

    It does not mind errors of the matrix beyond those of its rounding, which pivots enlarge.
    """
    eigenvalues, vectors = eigh(correlation, check_finite=False)
    if eigenvalues[0] < -ROUNDING * len(eigenvalues) * eigenvalues[-1]:
        raise ValueError(
            "A prior's covariance must be positive semi-definite, but scaled to a unit diagonal it "
            f"has the eigenvalue {eigenvalues[0]:.3g}."
        )
    real = eigenvalues > 1e-14 * len(eigenvalues) * eigenvalues[-1]  # the rest is rounding
    return vectors[:, real] * np.sqrt(eigenvalues[real])


@final
@dataclass(frozen=True, eq=False)
class Given(LagPrior):
    """A covariance ``(n_lags, n_lags)`` or variances ``(n_lags,)`` of the user's own."""

    array: NDArray

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """None: the array is as it is."""
        return {}

    @property
    def has_independent_lags(self) -> bool:
        """Whether the array has variances alone."""
        return self.array.ndim == 1

    def covariance(self, n_lags: int) -> NDArray[np.float64]:
        """Return the array, which must be of ``n_lags``."""
        if len(self.array) != n_lags:
            raise ValueError(
                f"The prior was given for {len(self.array)} lags, but the model has "
                f"n_lags={n_lags}."
            )
        return self.array
