"""Data on many machines: sums gathered with Dask, and predictions where the data are."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
