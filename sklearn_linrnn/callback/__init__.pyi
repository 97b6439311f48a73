from ._early_stopping import EarlyStopping
from ._progress import TrainingProgress
from ._spectral_radius import SpectralRadiusMonitor

__all__ = ["EarlyStopping", "SpectralRadiusMonitor", "TrainingProgress"]
