# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What CDI files say, in both layouts that nvidia-ctk has had, and the settings of the unit that renews them."""

from __future__ import annotations

import json

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._containers import cdi
from ansible_collections.gpufleet.mlstack.plugins.module_utils._containers.model import Specification

# Keys in order and lists indented, as toolkit 1.20 writes them (expectations of its own test of `cdi generate`).
NEW = """---
cdiVersion: 0.5.0
kind: nvidia.com/gpu
devices:
    - name: "0"
      containerEdits:
        deviceNodes:
            - path: /dev/nvidia0
              hostPath: /dev/nvidia0
    - name: GPU-5d1c
      containerEdits:
        deviceNodes:
            - path: /dev/nvidia0
              additionalGids: [44]
    - name: all
      containerEdits:
        deviceNodes:
            - path: /dev/nvidia0
containerEdits:
    hooks:
        - hookName: createContainer
          path: /usr/bin/nvidia-cdi-hook
          args:
            - nvidia-cdi-hook
            - name: none of the devices
    mounts:
        - hostPath: /lib/x86_64-linux-gnu/libcuda.so.580.65.06
          containerPath: /lib/x86_64-linux-gnu/libcuda.so.580.65.06
"""
# Keys sorted and lists at their key's indentation, as before (issue 1860 of nvidia-container-toolkit).
OLD = """---
cdiVersion: 0.6.0
containerEdits:
  env:
  - NVIDIA_VISIBLE_DEVICES=void
  mounts:
  - containerPath: /usr/lib64/libnvidia-ml.so.550.54.15
    hostPath: /usr/lib64/libnvidia-ml.so.550.54.15
devices:
- containerEdits:
    deviceNodes:
    - path: /dev/nvidia0
  name: "0:1"
- containerEdits:
    deviceNodes:
    - path: /dev/nvidia0
  name: all
kind: nvidia.com/gpu
"""


def test_both_layouts_are_read() -> None:
    devices = ("nvidia.com/gpu=0", "nvidia.com/gpu=GPU-5d1c", "nvidia.com/gpu=all")
    assert cdi.read("/etc/cdi/n.yaml", NEW) == Specification("/etc/cdi/n.yaml", "580.65.06", "0.5.0", devices, True)
    found = cdi.read("/etc/cdi/o.yaml", OLD, everybody=False)
    assert found == Specification(
        "/etc/cdi/o.yaml", "550.54.15", "0.6.0", ("nvidia.com/gpu=0:1", "nvidia.com/gpu=all"), False, False
    )


def test_json_is_read_and_what_is_none_of_it_is_not() -> None:
    data = {"cdiVersion": "0.5.0", "kind": "nvidia.com/gpu", "devices": [{"name": "0"}], "x": "/libcuda.so.535.1.2"}
    found = cdi.read("/etc/cdi/n.json", json.dumps(data))
    assert found == Specification("/etc/cdi/n.json", "535.1.2", "0.5.0", ("nvidia.com/gpu=0",))
    assert cdi.read("/etc/cdi/n.json", NEW) is None
    assert cdi.read("/etc/cdi/n.json", "[]") is None


@pytest.mark.parametrize("text", ["", "kind: intel.com/gpu\n", "\x00\xff", "devices:\n- name: 0\n", "[" * 99999])
def test_files_of_others_and_rubbish_are_none(text: str) -> None:
    assert cdi.read("/etc/cdi/x.yaml", text) is None
    assert cdi.read("/etc/cdi/x.json", text) is None


def test_a_link_to_the_newest_library_names_no_driver() -> None:
    found = cdi.read("/etc/cdi/x.yaml", "kind: nvidia.com/gpu\nx: /usr/lib/libcuda.so.1\n")
    assert found is not None and found.driver == ""


def test_the_setting_is_added_once_and_taken_back() -> None:
    text = "# settings\nNVIDIA_CTK_DEBUG=true\n"
    added = cdi.with_setting(text)
    assert added == text + "NVIDIA_CTK_CDI_GENERATE_FEATURE_FLAGS=no-additional-gids-for-device-nodes\n"
    assert cdi.with_setting(added) == added and cdi.has_setting(added) and not cdi.has_setting(text)
    assert cdi.without_setting(added, text) == text
    assert cdi.without_setting(f"{added}MINE=1\n", text) == text + "MINE=1\n"
    own = "NVIDIA_CTK_CDI_GENERATE_FEATURE_FLAGS=mine\n"
    assert cdi.with_setting(own) == own


def test_versions_are_compared_by_number() -> None:
    assert cdi.older("28.2.2", "28.3") is True
    assert cdi.older("5.10.0", "5.2") is False
    assert cdi.older("20.10.24+dfsg1", "25.0") is True
    assert cdi.older("", "1") is None and cdi.older("dev", "1") is None
