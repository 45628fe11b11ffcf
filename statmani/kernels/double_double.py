"""Arithmetic of unevaluated sums of two doubles, with about 31 digits.

Plain Python in the subset that numba compiles; a number is a pair (high, low). Sources: Dekker
(1971) for products, Knuth (1969) section 4.2.2 for sums, Hida, Li and Bailey (2001) for the rest.
"""

import math

__all__ = ["dd_add", "dd_div", "dd_exp", "dd_log", "dd_mul", "dd_polygamma", "dd_power", "dd_sqrt"]

# Pairs B_2k / (2k)! for k = 1, 2, ...
_BERNOULLI = (
    (0.08333333333333333, 4.625929269271485e-18),
    (-0.001388888888888889, 5.300543954373577e-20),
    (3.306878306878307e-05, -2.2300719288557665e-21),
    (-8.267195767195768e-07, 3.457597454003665e-23),
    (2.08767569878681e-08, -1.2073450591132599e-24),
    (-5.284190138687493e-10, 3.517096671929869e-27),
    (1.3382536530684679e-11, -2.828354019907999e-29),
    (-3.3896802963225827e-13, -1.4986928409964295e-29),
    (8.586062056277845e-15, -6.05252374381974e-31),
    (-2.174868698558062e-16, 4.961617782549996e-33),
    (5.5090028283602295e-18, -1.49827152194499e-35),
    (-1.3954464685812522e-19, -1.0350590497256251e-35),
    (3.534707039629467e-21, 1.894231142684204e-37),
    (-8.953517427037546e-23, -5.728752743153026e-39),
    (2.267952452337683e-24, 1.3043458462619563e-40),
    (-5.744790668872202e-26, 1.663242973708004e-43),
    (1.455172475614865e-27, -5.613265715443096e-44),
    (-3.6859949406653103e-29, 1.0778256413554197e-45),
    (9.336734257095045e-31, -3.9347970210731877e-47),
    (-2.36502241570063e-32, 2.0347170931532494e-49),
    (5.990671762482134e-34, 1.6265467158179092e-50),
    (-1.5174548844682903e-35, 5.493014407946745e-52),
    (3.843758125454189e-37, -3.685053096067968e-53),
    (-9.736353072646691e-39, 2.258059165188444e-55),
    (2.466247044200681e-40, -1.505641802268162e-56),
    (-6.247076741820743e-42, -2.7106815859687654e-58),
)


def _renormalised(a: float, b: float) -> tuple[float, float]:
    high = a + b
    return high, b - (high - a)


def dd_add(ah: float, al: float, bh: float, bl: float) -> tuple[float, float]:
    """Sum."""
    s = ah + bh
    t = s - ah
    e = (ah - (s - t)) + (bh - t)
    u = al + bl
    t = u - al
    f = (al - (u - t)) + (bl - t)
    high, e = _renormalised(s, e + u)
    return _renormalised(high, e + f)


def _exact_product(a: float, b: float) -> tuple[float, float]:
    p = a * b
    t = 134217729.0 * a
    ah = t - (t - a)
    al = a - ah
    t = 134217729.0 * b
    bh = t - (t - b)
    bl = b - bh
    return p, ((ah * bh - p) + ah * bl + al * bh) + al * bl


def dd_mul(ah: float, al: float, bh: float, bl: float) -> tuple[float, float]:
    """Product."""
    p, e = _exact_product(ah, bh)
    return _renormalised(p, e + (ah * bl + al * bh))


def dd_div(ah: float, al: float, bh: float, bl: float) -> tuple[float, float]:
    """Quotient, by long division."""
    first = ah / bh
    ph, pl = dd_mul(bh, bl, first, 0.0)
    rh, rl = dd_add(ah, al, -ph, -pl)
    second = rh / bh
    ph, pl = dd_mul(bh, bl, second, 0.0)
    rh, rl = dd_add(rh, rl, -ph, -pl)
    third = rh / bh
    high, low = _renormalised(first, second)
    return dd_add(high, low, third, 0.0)


def dd_sqrt(ah: float, al: float) -> tuple[float, float]:
    """Square root, by a step of Newton's method."""
    if ah == 0.0:
        return 0.0, 0.0
    root = math.sqrt(ah)
    ph, pl = _exact_product(root, root)
    rh, rl = dd_add(ah, al, -ph, -pl)
    return _renormalised(root, (rh + rl) / (2.0 * root))


