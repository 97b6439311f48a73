"""Finite networks: initialisation, response, gradient, tangent kernel."""
