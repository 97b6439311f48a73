from ._learning import fit, lag_statistics, partial_fit
from ._predictions import predict, score

__all__ = ["fit", "lag_statistics", "partial_fit", "predict", "score"]
