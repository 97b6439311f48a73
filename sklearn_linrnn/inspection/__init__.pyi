from ._contributions import ContributionDisplay
from ._frequency_response import FrequencyResponseDisplay
from ._impulse_response import ImpulseResponseDisplay
from ._memory import effective_memory, memory_interval, response_energy
from ._memory_display import MemoryDisplay
from ._ntk_gap import NTKGap, ntk_gap
from ._ntk_gap_display import NTKGapDisplay
from ._step_response import StepResponseDisplay
from ._training import TrainingDisplay

__all__ = [
    "ContributionDisplay",
    "FrequencyResponseDisplay",
    "ImpulseResponseDisplay",
    "MemoryDisplay",
    "NTKGap",
    "NTKGapDisplay",
    "StepResponseDisplay",
    "TrainingDisplay",
    "effective_memory",
    "memory_interval",
    "ntk_gap",
    "response_energy",
]
