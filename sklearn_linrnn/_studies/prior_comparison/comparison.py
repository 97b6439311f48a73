"""The comparison: which recurrence's memory suits a series, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from rich.console import Console
from rich.progress import track
from sklearn.utils import check_random_state

from sklearn_linrnn._core.priors.lag_prior import LagPrior
from sklearn_linrnn._core.threads import one_thread
from sklearn_linrnn._data.containers import named
from sklearn_linrnn._studies.prior_comparison.design import ComparisonDesign
from sklearn_linrnn._studies.prior_comparison.result import PriorComparison, concluded
from sklearn_linrnn._studies.prior_comparison.trials import Lesson, PriorTrials, whole_lesson
from sklearn_linrnn._studies.study_data import StudyData, Treatment, make_data
from sklearn_linrnn._studies.study_design import checked_count, checked_level, checked_switch
from sklearn_linrnn._studies.study_models import Part
from sklearn_linrnn.inspection._named_priors import read_priors


def compare_priors(
    y: ArrayLike,
    X: ArrayLike | None = None,
    *,
    priors: str | LagPrior | Iterable[str | LagPrior] | Mapping[str, str | LagPrior] | None = None,
    n_lags: int = 24,
    n_splits: int = 5,
    season: int | None = None,
    log: bool = False,
    difference: bool = False,
    level: float = 0.9,
    random_state: int | np.random.RandomState | None = 0,
    progress: bool = False,
) -> PriorComparison:
    """Compare what recurrences prefer to remember on a series.

    Each prior of the impulse response is what one kind of recurrence, infinitely wide and trained
    by gradient descent, prefers to remember, or a kernel of system identification. Its
    hyperparameters and its strength are those of the highest evidence. Priors are compared by
    their evidence on the whole series, and by their errors one step ahead on parts of it that
    follow what they learned from.

    Parameters
    ----------
    y : array-like of shape (n_timesteps,)
        Series to predict, from its own past unless `X` is given. The name of a pandas Series is
        that of the result; its times, if it has any, must be even: ``y.asfreq("D")`` makes rows of
        days that were left out.
    X : array-like of shape (n_timesteps, n_inputs), default=None
        Inputs to predict `y` from, at the same step and before; then the past of `y` is not used.
    priors : str, LagPrior, iterable of them or mapping, default=None
        The priors: names as of `prior` in `NTKConvRegressor`, all of whose hyperparameters are
        chosen by evidence; objects of `sklearn_linrnn.priors`, of which those that are "auto" are;
        or a mapping from labels to either. ``None`` for all that have a name.
    n_lags : int, default=24
        Number of lags.
    n_splits : int, default=5
        Number of test parts; each follows the steps that its models learned from, as in
        `sklearn.model_selection.TimeSeriesSplit`.
    season : int, default=None
        Number of time steps after which the series may repeat itself; ``None`` for what the
        frequency of its index says, 1 for none.
    log : bool, default=False
        Whether to study the logarithms of `y`.
    difference : bool, default=False
        Whether to study differences of neighbouring steps, of `X` too.
    level : float, default=0.9
        Level of all intervals and confidence sets, within [0.5, 1).
    random_state : int, RandomState instance or None, default=0
        Seed of all draws.
    progress : bool, default=False
        Whether to show a progress bar, on standard error.

    Returns
    -------
    result : PriorComparison
        ``verdict``; ``evidence_set`` and ``held_out_set``, the priors that cannot be told from the
        best; ``uncertain_set``, those of the former that lie farther below than some that can be
        told, so uncertainly that it may be chance; ``summary``, in sentences; ``table``, with a row
        for each prior; ``plot()`` and ``to_html(path)``.

    Raises
    ------
    TypeError, ValueError
        If the series are not of numbers of one length, have times that are not even, are infinite,
        out of the range in which they can be squared, or too short for `n_lags` and `n_splits`,
        there is no such prior, or a parameter is out of its range.

    Notes
    -----
    *Evidence* is the probability of the targets when the response has been averaged out, at the
    best hyperparameters; it is the product of the probabilities of each target given those before
    [1]_. A difference of logarithms is a Bayes factor: more than 3 nats are called strong, more
    than 5 very strong [2]_, as far as noise is white and Gaussian. Whether another stretch of the
    series might have said otherwise is known from how the difference adds up over time: that is its
    standard error, with a HAC variance.

    *Held-out error.* In each training part all is chosen anew by the evidence there; inputs and
    targets are standardised by their mean and standard deviation there. Test errors choose nothing.
    Costs are relative to the prior of the highest evidence, with intervals by the stationary
    bootstrap.

    *Sets.* Of both measures there is a model confidence set [3]_: of the priors that are not in it
    it can be said, for all of them together at `level`, that they are not the best. That is exact
    in long series only.

    *Nothing to learn.* The prior of the highest evidence in each training part must predict better,
    by the test of Diebold and Mariano, than each forecast that needs no training: the mean of the
    training part and, where `y` is predicted from its own past, its last value and that of one
    season ago.

    *Memory.* The interval of a prior's memory has the hyperparameters that a likelihood-ratio test
    of the evidence does not refuse; that of the fit is of the posterior of the response at the best
    ones.

    References
    ----------
    .. [1] A. P. Dawid, "Present position and potential developments: some personal views.
       Statistical theory: the prequential approach", Journal of the Royal Statistical Society A
       147, 1984.
    .. [2] R. E. Kass, A. E. Raftery, "Bayes factors", Journal of the American Statistical
       Association 90, 1995.
    .. [3] P. R. Hansen, A. Lunde, J. M. Nason, "The model confidence set", Econometrica 79, 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_linrnn import compare_priors
    >>> x, noise = np.random.default_rng(0).normal(size=(2, 300))
    >>> y = np.convolve(x, 0.8 ** np.arange(16))[:300] + noise
    >>> result = compare_priors(y, x, priors=["linear_rnn", "tc", "flat"], n_lags=16)
    >>> result.verdict, result.evidence_set
    ('difference', ('tc',))
    """
    sizes = {"n_lags": checked_count("n_lags", n_lags)}
    sizes["n_splits"] = checked_count("n_splits", n_splits, 2)
    season = None if season is None else checked_count("season", season)
    treatment = Treatment(checked_switch("log", log), checked_switch("difference", difference))
    design = ComparisonDesign(
        name=str(getattr(y, "name", None) or "this series"),
        priors=read_priors(priors),
        **sizes,
        season=season,
        treatment=treatment,
        has_inputs=X is not None,
        level=checked_level(level),
        random_state=random_state if isinstance(random_state, Integral) else None,
    )
    data = make_data(y, X, design.n_lags, treatment, season)
    with named("random_state"):
        seed = int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
    with one_thread():  # many small products
        return concluded(_try(data, design, seed, progress))


def _try(data: StudyData, design: ComparisonDesign, seed: int, progress: bool) -> PriorTrials:
    """Return the trials of all priors."""
    lessons = [Lesson(Part.of(data, *indices)) for indices in data.parts(design.n_splits)]
    whole = whole_lesson(data)
    found: dict[str, Any] = {"whole": {}, "by_part": {}, "losses": {}}
    jobs = track(
        design.priors.items(),
        "Learning",
        console=Console(stderr=True),
        transient=True,
        disable=not progress,
    )
    for label, prior in jobs:
        each = [lesson.search(prior) for lesson in lessons]
        errors = [lesson.squared_errors(one) for lesson, one in zip(lessons, each, strict=True)]
        found["whole"][label] = whole.search(prior)
        found["by_part"][label] = each
        found["losses"][label] = np.concatenate(errors)
    return PriorTrials(data, design, seed, **found)