def dd_power(ah: float, al: float, exponent: int) -> tuple[float, float]:
    """Whole power, by squaring."""
    left = abs(exponent)
    rh, rl = 1.0, 0.0
    while left > 0:
        if left % 2 == 1:
            rh, rl = dd_mul(rh, rl, ah, al)
        left //= 2
        if left > 0:
            ah, al = dd_mul(ah, al, ah, al)
    if exponent < 0:
        return dd_div(1.0, 0.0, rh, rl)
    return rh, rl


def dd_exp(ah: float, al: float) -> tuple[float, float]:
    """Exponential function: nine terms for a 512th part of the remainder of log 2."""
    if not abs(ah) < 700.0:
        return math.exp(ah) if ah < 710.0 else math.inf, 0.0
    count = math.floor(ah / 0.6931471805599453 + 0.5)
    ph, pl = dd_mul(0.6931471805599453, 2.3190468138462996e-17, count, 0.0)
    rh, rl = dd_add(ah, al, -ph, -pl)
    rh, rl = rh / 512.0, rl / 512.0
    sh, sl = 1.0, 0.0
    for k in range(10, 1, -1):
        sh, sl = dd_mul(sh, sl, rh, rl)
        sh, sl = dd_div(sh, sl, float(k), 0.0)
        sh, sl = dd_add(sh, sl, 1.0, 0.0)
    # exp(r) - 1, then doubled nine times: (1 + s)^2 - 1 = 2 s + s^2.
    sh, sl = dd_mul(sh, sl, rh, rl)
    for _ in range(9):
        qh, ql = dd_mul(sh, sl, sh, sl)
        sh, sl = dd_add(2.0 * sh, 2.0 * sl, qh, ql)
    sh, sl = dd_add(sh, sl, 1.0, 0.0)
    factor = 2.0 ** (count // 2)
    rest = 2.0 ** (count - count // 2)
    return sh * factor * rest, sl * factor * rest


def dd_log(ah: float, al: float) -> tuple[float, float]:
    """Logarithm, by a step of Newton's method for exp."""
    if not (ah > 0.0 and ah < math.inf):
        return math.nan, 0.0
    start = math.log(ah)
    eh, el = dd_exp(-start, 0.0)
    ph, pl = dd_mul(ah, al, eh, el)
    ph, pl = dd_add(ph, pl, -1.0, 0.0)
    # A second-order term, as far out `start` itself is only known to some units.
    qh, ql = dd_mul(ph, pl, ph, pl)
    ph, pl = dd_add(ph, pl, -0.5 * qh, -0.5 * ql)
    return dd_add(start, 0.0, ph, pl)


def dd_polygamma(order: int, ah: float, al: float) -> tuple[float, float]:
    """Polygamma of any order for a positive argument: recurrence, then the asymptotic series.

    Digital Library of Mathematical Functions, 5.15.
    """
    if not (ah > 0.0 and ah < math.inf):
        return math.nan, 0.0
    factorial = 1.0
    for k in range(2, order + 1):
        factorial *= k
    low_h, low_l = 0.0, 0.0
    while ah < 24.0 + order:
        th, tl = dd_power(ah, al, -order - 1)
        low_h, low_l = dd_add(low_h, low_l, th, tl)
        ah, al = dd_add(ah, al, 1.0, 0.0)
    low_h, low_l = dd_mul(low_h, low_l, factorial, 0.0)
    ih, il = dd_div(1.0, 0.0, ah, al)
    square_h, square_l = dd_mul(ih, il, ih, il)
    th, tl = dd_power(ih, il, order)
    if order == 0:
        sh, sl = dd_log(ah, al)
        sh, sl = -sh, -sl
        fh, fl = th, tl
    else:
        sh, sl = dd_mul(th, tl, factorial / order, 0.0)
        fh, fl = dd_mul(th, tl, factorial, 0.0)
    th, tl = dd_mul(fh, fl, ih, il)
    sh, sl = dd_add(sh, sl, 0.5 * th, 0.5 * tl)
    # f is (2k + order - 1)! / x^(2k + order) from here on.
    fh, fl = dd_mul(th, tl, ih, il)
    fh, fl = dd_mul(fh, fl, order + 1.0, 0.0)
    for k in range(1, len(_BERNOULLI) + 1):
        th, tl = dd_mul(fh, fl, _BERNOULLI[k - 1][0], _BERNOULLI[k - 1][1])
        sh, sl = dd_add(sh, sl, th, tl)
        fh, fl = dd_mul(fh, fl, square_h, square_l)
        fh, fl = dd_mul(fh, fl, (2.0 * k + order) * (2.0 * k + order + 1.0), 0.0)
    sh, sl = dd_add(sh, sl, low_h, low_l)
    if order % 2 == 1:
        return sh, sl
    return -sh, -sl
