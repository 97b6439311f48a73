"""Many ways to look at a series, combined: forecasts without settings."""
