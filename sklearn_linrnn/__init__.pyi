from ._core.lag_statistics import LagStatistics
from ._core.lag_weights import linear_rnn_lag_weights
from ._lag_weighter import LagWeighter
from ._linear_rnn import LinearRNNRegressor
from ._memory_bias import memory_bias
from ._ntk_conv import NTKConvRegressor
from ._weighted_conv import WeightedConv1DRegressor
from .inspection import MemoryDisplay, effective_memory

__all__ = [
    "LagStatistics",
    "LagWeighter",
    "LinearRNNRegressor",
    "MemoryDisplay",
    "NTKConvRegressor",
    "WeightedConv1DRegressor",
    "effective_memory",
    "linear_rnn_lag_weights",
    "memory_bias",
]
