"""A fuzz of the whole door: what users may pass, whatever it is, and what must hold then."""
