"""Records of laws: what they hold and how they print."""

from __future__ import annotations

import dataclasses
import pickle

import pytest
import sympy as sp

import statmani as sm
from statmani.laws import Law, Report, Witness

X = sp.Symbol("x", positive=True)
WITNESS = Witness(((X, sp.Rational(1, 2)),), (0, 1), sp.Float(1.5), sp.Integer(2))
REPORT = Report(
    "a & b",
    (
        Law("one", "a = b", "proved", explanation="by hand"),
        Law("two", "c = d", "verified", 12, 3),
        Law("three_", "e = f", "violated", witness=WITNESS),
        Law("four", "g = h", "not applicable", explanation="no h"),
    ),
)


def test_a_report_is_iterable_and_addressed_by_name():
    assert [law.name for law in REPORT] == ["one", "two", "three_", "four"]
    assert len(REPORT) == 4
    assert REPORT["two"].verdict == "verified to 12 digits at 3 points"
    assert [law.holds for law in REPORT] == [True, True, False, False]
    assert REPORT.violated == (REPORT["three_"],)
    assert not REPORT.holds
    assert REPORT.counts == {"proved": 1, "verified": 1, "violated": 1, "not applicable": 1}
    with pytest.raises(sm.InvalidArgument, match=r"no law is called 'five'\. There are: one, two"):
        REPORT["five"]


def test_printing():
    lines = repr(REPORT).splitlines()
    assert lines[0] == "Laws of a & b: 1 proved, 1 verified, 1 violated, 1 not applicable"
    assert lines[1].split() == ["one", "proved"]
    assert lines[4].strip() == "component [0, 1]: 1.5 is not 2 at x = 1/2"
    assert lines[6].strip() == "no h"
    tex = REPORT._repr_latex_()
    assert tex.startswith("$\\begin{array}")
    assert tex.count("\\\\\n") == 3
    assert "three\\_" in tex
    assert REPORT["one"]._repr_latex_().count("proved") == 1
    assert "by hand" in repr(REPORT["one"])


def test_records_are_frozen_values():
    with pytest.raises(dataclasses.FrozenInstanceError):
        REPORT["one"].status = "violated"
    assert pickle.loads(pickle.dumps(REPORT)) == REPORT
    report = sm.laws.check(sm.families.poisson().manifold())
    assert pickle.loads(pickle.dumps(report)) == report
