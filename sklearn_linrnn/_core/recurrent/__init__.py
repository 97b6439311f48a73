"""The tangent kernel of wide recurrent networks with a nonlinearity."""
