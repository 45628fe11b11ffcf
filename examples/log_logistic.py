"""Declare a family that the catalogue lacks, and look at its geometry.

The log-logistic (Fisk) family with scale alpha and shape beta. As a command:
``statmani report examples/log_logistic.py``.
"""

import sympy as sp

import statmani as sm

x, alpha, beta = sp.symbols("x alpha beta", positive=True)

family = sm.Family(
    (beta / alpha) * (x / alpha) ** (beta - 1) / (1 + (x / alpha) ** beta) ** 2,
    sample=x,
    parameters=(alpha, beta),
    name="log-logistic",
)


def run() -> sp.Expr:
    """Print g and the scalar curvature of every alpha-connection; return the curvature."""
    manifold = family.manifold()
    a = sp.Symbol("a", real=True)  # the connection parameter, as alpha is taken
    curvature = sp.factor(manifold.connection(a).scalar_curvature)
    print("g =", manifold.metric)
    print("scalar curvature =", curvature)
    return curvature


if __name__ == "__main__":
    run()
