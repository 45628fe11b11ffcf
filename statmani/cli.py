"""The command ``statmani``."""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
import traceback
import warnings
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, TextIO, final

from statmani.errors import (
    InvalidArgument,
    InvalidFamily,
    InvalidManifold,
    OutsideDomain,
    StatmaniError,
    StatmaniWarning,
)
from statmani.loading import is_path, load_family

__all__ = ["main", "parse_assignments", "parse_value"]

_BAD_INPUT = (InvalidArgument, InvalidFamily, InvalidManifold, OutsideDomain)
_NUMBER = r"\d+(?:\.\d*)?(?:[eE][+-]?\d{1,3})?|\.\d+(?:[eE][+-]?\d{1,3})?"
_VALUE = re.compile(
    rf"(?P<sign>[+-]?)(?:(?P<number>{_NUMBER})(?:\*(?P<times>pi))?|(?P<pi>pi))(?:/(?P<over>\d+))?",
    re.ASCII,
)
_ASSIGNMENT = re.compile(r"(?P<name>[^\W\d]\w*)=(?P<value>.*)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: those of the process.

    Returns
    -------
    int
        0 done, 1 the computation failed, 2 bad input, 130 interrupted.

    Examples
    --------
    >>> from statmani.cli import main
    >>> main(["report", "weibul"])
    2
    """
    parser = _parser()
    try:
        options = parser.parse_args(arguments)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 2
    for stream in (sys.stdout, sys.stderr):
        # A terminal without the letters of a user's names must not end a computation.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    with warnings.catch_warnings():
        warnings.simplefilter("always", StatmaniWarning)
        warnings.showwarning = _show_warning
        return _guarded(options)


def _guarded(options: argparse.Namespace) -> int:
    try:
        status: int = options.run(options)
        sys.stdout.flush()
        return status
    except StatmaniError as error:
        return _fail(error, 2 if isinstance(error, _BAD_INPUT) else 1, options.traceback)
    except BrokenPipeError:
        # The reader (a pager, head) has gone; without this the interpreter complains at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        return _fail(error, 1, options.traceback)
    except KeyboardInterrupt:
        print("statmani: interrupted", file=sys.stderr)
        return 130


def _fail(error: Exception, status: int, with_traceback: bool) -> int:
    if with_traceback:
        traceback.print_exception(error)
    message = str(error)
    print(f"statmani: error: {message}", file=sys.stderr)
    return status


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    if issubclass(category, StatmaniWarning):
        print(f"statmani: warning: {message}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    from importlib.metadata import PackageNotFoundError, version

    try:
        release = version("statmani")
    except PackageNotFoundError:
        release = "unreleased"
    parser = argparse.ArgumentParser(
        prog="statmani", description="Computer algebra for statistical manifolds."
    )
    parser.add_argument("--version", action="version", version=f"statmani {release}")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--traceback", action="store_true", help="show where in the program an error arose"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    report = commands.add_parser(
        "report",
        parents=[shared],
        help="derive a family's geometry, print it and write a LaTeX file",
        description="Derive score, Fisher metric, skewness tensor, alpha-connections and "
        "curvature; try out a geodesic, a distance and the Cramer-Rao bound; print everything "
        "and write a LaTeX article.",
    )
    report.add_argument(
        "family",
        metavar="NAME|FILE.py",
        help="a family of the catalogue (see 'statmani families'; sizes as in categorical:4), or "
        "a Python file that defines `family`",
    )
    report.add_argument("--output", "-o", type=Path, metavar="FILE", help="default: NAME.tex")
    report.add_argument("--force", action="store_true", help="overwrite an existing output file")
    report.add_argument(
        "--at",
        default="",
        metavar="k=2,lam=3/4",
        help="values of parameters for the numeric stages, and of constants",
    )
    report.add_argument("--seed", type=int, default=0, help="of the Monte Carlo check (default 0)")
    report.add_argument("--quiet", "-q", action="store_true", help="write the file, print nothing")
    report.set_defaults(run=_report)

    families = commands.add_parser(
        "families", parents=[shared], help="list the families of the catalogue"
    )
    families.set_defaults(run=_families)

    cache = commands.add_parser("cache", parents=[shared], help="show or clear the cache")
    cache.add_argument("action", choices=("show", "clear"))
    cache.set_defaults(run=_cache)
    return parser


def _report(options: argparse.Namespace) -> int:
    values = parse_assignments(options.at)
    if options.seed < 0:
        raise InvalidArgument(f"--seed: {options.seed} is negative. Give 0 or a positive integer.")
    stem = Path(options.family).stem if is_path(options.family) else options.family
    output = options.output or Path(re.sub(r"[^\w.-]", "-", stem) + ".tex")
    _check_output(output, options.force)
    from statmani.present.report import report

    with Progress(sys.stderr, enabled=not options.quiet and sys.stderr.isatty()) as progress:
        progress("reading the family")
        family = load_family(options.family)
        result = report(family, at=values, seed=options.seed, progress=progress)
    result.write(output, force=options.force)
    if not options.quiet:
        print(result)
        print(f"\nLaTeX: {output}")
    if not result.complete:
        failed = ", ".join(s.title for s in result.sections if s.status == "failed")
        print(f"statmani: error: these stages failed: {failed}", file=sys.stderr)
        return 1
    return 0


def _check_output(output: Path, force: bool) -> None:
    if not output.parent.is_dir():
        raise InvalidArgument(
            f"--output: the folder {output.parent} does not exist. Create it, or choose another."
        )
    if output.is_dir():
        raise InvalidArgument(f"--output: {output} is a folder. Give the name of a file.")
    if output.exists() and not force:
        raise InvalidArgument(
            f"--output: {output} exists already. Choose another name with --output, or overwrite "
            "it with --force."
        )


def _families(options: argparse.Namespace) -> int:
    from statmani import families

    for name in families.names():
        summary = (getattr(families, name).__doc__ or "").strip().partition("\n")[0]
        print(f"{name:24} {summary}")
    return 0


def _cache(options: argparse.Namespace) -> int:
    from statmani.storage import cache_root, cache_usage, clear_cache

    root = cache_root()
    if root is None:
        print("no cache: there is no home folder and STATMANI_CACHE_DIR is not set")
    elif options.action == "show":
        print(f"{root}: {cache_usage()}")
    else:
        print(f"{root}: removed {clear_cache()}")
    return 0


def parse_assignments(text: str) -> dict[str, Any]:
    """Read ``name=value,name=value``.

    Raises
    ------
    InvalidArgument
        Not of that form, or a name twice.

    Examples
    --------
    >>> from statmani.cli import parse_assignments
    >>> parse_assignments("k=2, lam=3/4")
    {'k': 2, 'lam': 3/4}
    """
    values: dict[str, Any] = {}
    for part in (piece.strip() for piece in text.split(",")):
        if not part:
            if text.strip():
                raise InvalidArgument(
                    f"--at: {text!r} has an empty part. Write NAME=NUMBER,NAME=NUMBER."
                )
            continue
        match = _ASSIGNMENT.fullmatch(part)
        if match is None:
            raise InvalidArgument(f"--at: {part!r} is not of the form NAME=NUMBER, as in k=2.")
        if match["name"] in values:
            raise InvalidArgument(f"--at: {match['name']} is given twice. Give it once.")
        values[match["name"]] = parse_value(match["value"].strip())
    return values


def parse_value(text: str) -> Any:
    """Read a number exactly: an integer, a decimal, a fraction, or a multiple of pi.

    Parameters
    ----------
    text : str

    Returns
    -------
    sympy number

    Raises
    ------
    InvalidArgument
        Anything else; nothing is evaluated.

    Examples
    --------
    >>> from statmani.cli import parse_value
    >>> parse_value("-0.25"), parse_value("3*pi/4"), parse_value("1e-3")
    (-1/4, 3*pi/4, 1/1000)
    """
    import sympy as sp

    match = _VALUE.fullmatch(text)
    if match is None or len(text) > 60:
        raise InvalidArgument(
            f"--at: {text[:60]!r} is not a number. Write an integer, a decimal such as 0.25 or "
            "1e-3, a fraction such as 3/4, or pi, 2*pi, 3*pi/4."
        )
    if match["over"] is not None and int(match["over"]) == 0:
        raise InvalidArgument(f"--at: {text!r} divides by zero. Give a finite number.")
    number = Fraction(match["number"]) if match["number"] else Fraction(1)
    value = sp.Rational(number.numerator, number.denominator)
    if match["over"] is not None:
        value /= int(match["over"])
    if match["times"] or match["pi"]:
        value *= sp.pi
    return -value if match["sign"] == "-" else value


@final
class Progress:
    """A line on a terminal that tells the present stage; nothing when the output is a file."""

    def __init__(self, stream: TextIO, *, enabled: bool) -> None:
        self._stream = stream
        self._enabled = enabled
        self._begin = time.monotonic()
        self._shown = 0

    def __enter__(self) -> Progress:
        return self

    def __call__(self, stage: str) -> None:
        if self._enabled:
            line = f"[{time.monotonic() - self._begin:5.1f} s] {stage} ..."
            self._stream.write("\r" + line.ljust(self._shown))
            self._stream.flush()
            self._shown = len(line)

    def __exit__(self, *_: object) -> None:
        if self._enabled and self._shown:
            self._stream.write("\r" + " " * self._shown + "\r")
            self._stream.flush()
