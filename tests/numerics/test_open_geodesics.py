"""Families without closed forms through the same calls, against sums of their definitions."""

import numpy as np
import pytest
import sympy as sp
from scipy import integrate, special

import statmani as sm

pytestmark = pytest.mark.slow
# The trapezoidal rule on a line has no error for densities that are analytic in a strip.
LINE = np.linspace(-16, 18, 6001)
COUNTS = np.arange(400)
x = sp.Symbol("x")
xi, omega, a, m, w, r, q = sp.symbols("xi omega a m w r q")


def skew_normal():
    z = (x - xi) / omega
    density = sp.log(2) - sp.log(omega) - z**2 / 2 - sp.log(2 * sp.pi) / 2
    return density + sp.log((1 + sp.erf(a * z / sp.sqrt(2))) / 2), (xi, omega, a), LINE


def mixture():
    bell = sp.exp(-(x**2) / 2), sp.exp(-((x - m) ** 2) / 2)
    return sp.log(w * bell[0] + (1 - w) * bell[1]) - sp.log(2 * sp.pi) / 2, (w, m), LINE


def negative_binomial():
    counts = sp.loggamma(x + r) - sp.loggamma(r) - sp.loggamma(x + 1)
    return counts + r * sp.log(q) + x * sp.log(1 - q), (r, q), COUNTS


def declared(name):
    """The family as users get it; negative binomial with an unknown size is declared here."""
    if name == "skew_normal":
        return sm.families.skew_normal()
    if name == "mixture":
        return sm.families.normal_mixture2()
    k = sp.Symbol("k", integer=True, nonnegative=True)
    return sm.Family(
        log_density=negative_binomial()[0].xreplace({x: k}),
        sample={k: sp.S.Naturals0},
        parameters={r: sp.Interval.open(0, sp.oo), q: sp.Interval.open(0, 1)},
    )


def christoffel(name):
    """g and Gamma^(alpha)_{ij,k} of a point by their definitions, summed over nodes by numpy."""
    log_p, parameters, nodes = {
        "skew_normal": skew_normal, "mixture": mixture, "negative_binomial": negative_binomial
    }[name]()  # fmt: skip
    n = len(parameters)
    modules = [{"loggamma": special.gammaln, "erf": special.erf}, "scipy", "numpy"]
    scores = [sp.diff(log_p, c) for c in parameters]
    second = [sp.diff(s, c) for s in scores for c in parameters]
    function = sp.lambdify((x, *parameters), [log_p, *scores, *second], modules, cse=True)
    width = nodes[1] - nodes[0]

    def at(point, alpha):
        with np.errstate(all="ignore"):
            found = [np.broadcast_to(c, nodes.shape) for c in function(nodes, *point)]
        weight = np.exp(found[0]) * width
        good = weight > 1e-40
        weight = weight[good]
        s = np.array(found[1 : n + 1])[:, good]
        dd = np.array(found[n + 1 :])[:, good].reshape(n, n, -1)
        g = np.einsum("x,ix,jx->ij", weight, s, s)
        half = dd + 0.5 * (1 - alpha) * s[:, None] * s[None, :]
        return g, np.einsum("x,ijx,kx->ijk", weight, half, s)

    return at


CASES = {
    "skew_normal": ([0.3, 1.2, 2.0], [0.2, -0.1, 0.3]),
    "mixture": ([0.4, 1.8], [0.1, 0.2]),
    "negative_binomial": ([2.5, 0.3], [0.5, 0.05]),
}


@pytest.mark.parametrize("alpha", [0, 0.5])
@pytest.mark.parametrize("name", CASES)
def test_open_families_go_through_the_same_calls(name, alpha):
    M = declared(name).manifold()
    p, v = (np.array(c) for c in CASES[name])
    n, at = len(p), christoffel(name)
    assert sm.evaluate(M, "metric", p) == pytest.approx(at(p, alpha)[0], rel=1e-11, abs=1e-12)

    def slope(_, state):
        g, first = at(state[:n], alpha)
        second = np.linalg.solve(g, first.transpose(2, 0, 1).reshape(n, -1)).reshape(n, n, n)
        u = state[n : 2 * n]
        return np.concatenate(
            [
                u,
                -np.einsum("kij,i,j", second, u, u),
                -np.einsum("kij,i,j", second, u, state[2 * n :]),
            ]
        )

    carried = np.linspace(1.0, -0.5, n)
    done = integrate.solve_ivp(
        slope, (0, 1), [*p, *v, *carried], "DOP853", rtol=1e-12, atol=1e-13, dense_output=True
    )
    path = sm.geodesic(M, p, v, alpha=alpha)
    assert path.status == "converged"
    for time in (0.37, 1.0):
        assert path(time) == pytest.approx(done.sol(time)[:n], rel=1e-9)
    end = sm.exp(M, [p, p], [v, 0 * v], alpha=alpha)
    assert end[0] == pytest.approx(done.y[:n, -1], rel=1e-9)
    assert (end[1] == p).all()
    moved = sm.parallel_transport(M, path, carried, alpha=alpha)
    assert moved == pytest.approx(done.y[2 * n :, -1], rel=1e-8, abs=1e-9)
