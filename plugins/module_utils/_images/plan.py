# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what there is of an image to what is wanted of it. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._images import dockerfile, model
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images.model import (
    DesiredImage,
    ImageFacts,
    Observed,
    Recipe,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Action, Plan


def plan(desired: DesiredImage, observed: Observed) -> Plan:
    """Write the context where it differs, build what the label does not say is built, name it."""
    steps = _files(desired, observed)
    image = observed.images.get(desired.tags[0])
    if not desired.write_only:
        if image is None or image.labels.get(model.DESIRED) != observed.digest:
            why = "there is none" if image is None else "it was built for something else"
            elsewhere: tuple[tuple[str, ...], str] = desired.tags if desired.push else (), desired.save_to
            steps.append(
                Action("build", desired.tags[0], f"build {desired.tags[0]} ({why})", {"tags": list(desired.tags)})
            )
        else:
            elsewhere = observed.unpushed, "" if observed.saved else observed.archive
            steps += _tags(desired, observed, image)
        steps += [Action("push", tag, f"push {tag}") for tag in elsewhere[0]]
        steps += [Action("save", elsewhere[1], f"save the image in {elsewhere[1]}")] if elsewhere[1] else []
    if not steps:
        return Plan()
    return Plan(tuple(steps), before=_before(desired, observed), after=_after(desired, observed))


def _files(desired: DesiredImage, observed: Observed) -> list[Action]:
    if observed.made is None:
        if not observed.unknown:
            return []
        return [
            Action("write", dockerfile.DOCKERFILE, f"write the build context in {desired.folder} ({observed.unknown})")
        ]
    found = observed.context.files
    # The Dockerfile comes last: until it is there the context is not whole, whenever we are ended.
    names = sorted(observed.made, key=lambda name: (name == dockerfile.DOCKERFILE, name))
    steps = [
        Action("write", name, f"write {desired.folder}/{name}")
        for name in names
        if found.get(name) != observed.made[name]
    ]
    stale = [name for name in sorted(found) if name not in observed.made]
    return steps + [Action("delete", name, f"delete {desired.folder}/{name}") for name in stale]


def _tags(desired: DesiredImage, observed: Observed, image: ImageFacts) -> list[Action]:
    others = {tag: observed.images.get(tag) for tag in desired.tags[1:]}
    return [
        Action("tag", tag, f"call {desired.tags[0]} {tag}, too", {"id": image.id})
        for tag, other in others.items()
        if other is None or other.id != image.id
    ]


def _before(desired: DesiredImage, observed: Observed) -> tuple[str, ...]:
    image = observed.images.get(desired.tags[0])
    if image is not None:
        return _lines(image.labels, _settings(desired, image))
    if observed.context.digest:
        return _of_context(observed.context.files)
    return ()


def _after(desired: DesiredImage, observed: Observed) -> tuple[str, ...]:
    if observed.recipe is not None:
        return _lines(dockerfile.labels(observed.recipe), _wanted(observed.recipe))
    image = observed.images.get(desired.tags[0])
    if not observed.unknown:
        return _before(desired, observed) if image is None else _lines(image.labels, _settings(desired, image))
    pins = [f"{env} {name} {version}" for env, found in observed.asked_pins.items() for name, version in found.items()]
    return (f"base {desired.base}", *sorted(pins), "and what these bring")


def _lines(labels: t.Mapping[str, str], settings: t.Iterable[str]) -> tuple[str, ...]:
    """What an image is made of, by its labels."""
    found = [f"base {labels.get(model.BASE_NAME, '')}@{labels.get(model.BASE_DIGEST, '')}"]
    for title, label in (("package", model.SYSTEM), ("package to build with", model.BUILD)):
        found += [f"{title} {word}" for word in labels.get(label, "").split()]
    for label in sorted(labels):
        if label.startswith(model.PINS):
            found += [f"{label[len(model.PINS) :]} {pin.replace('==', ' ')}" for pin in labels[label].split()]
    own = (model.LABELS, model.BASE_NAME, model.BASE_DIGEST, "io.buildah.version")
    found += [f"label {name}={value}" for name, value in sorted(labels.items()) if not name.startswith(own)]
    return (*found, *settings)


def _settings(desired: DesiredImage, image: ImageFacts) -> list[str]:
    variables = [item for item in sorted(image.env) if item.partition("=")[0] in desired.env]
    return [
        *(f"variable {item}" for item in variables),
        f"user {image.user}",
        f"folder {image.workdir}",
        f"runs {' '.join((*image.entrypoint, *image.command))}",
    ]


def _wanted(recipe: Recipe) -> list[str]:
    desired = recipe.desired
    return [
        *(f"variable {name}={value}" for name, value in sorted(desired.env.items())),
        f"user {desired.uid}:{desired.uid}",
        f"folder {desired.workdir}",
        f"runs {' '.join((*desired.entrypoint, *desired.command))}",
    ]


def _of_context(files: t.Mapping[str, str]) -> tuple[str, ...]:
    """The lines of written locks, where there is no image to ask."""
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.lockfile import versions_in

    found = []
    for name in sorted(files):
        if name.startswith("requirements/") and name != "requirements/tools.txt":
            environment = name[len("requirements/") : -len(".txt")]
            found += [f"{environment} {pin} {version}" for pin, version in sorted(versions_in(files[name]).items())]
    return tuple(found)
