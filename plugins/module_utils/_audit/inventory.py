# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's half of an audit: it says what is there. Judging it is the controller's, once for the whole fleet."""

from __future__ import annotations

import base64
import os
import typing as t
import zlib

from ansible_collections.gpufleet.mlstack.plugins.module_utils._audit import contents, resources
from ansible_collections.gpufleet.mlstack.plugins.module_utils._audit.owners import Owners
from ansible_collections.gpufleet.mlstack.plugins.module_utils._audit.resources import Question
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments, MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files.looking import Folder
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Inquiry, Outcome

_MOST_FILE_BYTES = 64 * 1024 * 1024
_MOST_NOTES = 50


class Inventory(Inquiry[Question, dict[str, t.Any]]):
    """The loop's resource of dep_audit; its plans are empty."""

    def all_desired(self, params: t.Mapping[str, t.Any], context: Context) -> list[Question]:
        found: list[Question] = []
        for path in params["paths"]:
            if path == resources.AUTO:
                whole = params["generations"] == "all"
                for root in params["roots"]:
                    found += resources.managed(context.host, root, all_generations=whole, redactor=context.redactor)
            elif not os.path.isabs(path):
                raise InvalidArguments(
                    "path_relative",
                    wanted=f"audit {path}",
                    found="the path is relative",
                    to_fix="give an absolute path of the host, or 'auto'",
                )
            else:
                found.append(resources.named(path))
        known = {os.path.realpath(item.prefix) for item in found}
        for root in params["search"]:
            notes: list[str] = []
            found += resources.below(root, known, notes)
            if notes:
                found.append(Question(os.path.basename(root) or root, root, root, "search", notes=tuple(notes)))
        found += [Question(os.path.basename(path), path, path, "file") for path in params["files"]]
        if params["os_packages"] != "none":
            found.append(Question("operating system", "/", "/", "os", notes=(params["os_packages"],)))
        return found

    def title(self, desired: Question) -> str:
        return f"{desired.path} ({desired.generation})" if desired.generation else desired.path

    def observe(self, desired: Question, context: Context) -> dict[str, t.Any]:
        if desired.kind == "file":
            return {"content": _packed(desired.path)}
        if desired.kind == "search":
            return {"packages": [], "problems": _unseen(desired.notes)}
        if desired.kind == "os":
            from ansible_collections.gpufleet.mlstack.plugins.module_utils._audit import system

            (which,) = desired.notes
            return system.told(context.host, context.commands, which)
        return contents.contents(desired, context.commands, Owners(context.host, context.commands))

    def describe(self, desired: Question, observed: dict[str, t.Any]) -> dict[str, t.Any]:
        return observed

    def result(self, outcomes: list[Outcome[Question]]) -> dict[str, t.Any]:
        told = []
        for outcome in outcomes:
            desired = outcome.desired
            item = {"name": desired.name, "path": desired.path, "kind": desired.kind, "in_use": desired.in_use}
            item.update({"generation": desired.generation} if desired.generation else {})
            item.update(outcome.details)
            if outcome.error is not None:
                item["failed"] = str(outcome.error)
                outcome.error = None  # the audit goes on, and the verdict on the controller counts it
            told.append(item)
        return {"inventory": told}


def _unseen(notes: t.Sequence[str]) -> list[dict[str, str]]:
    """What a search did not look at; as an ordinary user it is every home but one's own."""
    shown = list(notes[:_MOST_NOTES])
    if len(notes) > len(shown):
        shown.append(f"and {len(notes) - len(shown)} more folders are not looked into")
    return [{"kind": "not_audited", "package": "", "text": note} for note in shown]


def _packed(path: str) -> str:
    folder, name = os.path.split(path)
    try:
        with Folder.at(folder or ".") as place:
            data = place.read(name, _MOST_FILE_BYTES)
    except OSError as exc:
        raise MlstackError(
            "file_unreadable",
            wanted=f"audit the file {path}",
            found=str(exc.strerror),
            to_fix="correct the path, name a requirement, lock or environment file, or become a user who may read it",
        ) from exc
    return base64.b64encode(zlib.compress(data, 9)).decode("ascii")
