"""Computer algebra for statistical manifolds."""
