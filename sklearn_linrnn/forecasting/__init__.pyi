from ._linear_rnn import LinearRNNForecaster
from ._ntk_conv import NTKConvForecaster
from ._weighted_conv import WeightedConv1DForecaster

__all__ = [
    "LinearRNNForecaster",
    "NTKConvForecaster",
    "WeightedConv1DForecaster",
]
