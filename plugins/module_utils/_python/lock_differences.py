# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An environment beside the lock that it should have come from: what is missing, other, or in no lock."""

from __future__ import annotations

import os
import typing as t
from datetime import datetime, timezone

from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import versions
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.distributions import Distribution
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.markers import Environment
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.requirements import Requirement

# What venv and virtualenv put into a fresh environment; a lock need not name them.
SEEDS = frozenset({"pip", "setuptools", "wheel"})


class Difference(t.NamedTuple):
    """One name. ``locked`` is the version of the lock, ``installed`` that of the environment; None where it has none.
    ``since`` is when the installed one came, in UTC."""

    name: str
    locked: str | None
    installed: str | None
    since: str | None


def differences(
    lock: t.Iterable[Requirement], installed: t.Iterable[Distribution], environment: Environment | None
) -> list[Difference]:
    """What of ``installed`` is not as the pins of ``lock`` say that apply to this interpreter and platform,
    or of all pins where ``environment`` is None.

    A name whose pin is a URL is compared by its presence: the version is known only where a wheel's name tells it.
    """
    here = {item.name: item for item in installed}
    pins = {item.name: item.version for item in lock if item.name and item.applies(environment)}
    found = []
    for name in sorted({*pins, *here}):
        item = here.get(name)
        if name not in pins:
            if item is not None and name not in SEEDS:
                found.append(Difference(name, None, item.version, installed_at(item)))
        elif item is None:
            found.append(Difference(name, pins[name], None, None))
        elif pins[name] is not None and not versions.same(str(pins[name]), item.version):
            found.append(Difference(name, pins[name], item.version, installed_at(item)))
    return found


def installed_at(item: Distribution) -> str | None:
    """When a distribution was installed, in UTC: its installer made the metadata folder then and left it alone."""
    try:
        changed = os.stat(item.folder).st_mtime
    except OSError:
        return None
    return datetime.fromtimestamp(changed, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
