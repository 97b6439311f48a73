"""Forecasts with their uncertainty: intervals, joint paths, and from many origins."""
