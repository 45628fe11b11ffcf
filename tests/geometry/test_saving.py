"""Manifolds in files: what comes back, and what hostile or damaged files get."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sympy as sp
from sympy import Rational, symbols

import statmani as sm
from statmani.errors import InvalidArgument, InvalidManifold
from statmani.geometry.manifold import StatisticalManifold
from statmani.geometry.saving import _checksum

ALPHA = symbols("alpha")
x = sp.Symbol("x", real=True)
y = sp.Symbol("y", positive=True)


@pytest.mark.parametrize(
    "name", ["weibull", "gamma", pytest.param("student_t", marks=pytest.mark.slow)]
)
def test_everything_comes_back(name: str, tmp_path: Path) -> None:
    file = tmp_path / "manifold.json"
    for M in (getattr(sm.families, name)().manifold(),):
        M.save(file, alphas=[0, Rational(1, 2), ALPHA])
        loaded = sm.load_manifold(file)
        assert loaded == M
        assert loaded.domain == M.domain
        assert loaded.coordinates == M.coordinates
        assert loaded.constants == M.constants
        assert str(loaded.certificate) == str(M.certificate)
        for alpha in (0, Rational(1, 2), ALPHA):
            one, two = loaded.connection(alpha), M.connection(alpha)
            for name in ("christoffel_first", "christoffel", "riemann", "riemann_lower"):
                assert getattr(one, name) == getattr(two, name)
            assert (one.ricci, one.scalar_curvature) == (two.ricci, two.scalar_curvature)
        # What was not stored is derived from the loaded tensors.
        assert loaded.conjugate_symmetry.holds == M.conjugate_symmetry.holds


def test_domains_and_constants_come_back(tmp_path: Path) -> None:
    file = tmp_path / "m.json"
    c = sp.Symbol("c", positive=True)
    box = {x: sp.Interval.open(-c, c), y: sp.Interval.open(0, 1 - x**2 / c**2)}
    M = StatisticalManifold(box, [[c, 0], [0, 1 / y]], constraint=x + y < c)
    M.save(file)
    loaded = sm.load_manifold(file)
    assert loaded == M
    assert loaded.domain.constraints == M.domain.constraints
    mises = sm.families.von_mises().manifold()
    mises.save(file)
    assert sm.load_manifold(file).domain.axes[0].periodic


@pytest.mark.slow
def test_an_open_family_comes_back(tmp_path: Path) -> None:
    M = sm.families.negbin().manifold()
    M.save(tmp_path / "m.json")
    assert sm.load_manifold(tmp_path / "m.json") == M


def curve_in_a_plane(file: Path) -> StatisticalManifold:
    M = sm.families.normal().manifold()
    c = sp.Symbol("c", positive=True)
    curve = M.submanifold(dict(zip(M.coordinates, (y, c * y), strict=True)), y)
    curve.save(file, alphas=[1])
    return curve


def test_a_submanifold_keeps_what_it_lies_in(tmp_path: Path) -> None:
    curve = curve_in_a_plane(tmp_path / "m.json")
    loaded = sm.load_manifold(tmp_path / "m.json")
    assert loaded == curve
    assert loaded.embedding is not None
    assert loaded.embedding.ambient == curve.embedding.ambient
    assert sm.statistical_curvature(loaded) == sm.statistical_curvature(curve) != 0
    # Once more, and a line in a surface in space.
    loaded.save(tmp_path / "m.json")
    assert sm.load_manifold(tmp_path / "m.json").mean_curvature(0) == curve.mean_curvature(0)
    u, v, w = symbols("u v w", real=True)
    space = StatisticalManifold((u, v, w), sp.eye(3))
    surface = space.submanifold({u: x, v: y, w: x * y}, (x, y))
    line = surface.submanifold({x: u, y: sp.exp(u)}, u)
    line.save(tmp_path / "m.json")
    found = sm.load_manifold(tmp_path / "m.json").embedding.ambient
    assert found.second_fundamental_form(0) == surface.second_fundamental_form(0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e: e["mapping"].pop(), "not one image for each coordinate"),
        (
            lambda e: e["mapping"].__setitem__(0, [["integer", 5]]),
            "does not give the stored metric",
        ),
        (lambda e: e.pop("ambient"), "ambient"),
        (lambda e: e["ambient"]["metric"][0].__setitem__(0, [["eval", 0]]), "malformed"),
    ],
)
def test_a_false_embedding(change, message, tmp_path: Path) -> None:
    file = tmp_path / "m.json"
    curve_in_a_plane(file)
    rewrite(file, lambda content: change(content["embedding"]))
    with pytest.raises((InvalidArgument, InvalidManifold), match=message):
        sm.load_manifold(file)


def test_what_has_no_json_form_is_refused(tmp_path: Path) -> None:
    f = sp.Function("f")(x)
    cases = [
        (StatisticalManifold((x,), [[1 + f**2]]), "whitelist"),
        (StatisticalManifold({sp.Dummy("d"): sp.S.Reals}, [[1]]), "is a Dummy"),
        (StatisticalManifold((x,), [[1]], certificate="mine"), "certificate is a str"),
    ]
    for M, text in cases:
        with pytest.raises(InvalidArgument, match=text):
            M.save(tmp_path / "m.json")
    assert not (tmp_path / "m.json").exists()
    with pytest.raises(FileNotFoundError):
        sm.load_manifold(tmp_path / "m.json")


@pytest.fixture
def half_plane(tmp_path: Path) -> Path:
    file = tmp_path / "plane.json"
    plane = StatisticalManifold(
        (x, y), [[1 / y**2, 0], [0, 2 / y**2]], {(0, 0, 1): 2 / y**3, (1, 1, 1): 8 / y**3}
    )
    plane.save(file, alphas=[0])
    return file


def rewrite(file: Path, change) -> None:
    """Change the content and give it a right checksum, as an attacker would."""
    data = json.loads(file.read_text())
    change(data["content"])
    data["checksum"] = _checksum(data["content"])
    file.write_text(json.dumps(data))


def test_damaged_files(half_plane: Path) -> None:
    good = half_plane.read_text()
    assert sm.load_manifold(half_plane).dim == 2
    cases = [
        (good.replace('["integer",2]', '["integer",3]', 1), "checksum is wrong"),
        (good[:-40], "malformed content"),
        (good.replace('"version":1', '"version":2'), "version 2 of the format"),
        (good.replace("statmani manifold", "pickle"), "no file of the format"),
        ("[]", "no file of the format"),
        ("", "malformed content"),
        ("[" * 200_000, "malformed content"),
        ('{"format": ' + "9" * 10_000 + "}", "malformed content"),
        ("\x00\xff", "malformed content"),
    ]
    for text, message in cases:
        half_plane.write_text(text)
        with pytest.raises(InvalidArgument) as caught:
            sm.load_manifold(half_plane)
        assert message in str(caught.value)
        assert str(half_plane) in str(caught.value)
        assert "M.save(path)" in str(caught.value)


def grow(rows: int) -> list:
    """A small file whose expression is exponentially large when written out."""
    data = [["symbol", 1]]
    for k in range(rows):
        data += [["sin", 2 * k], ["add", 2 * k, 2 * k + 1]]
    return data


HOSTILE = {
    "an unknown head": (lambda c: c["metric"][0].__setitem__(0, [["eval", 0]]), "malformed"),
    "a system call": (
        lambda c: c["metric"][0].__setitem__(0, [["symbol", 0], ["os.system", 0]]),
        "unknown head",
    ),
    "an exponential expression": (
        lambda c: c["metric"][0].__setitem__(0, grow(60)),
        "parts when written out",
    ),
    "a tower of powers": (
        lambda c: c["metric"][0].__setitem__(
            0, [["integer", 9], ["integer", 99999999], ["pow", 0, 1]]
        ),
        "would be expanded",
    ),
    "a huge power of a sum": (
        lambda c: c["metric"][0].__setitem__(
            0,
            [["symbol", 0], ["integer", 1], ["add", 0, 1], ["integer", 100000], ["pow", 2, 3]],
        ),
        "larger than 1000",
    ),
    "a huge integer": (
        lambda c: c["metric"][0].__setitem__(0, [["integer", "0x" + "f" * 200_000]]),
        "not an integer",
    ),
    "a wrong symbol": (lambda c: c["metric"][0].__setitem__(0, [["symbol", 7]]), "symbol number 7"),
    "a forward reference": (
        lambda c: c["metric"][0].__setitem__(0, [["sin", 1], ["symbol", 0]]),
        "no earlier row",
    ),
    "a relation as an entry": (
        lambda c: c["metric"][0].__setitem__(
            0, [["symbol", 0], ["integer", 1], ["StrictLessThan", 0, 1]]
        ),
        "no scalar expression",
    ),
    "a missing row": (lambda c: c["metric"].pop(), "1 entries, not 2"),
    "an asymmetric metric": (
        lambda c: c["metric"][0].__setitem__(1, [["integer", 5]]),
        "not symmetric",
    ),
    "a degenerate metric": (
        lambda c: c["metric"][1].__setitem__(1, [["integer", 0]]),
        "degenerate",
    ),
    "an index outside": (
        lambda c: c["skewness"].append([0, 0, 5, [["integer", 1]]]),
        "outside the dimension 2",
    ),
    "a component twice": (
        lambda c: c["skewness"].append([0, 0, 1, [["integer", 1]]]),
        "given twice",
    ),
    "an unknown assumption": (
        lambda c: c["symbols"].__setitem__(0, ["x", {"cls": True}]),
        "unknown assumption",
    ),
    "contradicting assumptions": (
        lambda c: c["symbols"].__setitem__(0, ["x", {"positive": True, "negative": True}]),
        "malformed content",
    ),
    "a noncommuting symbol": (
        lambda c: c["symbols"].__setitem__(0, ["x", {"commutative": False}]),
        "does not commute",
    ),
    "an empty interval": (
        lambda c: c["axes"].__setitem__(0, [[["integer", 1]], [["integer", 0]], False]),
        "has no interval",
    ),
    "no axes": (lambda c: c.__setitem__("axes", []), "axes"),
    "a missing key": (lambda c: c.pop("skewness"), "skewness"),
    "a wrong certificate": (lambda c: c.__setitem__("certificate", [1]), "malformed content"),
    "a false curvature": (
        lambda c: c["connections"][0].__setitem__("scalar_curvature", [[[["integer", 7]]]]),
        "does not follow from g and T",
    ),
    "a false component": (
        lambda c: c["connections"][0]["riemann"].pop(),
        "does not follow from g and T",
    ),
    "an order that is a coordinate": (
        lambda c: c["connections"][0].__setitem__("alpha", [["symbol", 0]]),
        "is a coordinate",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files(name: str, half_plane: Path) -> None:
    change, message = HOSTILE[name]
    rewrite(half_plane, change)
    with pytest.raises((InvalidArgument, InvalidManifold)) as caught:
        sm.load_manifold(half_plane)
    assert message in str(caught.value)
    assert str(half_plane) in str(caught.value)
