from ._memory import MemoryDisplay, effective_memory, response_energy

__all__ = ["MemoryDisplay", "effective_memory", "response_energy"]
