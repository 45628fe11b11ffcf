"""The laws of information geometry as callable checks.

:func:`check` reports on a family, manifold or connection; the other functions state how geometry
behaves under changes of coordinates, statistics, Markov embeddings and repeated observation. Each
returns a :class:`Report` of :class:`Law` records.
"""

from __future__ import annotations

from statmani.laws.checking import check
from statmani.laws.embeddings import markov_embedding
from statmani.laws.invariance import iid, product, reparametrization, sample_transformation
from statmani.laws.record import Law, Report, Witness
from statmani.laws.sufficiency import sufficient_statistic

__all__ = [
    "Law",
    "Report",
    "Witness",
    "check",
    "iid",
    "markov_embedding",
    "product",
    "reparametrization",
    "sample_transformation",
    "sufficient_statistic",
]
