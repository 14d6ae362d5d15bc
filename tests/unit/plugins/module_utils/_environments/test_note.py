# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A desired state is the one that was read before when it says the same, word for word, and only then."""

from __future__ import annotations

import json
import typing as t
from dataclasses import make_dataclass
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import note
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.model import Desired
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import contents
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.model import DesiredEnvironment
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._python.environments import desired as plain


def desired(files: dict[str, bytes] | None = None, **options: t.Any) -> DesiredEnvironment:
    return plain(files, packages=["six==1.17.0"], **options) if "packages" not in options else plain(files, **options)


def noted(of: DesiredEnvironment) -> t.Any:
    """What is in the record after a build: JSON."""
    return json.loads(json.dumps(contents.read(of, Host(environ={"NAME": "six"})).note))


FILES = {"/c/all.txt": b"-r more.txt\nsix==1.17.0\n", "/c/more.txt": b"idna==3.10\n", "/c/other.txt": b"x"}


def test_the_same_words_are_the_same_desired_state() -> None:
    known = noted(desired(FILES, requirements=["/c/all.txt"]))
    assert note.is_same(desired(FILES, requirements=["/c/all.txt"]), known)
    assert note.is_same(desired({**FILES, "/c/other.txt": b"y"}, requirements=["/c/all.txt"], keep=5), known)


@pytest.mark.parametrize(
    "option",
    [
        {"packages": ["six==1.16.0"]},
        {"require_hashes": True},
        {"pre": True},
        {"no_binary": ["six"]},
        {"only_binary": ["six"]},
        {"python": "3.11"},
        {"verify_imports": ["six"]},
        {"compile_bytecode": False},
        {"remote_src": True},
    ],
)
def test_another_option_is_another_desired_state(option: dict[str, t.Any]) -> None:
    assert not note.is_same(desired(**option), noted(desired()))


def test_an_option_of_a_later_release_bears_on_the_contents_until_somebody_says_that_it_does_not() -> None:
    kinds = {**DesiredEnvironment.__annotations__, **Desired.__annotations__}
    later = make_dataclass("Later", [("an_option_of_a_later_release", bool)], bases=(DesiredEnvironment,), frozen=True)
    fields = {name: getattr(desired(), name) for name in kinds if name != "not_contents"}
    here, there = (later(**fields, an_option_of_a_later_release=value) for value in (False, True))
    assert note.is_same(here, note.of(here, {})) and not note.is_same(there, note.of(here, {}))


@pytest.mark.parametrize("changed", ["/c/all.txt", "/c/more.txt"])
def test_another_content_is_another_desired_state_in_included_files_too(changed: str) -> None:
    known = noted(desired(FILES, requirements=["/c/all.txt"]))
    edited = {**FILES, changed: FILES[changed] + b"idna==3.11\n"}
    assert not note.is_same(desired(edited, requirements=["/c/all.txt"]), known)
    gone = {path: content for path, content in FILES.items() if path != changed}
    assert not note.is_same(desired(gone, requirements=["/c/all.txt"]), known)


def test_files_on_the_host_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "all.txt").write_text("-r more.txt\n")
    (tmp_path / "more.txt").write_text("six==1.17.0\n")
    here = desired(requirements=[str(tmp_path / "all.txt")], remote_src=True)
    known = noted(here)
    assert note.is_same(here, known)
    (tmp_path / "more.txt").write_text("six==1.16.0\n")
    assert not note.is_same(here, known)


@pytest.mark.parametrize("text", [b"${NAME}==1.17.0\n", "${NAME}==1.17.0\n".encode("utf-16")])
def test_variables_may_mean_something_else_next_time(text: bytes) -> None:
    assert noted(desired({"/c/v.txt": text}, requirements=["/c/v.txt"])) == {}


@pytest.mark.parametrize("damaged", [None, {}, [], "x", {"files": None}, {"files": [], "digest": 3}, {"files": [3]}])
def test_a_record_that_says_nothing_of_use_is_no_proof(damaged: t.Any) -> None:
    assert not note.is_same(desired(), damaged)
