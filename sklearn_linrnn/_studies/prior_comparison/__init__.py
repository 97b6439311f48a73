"""Which recurrence's memory suits a series: priors compared by evidence and by held-out error."""
