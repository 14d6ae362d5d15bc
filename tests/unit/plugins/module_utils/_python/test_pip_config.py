# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""uv asks the mirror that pip is configured for, unless somebody has told uv itself."""

from __future__ import annotations

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.model import Sources
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.pip_config import inherited, pip_settings

MIRROR = "https://mirror.example/simple"


def host(tmp_path, files=None, **environ):
    for name, text in (files or {}).items():
        path = tmp_path / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Host(str(tmp_path), {"HOME": "/home/ada", **environ})


def test_the_index_of_pip_conf_is_taken_over(tmp_path):
    found = inherited(
        Sources(), host(tmp_path, {"/etc/pip.conf": f"[global]\nindex_url = {MIRROR}\ntrusted-host = a b\n"})
    )
    assert (found.index_url, found.trusted_hosts) == (MIRROR, ("a", "b"))


def test_later_files_and_variables_win(tmp_path):
    files = {
        "/etc/pip.conf": "[global]\nindex-url = https://one.example\n",
        "/home/ada/.config/pip/pip.conf": "[global]\nindex-url = https://two.example\n[install]\ntrusted-host = x\n",
    }
    assert pip_settings(host(tmp_path, files)) == {"index-url": "https://two.example", "trusted-host": "x"}
    assert pip_settings(host(tmp_path, files, PIP_INDEX_URL=MIRROR))["index-url"] == MIRROR
    assert pip_settings(host(tmp_path, files, PIP_CONFIG_FILE="/dev/null")) == {}


@pytest.mark.parametrize(
    ("sources", "files", "environ"),
    [
        pytest.param(Sources(index_url="https://given.example"), {}, {}, id="the-arguments-name-one"),
        pytest.param(Sources(no_index=True), {}, {}, id="no-index-is-desired"),
        pytest.param(Sources(offline=True), {}, {}, id="offline"),
        pytest.param(Sources(), {}, {"UV_DEFAULT_INDEX": "https://uv.example"}, id="a-variable-of-uv"),
        pytest.param(Sources(), {"/etc/uv/uv.toml": ""}, {}, id="a-file-of-uv"),
    ],
)
def test_what_is_said_to_uv_itself_counts(tmp_path, sources, files, environ):
    pip_conf = {"/etc/pip.conf": f"[global]\nindex-url = {MIRROR}\n"}
    assert inherited(sources, host(tmp_path, {**pip_conf, **files}, **environ)) == sources


@pytest.mark.parametrize("text", ["not an ini file", "[global]\n", "[global\nindex-url=x", "index-url = x"])
def test_a_damaged_or_silent_file_changes_nothing(tmp_path, text):
    assert inherited(Sources(), host(tmp_path, {"/etc/pip.conf": text})) == Sources()
