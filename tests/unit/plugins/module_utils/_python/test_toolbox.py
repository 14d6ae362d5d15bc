# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tools are installed by version and hash, whole or not at all: a real pip does it, from wheels made here."""

from __future__ import annotations

import os
import sys
import threading

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import requirement_text, toolbox
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine import Cache
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.model import Sources
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.toolbox import Tool, Toolbox
from ansible_collections.gpufleet.mlstack.tests.bed import distributions


@pytest.fixture
def wheel(tmp_path):
    return distributions.wheel(tmp_path / "wheels", "sometool", "1.0", requires=["never-fetched"])


def tool(wheel, digest=None):
    return Tool("sometool", "1.0", "sometool.py", (digest or distributions.sha256(wheel),))


def box(tmp_path, wheel, commands=None):
    sources = Sources(find_links=(str(wheel.parent),), no_index=True)
    return Toolbox(str(tmp_path / "toolbox"), commands or Commands(), sys.executable, sources, 120, Cache("", True))


def test_a_tool_is_installed_once_and_found_afterwards(tmp_path, wheel):
    commands = Commands()
    filled = box(tmp_path, wheel, commands)
    assert filled.find(tool(wheel)) is None
    program = filled.ensure(tool(wheel))
    assert program == str(tmp_path / "toolbox" / "sometool-1.0" / "sometool.py") and os.path.exists(program)
    count = commands.count
    assert filled.ensure(tool(wheel)) == filled.find(tool(wheel)) == program
    assert commands.count == count
    assert [name for name in os.listdir(tmp_path / "toolbox") if name.startswith(".")] == []


def test_a_tool_with_another_hash_is_refused_and_leaves_nothing(tmp_path, wheel):
    with pytest.raises(MlstackError) as refused:
        box(tmp_path, wheel).ensure(tool(wheel, "0" * 64))
    assert refused.value.code == "hash_mismatch" and "sometool" in refused.value.found
    assert [name for name in os.listdir(tmp_path / "toolbox") if "sometool" in name] == []


def test_a_tool_that_was_changed_is_installed_anew(tmp_path, wheel):
    program = box(tmp_path, wheel).ensure(tool(wheel))
    size, seen = os.path.getsize(program), os.stat(program)
    with open(program, "r+b") as stream:
        stream.write(b"#" * size)
    assert box(tmp_path, wheel).find(tool(wheel)) is None
    assert box(tmp_path, wheel).ensure(tool(wheel)) == program
    with open(program, "rb") as stream:
        assert b"####" not in stream.read()
    assert [name for name in os.listdir(tmp_path / "toolbox") if name.startswith(".")] == []
    os.utime(program, ns=(seen.st_atime_ns, seen.st_mtime_ns + 10**9))
    assert box(tmp_path, wheel).find(tool(wheel)) == program, "the time alone decides nothing"


def test_what_was_never_sealed_is_not_run(tmp_path, wheel):
    program = box(tmp_path, wheel).ensure(tool(wheel))
    os.unlink(os.path.join(os.path.dirname(program), ".mlstack-seal.json"))
    assert box(tmp_path, wheel).find(tool(wheel)) is None


def test_a_file_beside_the_sealed_ones_breaks_the_seal(tmp_path, wheel):
    program = box(tmp_path, wheel).ensure(tool(wheel))
    with open(os.path.join(os.path.dirname(program), "sitecustomize.py"), "w"):
        pass
    assert box(tmp_path, wheel).find(tool(wheel)) is None


def test_a_toolbox_of_a_group_is_refused_and_umask_does_not_make_one(tmp_path, wheel):
    before = os.umask(0o002)
    try:
        program = box(tmp_path, wheel).ensure(tool(wheel))
        assert os.umask(0o002) == 0o002
    finally:
        os.umask(before)
    writable = [path for path in (tmp_path / "toolbox").rglob("*") if path.lstat().st_mode & 0o022]
    assert writable == []
    os.chmod(program, 0o775)
    with pytest.raises(MlstackError) as refused:
        box(tmp_path, wheel).ensure(tool(wheel))
    assert refused.value.code == "group_writable" and program in refused.value.found


def test_two_who_install_at_once_end_with_one(tmp_path, wheel):
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(box(tmp_path, wheel).ensure(tool(wheel)))) for _number in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1 and len(found) == 2
    assert [name for name in os.listdir(tmp_path / "toolbox") if name.startswith(".")] == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path, wheel):
    (tmp_path / "toolbox").write_text("a file")
    with pytest.raises(MlstackError) as refused:
        box(tmp_path, wheel).ensure(tool(wheel))
    assert refused.value.code == "not_a_directory"


def test_the_pinned_tools_have_exact_versions_and_whole_hashes():
    for pinned in (toolbox.UV, toolbox.PIP):
        assert pinned.hashes and len(set(pinned.hashes)) == len(pinned.hashes)
        assert all(len(value) == 64 and set(value) <= set("0123456789abcdef") for value in pinned.hashes)
        assert requirement_text.line(pinned.requirement).startswith(f"{pinned.name}=={pinned.version} --hash=sha256:")
