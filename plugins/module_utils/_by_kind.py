# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A resource whose desired states are of several kinds: each goes to the resource that knows its kind."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Resource
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Plan

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._apply import Handlers


class ByKind(Resource[t.Any, t.Any]):
    """A module's resource defines C(all_desired), C(result) and C(resource_of)."""

    def resource_of(self, desired: t.Any) -> Resource[t.Any, t.Any]:
        raise NotImplementedError

    def title(self, desired: t.Any) -> str:
        return self.resource_of(desired).title(desired)

    def observe(self, desired: t.Any, context: Context) -> t.Any:
        return self.resource_of(desired).observe(desired, context)

    def plan(self, desired: t.Any, observed: t.Any) -> Plan:
        return self.resource_of(desired).plan(desired, observed)

    def lock(self, desired: t.Any, context: Context) -> t.ContextManager[t.Any]:
        return self.resource_of(desired).lock(desired, context)

    def handlers(self, desired: t.Any, context: Context) -> Handlers:
        return self.resource_of(desired).handlers(desired, context)

    def difference(self, desired: t.Any, before: t.Any, after: t.Any) -> dict[str, t.Any]:
        return self.resource_of(desired).difference(desired, before, after)

    def diff_lines(self, desired: t.Any, observed: t.Any) -> tuple[str, ...] | None:
        return self.resource_of(desired).diff_lines(desired, observed)

    def describe(self, desired: t.Any, observed: t.Any) -> dict[str, t.Any]:
        return self.resource_of(desired).describe(desired, observed)
