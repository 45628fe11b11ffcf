"""Stored derivations: exact return, and no return of anything stale or damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sympy as sp

import statmani as sm
from statmani.expectation import store
from statmani.expectation.derive import Derivation

FAMILIES = {
    "weibull": sm.families.weibull,
    "gamma": sm.families.gamma,
    "categorical": lambda: sm.families.categorical(3),
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STATMANI_CACHE_DIR", str(tmp_path))
    return tmp_path


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("derivations/*.json"))


def same(one: Derivation, two: Derivation) -> bool:
    # The sampler's variable is bound, so its name is free.
    u = sp.Symbol("u")
    samplers = [
        [
            (b.mass, b.kernel, b.shapes, sp.srepr(b.transform.xreplace({b.variable: u})))
            for b in d.sampler or ()
        ]
        for d in (one, two)
    ]
    return (
        one.metric == two.metric
        and one.skewness == two.skewness
        and one.certificate.checks == two.certificate.checks
        and one.certificate.points == two.certificate.points
        and one.certificate.strategies == two.certificate.strategies
        and samplers[0] == samplers[1]
    )


@pytest.mark.parametrize("name", FAMILIES)
def test_a_second_derivation_is_loaded_and_equal(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    declaration = FAMILIES[name]().declaration
    assert store.load(declaration) is None
    derived = store.derive_or_load(declaration)
    monkeypatch.setattr(store, "derive", None)  # a call would raise
    loaded = store.derive_or_load(declaration)
    assert same(derived, loaded)
    assert not any("cache" in note for note in derived.certificate.notes)
    assert "loaded from the cache" in loaded.certificate.notes[-1]


def test_the_names_of_a_user_do_not_matter_and_come_back(folder: Path) -> None:
    def rayleigh(scale: str) -> sm.Family:
        x, s = sp.symbols(f"x {scale}", positive=True)
        return sm.Family(x / s**2 * sp.exp(-(x**2) / (2 * s**2)), sample=x, parameters=s)

    store.derive_or_load(rayleigh("b").declaration)
    assert "sigma" not in "".join(path.read_text() for path in files(folder))
    loaded = store.load(rayleigh("sigma").declaration)
    assert loaded is not None
    assert {s.name for point in loaded.certificate.points for s, _ in point} == {"sigma"}
    assert len(files(folder)) == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: "null",
        lambda text: "[1, 2]",
        lambda text: "{}",
        lambda text: text.replace('["integer", 2]', '["integer", 3]', 1),
        lambda text: text.replace('"Derivation"', '"Certificate"', 1),
        lambda text: "\x00" + text,
        lambda text: "[" * 100_000,
    ],
    ids=range(9),
)
def test_a_damaged_file_is_ignored_and_rewritten(folder: Path, damage: object) -> None:
    declaration = sm.families.weibull().declaration
    derived = store.derive_or_load(declaration)
    (path,) = files(folder)
    good = path.read_text()
    assert callable(damage)
    bad = damage(good)
    assert bad != good
    path.write_text(bad)
    assert store.load(declaration) is None
    assert same(store.derive_or_load(declaration), derived)
    loaded = store.load(declaration)
    assert loaded is not None and same(loaded, derived)


def test_a_forged_checksum_does_not_get_unknown_records_built(folder: Path) -> None:
    declaration = sm.families.poisson().declaration
    store.derive_or_load(declaration)
    (path,) = files(folder)
    content = {"symbols": [], "derivation": ["record", "Path", {}]}
    path.write_text(json.dumps({"checksum": store._checksum(content), "content": content}))
    assert store.load(declaration) is None


def test_a_change_of_the_engine_makes_old_files_invisible(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declaration = sm.families.poisson().declaration
    store.derive_or_load(declaration)
    monkeypatch.setattr(store, "_fingerprint", lambda: "another engine")
    assert store.load(declaration) is None
    store.derive_or_load(declaration)
    assert len(files(folder)) == 2


def test_the_fingerprint_covers_every_source_that_derives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = Path(store.__file__).parent.parent
    copy = tmp_path / "statmani"
    for source in package.rglob("*.py"):
        target = copy / source.relative_to(package)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())
    monkeypatch.setattr(store, "__file__", str(copy / "expectation" / "store.py"))
    compute = store._fingerprint.__wrapped__
    before = compute()
    for name in ("expectation/derive.py", "algebra/ring.py", "declaration.py"):
        path = copy / name
        path.write_bytes(path.read_bytes() + b"\n# edited\n")
        after = compute()
        assert after != before
        before = after


def test_without_a_cache_folder_everything_still_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("STATMANI_CACHE_DIR", str(tmp_path / "file"))
    declaration = sm.families.poisson().declaration
    derivation = store.derive_or_load(declaration)
    assert derivation.metric == sp.ImmutableMatrix([[1 / declaration.parameters[0]]])
    assert store.save(declaration, derivation) is False
