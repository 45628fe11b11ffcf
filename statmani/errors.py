"""Errors and warnings: each is a :class:`StatmaniError` and also the natural builtin.

Every message names what is wrong, where, the offending value and the remedy.
"""

from __future__ import annotations

__all__ = [
    "CertificateError",
    "IntractableExpectation",
    "InvalidArgument",
    "InvalidFamily",
    "InvalidManifold",
    "NoClosedForm",
    "NoConvergence",
    "OutsideDomain",
    "RegularityError",
    "StatmaniError",
    "StatmaniWarning",
]


class StatmaniError(Exception):
    """Base class of all errors that statmani raises on purpose."""


class InvalidFamily(StatmaniError, ValueError):
    """A declared family is contradictory, incomplete or not a probability density."""


class InvalidManifold(StatmaniError, ValueError):
    """Tensors that are degenerate or asymmetric, or a map between charts that is singular."""


class InvalidArgument(StatmaniError, ValueError):
    """An argument has the wrong type, shape or value."""


class OutsideDomain(StatmaniError, ValueError):
    """A point lies outside the open domain of its coordinates."""


class IntractableExpectation(StatmaniError, NotImplementedError):
    """No strategy found the closed form of an expectation within its bounds."""


class NoClosedForm(StatmaniError, NotImplementedError):
    """No closed form of a distance was found."""


class CertificateError(StatmaniError, ArithmeticError):
    """A derived tensor failed an independent check; it is never returned."""


class NoConvergence(StatmaniError, ArithmeticError):
    """An iteration or a step-size control did not reach the requested accuracy."""


class RegularityError(StatmaniError, ValueError):
    """A family breaks a regularity condition that the requested result needs."""


class StatmaniWarning(UserWarning):
    """Something is unusual but the result, as documented, is still right."""
