"""Duality: the metric product of a field and its dual is preserved, d_k g_ij = G_ki,j + G*_kj,i."""

import itertools

import sympy as sp

import statmani as sm

family = sm.families.gamma()


def run() -> bool:
    """Check the identity for a symbolic a and return whether it holds."""
    manifold = family.manifold()
    a = sp.Symbol("a", real=True)
    connection = manifold.connection(a)
    one, two = connection.christoffel_first, connection.dual.christoffel_first
    residuals = [
        sp.expand(sp.diff(manifold.metric[i, j], symbol) - one[k, i, j] - two[k, j, i])
        for k, symbol in enumerate(manifold.coordinates)
        for i, j in itertools.product(range(manifold.dim), repeat=2)
    ]
    holds = all(residual.equals(0) for residual in residuals)
    print("dual connections:", holds)
    return holds


if __name__ == "__main__":
    run()
