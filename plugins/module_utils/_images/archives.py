# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives as a resource of the loop: images that a host without a registry gets as a file, loaded once."""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments, MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import trust
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images import plan_archive, spelling
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images.model import DesiredArchive, ImageFacts
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images.observe import Looker
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Resource
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Action, Plan

Found = t.Mapping[str, ImageFacts]
_ID = re.compile(r"sha256:[0-9a-f]{64}")


def all_desired(params: t.Mapping[str, t.Any]) -> list[DesiredArchive]:
    """Raises InvalidArguments."""
    found = []
    for item in params["archives"]:
        if not _ID.fullmatch(item["id"]) or not item["tags"]:
            raise InvalidArguments(
                "archive_invalid",
                wanted=f"the archive {item['path']} with the ID of its image and at least one name",
                found=f"id {item['id']!r}, tags {item['tags']!r}",
                to_fix="give the id that ml_image tells where the image was built, and tags",
            )
        for tag in item["tags"]:
            spelling.reference(tag, "archives.tags")
        found.append(DesiredArchive(os.path.normpath(item["path"]), item["id"], tuple(item["tags"])))
    return found


class Archives(Resource[DesiredArchive, Found]):
    """``archives`` of ml_image."""

    def __init__(self, looker: Looker) -> None:
        self._looker = looker

    def title(self, desired: DesiredArchive) -> str:
        return desired.tags[0]

    def observe(self, desired: DesiredArchive, context: Context) -> Found:
        return self._looker.builder.images([desired.id, *desired.tags])

    def plan(self, desired: DesiredArchive, observed: Found) -> Plan:
        return plan_archive.plan(desired, observed)

    def handlers(self, desired: DesiredArchive, context: Context) -> dict[str, t.Any]:
        def load(actions: t.Sequence[Action], change: t.Any) -> None:
            for action in actions:
                _require_file(action.subject)
                builder = self._looker.builder
                builder.load(action.subject, self._looker.params["timeout"])
                if not builder.images([desired.id]):
                    raise MlstackError(
                        "archive_of_another_image",
                        wanted=f"image {desired.id} from {action.subject}",
                        found="the archive was loaded and holds another one",
                        to_fix="save the image anew where it was built, and send that file",
                        changed=True,
                    )

        def tag(actions: t.Sequence[Action], change: t.Any) -> None:
            for action in actions:
                self._looker.builder.tag(desired.id, action.subject)

        return {"load": load, "tag": tag}

    def describe(self, desired: DesiredArchive, observed: Found) -> dict[str, t.Any]:
        return {"id": desired.id}


def _require_file(path: str) -> None:
    wanted = f"the image in {path}"
    trust.require(path, wanted, "put it into a folder that is yours alone")
    if not os.path.isfile(path):
        raise MlstackError(
            "archive_missing", wanted=wanted, found="there is no such file", to_fix="send it to this host before"
        )
