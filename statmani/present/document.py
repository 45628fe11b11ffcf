"""Records of a report and their two forms: plain text and a LaTeX article."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, final

from statmani.errors import InvalidArgument
from statmani.present.components import Component
from statmani.present.latex import equations
from statmani.present.printer import escape_text
from statmani.storage import write_atomic

__all__ = ["Note", "Report", "Section"]

Status = Literal["done", "skipped", "failed"]

_TEXT_WIDTH = 100
_PREAMBLE = r"""\documentclass[11pt]{article}
\usepackage{amsmath,amssymb,graphicx}
\setlength{\textwidth}{160mm}\setlength{\oddsidemargin}{0mm}\setlength{\evensidemargin}{0mm}
\setlength{\textheight}{230mm}\setlength{\topmargin}{-10mm}
\setlength{\parindent}{0pt}\setlength{\parskip}{4pt plus 2pt}
\setlength{\jot}{7pt}\allowdisplaybreaks
% A row that is still too wide is scaled down to the room that is left beside its name.
\newsavebox{\rowbox}
\newcommand{\fit}[1]{\sbox{\rowbox}{$\displaystyle #1$}%
  \ifdim\wd\rowbox>0.84\linewidth\resizebox{0.84\linewidth}{!}{\usebox{\rowbox}}%
  \else\usebox{\rowbox}\fi}
"""


@final
@dataclass(frozen=True)
class Note:
    """A line of explanation or a numeric result; `tex` where the text would not do."""

    text: str
    tex: str | None = None

    def to_latex(self) -> str:
        """LaTeX text mode."""
        return escape_text(self.text) if self.tex is None else self.tex


@final
@dataclass(frozen=True)
class Section:
    """One stage of a report.

    Attributes
    ----------
    title : str
    before, after : tuple of Note
        Around the formulas.
    components : tuple of Component
        Formulas.
    status : "done", "skipped" or "failed"
        Skipped: the stage has no sense here, and a note tells why. Failed: it should have worked.
    verbatim : bool
        Keep the line structure of the notes.
    """

    title: str
    before: tuple[Note, ...] = ()
    components: tuple[Component, ...] = ()
    after: tuple[Note, ...] = ()
    status: Status = "done"
    verbatim: bool = False

    def lines(self) -> Iterator[str]:
        """Plain text, line by line."""
        mark = "" if self.status == "done" else f" ({self.status})"
        yield self.title + mark
        yield "-" * len(self.title + mark)
        for note in self.before:
            yield from self._wrapped(note.text)
        for component in self.components:
            yield from textwrap.wrap(
                f"{component.label} = {component.value}",
                _TEXT_WIDTH,
                initial_indent="  ",
                subsequent_indent="      ",
                break_long_words=False,
                break_on_hyphens=False,
            )
        for note in self.after:
            yield from self._wrapped(note.text)

    def _wrapped(self, text: str) -> list[str]:
        if self.verbatim:
            return [text]
        return textwrap.wrap(text, _TEXT_WIDTH, break_long_words=False, break_on_hyphens=False) or [
            ""
        ]

    def to_latex(self) -> str:
        """LaTeX source of the section."""
        mark = "" if self.status == "done" else f" ({self.status})"
        parts = [rf"\section*{{{escape_text(self.title + mark)}}}"]
        parts += self._paragraphs(self.before)
        if self.components:
            body = "\n".join(equations(self.components, wrap=r"\fit{{}}"))
            parts.append("\\begin{align*}\n" + body + "\n\\end{align*}")
        parts += self._paragraphs(self.after)
        return "\n".join(parts)

    def _paragraphs(self, notes: tuple[Note, ...]) -> list[str]:
        if self.verbatim and notes:
            indented = [
                r"\hspace*{"
                + f"{len(n.text) - len(n.text.lstrip())}"
                + "ex}"
                + n.to_latex().strip()
                for n in notes
                if n.text.strip()
            ]
            return [
                "\\begingroup\\small\\raggedright\n" + "\\\\\n".join(indented) + "\n\\par\\endgroup"
            ]
        return [note.to_latex() + "\n" for note in notes]


@final
@dataclass(frozen=True)
class Report:
    """What :func:`statmani.present.report.report` found, printable and writable.

    Attributes
    ----------
    title : str
    sections : tuple of Section

    Examples
    --------
    >>> from statmani.present.document import Note, Report, Section
    >>> print(Report("Demo", (Section("One", (Note("text"),)),)))
    Demo
    ====
    <BLANKLINE>
    One
    ---
    text
    """

    title: str
    sections: tuple[Section, ...]

    @property
    def complete(self) -> bool:
        """Whether no stage failed; skipped stages do not count as failures."""
        return all(section.status != "failed" for section in self.sections)

    def __str__(self) -> str:
        lines = [self.title, "=" * len(self.title)]
        for section in self.sections:
            lines += ["", *section.lines()]
        return "\n".join(lines)

    def to_latex(self) -> str:
        """A complete LaTeX article; needs amsmath, amssymb and graphicx only."""
        body = "\n\n".join(section.to_latex() for section in self.sections)
        title = rf"\begin{{center}}\Large\bfseries {escape_text(self.title)}\end{{center}}"
        return f"{_PREAMBLE}\\begin{{document}}\n{title}\n\n{body}\n\\end{{document}}\n"

    def write(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the LaTeX article.

        Parameters
        ----------
        path : path-like
        force : bool
            Overwrite an existing file.

        Returns
        -------
        pathlib.Path

        Raises
        ------
        InvalidArgument
            The file exists and `force` is not given.
        OSError
            The file cannot be written.
        """
        target = Path(path)
        if force:
            write_atomic(target, self.to_latex())
            return target
        try:
            with open(target, "x", encoding="utf-8", newline="\n") as stream:
                stream.write(self.to_latex())
        except FileExistsError:
            raise InvalidArgument(
                f"output: {target} exists already. Choose another name, or overwrite it with "
                "force=True (--force on the command line)."
            ) from None
        return target
