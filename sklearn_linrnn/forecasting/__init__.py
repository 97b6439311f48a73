"""Forecasters for sktime: regressions on the past by any regressor of the package."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
