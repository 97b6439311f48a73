"""Priors of an impulse response: what a recurrence prefers to remember before it sees data.

Each is an object that `prior` of an estimator takes, with its hyperparameters as fields; one that
is "auto" is chosen by its evidence. The names that `prior` takes stand for their defaults.
"""

from sklearn_linrnn._core.priors.deep_linear_rnn import DeepLinearRNN
from sklearn_linrnn._core.priors.identification import DC, DI, SS, TC, Flat
from sklearn_linrnn._core.priors.lag_prior import LagPrior
from sklearn_linrnn._core.priors.lag_weights import GaussianGroups, LinearRNN
from sklearn_linrnn._core.priors.leaky_rnn import LeakyRNN
from sklearn_linrnn._core.priors.lru import LRU
from sklearn_linrnn._core.priors.s4d import S4DLegS, S4DLin
from sklearn_linrnn._core.priors.torch_rnn import TorchRNN

__all__ = [
    "DC",
    "DI",
    "LRU",
    "SS",
    "TC",
    "DeepLinearRNN",
    "Flat",
    "GaussianGroups",
    "LagPrior",
    "LeakyRNN",
    "LinearRNN",
    "S4DLegS",
    "S4DLin",
    "TorchRNN",
]
