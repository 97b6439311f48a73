"""The one door: what users hand over becomes the internal form, or a clear error."""
