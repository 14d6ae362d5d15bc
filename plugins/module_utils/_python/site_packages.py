# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the names in a site-packages folder tell: one listing, no file opened. This is the converged path.

Source: the installed projects specification of packaging.python.org (PEP 376, PEP 427) and what pip, uv and setuptools
leave behind.
"""

from __future__ import annotations

import contextlib
import os
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names


class Names(t.NamedTuple):
    """A folder by its names. Distribution names are normalised; the rest is as it stands on disk."""

    versions: dict[str, str]
    folders: dict[str, str]  # name -> its metadata folder
    duplicates: dict[str, tuple[str, ...]]  # name -> every version that has metadata, where that is more than one
    others: tuple[str, ...]  # the metadata folders of duplicates that ``folders`` has not
    leftovers: tuple[str, ...]  # of editable installs, egg links and interrupted removals
    unreadable: tuple[str, ...]  # metadata folders whose name is none


def scan(*directories: str) -> Names:
    """List the folders, the same one once (lib64 is a link to lib on many hosts); a missing one is empty."""
    listed = []
    for directory in dict.fromkeys(os.path.realpath(item) for item in directories):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            listed.append((directory, os.listdir(directory)))
    return of(listed)


def of(listed: t.Iterable[tuple[str, t.Iterable[str]]]) -> Names:
    """The same from folders and the names in each."""
    found: dict[str, list[tuple[str, str]]] = {}
    leftovers: list[str] = []
    unreadable: list[str] = []
    for directory, entries in listed:
        for entry in entries:
            if _is_leftover(entry):
                leftovers.append(entry)
            elif entry.endswith((".dist-info", ".egg-info")):
                parts = names.metadata_folder_parts(entry)
                if parts is None:
                    unreadable.append(entry)
                else:
                    found.setdefault(names.normalize(parts[0]), []).append((parts[1], os.path.join(directory, entry)))
    return Names(
        versions={name: max(items)[0] for name, items in found.items()},
        folders={name: max(items)[1] for name, items in found.items()},
        duplicates={name: tuple(sorted(item[0] for item in items)) for name, items in found.items() if len(items) > 1},
        others=tuple(item[1] for items in found.values() for item in sorted(items)[:-1]),
        leftovers=tuple(sorted(leftovers)),
        unreadable=tuple(sorted(unreadable)),
    )


def versions(*directories: str) -> dict[str, str]:
    """Normalised name to version. A name that is there twice has both, so that it equals no single version."""
    found = scan(*directories)
    return {**found.versions, **{name: " and ".join(items) for name, items in found.duplicates.items()}}


def verify(directory: str) -> list[str]:
    """One line per file or package that is not as its installer left it; reads every file."""
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import record

    found, listed = record.verify(directory), scan(directory)
    lines = [f"{path} is missing" for path in found.missing]
    lines += [f"{path} was changed" for path in found.changed]
    lines += [f"{path} belongs to no package" for path in found.unrecorded]
    lines += [f"{entry} has no readable RECORD" for entry in found.without_record]
    lines += [f"{entry} is left over from a removal or an editable install" for entry in listed.leftovers]
    return lines


def _is_leftover(entry: str) -> bool:
    # '~' begins what pip set aside while it removed or replaced a package and did not come back for.
    return entry.startswith(("__editable__", "~")) or entry.endswith(".egg-link") or entry == "easy-install.pth"
