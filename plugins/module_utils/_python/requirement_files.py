# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirement files as pip reads them: encodings, comments, continuations, variables, includes; nothing but text.

Source: pip's requirements file format. A loader hands over the bytes of a path, so the same code reads files of the
controller and of the host. Where pip would guess (the locale's encoding, an unset variable) or let a line hide (control
characters that only some tools take for line ends), the line is refused.
"""

from __future__ import annotations

import codecs
import posixpath
import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import requirement_options, requirements
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.requirement_options import Options, is_url
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.requirement_problems import Problem, refusal
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.requirements import (
    InvalidRequirement,
    Requirement,
    Source,
)

Loader = t.Callable[[str], bytes]

MAX_DEPTH = 20
_LONGEST_REASON = 200
INLINE = "packages"  # the 'file' of requirements that came as a list

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_COOKIE = rb"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)"
_COMMENT = r"(?:^|\s)#.*(?=\n?\Z)"
_VARIABLE = r"\$\{([A-Z0-9_]+)\}"
_HIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x85\u2028\u2029]")


class RequirementSet(t.NamedTuple):
    """All that some files and lists ask for. ``sources`` are the files read, in order, each once."""

    requirements: tuple[Requirement, ...]
    constraints: tuple[Requirement, ...]
    options: Options
    sources: tuple[str, ...]


class BadEncoding(ValueError):
    """The bytes are not the text they claim to be."""


def decode(data: bytes) -> str:
    """Bytes to text by byte order mark, PEP 263 cookie in the first two lines, or UTF-8; raises BadEncoding."""
    encoding = "utf-8"
    for mark, name in _BOMS:
        if data.startswith(mark):
            data, encoding = data[len(mark) :], name
            break
    else:
        for head in data.split(b"\n", 2)[:2]:
            cookie = re.match(_COOKIE, head)
            if cookie:
                encoding = cookie.group(1).decode("ascii", "replace")
                break
    try:
        return data.decode(encoding)
    except LookupError:
        raise BadEncoding(f"its first lines name the encoding {encoding!r}, which is unknown") from None
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BadEncoding(f"byte {error.start} (line {line}) is not {encoding}") from None
    except UnicodeError as error:
        raise BadEncoding(f"it cannot be read as {encoding!r}, which its first lines name: {error}") from None


def logical_lines(text: str) -> list[tuple[int, str]]:
    """(line number, line) without comments and blank lines, continuations joined. The number is the first line's."""
    lines: list[tuple[int, str]] = []
    pending: list[str] = []
    first = 0
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text) if "\r" in text else text.split("\n"), start=1):
        comment = "#" in line and line.lstrip().startswith("#")
        if line.endswith("\\") and not comment:
            first = first if pending else number
            pending.append(line.strip("\\"))
            continue
        if pending:
            # A comment ends a continuation; the blank before it lets the comment be recognised.
            line, number = "".join(pending) + (" " + line if comment else line), first
            pending = []
        _keep(lines, number, line)
    if pending:
        _keep(lines, first, "".join(pending))
    return lines


def _keep(lines: list[tuple[int, str]], number: int, line: str) -> None:
    if "#" in line:
        line = re.sub(_COMMENT, "", line)
    line = line.strip()
    if line:
        lines.append((number, line))


def expand(line: str, variables: t.Mapping[str, str]) -> str:
    """Fill in ``${NAME}``, the only form; raises InvalidRequirement for one that is unset or could hide text."""
    if "${" not in line:
        return line

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in variables:
            raise InvalidRequirement(
                f"the environment variable {name} is not set", f"set {name}", code="requirement_variable_unset"
            )
        if re.search(r"\s", variables[name]) or _HIDDEN.search(variables[name]):
            raise InvalidRequirement(
                f"the value of {name} has blanks or control characters, which could add options to the line",
                f"set {name} to one word",
                code="requirement_variable_unsafe",
            )
        return variables[name]

    return re.sub(_VARIABLE, value, line)


