"""Whether residuals are noise: tests of what a right model would have left."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from statsmodels.tsa.stattools import q_stat

from sklearn_linrnn._core.tensors import whole_number
from sklearn_linrnn._data.sequences import Recordings
from sklearn_linrnn._estimators.response_lags import response_lags
from sklearn_linrnn.inspection._posterior import channel_names, check_regressor
from sklearn_linrnn.inspection._residual_spread import LearnedResponse, ResidualSpread
from sklearn_linrnn.inspection._residual_sums import AlignedResiduals, residual_products

USUAL_LAGS = 25  # on both sides of the model's
MOST_COEFFICIENTS = 4096  # lags times channels; their scatter takes 128 MiB


class ResidualCheck:
    """Residuals of a fitted model, with all that is tested of them.

    Parameters
    ----------
    estimator : LagRegressor
        A fitted estimator.
    X, y : array-like or list
        Inputs and targets at every time step.
    n_lags : int or None
        Number of lags on both sides.
    sequence_id : array-like or None
        The recording that each row belongs to.
    """

    def __init__(
        self, estimator: Any, X: Any, y: Any, n_lags: int | None, sequence_id: Any
    ) -> None:
        check_regressor(estimator)
        self.recordings, self.residuals = estimator.__linrnn_residuals__(X, y, sequence_id)
        self.n_lags = _check_n_lags(n_lags, self.recordings)
        self.channel_names = channel_names(estimator)
        model = response_lags(estimator)
        self.first = int(model[0])
        earliest, last = min(self.first - self.n_lags, 0), int(model[-1]) + self.n_lags
        self.lags = np.arange(earliest, last + 1)
        n_coefficients = len(self.lags) * len(self.channel_names)
        if n_coefficients > MOST_COEFFICIENTS:
            raise ValueError(
                f"n_lags={self.n_lags} on both sides of the model's {len(model)} lags, of "
                f"{len(self.channel_names)} channels, need the scatter of {n_coefficients} "
                f"coefficients, but it is formed for {MOST_COEFFICIENTS} at most."
            )
        aligned = AlignedResiduals.of(self.recordings, self.residuals, self.lags)
        if aligned.n_rows <= n_coefficients + 1:
            raise ValueError(
                f"n_lags={self.n_lags} on both sides of the model's {len(model)} lags need more "
                f"than {n_coefficients + 1} observed time steps whose lags are all known, but got "
                f"{aligned.n_rows}. Lower n_lags, or pass longer recordings."
            )
        learned = LearnedResponse.by(estimator, self.residuals)
        self.outputs = [ResidualSpread(sums, model, learned) for sums in aligned.sums(self.first)]

    def autocorrelations(self, output: int) -> tuple[NDArray, NDArray, NDArray]:
        """Return those of residuals at lags from 1 on, what is left on average, and deviations."""
        residuals = self.residuals[:, output]
        found, n_pairs = residual_products(self.recordings, residuals, self.n_lags)
        biases = self.outputs[output].autocorrelation_biases(self.n_lags)
        return found[1:], biases, np.sqrt(n_pairs[1:]) / n_pairs[0]

    def whiteness(self, output: int) -> tuple[float, int, float]:
        """Return the statistic of Ljung and Box, its degrees of freedom and its p-value."""
        found, biases, deviations = self.autocorrelations(output)
        n_known = int(np.isfinite(self.residuals[:, output]).sum())
        # It counts the pairs of one series without gaps.
        usual = np.sqrt(n_known - np.arange(1.0, self.n_lags + 1)) / n_known
        known = deviations > 0
        scaled = (found - biases)[known] * usual[known] / deviations[known]
        statistics, p_values = q_stat(scaled, n_known)
        return float(statistics[-1]), int(known.sum()), float(p_values[-1])


def residual_tests(
    estimator: Any, X: Any, y: Any, *, n_lags: int | None = None, sequence_id: Any = None
) -> pd.DataFrame:
    """Test whether residuals of a fitted model are noise that its inputs have nothing to do with.

    A model that is right leaves residuals of three properties, and each has a test: residuals are
    white; they do not depend on the inputs that the model has, nor on those before; and they do
    not tell what inputs come later, as they do where the output is fed back.

    Parameters
    ----------
    estimator : estimator
        A fitted regressor of this package, of recordings with a target at every time step.
    X : array-like or list
        Inputs, in any of the shapes that `fit` takes for recordings: those of the training, or
        others.
    y : array-like or list
        Targets, as in `fit`; NaN where they were not observed.
    n_lags : int, default=None
        Number of time steps: residuals are compared with as many before them, and with inputs as
        many after them and as many before the first one that the model has; ``None`` for 25, or a
        tenth of the longest recording.
    sequence_id : array-like of shape (n_samples,), default=None
        With ``rows="timesteps"``, the recording that each row belongs to; required if `fit` was
        given it.

    Returns
    -------
    tests : pandas.DataFrame
        A row for each test, with the columns ``output``, its number; ``input``, the name of the
        channel, or "residuals"; ``test``, "whiteness", "dynamics" or "feedback"; ``first_lag`` and
        ``last_lag``, negative ones for inputs after the residual; ``statistic``;
        ``degrees_of_freedom``, and ``p_value``, the probability of a larger statistic if the model
        is right. Where nothing is left to be tested statistic and p-value are NaN, as those of
        later inputs that the earlier ones determine.

    Raises
    ------
    TypeError
        If the estimator is not one of this package's regressors, or `n_lags` is not whole.
    ValueError
        If the data are windows, recordings are too short for `n_lags`, or X and y do not go with
        the model.

    See Also
    --------
    ResidualDisplay : The correlations behind the tests, lag by lag.

    Notes
    -----
    "whiteness" is the test of Ljung and Box [1]_, a chi-squared statistic. "dynamics" and
    "feedback" are F statistics, the mean square of the sums of products of residuals and inputs in
    independent directions. They hold for inputs and noise of any autocorrelation: that of the
    residuals is taken from an autoregression of lowest BIC. Channels that go together may fail
    together.

    Of a model with ``noise="ar"`` residuals are innovations, compared with inputs that are filtered
    as for the fit.

    Errors of the fit are in the residuals, too. A fit has taken from the residuals of its training
    what it has learned, and adds its own errors to those of other data; which of the two it is
    follows from the number and the sum of squares of the residuals. Both are counted by the
    posterior, and the directions that are mostly learned are left out. Of a model without a
    posterior, what its own lags explain of the inputs is left out instead. "feedback" is Sims's
    test [2]_: what inputs later than those of the model say beyond all others, whatever the model
    has made of these. Feedback within one time step is not seen if the model has lag 0: it looks
    like an effect of the input.

    References
    ----------
    .. [1] G. M. Ljung, G. E. P. Box, "On a measure of lack of fit in time series models",
       Biometrika 65, 1978.
    .. [2] C. A. Sims, "Money, income, and causality", American Economic Review 62, 1972.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_linrnn import NTKConvRegressor, residual_tests
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(1000, 1))
    >>> y = np.convolve(x[:, 0], 0.8 ** np.arange(30))[:1000] + rng.normal(size=1000)
    >>> enough = NTKConvRegressor(0.7, alpha="auto", rows="timesteps", n_lags=30).fit(x, y)
    >>> bool((residual_tests(enough, x, y)["p_value"] > 0.01).all())
    True
    >>> few = NTKConvRegressor(0.7, alpha="auto", rows="timesteps", n_lags=3).fit(x, y)
    >>> tests = residual_tests(few, x, y, n_lags=10)
    >>> tests.set_index("test")["p_value"] < 0.01
    test
    whiteness     True
    dynamics      True
    feedback     False
    Name: p_value, dtype: bool
    """
    return frame_of_tests(ResidualCheck(estimator, X, y, n_lags, sequence_id))


def frame_of_tests(check: ResidualCheck) -> pd.DataFrame:
    """Return all tests of residuals, a row for each."""
    rows: list[tuple[Any, ...]] = []
    for output, spread in enumerate(check.outputs):
        rows.append((output, "residuals", "whiteness", 1, check.n_lags, *check.whiteness(output)))
        for channel, name in enumerate(check.channel_names):
            joints = {
                ("dynamics", check.first, check.lags[-1]): spread.dynamics(channel),
                ("feedback", check.lags[0], check.first - 1): spread.feedback(channel),
            }
            rows += [
                (output, name, *what, joint.statistic, joint.degrees_of_freedom, joint.p_value)
                for what, joint in joints.items()
            ]
    columns = ["output", "input", "test", "first_lag", "last_lag"]
    return pd.DataFrame(rows, columns=[*columns, "statistic", "degrees_of_freedom", "p_value"])


def _check_n_lags(n_lags: int | None, recordings: Recordings) -> int:
    longest = recordings.longest
    if n_lags is None:
        return max(1, min(USUAL_LAGS, longest // 10))
    found = whole_number(n_lags, "n_lags")
    if not 1 <= found < longest:
        raise ValueError(
            f"n_lags must be at least 1 and less than the {longest} time steps of the longest "
            f"recording, but got {found}."
        )
    return found


def as_p_value(p_value: float) -> str:
    """Return a p-value as it is printed, "-" where there is nothing to test.

    >>> as_p_value(0.0371), as_p_value(1e-9), as_p_value(np.nan)
    ('0.037', '< 0.001', '-')
    """
    if np.isnan(p_value):
        return "-"
    return "< 0.001" if p_value < 0.001 else f"{p_value:.2g}"


def equals_p_value(p_value: float) -> str:
    """Return a p-value behind the letter p.

    >>> equals_p_value(0.0371), equals_p_value(1e-9)
    ('= 0.037', '< 0.001')
    """
    shown = as_p_value(p_value)
    return shown if shown.startswith("<") else f"= {shown}"
