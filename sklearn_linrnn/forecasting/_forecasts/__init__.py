"""From responses to forecasts: directly, or one step after another, with their noise."""
