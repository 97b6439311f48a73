from ._contributions import ContributionDisplay
from ._frequency_response import FrequencyResponseDisplay
from ._impulse_response import ImpulseResponseDisplay
from ._lag_prior_display import LagPriorDisplay
from ._measured_memory import MeasuredMemory, measured_memory
from ._measured_memory_display import MeasuredMemoryDisplay
from ._memory import effective_memory, memory_interval, response_energy
from ._memory_display import MemoryDisplay
from ._ntk_gap import NTKGap, ntk_gap
from ._ntk_gap_display import NTKGapDisplay
from ._prior_memory import lag_energy, prior_of_memory
from ._residual_display import ResidualDisplay
from ._residual_tests import residual_tests
from ._step_response import StepResponseDisplay
from ._training import TrainingDisplay

__all__ = [
    "ContributionDisplay",
    "FrequencyResponseDisplay",
    "ImpulseResponseDisplay",
    "LagPriorDisplay",
    "MeasuredMemory",
    "MeasuredMemoryDisplay",
    "MemoryDisplay",
    "NTKGap",
    "NTKGapDisplay",
    "ResidualDisplay",
    "StepResponseDisplay",
    "TrainingDisplay",
    "effective_memory",
    "lag_energy",
    "measured_memory",
    "memory_interval",
    "ntk_gap",
    "prior_of_memory",
    "residual_tests",
    "response_energy",
]
