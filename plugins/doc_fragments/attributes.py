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
    description: Can run in C(check_mode) and return changed status prediction without modifying the host.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)) when in diff mode.
    support: full
  idempotent:
    description: Run twice in a row with the same arguments, the second run reports no change, if nothing else changed the host.
    support: full
  platform:
    description: The operating systems of the hosts that it works on.
    support: full
    platforms: posix
  action_group:
    description: Options for all modules of the collection can be set with this name in C(module_defaults), after C(group/).
    support: full
    membership:
      - gpufleet.mlstack.mlstack
"""

    # For modules that only look: these stand in place of the above.
    INFO = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the host.
    support: full
    details:
      - This module does not modify state.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)) when in diff mode.
    support: N/A
    details:
      - This module does not modify state.
  idempotent:
    description: Run twice in a row with the same arguments, the second run reports no change, if nothing else changed the host.
    support: full
    details:
      - This module does not modify state.
  platform:
    description: The operating systems of the hosts that it works on.
    support: full
    platforms: posix
  action_group:
    description: Options for all modules of the collection can be set with this name in C(module_defaults), after C(group/).
    support: full
    membership:
      - gpufleet.mlstack.mlstack
"""
