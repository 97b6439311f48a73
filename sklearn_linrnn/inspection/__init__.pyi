from ._memory import MemoryDisplay, effective_memory, response_energy
from ._ntk_gap import NTKGap, ntk_gap

__all__ = ["MemoryDisplay", "NTKGap", "effective_memory", "ntk_gap", "response_energy"]
