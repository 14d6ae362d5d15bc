# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of dnf's versionlock plugin, as the plugin writes it and as people do."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.version_locks import VersionLocks

RECORDED = Path(__file__).parent / "recorded" / "versionlock-list.txt"
LIST = "etc/dnf/plugins/versionlock.list"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "etc/dnf/plugins"
    folder.mkdir(parents=True)
    (folder / "versionlock.conf").write_text("[main]\nenabled = 1\nlocklist = /etc/dnf/plugins/versionlock.list\n")
    return tmp_path


@pytest.mark.parametrize(
    ("lines", "version", "held_at"),
    [
        (RECORDED.read_text(), "1.0-1", "1.0-1"),
        (RECORDED.read_text(), "1.1-2", "0:1.0-1"),
        ("bed-tool-1:1.0-1.el9.*\n", "1:1.0-1.el9", "1:1.0-1.el9"),
        ("bed-tool-1.0-1.x86_64\n", "1.0-1", "1.0-1"),
        ("bed-tool-1.*-*.*\n", "1.5-3", "1.5-3"),
        ("bed-tool\n", "2.0-1", "2.0-1"),
        ("bed-*-0:1.0-1.*\n", "1.0-1", "1.0-1"),
        ("# bed-tool-0:1.0-1.*\n", "1.0-1", None),
        ("!bed-tool-0:1.0-1.*\n", "1.0-1", None),
        ("bed-tool-extra-0:1.0-1.*\n", "1.0-1", None),
        ("", "1.0-1", None),
    ],
)
def test_who_is_held(root: Path, lines: str, version: str, held_at: str | None) -> None:
    (root / LIST).write_text(lines)
    assert VersionLocks(Host(str(root))).held_at("bed-tool", version) == held_at


def test_without_the_plugin_nobody_is_held(tmp_path: Path, root: Path) -> None:
    (root / LIST).write_text(RECORDED.read_text())
    conf = root / "etc/dnf/plugins/versionlock.conf"
    conf.write_text(conf.read_text().replace("enabled = 1", "enabled=0"))
    locks = VersionLocks(Host(str(root)))
    assert not locks.usable and locks.held_at("bed-tool", "1.0-1") is None
    conf.unlink()
    assert not locks.usable


def test_setting_and_clearing_leaves_other_lines(root: Path) -> None:
    (root / LIST).write_text("# mine\nkernel-0:5.14.0-1.*\nbed-tool-0:1.0-1.*\n!bed-tool-0:3.0-1.*\n")
    locks = VersionLocks(Host(str(root)))
    locks.set({"bed-tool": "1.1-2", "bed-epoch": "1:0.9-1"})
    kept = "# mine\nkernel-0:5.14.0-1.*\n!bed-tool-0:3.0-1.*\n"
    assert (root / LIST).read_text() == f"{kept}bed-tool-0:1.1-2.*\nbed-epoch-1:0.9-1.*\n"
    locks.clear(["bed-tool", "bed-epoch"])
    assert (root / LIST).read_text() == kept


def test_a_line_that_holds_others_too_is_not_touched(root: Path) -> None:
    (root / LIST).write_text("bed-*-0:1.0-1.*\n")
    with pytest.raises(MlstackError) as caught:
        VersionLocks(Host(str(root))).clear(["bed-tool"])
    assert caught.value.code == "shared_hold"
    assert (root / LIST).read_text() == "bed-*-0:1.0-1.*\n"


def test_lifting_leaves_the_hosts_list_alone(root: Path) -> None:
    (root / LIST).write_text("bed-tool-0:1.0-1.*\nbed-leaf-0:1.0-1.*\n")
    with VersionLocks(Host(str(root))).lifted(["bed-tool"]) as options:
        (option,) = options
        folder = Path(option.rpartition(",")[2])
        assert (folder / "versionlock.list").read_text() == "bed-leaf-0:1.0-1.*\n"
        assert str(folder / "versionlock.list") in (folder / "versionlock.conf").read_text()
        assert (root / LIST).read_text() == "bed-tool-0:1.0-1.*\nbed-leaf-0:1.0-1.*\n"
    assert not folder.exists()
