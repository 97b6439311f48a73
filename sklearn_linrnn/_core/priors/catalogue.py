"""The priors that have a name."""

from __future__ import annotations

from sklearn_linrnn._core.priors.deep_linear_rnn import DeepLinearRNN
from sklearn_linrnn._core.priors.identification import DC, DI, SS, TC, Flat
from sklearn_linrnn._core.priors.lag_prior import LagPrior
from sklearn_linrnn._core.priors.lag_weights import LinearRNN
from sklearn_linrnn._core.priors.leaky_rnn import LeakyRNN
from sklearn_linrnn._core.priors.lru import LRU
from sklearn_linrnn._core.priors.s4d import S4DLegS, S4DLin
from sklearn_linrnn._core.priors.torch_rnn import TorchRNN

HYPERPARAMETERS = ("nu_w", "nu_f", "nu_c", "correlation")  # of the named priors

PRIORS: dict[str, type[LagPrior]] = {
    "linear_rnn": LinearRNN,
    "flat": Flat,
    "di": DI,
    "tc": TC,
    "dc": DC,
    "ss": SS,
    "leaky_rnn": LeakyRNN,
    "deep_linear_rnn": DeepLinearRNN,
    "torch_rnn": TorchRNN,
    "lru": LRU,
    "s4d_lin": S4DLin,
    "s4d_legs": S4DLegS,
}
