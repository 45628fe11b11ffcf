"""Closed forms of distance, log and exp at 50 digits, without anything of the package.

Five families are half-planes ds = s |dz| / Im z in other coordinates (Amari and Nagaoka 2000,
section 2.6; Skovgaard 1984 for the normal): of their geodesics everything is known through the
Cayley map to the disc. The Poisson family is a line, the categorical family a sphere of radius 2
(Rao 1945).
"""

import mpmath

mp = mpmath.MPContext()
mp.dps = 50
_R2 = mp.sqrt(2)
_S = mp.pi / mp.sqrt(6)
_C = 1 - mp.euler
_L = mp.sqrt((3 + mp.pi**2) / 9)

# Name: (scale s, x and y of a point, their Jacobian, the point of x and y).
HALF_PLANES = {
    "normal": (
        _R2,
        lambda m, s: (m / _R2, s),
        lambda m, s: [[1 / _R2, 0], [0, 1]],
        lambda x, y: (x * _R2, y),
    ),
    "cauchy": (
        1 / _R2,
        lambda m, s: (m, s),
        lambda m, s: [[1, 0], [0, 1]],
        lambda x, y: (x, y),
    ),
    "weibull": (
        _S,
        lambda k, lam: ((mp.log(lam) + _C / k) / _S, 1 / k),
        lambda k, lam: [[-_C / k**2 / _S, 1 / lam / _S], [-1 / k**2, 0]],
        lambda x, y: (1 / y, mp.exp(_S * x - _C * y)),
    ),
    "inverse_gaussian": (
        _R2,
        lambda m, lam: (_R2 / mp.sqrt(m), 1 / mp.sqrt(lam)),
        lambda m, lam: [[-1 / (_R2 * m ** mp.mpf("1.5")), 0], [0, -(lam ** mp.mpf("-1.5")) / 2]],
        lambda x, y: (2 / x**2, 1 / y**2) if x > 0 else None,
    ),
    "log_logistic": (
        _L,
        lambda a, b: (mp.log(a) / (mp.sqrt(3) * _L), 1 / b),
        lambda a, b: [[1 / (a * mp.sqrt(3) * _L), 0], [0, -1 / b**2]],
        lambda x, y: (mp.exp(x * mp.sqrt(3) * _L), 1 / y),
    ),
}
NAMES = (*HALF_PLANES, "poisson", "categorical")


def _exact(point):
    return [mp.mpf(float(c)) for c in point]


def _plane_log(scale, start, end):
    # Distance, and velocity at the start as a complex number.
    (x1, y1), (x2, y2) = start, end
    z = mp.mpc((x2 - x1) / y1, y2 / y1)
    w = (z - 1j) / (z + 1j)
    size = 2 * mp.atanh(abs(w))
    direction = w / abs(w) if w else mp.mpf(0)
    return scale * size, 1j * y1 * size * direction


def _plane_exp(start, velocity):
    x, y = start
    step = velocity / (2j * y)
    w = mp.tanh(abs(step)) * step / abs(step) if step else mp.mpf(0)
    z = 1j * (1 + w) / (1 - w)
    return x + y * z.real, y * z.imag


def _sphere(point):
    return [2 * mp.sqrt(c) for c in (*point, 1 - mp.fsum(point))]


def distance_and_log(name, p, q):
    """Distance, and velocity at p of the geodesic that is at q at time 1."""
    p, q = _exact(p), _exact(q)
    if name == "poisson":
        step = 2 * mp.sqrt(q[0]) - 2 * mp.sqrt(p[0])
        return abs(step), [step * mp.sqrt(p[0])]
    if name == "categorical":
        a, b = _sphere(p), _sphere(q)
        chord = mp.sqrt(mp.fsum((s - t) ** 2 for s, t in zip(a, b, strict=True)))
        angle = 2 * mp.asin(chord / 4)
        cosine = mp.cos(angle)
        factor = angle / mp.sin(angle) if angle else mp.mpf(1)
        tangent = [factor * (t - cosine * s) for s, t in zip(a, b, strict=True)]
        return 2 * angle, [s * t / 2 for s, t in zip(a[:2], tangent[:2], strict=True)]
    scale, chart, jacobian, _ = HALF_PLANES[name]
    size, velocity = _plane_log(scale, chart(*p), chart(*q))
    solved = mp.lu_solve(mp.matrix(jacobian(*p)), mp.matrix([velocity.real, velocity.imag]))
    return size, list(solved)


def exp(name, p, v):
    """The point at time 1, or None when the geodesic leaves the domain before."""
    p, v = _exact(p), _exact(v)
    if name == "poisson":
        root = 2 * mp.sqrt(p[0]) + v[0] / mp.sqrt(p[0])
        return [root**2 / 4] if root > 0 else None
    if name == "categorical":
        a = _sphere(p)
        full = [*v, -mp.fsum(v)]
        tangent = [2 * t / s for s, t in zip(a, full, strict=True)]
        angle = mp.sqrt(mp.fsum(t * t for t in tangent)) / 2
        # s cos + 2 t/|t| sin first vanishes at tan = -s |t| / (2 t).
        for s, t in zip(a, tangent, strict=True):
            if mp.atan2(s, -t / angle) < angle:
                return None
        end = [
            s * mp.cos(angle) + t / angle * mp.sin(angle) for s, t in zip(a, tangent, strict=True)
        ]
        return [c * c / 4 for c in end[:2]]
    _, chart, jacobian, back = HALF_PLANES[name]
    j = jacobian(*p)
    velocity = mp.mpc(j[0][0] * v[0] + j[0][1] * v[1], j[1][0] * v[0] + j[1][1] * v[1])
    return back(*_plane_exp(chart(*p), velocity))
