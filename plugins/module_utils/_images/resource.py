# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images as a resource of the loop."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._by_kind import ByKind
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images import archives, arguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images import plan as planning
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images.archives import Archives
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images.model import PINS, DesiredImage, Observed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images.observe import Looker
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Outcome, Resource
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Plan


class Images(ByKind):
    """What ml_image manages: images that are built here, and such that come as a file."""

    left_out = ("requirement_files",)
    _built: BuiltImages
    _loaded: Archives

    def all_desired(self, params: t.Mapping[str, t.Any], context: Context) -> list[t.Any]:
        looker = Looker(params, context)
        self._built, self._loaded = BuiltImages(looker), Archives(looker)
        return [*arguments.all_desired(params), *archives.all_desired(params)]

    def resource_of(self, desired: t.Any) -> Resource[t.Any, t.Any]:
        return self._built if isinstance(desired, DesiredImage) else self._loaded

    def result(self, outcomes: list[Outcome[t.Any]]) -> dict[str, t.Any]:
        built = [outcome for outcome in outcomes if isinstance(outcome.desired, DesiredImage)]
        loaded = [outcome for outcome in outcomes if not isinstance(outcome.desired, DesiredImage)]
        return {
            "images": [_told(outcome, name=outcome.desired.name, folder=outcome.desired.folder) for outcome in built],
            "archives": [_told(outcome, path=outcome.desired.path) for outcome in loaded],
        }


class BuiltImages(Resource[DesiredImage, Observed]):
    """``images`` of ml_image."""

    def __init__(self, looker: Looker) -> None:
        self._looker = looker

    def title(self, desired: DesiredImage) -> str:
        return desired.name

    def observe(self, desired: DesiredImage, context: Context) -> Observed:
        return self._looker.observe(desired)

    def plan(self, desired: DesiredImage, observed: Observed) -> Plan:
        return planning.plan(desired, observed)

    def lock(self, desired: DesiredImage, context: Context) -> t.ContextManager[t.Any]:
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk, lock

        return lock.hold(
            os.path.join(desired.folder, ".mlstack.lock"),
            self._looker.params["lock_timeout"],
            lambda: disk.make_folder(desired.folder),
            f"change image {desired.name}",
        )

    def handlers(self, desired: DesiredImage, context: Context) -> dict[str, t.Any]:
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._images.apply import Steps

        return Steps(desired, self._looker).handlers()

    def describe(self, desired: DesiredImage, observed: Observed) -> dict[str, t.Any]:
        told: dict[str, t.Any] = {"desired": observed.digest}
        image = observed.images.get(desired.tags[0])
        if image is not None:
            told["id"] = image.id
            if observed.archive:
                told["archive"] = {"path": observed.archive, "id": image.id, "tags": list(desired.tags)}
            told["environments"] = {
                label[len(PINS) :]: dict(pin.split("==", 1) for pin in value.split())
                for label, value in image.labels.items()
                if label.startswith(PINS)
            }
        return told


def _told(outcome: Outcome[t.Any], **names: str) -> dict[str, t.Any]:
    told: dict[str, t.Any] = {
        **names,
        "tags": list(outcome.desired.tags),
        "changed": outcome.changed,
        "failed": outcome.error is not None,
        "seconds": round(outcome.seconds, 3),
        **outcome.details,
    }
    if outcome.error is not None:
        told.update(outcome.error.details, msg=str(outcome.error), code=outcome.error.code)
    return told
