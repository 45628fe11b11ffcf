"""Geometry without a density: the Poincare half-plane from its metric."""

import sympy as sp

import statmani as sm

x = sp.Symbol("x", real=True)
y = sp.Symbol("y", positive=True)

half_plane = sm.StatisticalManifold((x, y), sp.diag(1, 1) / y**2)


def run() -> sp.Expr:
    """Print and return the sectional curvature, which is -1 everywhere."""
    curvature = half_plane.levi_civita.sectional_curvature((1, 0), (0, 1))
    print("K =", curvature)
    return curvature


if __name__ == "__main__":
    run()
