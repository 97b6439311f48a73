"""What stands above the estimators: the memory-bias study and the benchmark."""
