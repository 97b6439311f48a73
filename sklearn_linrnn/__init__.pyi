from ._core.networks.finite_width import finite_width_lag_weights
from ._core.networks.tangent_kernel import linear_rnn_lag_covariance
from ._core.priors.lag_prior import LagPrior
from ._core.priors.lag_weights import linear_rnn_lag_weights
from ._core.statistics.lag_statistics import LagStatistics
from ._data.series_pieces import SeriesPieces
from ._estimators.kernels import LagKernel, kernel_matrix
from ._estimators.lag_weighter import LagWeighter
from ._estimators.linear_rnn import LinearRNNRegressor
from ._estimators.lru import LRURegressor
from ._estimators.ntk_conv import NTKConvRegressor
from ._estimators.ntk_conv_cv import NTKConvRegressorCV
from ._estimators.recurrent_kernel import RecurrentKernel
from ._estimators.trusted_types import SKOPS_TRUSTED_TYPES
from ._estimators.weighted_conv import WeightedConv1DRegressor
from ._studies.memory_bias import memory_bias
from ._studies.memory_bias_display import MemoryBiasDisplay
from ._studies.memory_bias_result import MemoryBias
from ._studies.prior_comparison.comparison import compare_priors
from ._studies.prior_comparison.display import PriorComparisonDisplay
from ._studies.prior_comparison.result import PriorComparison
from .inspection import (
    ContributionDisplay,
    FrequencyResponseDisplay,
    ImpulseResponseDisplay,
    LagPriorDisplay,
    MeasuredMemory,
    MeasuredMemoryDisplay,
    MemoryDisplay,
    NTKGap,
    NTKGapDisplay,
    ResidualDisplay,
    StepResponseDisplay,
    TrainingDisplay,
    effective_memory,
    measured_memory,
    memory_interval,
    ntk_gap,
    prior_of_memory,
    residual_tests,
)
from .streams import LagStream

__version__: str

__all__ = [
    "SKOPS_TRUSTED_TYPES",
    "ContributionDisplay",
    "FrequencyResponseDisplay",
    "ImpulseResponseDisplay",
    "LRURegressor",
    "LagKernel",
    "LagPrior",
    "LagPriorDisplay",
    "LagStatistics",
    "LagStream",
    "LagWeighter",
    "LinearRNNRegressor",
    "MeasuredMemory",
    "MeasuredMemoryDisplay",
    "MemoryBias",
    "MemoryBiasDisplay",
    "MemoryDisplay",
    "NTKConvRegressor",
    "NTKConvRegressorCV",
    "NTKGap",
    "NTKGapDisplay",
    "PriorComparison",
    "PriorComparisonDisplay",
    "RecurrentKernel",
    "ResidualDisplay",
    "SeriesPieces",
    "StepResponseDisplay",
    "TrainingDisplay",
    "WeightedConv1DRegressor",
    "compare_priors",
    "effective_memory",
    "finite_width_lag_weights",
    "kernel_matrix",
    "linear_rnn_lag_covariance",
    "linear_rnn_lag_weights",
    "measured_memory",
    "memory_bias",
    "memory_interval",
    "ntk_gap",
    "prior_of_memory",
    "residual_tests",
]
