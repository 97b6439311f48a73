from ._core.lag_priors import LagPrior
from ._core.lag_statistics import LagStatistics
from ._core.lag_weights import linear_rnn_lag_weights
from ._core.tangent_kernel import linear_rnn_lag_covariance
from ._kernels import LagKernel, kernel_matrix
from ._lag_weighter import LagWeighter
from ._linear_rnn import LinearRNNRegressor
from ._memory_bias import memory_bias
from ._ntk_conv import NTKConvRegressor
from ._ntk_conv_cv import NTKConvRegressorCV
from ._weighted_conv import WeightedConv1DRegressor
from .inspection import MemoryDisplay, NTKGap, effective_memory, ntk_gap

__all__ = [
    "LagKernel",
    "LagPrior",
    "LagStatistics",
    "LagWeighter",
    "LinearRNNRegressor",
    "MemoryDisplay",
    "NTKConvRegressor",
    "NTKConvRegressorCV",
    "NTKGap",
    "WeightedConv1DRegressor",
    "effective_memory",
    "kernel_matrix",
    "linear_rnn_lag_covariance",
    "linear_rnn_lag_weights",
    "memory_bias",
    "ntk_gap",
]
