"""Series on their clocks, and the windows that are made of them."""
