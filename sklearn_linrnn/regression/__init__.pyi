from ._linear_rnn import LinearRNNTimeSeriesRegressor
from ._ntk_conv import NTKConvTimeSeriesRegressor
from ._weighted_conv import WeightedConv1DTimeSeriesRegressor

__all__ = [
    "LinearRNNTimeSeriesRegressor",
    "NTKConvTimeSeriesRegressor",
    "WeightedConv1DTimeSeriesRegressor",
]
