# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a requirement file holds, it is read or refused by file and line, in time that grows with its length."""

from __future__ import annotations

import contextlib
import random
import time

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import (
    lockfile,
    requirement_checks,
    requirement_files,
    requirement_text,
)

BLANKS = " " * 16000
HASH = "ab" * 32
SAMPLES = [
    f"numpy==1.24.3 --hash=sha256:{HASH}",
    "ray[tune,rllib]>=2.7.0,<3 ; python_version < '3.12' and (sys_platform == 'linux' or extra == 'gpu')",
    f"clip @ git+https://h.example/clip@{'0' * 40}#subdirectory=x",
    f"https://h.example/six-1.17.0-py2.py3-none-any.whl#sha256={HASH}; python_version >= '3'",
    "./wheels/my_pkg-1.0-py3-none-any.whl[a,b]",
    "--index-url https://u:p@h.example/simple/ --pre",
    "-r more.txt",
    "# -*- coding: utf-8 -*-",
    "${NAME}==1.0 \\",
]


def judge(content: bytes) -> None:
    """All that a desired state goes through before a build."""

    def load(path: str) -> bytes:
        return content if path == "r.txt" else b"six==1.17.0\n"

    found = requirement_files.read(["r.txt"], load=load, variables={"NAME": "six"})
    requirement_checks.check_pinned(found)
    requirement_checks.check_hashes(found)
    requirement_text.digest(found)
    requirement_text.text(requirement_text.pinned(found))


@pytest.mark.parametrize(
    "content",
    [
        b"six; " + b"(" * 200 + b"python_version < '3'" + b")" * 200,
        b"six==" + b"1" * 5000,
        b"six>=" + b"1." + b"2" * 5000,
        b"six; python_version < '" + b"3" * 5000 + b"'",
        b"# coding: undefined\nsix==1.17.0",
        b"# coding: idna\n\xffsix==1.17.0",
    ],
)
def test_what_python_cannot_take_is_refused_by_file_and_line(content: bytes) -> None:
    with pytest.raises(InvalidArguments) as refused:
        judge(content)
    (problem,) = refused.value.details["problems"]
    assert (problem["file"], problem["line"]) == ("r.txt", 1)


def test_what_a_reader_trips_over_is_a_refusal_of_that_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def trip(*_arguments: object, **_options: object) -> None:
        raise OverflowError("too large")

    monkeypatch.setattr(requirement_files.requirements, "parse", trip)
    for read in (
        lambda: judge(b"\n\nsix>=1\n"),
        lambda: requirement_files.read(load=lambda path: b"", packages=["idna", "six"]),
    ):
        with pytest.raises(InvalidArguments) as refused:
            read()
        assert "OverflowError" in refused.value.found
    with pytest.raises(InvalidArguments) as refused:
        judge(b"\n\nsix>=1\n")
    assert refused.value.details["problems"][0]["line"] == 3


LONG = [
    f"six{BLANKS}x",
    f"six{BLANKS}[x",
    f"six{BLANKS}@{BLANKS}x",
    f"./x{BLANKS}y",
    f"six==1{BLANKS}; python_version{BLANKS}< '3'",
    f"six{BLANKS}==1",
    f"--index-url{BLANKS}x",
    "six" + "[" * 16000,
    "six" + ";" * 16000,
    "six" + "(" * 16000,
    "six" + ",>=1" * 16000,
    "six" + " -" * 16000,
    "https://h.example/a" + ";" * 16000,
]


@pytest.mark.parametrize("line", LONG, ids=range(len(LONG)))
def test_a_long_line_takes_as_long_as_it_is(line: str) -> None:
    started = time.process_time()
    with contextlib.suppress(InvalidArguments):
        judge(line.encode())
    lockfile.versions_in(line)
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    "lines",
    [
        ["six==1.17.0"] * 8000,
        [f"six==1.17.0 --hash=sha256:{HASH}"] * 8000,
        [f"six>={number}" for number in range(8000)],
        [f"six=={number}" for number in range(8000)],
    ],
    ids=["pins", "hashes", "ranges", "versions"],
)
def test_many_lines_of_one_name_take_as_long_as_many_of_others(lines: list[str]) -> None:
    def seconds(of: list[str]) -> float:
        started = time.process_time()
        with contextlib.suppress(InvalidArguments):
            judge("\n".join(of).encode())
        return time.process_time() - started

    others = [line.replace("six", f"six{number}") for number, line in enumerate(lines)]
    assert seconds(lines) < 5 * max(seconds(others), 0.2)


def test_no_damaged_line_ends_in_an_error_of_python() -> None:
    dice = random.Random(20261122)
    letters = "".join(SAMPLES) + " \t\\'\"\x00\u2028\u00b2é;#[](){}@$<>=!~,"
    for _number in range(5000):
        text = list(dice.choice(SAMPLES))
        for _change in range(dice.randint(1, 4)):
            at = dice.randrange(len(text) + 1)
            text[at : at + dice.randint(0, 2)] = dice.choice(letters) * dice.choice((1, 1, 1, 40))
        try:
            judge("".join(text).encode())
        except InvalidArguments as refused:
            assert refused.details["problems"][0]["line"] > 0
