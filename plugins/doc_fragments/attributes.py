# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all modules promise: C(attributes) for those that change a host, C(attributes.info) for those that look."""

from __future__ import annotations


class ModuleDocFragment:
    # They observe, plan and apply: check mode stops before the last step, and the plan is the diff.
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: With C(--check), plans what a run would do, reports it and stops there.
    support: full
  diff_mode:
    description: With C(--diff), shows the plan.
    support: full
  idempotent:
    description: A second run with the same arguments changes nothing.
    support: full
  platform:
    description: The operating systems of the hosts that it works on.
    support: full
    platforms: posix
  action_group:
    description: The name under which C(module_defaults) sets options for all modules of the collection.
    support: full
    membership:
      - gpufleet.mlstack.mlstack
"""

    # For modules that only look: these stand in place of the above.
    INFO = r"""
options: {}
attributes:
  check_mode:
    description: With C(--check), plans what a run would do, reports it and stops there.
    support: full
    details:
      - This module does not modify state.
  diff_mode:
    description: With C(--diff), shows the plan.
    support: N/A
    details:
      - This module does not modify state.
  idempotent:
    description: A second run with the same arguments changes nothing.
    support: full
    details:
      - This module does not modify state.
  platform:
    description: The operating systems of the hosts that it works on.
    support: full
    platforms: posix
  action_group:
    description: The name under which C(module_defaults) sets options for all modules of the collection.
    support: full
    membership:
      - gpufleet.mlstack.mlstack
"""
