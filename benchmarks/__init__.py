"""Speed, memory and accuracy of the package beside its peers: ``python -m benchmarks``."""
