"""The estimators: shells around the mathematics."""
