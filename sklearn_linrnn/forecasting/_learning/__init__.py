"""What series teach: regressions on their past, chosen and fitted."""
