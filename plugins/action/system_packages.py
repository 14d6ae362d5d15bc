# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of all modules that have nothing to do here: they are sent as Ansible does, and read at once.

meta/runtime.yml gives it to the others.
"""

from __future__ import annotations

from ansible.plugins.action import normal
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._at_once import AtOnce


class ActionModule(AtOnce, normal.ActionModule):
    """Ansible's own action for modules, with async and all."""
