"""Lag weights and covariances: numbers in, no statistics."""