def read(
    files: t.Sequence[str] = (),
    *,
    load: Loader,
    packages: t.Sequence[str] = (),
    constraint_files: t.Sequence[str] = (),
    variables: t.Mapping[str, str] | None = None,
    base: str | None = None,
    fetch: Loader | None = None,
) -> RequirementSet:
    """Read files and inline requirements into one set.

    ``load`` gives a path's bytes and raises OSError where it cannot; ``fetch`` does so for included URLs, which are
    refused without it. ``variables`` fill ``${NAME}``. Relative local paths start at ``base``, or at the folder of the
    file that names them. Raises InvalidArguments with every problem of every file in its ``problems``.
    """
    result, problems = read_leniently(
        files,
        load=load,
        packages=packages,
        constraint_files=constraint_files,
        variables=variables,
        base=base,
        fetch=fetch,
    )
    if problems:
        raise refusal(problems, "requirements that can be read")
    return result


def read_leniently(
    files: t.Sequence[str] = (),
    *,
    load: Loader,
    packages: t.Sequence[str] = (),
    constraint_files: t.Sequence[str] = (),
    variables: t.Mapping[str, str] | None = None,
    base: str | None = None,
    fetch: Loader | None = None,
) -> tuple[RequirementSet, list[Problem]]:
    """As read(), with the problems handed over beside what could be read, for a caller that adds more of them."""
    reader = _Reader(load, fetch, variables or {}, base, Options())
    for number, text in enumerate(packages, start=1):
        reader.inline(text, Source(INLINE, number))
    for path in files:
        reader.file(_located(path, ""), [], constraint=False, named_by=None)
    for path in constraint_files:
        reader.file(_located(path, ""), [], constraint=True, named_by=None)
    result = RequirementSet(
        tuple(reader.requirements), tuple(reader.constraints), reader.options, tuple(dict.fromkeys(reader.sources))
    )
    return result, reader.problems


def of_lines(lines: t.Iterable[str]) -> tuple[Requirement, ...]:
    """Requirements of lines that this collection wrote down itself, in a record. Raises InvalidArguments."""

    def nothing(path: str) -> bytes:
        raise FileNotFoundError(path)

    return read(load=nothing, packages=tuple(lines)).requirements


def _located(target: str, includer: str) -> str:
    """A path or URL, relative to the file that includes it."""
    if is_url(target):
        return target
    joined = posixpath.join(posixpath.dirname(includer), target)
    return joined if is_url(includer) else posixpath.normpath(joined)


