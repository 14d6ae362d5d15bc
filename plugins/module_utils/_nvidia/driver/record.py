# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this collection wrote down of the driver that it installed, and of the one before it."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils import _managed_files as managed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.model import Runfile, Target
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import RUNFILE, Observed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._redact import url_secrets

PATH = "/var/lib/gpufleet-mlstack/nvidia-driver.json"
_KEYS = ("source", "branch", "version", "flavour", "modules", "libraries", "server")
_NO_RUNFILE = Runfile()


def read(host: Host) -> dict[str, t.Any]:
    """The record, empty where there is none or it is broken: it is a note, the packages are the truth."""
    try:
        found = json.loads(host.read_text(PATH) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def entry(target: Target, found: Observed, runfile: Runfile) -> dict[str, t.Any]:
    """One driver as it is installed: how it was wanted, its exact version, and every package; of an installer, where it
    was, unless only a password leads there."""
    url = "" if url_secrets(runfile.url) else runfile.url
    installer = {"path": runfile.path, "url": url, "sha256": runfile.sha256}
    return {
        "source": target.source,
        "branch": target.branch,
        "version": found.libraries or target.version,
        "flavour": target.flavour,
        "modules": target.modules,
        "libraries": target.libraries,
        "server": target.server,
        "desired_version": target.version,
        "needs_fabric": target.needs_fabric,
        "asked": list(target.asked),
        "packages": {piece.package: piece.version for piece in found.pieces},
        **({"runfile": installer} if target.source == RUNFILE else {}),
    }


def following(
    record: t.Mapping[str, t.Any],
    before: Observed,
    target: Target | None,
    after: Observed,
    runfile: Runfile = _NO_RUNFILE,
) -> dict[str, t.Any]:
    """The record after a change. A driver that was loaded and whole becomes the one to go back to. Pure."""
    current = entry(target, after, runfile) if target is not None else {}
    known = dict(record.get("current") or {})
    loaded = before.loaded
    good = (
        loaded is not None
        and loaded.version == before.libraries == known.get("version")
        and loaded.flavour in ("", known.get("flavour"))
    )
    other = any(known.get(key) != current.get(key) for key in _KEYS)
    previous = known if good and other else record.get("previous")
    if previous and all(previous.get(key) == current.get(key) for key in _KEYS):
        previous = dict(current)
    return {"current": current, **({"previous": previous} if previous else {})}


def write(host: Host, record: t.Mapping[str, t.Any]) -> None:
    """Replace the record; without a current driver it goes."""
    text = json.dumps(record, indent=2, sort_keys=True) + "\n" if record.get("current") else None
    managed.write(host, managed.ManagedFile(PATH, text))


def previous_arguments(host: Host, params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The task's arguments, asking for the driver to go back to, from where it came. Raises MlstackError where none was
    written down."""
    previous = read(host).get("previous")
    if not isinstance(previous, dict) or not previous.get("version"):
        raise MlstackError(
            "no_previous_driver",
            wanted="the driver that this host had before",
            found=f"{PATH} names none: only a driver that was loaded and whole when it was replaced is written down",
            to_fix="ask for a version",
        )
    noted = {key: previous[key] for key in _KEYS if key in previous}
    # The caller's installer is that of the driver to leave.
    installer = previous.get("runfile") or {}
    noted.update(
        runfile=installer.get("path"), runfile_url=installer.get("url"), runfile_sha256=installer.get("sha256")
    )
    return {**params, **noted, "state": "present"}
