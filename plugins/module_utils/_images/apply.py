# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan for an image says, done: files first, then the build, then its names."""

from __future__ import annotations

import os
import shlex
import tempfile
import time
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk, trust, writing
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images import dockerfile, failures
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images.builder import Build
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images.model import DESIRED, DesiredImage, Observed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images.observe import Looker
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Action

_VERIFY_S = 600.0
_FULL_MB = 64


class Steps:
    """The handlers for one image."""

    def __init__(self, desired: DesiredImage, looker: Looker) -> None:
        self._desired, self._looker = desired, looker

    def handlers(self) -> dict[str, t.Any]:
        return {
            "write": self._write,
            "delete": self._delete,
            "build": self._build,
            "tag": self._tag,
            "push": self._push,
            "save": self._save,
        }

    def _write(self, actions: t.Sequence[Action], change: t.Any) -> None:
        made = change.observed.made
        for action in actions:
            path = os.path.join(self._desired.folder, action.subject)
            with disk.explained(f"write {path}"):
                disk.make_folder(os.path.dirname(path))
                # The index without credentials is no secret, but nobody's business either.
                writing.write_whole(path, made[action.subject], 0o600 if action.subject == dockerfile.INDEX else 0o644)

    def _delete(self, actions: t.Sequence[Action], change: t.Any) -> None:
        for action in actions:
            with disk.explained(f"delete {action.subject}"):
                disk.delete(os.path.join(self._desired.folder, action.subject))

    def _tag(self, actions: t.Sequence[Action], change: t.Any) -> None:
        for action in actions:
            self._looker.builder.tag(action.details["id"], action.subject)

    def _push(self, actions: t.Sequence[Action], change: t.Any) -> None:
        login = self._looker.login()
        folder = os.path.join(self._looker.scratch, "login")
        disk.make_folder(folder)
        auth = os.path.join(folder, "config.json") if login.username else ""
        if auth:
            writing.write_whole(auth, login.config(self._desired.tags), 0o600)
        try:
            for action in actions:
                self._looker.builder.push(action.subject, auth, login.plain_http, self._looker.params["timeout"])
        finally:
            disk.delete(folder)

    def _save(self, actions: t.Sequence[Action], change: t.Any) -> list[Action]:
        """Under a name that tells which image it is, whole or not at all."""
        tag, folder = self._desired.tags[0], self._desired.save_to
        image = self._looker.builder.images([tag])[tag]
        path = os.path.join(folder, f"{self._desired.name}-{image.id[7:19]}.tar")
        with disk.explained(f"save {tag} in {path}"):
            disk.make_folder(folder)
            trust.require(folder, f"save {tag} in {path}", "choose another folder")
            beside = tempfile.mkdtemp(prefix=".mlstack-", dir=folder)
            try:
                self._looker.builder.save(tag, os.path.join(beside, "image.tar"), self._looker.params["timeout"])
                writing.copy_in(os.path.join(beside, "image.tar"), path, 0o644, link=True)
            finally:
                disk.delete(beside)
        return [Action("save", path, f"save the image in {path}")] * len(actions)

    def _build(self, actions: t.Sequence[Action], change: t.Any) -> None:
        for action in actions:
            started = time.monotonic()
            self._require_space()
            self._require_base(change.observed)
            image = self._built()
            built = time.monotonic()
            try:
                self._verify(image, change.observed)
            except MlstackError:
                self._looker.builder.remove(image)
                raise
            for tag in action.details["tags"]:
                self._looker.builder.tag(image, tag)
            timings = {"build": built - started, "verify": time.monotonic() - built}
            change.facts["timings"] = {name: round(seconds, 3) for name, seconds in timings.items()}

    def _require_space(self) -> None:
        needed = self._looker.params["free_mb"]
        store, free = self._free()
        if free < needed:
            raise MlstackError(
                "no_space",
                wanted=f"image {self._desired.name} built with at least {needed} MB free in {store}",
                found=f"{free} MB are free",
                to_fix=f"remove images that nobody needs ({self._looker.builder.name} image prune), or lower free_mb",
            )

    def _require_base(self, observed: Observed) -> None:
        """A base that FROM names without a digest is still the one that was looked into."""
        base = observed.recipe.base if observed.recipe else None
        if base is None or "@" in base.reference:
            return
        found = self._looker.builder.images([base.reference]).get(base.reference)
        if found is None or found.id != base.digest:
            raise MlstackError(
                "base_changed",
                wanted=f"image {self._desired.name} on {base.digest}",
                found=f"{base.reference} leads to another image by now",
                to_fix="run the task again, and name the base by its digest",
            )

    def _free(self) -> tuple[str, int]:
        """Where the builder keeps images, and the MB that are free there; a lot where that is on another machine."""
        store = self._looker.builder.store()
        if not store.startswith("/") or not os.path.isdir(store):
            return store, 1 << 60
        found = os.statvfs(store)
        return store, found.f_bavail * found.f_frsize >> 20

    def _built(self) -> str:
        """Build and return the image's ID. It has no name yet."""
        desired, looker = self._desired, self._looker
        iidfile = os.path.join(looker.scratch, "build.iid")
        disk.delete(iidfile)
        build = Build(
            folder=desired.folder,
            iidfile=iidfile,
            epoch=dockerfile.EPOCH if desired.created is None else desired.created,
            secrets=self._secrets(),
            network=looker.params["network"],
            timeout=looker.params["timeout"],
        )
        result = looker.builder.build(build)
        if not result.ok:
            failure = failures.of_build(looker.builder.commands.failure(result), result, desired.name)
            store, free = self._free()
            # Not every program says why it could not write.
            raise failures.full(failure, store, free) if free < _FULL_MB else failure
        with open(iidfile, encoding="ascii") as stream:
            return stream.read().strip()

    def _secrets(self) -> dict[str, str]:
        if not (self._looker.builder.mounts and self._desired.environments):
            return {}
        secrets = {}
        index = self._looker.index()
        if index:
            secrets["index"] = os.path.join(self._looker.scratch, "index.txt")
            writing.write_whole(secrets["index"], index, 0o600)
        bundle = self._looker.sources().ca_bundle
        if bundle:
            secrets["certificates"] = bundle
        return secrets

    def _verify(self, image: str, observed: Observed) -> None:
        """The image is what was asked for, and its interpreters run and import what they shall."""
        builder = self._looker.builder
        found = builder.images([image]).get(image)
        if found is None or found.labels.get(DESIRED) != observed.digest:
            raise MlstackError(
                "built_something_else",
                wanted=f"image {self._desired.name} for {observed.digest}",
                found="what was built does not say so: somebody else changes the same folder",
                to_fix=f"keep others out of {self._desired.folder} and run the task again",
            )
        script = "".join(f"{line}\n" for line in ["set -e", *self._imports()])
        result = builder.run(image, script, self._looker.scratch, _VERIFY_S)
        if not result.ok:
            error = builder.commands.failure(result)
            raise MlstackError(
                "verify_failed",
                wanted=f"image {self._desired.name} in which all environments run",
                found=failures.last_line(f"{result.out}\n{result.err}"),
                to_fix="name what is missing in system_packages (a library), or correct verify_imports; the old image "
                "was left as it is",
                **error.details,
            )

    def _imports(self) -> list[str]:
        lines = []
        for environment in self._desired.environments:
            python = f"{self._desired.environments_root}/{environment.name}/bin/python"
            modules = ", ".join(environment.verify_imports)
            lines.append(shlex.join([python, "-c", f"import {modules}" if modules else "pass"]))
        return lines