class _Reader:
    """Goes through files and their includes, gathering requirements and problems."""

    def __init__(
        self,
        load: Loader,
        fetch: Loader | None,
        variables: t.Mapping[str, str],
        base: str | None,
        options: Options,
    ) -> None:
        self.load = load
        self.fetch = fetch
        self.variables = variables
        self.base = base
        self.options = options
        self.requirements: list[Requirement] = []
        self.constraints: list[Requirement] = []
        self.sources: list[str] = []
        self.problems: list[Problem] = []

    def refuse(self, source: Source, text: str, error: InvalidRequirement) -> None:
        name = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", text)
        self.problems.append(
            Problem(
                error.code, source.file, source.line, text, error.reason, error.to_fix, name.group() if name else None
            )
        )

    def refuse_unread(self, source: Source, text: str, error: Exception) -> None:
        """Whatever a reader trips over is a line that cannot be read, and never the end of the module."""
        reason = f"it cannot be read ({type(error).__name__}: {str(error)[:_LONGEST_REASON]})"
        self.refuse(source, text, InvalidRequirement(reason, "write it in one of the usual forms, as NAME==VERSION"))

    def inline(self, text: str, source: Source) -> None:
        """One item of a list: a single requirement, no file syntax and no includes."""
        try:
            if "\n" in text or "\r" in text:
                raise InvalidRequirement("it has a line break", "give one requirement per item")
            self._check_hidden(text)
            if text.lstrip().startswith("-"):
                raise InvalidRequirement(
                    "it begins with a dash, as options do",
                    "use the module's own options",
                    code="requirement_option_refused",
                )
            body = re.sub(_COMMENT, "", text).strip()
            if not body:
                raise InvalidRequirement("it is empty", "leave the item out")
            self._requirement(body, source, self.base or "/", constraint=False)
        except InvalidRequirement as error:
            self.refuse(source, text, error)
        except Exception as error:
            self.refuse_unread(source, text, error)

    def file(self, path: str, parents: list[str], *, constraint: bool, named_by: tuple[Source, str] | None) -> None:
        source, text = named_by or (Source(path, 0), path)
        try:
            content = decode(self._bytes(path, parents))
        except InvalidRequirement as error:
            self.refuse(source, text, error)
            return
        except BadEncoding as error:
            bad = InvalidRequirement(str(error), "save the file as UTF-8", code="requirement_file_encoding")
            self.refuse(Source(path, 1), path, bad)
            return
        self.sources.append(path)
        for number, line in logical_lines(content):
            try:
                self._check_hidden(line)
                self._line(line, Source(path, number), [*parents, path], constraint)
            except InvalidRequirement as error:
                self.refuse(Source(path, number), line, error)
            except Exception as error:
                self.refuse_unread(Source(path, number), line, error)

    def _bytes(self, path: str, parents: list[str]) -> bytes:
        if path in parents:
            raise InvalidRequirement(
                f"the file includes itself ({' -> '.join([*parents, path])})",
                "take one of the includes out",
                code="requirement_include_cycle",
            )
        if len(parents) >= MAX_DEPTH:
            raise InvalidRequirement(
                f"its includes are more than {MAX_DEPTH} deep", "flatten the files", code="requirement_include_depth"
            )
        load: Loader | None = self.load
        if is_url(path):
            load = self.fetch
        if load is None:
            raise InvalidRequirement(
                "an included URL may say something else tomorrow and isn't fetched",
                "download it, and include the file",
                code="requirement_include_url",
            )
        try:
            return load(path)
        except OSError as error:
            raise InvalidRequirement(
                f"{path} cannot be read: {error.strerror or error}",
                "correct the path",
                code="requirement_file_unreadable",
            ) from None

    @staticmethod
    def _check_hidden(line: str) -> None:
        hidden = _HIDDEN.search(line)
        if hidden:
            raise InvalidRequirement(
                f"it has the control character U+{ord(hidden.group()):04X}, which some tools take for a line's end",
                "remove the character",
            )

    def _line(self, line: str, source: Source, files: list[str], constraint: bool) -> None:
        folder = posixpath.dirname(source.file)
        if not line.startswith("-"):
            self._requirement(line, source, self.base or folder, constraint)
            return
        for option, value in requirement_options.parse(expand(line, self.variables)):
            if option == "editable":
                raise InvalidRequirement(
                    "an editable install is a link to a folder that anyone may change",
                    "build a wheel, or name a VCS URL at a full commit without -e",
                    code="requirement_editable",
                )
            if option in ("requirement", "constraint"):
                self._include(value, option, source, line, files, constraint)
            else:
                self.options.set(option, value, folder)

    def _include(
        self, target: str, named_as: str, source: Source, line: str, files: list[str], constraint: bool
    ) -> None:
        if constraint and named_as == "requirement":
            raise InvalidRequirement(
                "pip takes a -r inside a constraint file for requirements, uv for constraints",
                "write -c there, or include the file from a requirement file",
                code="requirement_option_refused",
            )
        self.file(
            _located(target, source.file),
            files,
            constraint=constraint or named_as == "constraint",
            named_by=(source, line),
        )

    def _requirement(self, line: str, source: Source, base: str, constraint: bool) -> None:
        found = requirements.parse(expand(line, self.variables), source, base=base, written=line)
        if not constraint:
            self.requirements.append(found)
        elif found.extras:
            raise InvalidRequirement("a constraint cannot have extras", "leave the extras out of the constraint")
        elif found.name is None:
            raise InvalidRequirement("a constraint needs a name", "write NAME @ URL")
        else:
            self.constraints.append(found)
