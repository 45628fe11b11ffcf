"""The command line: values, files of users, output files, exit codes, messages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import sympy as sp

import statmani as sm
from statmani import cli
from statmani.errors import InvalidArgument, NoConvergence

NORMAL = """
import sympy as sp, statmani as sm
x = sp.Symbol("x", real=True)
mu = sp.Symbol("mu", real=True)
sigma = sp.Symbol("sigma", positive=True)
family = sm.Family(sp.exp(-((x - mu) / sigma) ** 2 / 2) / (sigma * sp.sqrt(2 * sp.pi)),
                   sample=x, parameters=(mu, sigma), name="my normal")
"""


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2", sp.Integer(2)),
        ("+7", sp.Integer(7)),
        ("-0.25", sp.Rational(-1, 4)),
        (".5", sp.Rational(1, 2)),
        ("3.", sp.Integer(3)),
        ("1e-3", sp.Rational(1, 1000)),
        ("2.5E+2", sp.Integer(250)),
        ("3/4", sp.Rational(3, 4)),
        ("-3/4", sp.Rational(-3, 4)),
        ("pi", sp.pi),
        ("-pi/2", -sp.pi / 2),
        ("3*pi/4", 3 * sp.pi / 4),
    ],
)
def test_numbers_are_read_exactly(text: str, value: sp.Expr) -> None:
    assert cli.parse_value(text) == value


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "2x", "1/2/3", "1e9999", "2**9", "nan", "inf", "oo", "1,2", "0x10", "1_000"),
        *("__import__('os')", "exp(1)", "pi*2", "--1", "1 2", "٣", "1" * 61),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match=r"is not a number\. Write an integer"):
        cli.parse_value(text)


BAD_ASSIGNMENTS = [
    ("k", "'k' is not of the form NAME=NUMBER"),
    ("k=2,,lam=3", "has an empty part"),
    ("k=2,k=3", "k is given twice"),
    ("k=two", "'two' is not a number"),
    ("k=1/0", "divides by zero"),
    ("2=k", "is not of the form NAME=NUMBER"),
]


@pytest.mark.parametrize(("text", "message"), BAD_ASSIGNMENTS)
def test_bad_assignments(text: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report", "normal", "--at", text]) == 2
    assert message in capsys.readouterr().err


BAD_FILES = [
    ("x = 1\n", "the file does not define `family`"),
    ("family = 3\n", "`family` is a int, not a statmani.Family"),
    ("family = 'normal'\n", "`family` is a str, not a statmani.Family"),
    ("import statmani as sm\nfamily = sm.families.normal\n", "`family` is a function, not"),
    ("x = 1\ny = x +\n", "line 2: invalid syntax"),
    ("x = 1\n\nraise KeyError('oops')\n", "line 3: KeyError: 'oops'"),
    ("def f():\n    return 1 / 0\nf()\n", "line 2: ZeroDivisionError: division by zero"),
    ("import sys\nsys.exit(0)\n", "line 2: the file ends the program"),
    ("import no_such_module\n", "line 1: ModuleNotFoundError: No module named"),
    (
        NORMAL.replace("sp.sqrt(2 * sp.pi)", "sp.sqrt(3 * sp.pi)"),
        "line 6: ",
    ),
    (NORMAL.replace("parameters=(mu, sigma)", "parameters=()"), "line 6: parameters"),
]


@pytest.mark.parametrize(("source", "message"), BAD_FILES, ids=range(len(BAD_FILES)))
def test_bad_files(
    source: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text(source)
    assert cli.main(["report", "mine.py"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("statmani: error: mine.py")
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert not (tmp_path / "mine.tex").exists()


BAD_COMMANDS = [
    (["report", "weibul"], "no family 'weibul' in the catalogue. Did you mean weibull?"),
    (["report", "zzz"], "no family 'zzz' in the catalogue. 'statmani families' lists it"),
    (
        ["report", "normal:3"],
        "the family normal takes no sizes, but 'normal:3' gives 1. Write normal.",
    ),
    (
        ["report", "categorical"],
        "takes the sizes cells, but 'categorical' gives 0. Write categorical:3.",
    ),
    (["report", "no_such.py"], "there is no file no_such.py"),
    (["report", "folder/none"], "there is no file folder"),
    (["report", "normal", "-o", "no/such/folder.tex"], "does not exist. Create it"),
    (["report", "normal", "-o", "."], "is a folder. Give the name of a file"),
    (["report", "normal", "--at", "nu=3"], "nu is neither a parameter nor a constant"),
    (["report", "normal", "--at", "sigma=-1"], "sigma"),
    (["report", "normal", "--seed", "-3"], "--seed: -3 is negative"),
    (["report", "normal", "--seed", "x"], "invalid int value"),
    (["report"], "the following arguments are required"),
    ([], "the following arguments are required: COMMAND"),
    (["cache", "burn"], "invalid choice"),
    (["explode"], "invalid choice"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_COMMANDS, ids=lambda v: " ".join(v)[:30])
def test_bad_commands(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert list(tmp_path.iterdir()) == []


def test_a_file_may_import_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "my_helper_module.py").write_text(NORMAL)
    (tmp_path / "mine.py").write_text("from my_helper_module import family\n")
    family = cli.load_family("mine.py")
    assert isinstance(family, sm.Family)
    assert family.name == "my normal"
    assert str(tmp_path) not in sys.path


def test_an_existing_file_is_kept_unless_forced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from statmani.present import report as module
    from statmani.present.document import Note, Report, Section

    calls = []

    def quick(family: sm.Family, **_: object) -> Report:
        calls.append(family.name)
        return Report("Quick", (Section("One", (Note("text"),)),))

    monkeypatch.setattr(module, "report", quick)
    target = tmp_path / "normal.tex"
    target.write_text("precious")
    assert cli.main(["report", "normal"]) == 2
    assert target.read_text() == "precious"
    assert calls == []  # refused before any work
    message = capsys.readouterr().err
    assert "normal.tex exists already" in message
    assert "--force" in message
    assert cli.main(["report", "normal", "--force", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert target.read_text().startswith("\\documentclass")
    assert cli.main(["report", "normal", "--output", "other.tex"]) == 0
    assert (tmp_path / "other.tex").read_text() == target.read_text()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["normal.tex", "other.tex"]


def test_a_failed_stage_gives_status_1_but_the_file_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from statmani.present import report as module
    from statmani.present.document import Note, Report, Section

    broken = Section("Geodesic", (Note("left the chart"),), status="failed")
    monkeypatch.setattr(module, "report", lambda family, **_: Report("Quick", (broken,)))
    assert cli.main(["report", "normal"]) == 1
    assert "these stages failed: Geodesic" in capsys.readouterr().err
    assert "left the chart" in (tmp_path / "normal.tex").read_text()


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (NoConvergence("the step is too small"), 1, "error: the step is too small"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (PermissionError(13, "Permission denied", "normal.tex"), 1, "Permission denied"),
    ],
)
def test_exit_codes(
    error: BaseException,
    status: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from statmani.present import report as module

    def fail(family: sm.Family, **_: object) -> None:
        raise error

    monkeypatch.setattr(module, "report", fail)
    assert cli.main(["report", "normal"]) == status
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err


def test_a_traceback_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report", "weibul", "--traceback"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_families_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["families"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(sm.families.names())
    assert all(len(line.split()) > 3 for line in lines)


def test_cache_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from statmani.storage import cache_directory, write_atomic

    monkeypatch.setenv("STATMANI_CACHE_DIR", str(tmp_path))
    folder = cache_directory()
    assert folder is not None
    write_atomic(folder / "a.json", "x" * 2048)
    assert cli.main(["cache", "show"]) == 0
    assert capsys.readouterr().out == f"{folder.parent}: 1 file, 2.0 kB\n"
    assert cli.main(["cache", "clear"]) == 0
    assert capsys.readouterr().out == f"{folder.parent}: removed 1 file, 2.0 kB\n"
    assert not folder.exists()


def test_the_module_runs_as_a_program(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "statmani", "--version"]
    result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert result.stdout == f"statmani {sm.__version__}\n"


def test_a_reader_that_closes_early_is_no_error(tmp_path: Path) -> None:
    program = "import sys; from statmani.cli import main; sys.exit(main(['families']))"
    read, write = os.pipe()
    os.close(read)
    result = subprocess.run(
        [sys.executable, "-c", program],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(write)
    assert result.stderr == ""


def test_progress_is_shown_on_a_terminal_only() -> None:
    written: list[str] = []
    stream = SimpleNamespace(write=written.append, flush=lambda: None)
    with cli.Progress(stream, enabled=True) as progress:  # type: ignore[arg-type]
        progress("deriving")
        progress("next")
    assert "deriving ..." in written[0]
    assert written[-1].strip() == ""
    written.clear()
    with cli.Progress(stream, enabled=False) as progress:  # type: ignore[arg-type]
        progress("deriving")
    assert written == []
