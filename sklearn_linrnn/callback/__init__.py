"""Callbacks for training: stopping early, watching the spectral radius, showing progress.

They follow scikit-learn's protocol: ``estimator.set_callbacks(*callbacks)`` sets them. `fit` of all
estimators has a task for each pass over recordings, with a task for each share that was read.
Those that train by iterations then have tasks of several iterations, and call them after each. One
callback may serve many fits, one after another or, on clones, at the same time; its attributes
describe the fit that began last. Another process uses a copy of it, and the attributes of the
original do not change.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
