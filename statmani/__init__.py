"""Computer algebra for statistical manifolds.

Data flows one way, and a module imports only from those to its left::

    errors storage rationals domain signs constraints reading declaration declare fixing
    from_sympy | algebra | expectation | geometry | kernels | numerics | inference |
    present | laws | family | families | testing | loading | cli

* :class:`Family` declares a density; ``family.manifold()`` derives its geometry.
* :class:`StatisticalManifold` is the waist: coordinates, metric g, skewness tensor T.
* Nouns hang on these objects (``M.connection(alpha).riemann``), verbs are functions
  (:func:`geodesic`, :func:`distance`, :func:`cramer_rao`), results are frozen records.

Examples
--------
>>> import sympy as sp, statmani as sm
>>> x, mu = sp.symbols("x mu")
>>> sigma = sp.Symbol("sigma", positive=True)
>>> family = sm.Family(sp.exp(-(x - mu)**2/(2*sigma**2))/(sigma*sp.sqrt(2*sp.pi)),
...                    sample={x: sp.S.Reals},
...                    parameters={mu: sp.S.Reals, sigma: sp.Interval(0, sp.oo)})
>>> M = family.manifold()
>>> M.metric.tolist()
[[sigma**(-2), 0], [0, 2/sigma**2]]
>>> M.levi_civita.scalar_curvature
-1
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from statmani.domain import Circle
from statmani.errors import (
    CertificateError,
    IntractableExpectation,
    InvalidArgument,
    InvalidFamily,
    InvalidManifold,
    NoClosedForm,
    NoConvergence,
    OutsideDomain,
    RegularityError,
    StatmaniError,
    StatmaniWarning,
)
from statmani.family import Family

if TYPE_CHECKING:
    from statmani import families, laws
    from statmani.expectation.expectation import Expectation
    from statmani.geometry.manifold import StatisticalManifold
    from statmani.geometry.saving import load_manifold
    from statmani.inference.cramer_rao import cramer_rao
    from statmani.inference.divergence import kl_divergence
    from statmani.inference.estimation import fit
    from statmani.inference.statistical_curvature import statistical_curvature
    from statmani.numerics.certified import certify_distance
    from statmani.numerics.distance import distance
    from statmani.numerics.evaluate import evaluate
    from statmani.numerics.exp_log import exp, log
    from statmani.numerics.formula import distance_formula
    from statmani.numerics.frechet import frechet_mean, frechet_median
    from statmani.numerics.geodesic import geodesic
    from statmani.numerics.pairwise import pairwise_distances
    from statmani.numerics.transport import parallel_transport
    from statmani.present.latex import latex

__version__ = "0.1.0"

__all__ = [
    "CertificateError",
    "Circle",
    "Expectation",
    "Family",
    "IntractableExpectation",
    "InvalidArgument",
    "InvalidFamily",
    "InvalidManifold",
    "NoClosedForm",
    "NoConvergence",
    "OutsideDomain",
    "RegularityError",
    "StatisticalManifold",
    "StatmaniError",
    "StatmaniWarning",
    "certify_distance",
    "cramer_rao",
    "distance",
    "distance_formula",
    "evaluate",
    "exp",
    "families",
    "fit",
    "frechet_mean",
    "frechet_median",
    "geodesic",
    "kl_divergence",
    "latex",
    "laws",
    "load_manifold",
    "log",
    "pairwise_distances",
    "parallel_transport",
    "statistical_curvature",
]

# Loaded when first used, so that importing statmani stays cheap.
_LATER = {
    "Expectation": "statmani.expectation.expectation",
    "StatisticalManifold": "statmani.geometry.manifold",
    "certify_distance": "statmani.numerics.certified",
    "cramer_rao": "statmani.inference.cramer_rao",
    "fit": "statmani.inference.estimation",
    "distance": "statmani.numerics.distance",
    "distance_formula": "statmani.numerics.formula",
    "evaluate": "statmani.numerics.evaluate",
    "exp": "statmani.numerics.exp_log",
    "frechet_mean": "statmani.numerics.frechet",
    "frechet_median": "statmani.numerics.frechet",
    "geodesic": "statmani.numerics.geodesic",
    "kl_divergence": "statmani.inference.divergence",
    "latex": "statmani.present.latex",
    "load_manifold": "statmani.geometry.saving",
    "log": "statmani.numerics.exp_log",
    "pairwise_distances": "statmani.numerics.pairwise",
    "parallel_transport": "statmani.numerics.transport",
    "statistical_curvature": "statmani.inference.statistical_curvature",
}


def __getattr__(name: str) -> object:
    if name in ("families", "laws"):
        return import_module(f"statmani.{name}")
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module 'statmani' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
