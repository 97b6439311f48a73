from ._linear_rnn import LinearRNNForecaster
from ._ntk_conv import NTKConvForecaster
from ._ntk_conv_cv import NTKConvForecasterCV
from ._weighted_conv import WeightedConv1DForecaster

__all__ = [
    "LinearRNNForecaster",
    "NTKConvForecaster",
    "NTKConvForecasterCV",
    "WeightedConv1DForecaster",
]
