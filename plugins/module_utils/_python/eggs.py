# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Distributions that have no metadata folder in site-packages: eggs, development installs, and what .pth files add.

Source: setuptools' description of the formats of eggs and of C(easy-install.pth), and Python's documentation of the
module site. No egg is unpacked: its name tells what it is. The lines of a .pth file that Python would run are not.
"""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._files.looking import Folder
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import distributions, names
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.distributions import Broken, Distribution

# A dash within either half is written as an underscore.
_EGG = re.compile(r"(?P<name>\w(?:[\w.]*\w)?)-(?P<version>[^-]+)(?:-py\d[\d.]*(?:-.+)?)?\.egg", re.ASCII)
_MOST_BYTES = 256 << 10
_MOST_LINES = 1000  # of a .pth file


def beside(places: t.Iterable[Folder], tree: Folder) -> tuple[list[Distribution], list[Broken]]:
    """What lies beside the metadata folders of ``places``, or where they lead to; all else of it with the reason."""
    found: list[Distribution] = []
    broken: list[Broken] = []
    for place in places:
        try:
            entries = place.names()
        except OSError:
            continue  # who looked for metadata folders told of it
        for entry in entries:
            reader = _READERS.get(os.path.splitext(entry)[1])
            if reader is None:
                continue
            try:
                reader(place, entry, tree, found, broken)
            except OSError as error:
                broken.append(Broken(entry, distributions.reason_of(error), *_named(entry)))
    return found, broken


def _egg(place: Folder, entry: str, tree: Folder, found: list[Distribution], broken: list[Broken]) -> None:
    if place.what(entry) == "a folder":
        with place.folder(entry) as egg:
            try:
                with egg.folder("EGG-INFO") as info:
                    item, problems = distributions.described(
                        info.text("PKG-INFO", distributions.MOST_METADATA), info.path
                    )
                found.append(item)
                broken.extend(Broken(entry, problem) for problem in problems)
                return
            except (OSError, distributions.BadMetadata) as error:
                broken.append(Broken(entry, f"its EGG-INFO is not read: {distributions.reason_of(error)}"))
    elif place.what(entry) != "a file":
        broken.append(Broken(entry, f"it is {place.what(entry)}"))
    name, version = _named(entry)
    if name:
        found.append(_distribution(name, version, os.path.join(place.path, entry)))
    else:
        broken.append(Broken(entry, "an egg whose name is not NAME-VERSION"))


def _link(place: Folder, entry: str, tree: Folder, found: list[Distribution], broken: list[Broken]) -> None:
    """setup.py develop: the first line is where the sources lie, and their metadata."""
    path = place.text(entry, _MOST_BYTES).splitlines()[:1]
    wanted = names.normalize(entry[: -len(".egg-link")])
    if not path or not os.path.isabs(path[0].strip()):
        broken.append(Broken(entry, "it names no folder", wanted))
        return
    try:
        with tree.at_path(path[0].strip()) as sources:
            here = [item for item in _all_in(sources, []) if item.name == wanted]
    except OSError as error:
        broken.append(Broken(entry, _not_looked_at(path[0].strip(), error), wanted))
        return
    found.extend(here)
    if not here:
        broken.append(Broken(entry, f"{path[0].strip()[:200]} has no metadata of {wanted}", wanted))


def _pth(place: Folder, entry: str, tree: Folder, found: list[Distribution], broken: list[Broken]) -> None:
    lines = [line.strip() for line in place.text(entry, _MOST_BYTES).splitlines()]
    paths = [line for line in lines if line and not line.startswith(("#", "import ", "import\t"))]
    if len(paths) > _MOST_LINES:
        broken.append(Broken(entry, f"only the first {_MOST_LINES} of its lines are looked at"))
    for line in dict.fromkeys(paths[:_MOST_LINES]):
        path = os.path.normpath(os.path.join(place.path, line))
        if path == place.path or "\0" in path:
            continue
        try:
            _added(path, place, tree, found, broken)
        except (FileNotFoundError, NotADirectoryError):
            continue  # Python passes over it, too
        except OSError as error:
            broken.append(Broken(entry, _not_looked_at(path, error)))


def _added(path: str, place: Folder, tree: Folder, found: list[Distribution], broken: list[Broken]) -> None:
    if path.endswith(".egg"):
        above, name = os.path.split(path)
        if above != place.path:  # else it is met by its own name
            with tree.at_path(above) as folder:
                if folder.what(name):
                    _egg(folder, name, tree, found, broken)
        return
    with tree.at_path(path) as folder:
        found.extend(_all_in(folder, broken))


def _all_in(folder: Folder, broken: list[Broken]) -> t.Iterator[Distribution]:
    """The distributions of a folder that lies elsewhere; which release theirs is, if any, nobody knows."""
    seen = distributions.look([folder])
    broken.extend(seen.broken)
    origin = {"url": f"file://{folder.path}", "dir_info": {"editable": True}}
    for item in (*seen.distributions, *seen.others):
        yield item._replace(direct_url=item.direct_url or origin)


def _not_looked_at(path: str, error: OSError) -> str:
    return f"it leads to {path[:200]}, which is not looked at: {error.strerror}"


def _named(entry: str) -> tuple[str, str]:
    match = _EGG.fullmatch(entry)
    return (match.group("name"), match.group("version").replace("_", "-")) if match else ("", "")


def _distribution(name: str, version: str, folder: str) -> Distribution:
    return Distribution(names.normalize(name), name, version, (), None, (), None, False, None, folder)


_READERS: dict[str, t.Callable[[Folder, str, Folder, list[Distribution], list[Broken]], None]] = {
    ".egg": _egg,
    ".egg-link": _link,
    ".pth": _pth,
}
