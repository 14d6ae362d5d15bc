# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""A subject whose wishes are of several kinds: each goes to the subject that knows its kind."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Subject
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Plan

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._apply import Handlers


class ByKind(Subject[t.Any, t.Any]):
    """A module's subject defines C(wishes), C(result) and C(subject_of)."""

    def subject_of(self, wish: t.Any) -> Subject[t.Any, t.Any]:
        raise NotImplementedError

    def title(self, wish: t.Any) -> str:
        return self.subject_of(wish).title(wish)

    def observe(self, wish: t.Any, context: Context) -> t.Any:
        return self.subject_of(wish).observe(wish, context)

    def plan(self, wish: t.Any, observation: t.Any) -> Plan:
        return self.subject_of(wish).plan(wish, observation)

    def lock(self, wish: t.Any, context: Context) -> t.ContextManager[t.Any]:
        return self.subject_of(wish).lock(wish, context)

    def handlers(self, wish: t.Any, context: Context) -> Handlers:
        return self.subject_of(wish).handlers(wish, context)

    def difference(self, wish: t.Any, before: t.Any, after: t.Any) -> dict[str, t.Any]:
        return self.subject_of(wish).difference(wish, before, after)

    def picture(self, wish: t.Any, observation: t.Any) -> tuple[str, ...] | None:
        return self.subject_of(wish).picture(wish, observation)

    def describe(self, wish: t.Any, observation: t.Any) -> dict[str, t.Any]:
        return self.subject_of(wish).describe(wish, observation)
