"""What users and sktime call, shared by both forecasters."""
