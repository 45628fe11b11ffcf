"""Property-based tests of geometry, of one's own families and of other libraries.

Strategies for hypothesis (which the extra ``statmani[test]`` installs) draw families, points,
charts, Markov embeddings and tangent vectors; the functions ``check_...`` compare somebody else's
implementation with statmani and return a :class:`Comparison`.
"""

from __future__ import annotations

from statmani.testing.comparing import (
    check_christoffel,
    check_distance,
    check_metric,
    check_scalar_curvature,
)
from statmani.testing.comparison import Comparison
from statmani.testing.drawing import random_family
from statmani.testing.places import default_points
from statmani.testing.strategies import (
    Chart,
    families,
    markov_embeddings,
    points,
    reparametrizations,
    tangent_vectors,
)

__all__ = [
    "Chart",
    "Comparison",
    "check_christoffel",
    "check_distance",
    "check_metric",
    "check_scalar_curvature",
    "default_points",
    "families",
    "markov_embeddings",
    "points",
    "random_family",
    "reparametrizations",
    "tangent_vectors",
]
