"""Checks of the sizes that some families take."""

from __future__ import annotations

from statmani.errors import InvalidArgument

__all__ = ["require_size"]


def require_size(value: object, least: int, family: str, what: str) -> int:
    """`value` as an int of at least `least`.

    Raises
    ------
    InvalidArgument
        Naming the family, the argument and the remedy.

    Examples
    --------
    >>> from statmani.families.sizes import require_size
    >>> require_size(3, 2, "dirichlet", "n")
    3
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise InvalidArgument(
            f"{family}: {what} must be an integer of at least {least}, got {value!r}. "
            f"Pass for example {what} = {max(least, 3)}."
        )
    return value
