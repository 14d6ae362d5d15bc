# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What containers get of a driver follows it: the role nvidia_driver on a host of the bed that boots, beside a stand-in
for nvidia-ctk."""

from __future__ import annotations

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed.container_toolkit.program import program
from ansible_collections.gpufleet.mlstack.tests.bed.containers import require_bed
from ansible_collections.gpufleet.mlstack.tests.integration.gpu_fleet import gpu_fleet

PLAY = "- hosts: all\n  gather_facts: false\n  roles: [gpufleet.mlstack.nvidia_driver]\n"
DRIVER, SPEC = "550.54.15", "/etc/cdi/nvidia.yaml"
OLD = "cdiVersion: 0.5.0\nkind: nvidia.com/gpu\nmounts: [/usr/lib64/libnvidia-ml.so.535.154.05]\n"


@pytest.fixture
def fleet(tmp_path):
    require_bed()
    with gpu_fleet(tmp_path, {"gpu1": "rocky9"}) as made:
        (tmp_path / "play.yml").write_text(PLAY)
        yield made


def test_a_specification_is_for_the_new_driver_when_that_is_verified_and_repaired_later(fleet):
    host = fleet.hosts["gpu1"]
    host.write("/usr/bin/nvidia-ctk", program("1.17.8"), "0755")
    host.write(SPEC, OLD)

    def converge() -> str:
        given = {"nvidia_driver_version": DRIVER, "nvidia_driver_reboot": "when_required"}
        ran = fleet.play(str(fleet.folder / "play.yml"), given)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    converge()
    assert fleet.loaded() == {"gpu1": DRIVER}
    assert f"libcuda.so.{DRIVER}" in host.read(SPEC)
    assert "changed=0" in converge()
    # Somebody brings the old one back: the driver is as desired, and the specification is not.
    host.write(SPEC, OLD)
    assert "changed=1" in converge()
    assert f"libcuda.so.{DRIVER}" in host.read(SPEC)
    # Without a toolkit the role goes on as before, and says what is wrong with the specification where it verifies.
    host.check("rm /usr/bin/nvidia-ctk")
    host.write(SPEC, OLD)
    assert "changed=0" in converge()
    assert host.read(SPEC) == OLD
