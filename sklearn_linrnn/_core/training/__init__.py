"""Full-batch training: what is minimised, by which rule, until when."""
