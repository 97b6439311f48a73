"""Linear recurrent networks, their infinite-width limit, and how much memory they really have."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__version__ = "0.1.0"
