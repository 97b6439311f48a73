from ._lag_forecaster import LagForecaster

__all__ = ["LagForecaster"]
