"""The study of a system: its response, identified and tested."""
