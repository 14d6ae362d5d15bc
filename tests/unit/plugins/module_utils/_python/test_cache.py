# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Caches are found where the engines keep them, and nothing else is ever deleted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._apply import Change, execute
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import caches
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.caches import Caches
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import cache

# As a used cache of uv 0.13 and of pip 25.3 has them.
UV = ["CACHEDIR.TAG", ".gitignore", ".lock", "archive-v0", "builds-v0", "interpreter-v5", "sdists-v11", "simple-v28"]
PIP = ["http-v2", "selfcheck", "wheels"]

EMPTY = cache.empty(Host(environ={"HOME": "/h"}))


def fill(folder, names):
    folder.mkdir()
    for name in names:
        if "-v" in name or name in PIP:
            (folder / name).mkdir()
            (folder / name / "entry").write_text("x")
        else:
            (folder / name).write_text("x")
    return str(folder)


@pytest.mark.parametrize(
    ("environ", "cache_dir", "folders"),
    [
        ({"HOME": "/h"}, "", ("/h/.cache/uv", "/h/.cache/pip")),
        ({"HOME": "/h", "XDG_CACHE_HOME": "/x"}, "", ("/x/uv", "/x/pip")),
        ({"HOME": "/h", "UV_CACHE_DIR": "/u", "PIP_CACHE_DIR": "/p"}, "", ("/u", "/p")),
        ({"HOME": "/h", "UV_CACHE_DIR": "/u"}, "/given", ("/given",)),
    ],
)
def test_where_caches_lie(environ, cache_dir, folders):
    assert cache.folders(Host(environ=environ), cache_dir) == folders


@pytest.mark.parametrize("names", [UV, PIP])
def test_a_cache_is_deleted_whole_and_once(tmp_path, names):
    folder = fill(tmp_path / "cache", names)
    subject, desired = Caches(), replace(EMPTY, folders=(folder, str(tmp_path / "none")))
    found = subject.observe(desired, None)
    plan = subject.plan(desired, found)
    assert [action.subject for action in plan.actions] == [folder]
    execute(plan, subject.handlers(desired, None), Change(found))
    assert not (tmp_path / "cache").exists()
    assert not subject.plan(desired, subject.observe(desired, None)).changed


@pytest.mark.parametrize("stranger", ["thesis.tex", "Documents", "archive-v0x", ".ssh"])
def test_a_folder_with_anything_else_in_it_is_no_cache(tmp_path, stranger):
    folder = fill(tmp_path / "cache", UV[3:])
    (tmp_path / "cache" / stranger).write_text("mine")
    desired = replace(EMPTY, folders=(folder,))
    with pytest.raises(MlstackError) as refused:
        Caches().plan(desired, caches.observe(desired))
    assert refused.value.code == "not_a_cache" and stranger in refused.value.found
