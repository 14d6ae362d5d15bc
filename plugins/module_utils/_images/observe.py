# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What there is of a desired image: the image, the written context, and where these differ, what both should be."""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import tempfile
import typing as t
from dataclasses import asdict, replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments, MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import reading, trust
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images import (
    arguments,
    builder,
    dockerfile,
    locking,
    registry,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images.builder import Builder
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images.model import (
    DESIRED,
    Base,
    Context,
    DesiredImage,
    ImageFacts,
    Lock,
    Observed,
    Package,
    Recipe,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.model import Sources

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context as ModuleContext

_FORMAT = 1  # to be raised when the same arguments come to mean another image
_MOST_TEXT, _MOST_FILE = 16 << 20, 512 << 20
# What bears on what an image holds; where it is kept and what it is called does not.
_NO_CONTENT = {"name", "folder", "tags", "environments", "copies", "write_only", "push", "save_to"}


class Looker:
    """Observes for the images of one module call. What was found out of the outside world is found out once."""

    def __init__(self, params: t.Mapping[str, t.Any], context: ModuleContext) -> None:
        self.params = params
        self._context = context
        self._builder: Builder | None = None
        self._made: dict[tuple[str, str], Recipe | str] = {}
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    @property
    def builder(self) -> Builder:
        if self._builder is None:
            self._builder = builder.choose(self.params["builder"], self._context.host, self._context.commands)
        return self._builder

    @property
    def scratch(self) -> str:
        """A private folder for temporary files, gone in the end."""
        if self._scratch is None:
            self._scratch = tempfile.TemporaryDirectory(prefix="mlstack-")
            atexit.register(self._scratch.cleanup)
        return self._scratch.name

    def observe(self, desired: DesiredImage) -> Observed:
        """Raises MlstackError."""
        trust.require(desired.folder, f"image {desired.name} in {desired.folder}", "choose another folder or root")
        asked = {env.name: locking.read(env, self._context) for env in desired.environments}
        digest = _digest(desired, {name: wanted.digest for name, wanted in asked.items()})
        context = written(desired)
        images = {} if desired.write_only else self.builder.images(desired.tags)
        observed = Observed(digest, images, context, asked_pins={name: item.pins for name, item in asked.items()})
        current = context.digest == digest and context.whole
        image = images.get(desired.tags[0])
        built = image is not None and image.labels.get(DESIRED) == digest
        if image is not None and built and not desired.write_only:
            observed = replace(observed, **self._elsewhere(desired, image))
        if current and (desired.write_only or built):
            return observed
        made = self._recipe(desired, digest, context)
        if isinstance(made, str):
            return replace(observed, unknown=made)
        return replace(observed, made=dockerfile.files(made), recipe=made)

    def login(self) -> registry.Login:
        """Who we are for registries."""
        given = self.params
        return registry.Login(
            given["registry_username"] or "", given["registry_password"] or "", given["registry_plain_http"]
        )

    def _elsewhere(self, desired: DesiredImage, image: ImageFacts) -> dict[str, t.Any]:
        """Where the image has not come yet of all places that it shall come to."""
        found: dict[str, t.Any] = {}
        if desired.save_to:
            wanted = f"image {desired.name} saved in {desired.save_to}"
            trust.require(desired.save_to, wanted, "choose another folder")
            found["archive"] = os.path.join(desired.save_to, f"{desired.name}-{image.id[7:19]}.tar")
            found["saved"] = os.path.isfile(found["archive"])
        if desired.push:
            there = {tag: registry.ask(tag, self.login()) for tag in desired.tags}
            found["unpushed"] = tuple(tag for tag, remote in there.items() if not (remote and remote.is_image(image)))
        return found

    def sources(self) -> Sources:
        """The index as the arguments name it, or as pip is told on this host: that is what locks come from, too."""
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import pip_config
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.arguments import sources_of

        found = pip_config.inherited(sources_of(arguments.engine_params(self.params)), self._context.host)
        self._context.redactor.learn(list(found.urls()))
        return found

    def index(self) -> str:
        """The index as options of a requirement file."""
        sources = self.sources()
        lines = [f"--index-url {sources.index_url}"] if sources.index_url else []
        return "".join(f"{line}\n" for line in [*lines, *(f"--extra-index-url {u}" for u in sources.extra_index_urls)])

    def _recipe(self, desired: DesiredImage, digest: str, context: Context) -> Recipe | str:
        """What is to be written; where check mode cannot know that, why."""
        key = desired.name, digest
        if key not in self._made:
            self._made[key] = self._find_out(desired, digest, context)
        return self._made[key]

    def _find_out(self, desired: DesiredImage, digest: str, context: Context) -> Recipe | str:
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._images import base as bases

        preview = self._context.preview
        found = bases.locate(desired.base, self.builder, fetch=not preview, timeout=self.params["timeout"])
        if found is None:
            return f"the base {desired.base} is not on this host, and check mode fetches nothing"
        base = bases.look(desired.base, found, self.builder, self.scratch)
        if "@" not in desired.base:
            self._context.warn(f"image {desired.name}: {_advice(desired.base, base)}")
        if desired.environments:
            locking.require_python(desired, base)
        locks = self._locks(desired, base, context)
        return self._with_sources(
            Recipe(
                desired=desired,
                digest=digest,
                base=base,
                locks=locks,
                tools=_tools(desired.engine),
                system=_real(desired.system_packages, base),
                build=_build_packages(desired, base),
                mounts=self.builder.mounts,
                trusted_hosts=self.sources().trusted_hosts,
            )
        )

    def _locks(self, desired: DesiredImage, base: Base, context: Context) -> tuple[Lock, ...]:
        if not desired.environments:
            return ()
        locksmith = locking.Locksmith(self._context, arguments.engine_params(self.params))
        builds = bool(desired.build_packages)
        return tuple(
            locksmith.lock(
                environment,
                base,
                context.files.get(f"requirements/{environment.name}.txt", "") if context.whole else "",
                self.scratch,
                builds=builds,
            )
            for environment in desired.environments
        )

    def _with_sources(self, recipe: Recipe) -> Recipe:
        from ansible_collections.gpufleet.mlstack.plugins.module_utils import _redact

        sources = self.sources()
        secret = any(_redact.url_secrets(url) for url in sources.urls()) or bool(sources.ca_bundle)
        if secret and recipe.locks and not recipe.mounts:
            raise MlstackError(
                "builder_without_secrets",
                wanted=f"image {recipe.desired.name} from an index with credentials or certificates of its own",
                found=f"this {self.builder.name} has no BuildKit, so that these would stay in the image",
                to_fix="install buildx beside docker, or set builder to podman or buildah",
            )
        return replace(recipe, index=self.index(), certificates=bool(sources.ca_bundle))


def _advice(asked: str, base: Base) -> str:
    if "@" not in base.reference:
        return (
            f"the base {asked} is {base.digest} here and never was in a registry, so that others cannot build from it"
        )
    return f"the base {asked} is {base.reference} here. Write that into base, so that the same one is taken everywhere."


def written(desired: DesiredImage) -> Context:
    """The build context that lies in the folder of an image."""
    text = _text(desired, dockerfile.DOCKERFILE)
    if text is None:
        return Context({})
    found = {dockerfile.DOCKERFILE: text}
    for name in (dockerfile.IGNORE, *dockerfile.names_in(text)):
        content = _text(desired, name)
        if content is not None:
            found[name] = content
    digest, whole = dockerfile.written_for(found)
    return Context(found, digest, whole, "--mount=" in text)


def _text(desired: DesiredImage, name: str) -> str | None:
    try:
        return reading.read_text(os.path.join(desired.folder, name), _MOST_TEXT)
    except reading.NotReadable as exc:
        if exc.code in (reading.ABSENT, reading.LINK):
            return None  # a link is replaced and not followed
        raise MlstackError(
            "file_unreadable",
            wanted=f"image {desired.name} described in {desired.folder}",
            found=f"{name} cannot be read: {exc.reason}",
            to_fix="become a user who may, or name another folder",
        ) from exc


def _digest(desired: DesiredImage, environments: t.Mapping[str, str]) -> str:
    said = {
        name: value if not hasattr(value, "items") else dict(value)
        for name, value in vars(desired).items()
        if name not in _NO_CONTENT
    }
    for name in ("system_packages", "build_packages"):
        said[name] = [asdict(package) for package in said[name]]
    said["environments"] = [[env.name, environments[env.name]] for env in desired.environments]
    said["copies"] = [[copied.src, copied.dest, _contents(desired, copied.src)] for copied in desired.copies]
    said["format"] = _FORMAT
    return "sha256:" + hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _contents(desired: DesiredImage, source: str) -> str:
    """A digest over the files that are copied. Raises InvalidArguments for what cannot be."""
    top = os.path.join(desired.folder, source)
    digest = hashlib.sha256()
    names = [source]
    if os.path.isdir(top) and not os.path.islink(top):
        names = []
        for folder, folders, files in os.walk(top):
            folders[:] = sorted(name for name in folders if name not in ("__pycache__", ".git"))
            names += [os.path.relpath(os.path.join(folder, name), desired.folder) for name in sorted(files)]
    for name in names:
        path = os.path.join(desired.folder, name)
        try:
            content = reading.read_foreign(path, _MOST_FILE)
        except reading.NotReadable as exc:
            raise InvalidArguments(
                "copy_unreadable",
                wanted=f"image {desired.name} with {source}",
                found=f"{path} cannot be read: {exc.reason}",
                to_fix="put a file or folder of files there, without links, and name it relative to the folder",
            ) from exc
        digest.update(f"{name}\0{os.stat(path).st_mode & 0o777:o}\0{hashlib.sha256(content).hexdigest()}\n".encode())
    return digest.hexdigest()


def _tools(engine: str) -> str:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import toolbox

    tool = toolbox.UV if engine == "uv" else toolbox.PIP
    return f"{tool.name}=={tool.version}" + "".join(f" \\\n    --hash=sha256:{value}" for value in tool.hashes) + "\n"


def _real(packages: t.Iterable[Package], base: Base) -> tuple[Package, ...]:
    """Names that mean the same everywhere become those of the base's distribution."""
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import parse_os_release
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import names

    distribution = parse_os_release(base.os_release)
    found = []
    for package in packages:
        real = names.real_names(package.name, distribution)
        found += [Package(name, package.version if len(real) == 1 else "") for name in real]
    return tuple(sorted(set(found), key=lambda package: (package.name, package.version)))


def _build_packages(desired: DesiredImage, base: Base) -> tuple[Package, ...]:
    asked = desired.build_packages
    if desired.environments and not base.has_venv:
        asked = (*asked, Package("python3-venv"))
    return _real(asked, base)
