# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A desired state is the one that was read before when it says the same, word for word, and only then."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import asked
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.desired import DesiredEnvironment
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.wanted import wanted

OPTIONS: dict[str, t.Any] = {
    "packages": ["six==1.17.0"],
    "requirements": [],
    "constraints": [],
    "remote_src": False,
    "require_hashes": False,
    "pre": False,
    "no_binary": [],
    "only_binary": [],
    "python": "auto",
    "verify_imports": [],
    "compile_bytecode": True,
    "keep": 2,
}
ARGUMENTS: dict[str, t.Any] = {
    "index_url": None,
    "extra_index_urls": [],
    "find_links": [],
    "no_index": False,
    "trusted_hosts": [],
    "ca_bundle": None,
    "offline": False,
}


def desired(files: dict[str, bytes] | None = None, **options: t.Any) -> DesiredEnvironment:
    return DesiredEnvironment("ml", "/opt/envs", "present", {**OPTIONS, **options}, ARGUMENTS, files or {})


def noted(of: DesiredEnvironment) -> t.Any:
    """What is in the record after a build: JSON."""
    return json.loads(json.dumps(wanted(of, Host(environ={"NAME": "six"})).asked))


FILES = {"/c/all.txt": b"-r more.txt\nsix==1.17.0\n", "/c/more.txt": b"idna==3.10\n", "/c/other.txt": b"x"}


def test_the_same_words_are_the_same_desired_state() -> None:
    note = noted(desired(FILES, requirements=["/c/all.txt"]))
    assert asked.is_same(desired(FILES, requirements=["/c/all.txt"]), note)
    assert asked.is_same(desired({**FILES, "/c/other.txt": b"y"}, requirements=["/c/all.txt"], keep=5), note)


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
        {"an_option_of_a_later_release": True},
    ],
)
def test_another_option_is_another_desired_state(option: dict[str, t.Any]) -> None:
    assert not asked.is_same(desired(**option), noted(desired()))


@pytest.mark.parametrize("changed", ["/c/all.txt", "/c/more.txt"])
def test_another_content_is_another_desired_state_in_included_files_too(changed: str) -> None:
    note = noted(desired(FILES, requirements=["/c/all.txt"]))
    edited = {**FILES, changed: FILES[changed] + b"idna==3.11\n"}
    assert not asked.is_same(desired(edited, requirements=["/c/all.txt"]), note)
    gone = {path: content for path, content in FILES.items() if path != changed}
    assert not asked.is_same(desired(gone, requirements=["/c/all.txt"]), note)


def test_files_on_the_host_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "all.txt").write_text("-r more.txt\n")
    (tmp_path / "more.txt").write_text("six==1.17.0\n")
    here = desired(requirements=[str(tmp_path / "all.txt")], remote_src=True)
    note = noted(here)
    assert asked.is_same(here, note)
    (tmp_path / "more.txt").write_text("six==1.16.0\n")
    assert not asked.is_same(here, note)


@pytest.mark.parametrize("text", [b"${NAME}==1.17.0\n", "${NAME}==1.17.0\n".encode("utf-16")])
def test_variables_may_mean_something_else_next_time(text: bytes) -> None:
    assert noted(desired({"/c/v.txt": text}, requirements=["/c/v.txt"])) == {}


@pytest.mark.parametrize("damaged", [None, {}, [], "x", {"files": None}, {"files": [], "digest": 3}, {"files": [3]}])
def test_a_record_that_says_nothing_of_use_is_no_proof(damaged: t.Any) -> None:
    assert not asked.is_same(desired(), damaged)
