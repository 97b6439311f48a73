"""A forecaster for sktime that learns from sums over windows by any regressor of the package."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
