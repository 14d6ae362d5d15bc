# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook driver_rollout as an operator runs it, and what it shall ask of Slurm."""

from __future__ import annotations

from typing import Any

from ansible_collections.gpufleet.mlstack.tests.integration.gpu_fleet import GpuFleet

NOTE = "/var/lib/gpufleet-mlstack/drained-for-nvidia-driver"
_REASON = "Reason=gpufleet.mlstack: NVIDIA driver"

# Checks of an operator's own: they write down what they saw, and can be told whom not to like.
_VERIFY = """\
- name: Lose the host
  ansible.builtin.command: {argv: "{{ lost_verifying[inventory_hostname] }}"}
  delegate_to: localhost
  changed_when: true
  when: inventory_hostname in (lost_verifying | default({}))
- name: Ask the driver
  ansible.builtin.command: {argv: [cat, /sys/module/nvidia/version]}
  register: runs
  changed_when: false
- name: Write it down
  ansible.builtin.shell: echo "verified {{ inventory_hostname }} {{ runs.stdout }}" >>"$STAND_IN_SCHEDULER/log"
  delegate_to: localhost
  changed_when: false
- name: Be well
  ansible.builtin.assert:
    that: inventory_hostname not in unwell | default([]) or runs.stdout != unwell_with
    fail_msg: "{{ runs.stdout }} does not do its work"
"""

# Slurm's ready-made file, and what can go wrong beside it.
_DRAIN = """\
- name: Ask the head node
  ansible.builtin.ping:
  delegate_to: "{{ head | default('localhost') }}"
  when: head is defined
- name: Drain
  ansible.builtin.include_tasks: slurm_drain.yml
- name: Lose the host
  ansible.builtin.command: {argv: "{{ lost_drained[inventory_hostname] }}"}
  delegate_to: localhost
  changed_when: true
  when: inventory_hostname in (lost_drained | default({}))
"""


def drained(*names: str) -> list[str]:
    return [f"scontrol update NodeName={name} State=DRAIN {_REASON}" for name in names]


def resumed(*names: str) -> list[str]:
    return [f"scontrol update NodeName={name} State=RESUME" for name in names]


def verified(version: str, *names: str) -> list[str]:
    return [f"verified {name} {version}" for name in names]


def rollout(fleet: GpuFleet, *words: str, rc: int = 0, **variables: Any) -> str:
    """Run the playbook by its name, to this exit status, and return what it printed."""
    (fleet.folder / "verify.yml").write_text(_VERIFY)
    (fleet.folder / "drain.yml").write_text(_DRAIN)
    given = {
        "nvidia_driver_scheduler": "slurm",
        "nvidia_driver_verify_tasks": str(fleet.folder / "verify.yml"),
        "nvidia_driver_drain_interval": 1,
        **variables,
    }
    ran = fleet.play("gpufleet.mlstack.driver_rollout", given, *words)
    print(ran.stdout, ran.stderr)  # pytest shows it where a test fails
    assert ran.returncode == rc
    return ran.stdout + ran.stderr
