"""Sums of the data: moments, from series and from windows."""
