"""Families by name from the catalogue, or from a user's Python file."""

from __future__ import annotations

import difflib
import importlib.util
import inspect
import os
import re
import sys
import traceback
from pathlib import Path
from typing import Any

from statmani.errors import InvalidArgument, InvalidFamily, StatmaniError

__all__ = ["is_path", "load_family"]

_SIZED = re.compile(r"(?P<name>[A-Za-z_]\w*)(?::(?P<sizes>\d+(?:,\d+)*))?", re.ASCII)


def is_path(text: str) -> bool:
    """Whether the text names a file and not a family of the catalogue."""
    return text.endswith(".py") or "/" in text or os.sep in text


def load_family(text: str) -> Any:
    """The family of the catalogue with this name, or the one that a Python file defines.

    Parameters
    ----------
    text : str
        ``weibull``, ``categorical:4``, or a path that ends in ``.py``. The file is run, as
        ``python FILE.py`` would run it, except that ``__name__`` is not ``"__main__"``.

    Returns
    -------
    Family

    Raises
    ------
    InvalidArgument
        No such name or file.
    InvalidFamily
        The file raises (its line is named), or does not define a Family called ``family``.

    Examples
    --------
    >>> from statmani.loading import load_family
    >>> load_family("weibull").name
    'weibull'
    """
    return _from_file(Path(text)) if is_path(text) else _from_catalogue(text)


def _from_catalogue(text: str) -> Any:
    from statmani import families

    match = _SIZED.fullmatch(text)
    if match is None or match["name"] not in families.names():
        close = difflib.get_close_matches(text.partition(":")[0], families.names(), 1)
        hint = f"Did you mean {close[0]}? " if close else ""
        file = f" For a file write ./{text}.py." if Path(text + ".py").exists() else ""
        raise InvalidArgument(
            f"report: there is no family {text!r} in the catalogue. {hint}'statmani families' "
            f"lists it; a file of your own must end in .py.{file}"
        )
    sizes = [int(size) for size in match["sizes"].split(",")] if match["sizes"] else []
    constructor = getattr(families, match["name"])
    accepted = inspect.signature(constructor).parameters.values()
    wanted = [p.name for p in accepted]
    required = sum(p.default is p.empty for p in accepted)
    if not required <= len(sizes) <= len(wanted):
        example = match["name"] + (":" + ",".join("3" for _ in wanted) if wanted else "")
        takes = f"the sizes {', '.join(wanted)}" if wanted else "no sizes"
        raise InvalidArgument(
            f"report: the family {match['name']} takes {takes}, but {text!r} gives {len(sizes)}. "
            f"Write {example}."
        )
    return constructor(*sizes)


def _from_file(path: Path) -> Any:
    from statmani.family import Family

    if not path.is_file():
        raise InvalidArgument(f"report: there is no file {path}. Check the path.")
    specification = importlib.util.spec_from_file_location("statmani_user_family", path)
    if specification is None or specification.loader is None:
        raise InvalidArgument(f"report: {path} is not a Python file. Its name must end in .py.")
    module = importlib.util.module_from_spec(specification)
    folder = str(path.resolve().parent)
    sys.modules[specification.name] = module
    sys.path.insert(0, folder)
    try:
        specification.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # a user's file may raise anything
        raise InvalidFamily(_describe(path, error)) from error
    finally:
        sys.path.remove(folder)
    family = getattr(module, "family", None)
    if family is None:
        raise InvalidFamily(
            f"{path}: the file does not define `family`. Add a line: family = statmani.Family(...)."
        )
    if not isinstance(family, Family):
        raise InvalidFamily(
            f"{path}: `family` is a {type(family).__name__}, not a statmani.Family. "
            "Assign the Family object itself."
        )
    return family


def _describe(path: Path, error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f"{path}, line {error.lineno}: {error.msg}. Correct the syntax."
    own = [
        f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename) == path.resolve()
    ]
    own = own or [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    where = f", line {own[-1].lineno}" if own else ""
    if isinstance(error, SystemExit):
        return f"{path}{where}: the file ends the program; put that under __name__ == '__main__'."
    kind = "" if isinstance(error, StatmaniError) else f"{type(error).__name__}: "
    return f"{path}{where}: {kind}{error}"
