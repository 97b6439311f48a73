from ._lag_time_series_regressor import LagTimeSeriesRegressor

__all__ = ["LagTimeSeriesRegressor"]
