"""Solutions in closed form, and how their hyperparameters are chosen."""
