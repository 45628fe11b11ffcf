"""Statistical curvature: the normal densities with equal mean and deviation, by two routes."""

import sympy as sp

import statmani as sm

x = sp.Symbol("x", real=True)
t = sp.Symbol("t", positive=True)


def run() -> sp.Expr:
    """Return Efron's squared curvature of N(t, t**2), from the family and from its embedding."""
    density = sp.exp(-((x - t) ** 2) / (2 * t**2)) / (t * sp.sqrt(2 * sp.pi))
    family = sm.Family(density, sample={x: sp.S.Reals}, parameters=t)
    normal = sm.families.normal().manifold()
    mu, sigma = normal.coordinates
    curve = normal.submanifold({mu: t, sigma: t}, t)
    one, two = sm.statistical_curvature(family), sm.statistical_curvature(curve)
    assert one == two
    print("gamma^2 =", one, "  e-mean curvature vector:", curve.mean_curvature(1))
    return one


if __name__ == "__main__":
    run()
