from ._auto_lag_forecaster import AutoLagForecaster
from ._lag_forecaster import LagForecaster

__all__ = ["AutoLagForecaster", "LagForecaster"]
