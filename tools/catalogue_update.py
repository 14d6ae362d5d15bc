# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings the catalogue's tables up to date from sources that machines can read, as a diff for a person to review.

    python tools/catalogue_update.py                        # asks all sources and shows what would change
    python tools/catalogue_update.py --only pci-ids --from pci-ids=/usr/share/misc/pci.ids
    python tools/catalogue_update.py --write                # and writes it
    python tools/catalogue_update.py --list                 # which rows come from where, and which stand by hand

What a source does not say, such as the end of a branch's support, stays as it is, by hand. A source that is cut short,
that says what no table can hold, or that lost what stood in it before, is refused, and then nothing at all is written.
Ends with 0 where nothing would change, 1 where something would, 2 where a source was refused.
"""

from __future__ import annotations

import argparse
import datetime
import difflib
import os
import re
import sys
import typing as t
from dataclasses import dataclass, replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / ".tree"))

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.catalogue import TABLES
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.sources import SOURCES

from catalogue_feeds import ageing, branches, index, manifests, open_modules, pci_ids, reading, tables, wheels

CATALOGUE = HERE.parent / "plugins" / "module_utils" / "_catalogue"
READINGS = "readings"
Rows = t.Mapping[str, t.Sequence[t.Mapping[str, str]]]


@dataclass(frozen=True)
class Feed:
    """A source by its keys in the tables, ``sources``. ``fetch`` asks it, ``from_path`` takes what somebody brought."""

    about: str
    sources: tuple[str, ...]
    read: t.Callable[[t.Sequence[reading.Document], Rows], reading.Reading]
    fetch: t.Callable[[], list[reading.Document]]
    from_path: t.Callable[[str], list[reading.Document]] = reading.from_path


def _manifests() -> list[reading.Document]:
    listed = manifests.names(reading.from_web(manifests.ADDRESS).text)
    return [reading.from_web(manifests.ADDRESS + name) for name in listed]


def _wheels() -> list[reading.Document]:
    return [wheels.from_address(address) for address in index.wheels_of("tensorflow")]


def _builds() -> list[reading.Document]:
    found = [row["tag"] for row in tables.read(CATALOGUE / "table_frameworks.py").rows if row["framework"] == "torch"]
    return [reading.from_web(f"{index.TORCH_BUILDS}/{tag}/torch/", index.JSON) for tag in dict.fromkeys(found)]


# In this order: the later ones may lean on rows that the earlier ones brought.
FEEDS = {
    "pci-ids": Feed(
        "pci.ids: names of products, families of GPUs by their chips",
        ("pci-ids",),
        pci_ids.read,
        lambda: [reading.from_web(pci_ids.ADDRESS)],
    ),
    "driver-releases": Feed(
        "releases.json of NVIDIA's drivers for data centres: branches and their types",
        ("driver-releases",),
        branches.read,
        lambda: [reading.from_web(branches.ADDRESS)],
    ),
    "open-modules": Feed(
        "README of open-gpu-kernel-modules, or a folder with that of each release: products and first drivers",
        (open_modules.SOURCE,),
        open_modules.read,
        lambda: [reading.from_web(open_modules.ADDRESS)],
    ),
    "cuda-redist": Feed(
        "redistrib_*.json of NVIDIA: CUDA releases with their drivers", ("cuda-redist",), manifests.read, _manifests
    ),
    "wheels": Feed(
        "wheels of TensorFlow and PyTorch, one or a folder: CUDA and GPUs that they were built for",
        ("tensorflow-wheels", "torch-wheels"),
        wheels.read,
        _wheels,
        wheels.from_path,
    ),
    "torch-builds": Feed(
        "listings of PyTorch's own index, one for each build: releases and Pythons",
        ("torch-builds-index",),
        index.read_builds,
        _builds,
    ),
    "python-index": Feed(
        f"JSON of a Python index, one file for each of {', '.join(index.PROJECTS)}: releases, Pythons, glibc",
        ("torch-index", "tensorflow-index", "jax-index"),
        index.read,
        index.fetch,
    ),
}


def update(
    asked: t.Mapping[str, str | None], today: str, accepted: t.Container[str] = ()
) -> tuple[dict[Path, str], list[str]]:
    """The files that change with their new text, and notes. ``asked`` are feeds by name with a path, or None for the
    web. Raises Refused, and has written nothing in any case."""
    files = {name: tables.read(CATALOGUE / f"table_{name}.py") for name in (*TABLES, READINGS)}
    before = {file.path: file.text() for file in files.values()}
    notes: list[str] = []
    for name in (name for name in FEEDS if name in asked):
        feed, path = FEEDS[name], asked[name]
        documents = feed.fetch() if path is None else feed.from_path(path)
        read = feed.read(documents, {table: file.rows for table, file in files.items()})
        if not read.rows and not read.notes:
            raise reading.Refused(f"{name} says nothing that the tables have room for")
        kept = [table for table in TABLES if table not in read.replaced]
        gone = [row for table in kept for row in tables.lost(files[table], table, TABLES[table][1], read)]
        if gone and name not in accepted:
            raise reading.Refused(
                f"{name} has lost {len(gone)} rows ({', '.join(gone[:5])}): it is cut short, or they are withdrawn; "
                f"--accept-loss {name} takes them out"
            )
        for table, (_text, key) in TABLES.items():
            joined = tables.joined(files[table], table, key, feed.sources[0], read)
            drop = name in accepted or table in read.replaced
            files[table] = tables.without(joined, table, key, read) if drop else joined
        files[READINGS] = _noted(files[READINGS], feed, read, path is None, today)
        notes += [f"{name}: {note}" for note in read.notes]
    changed = {file.path: file.text() for file in files.values() if file.text() != before[file.path]}
    return changed | _day(files), notes


def _day(files: t.Mapping[str, tables.TableFile]) -> dict[Path, str]:
    """The file that tells the catalogue's day, where that changes."""
    hand = {key: source.read for key, source in SOURCES.items()}
    found = ageing.day({name: file.rows for name, file in files.items()}, files[READINGS].rows, hand)
    path = CATALOGUE / "day.py"
    text = path.read_text(encoding="utf-8")
    new = re.sub(r'^DAY = "[0-9-]*"$', f'DAY = "{found}"', text, flags=re.M)
    return {path: new} if new != text else {}


def _noted(table: tables.TableFile, feed: Feed, read: reading.Reading, asked: bool, today: str) -> tables.TableFile:
    """The day on which a source was read, and that on which it was read from end to end."""
    used = {cells.get("source", feed.sources[0]) for _table, cells in read.rows}
    rows = []
    for row in table.rows:
        if row["source"] not in used:
            rows.append(row)
            continue
        whole = row["source"] in read.complete or asked
        rows.append({**row, "read": today, "complete": today if whole else row["complete"]})
    return replace(table, rows=tuple(rows))


def listed() -> list[str]:
    """Which rows of the tables come from which source, and what stands by hand."""
    by_machine = {source: name for name, feed in FEEDS.items() for source in feed.sources}
    read = {row["source"]: row["read"] or "never" for row in tables.read(CATALOGUE / f"table_{READINGS}.py").rows}
    found = [f"{name}: {feed.about}" for name, feed in FEEDS.items()]
    for table in TABLES:
        counts: dict[str, int] = {}
        for row in tables.read(CATALOGUE / f"table_{table}.py").rows:
            counts[row["source"]] = counts.get(row["source"], 0) + 1
        for source, count in sorted(counts.items()):
            origin = f"{by_machine[source]}, read {read[source]}" if source in by_machine else "by hand"
            found.append(f"{table:14} {count:4} {source:22} {origin}")
    return found


def difference(changed: t.Mapping[Path, str]) -> str:
    shown: list[str] = []
    for path, text in sorted(changed.items()):
        name = os.path.relpath(path, HERE.parent)
        old = path.read_text(encoding="utf-8").splitlines(keepends=True)
        shown += difflib.unified_diff(old, text.splitlines(keepends=True), f"a/{name}", f"b/{name}")
    return "".join(shown)


def write(changed: t.Mapping[Path, str]) -> None:
    for path, text in changed.items():
        beside = path.with_suffix(".new")
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, path)


def main(arguments: t.Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", action="append", default=[], metavar="NAME=PATH", dest="brought")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", choices=sorted(FEEDS))
    parser.add_argument("--accept-loss", action="append", default=[], metavar="NAME", choices=sorted(FEEDS))
    parser.add_argument("--today", default=datetime.date.today().isoformat(), metavar="DAY")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--list", action="store_true")
    given = parser.parse_args(arguments)
    if given.list:
        print("\n".join(listed()))
        return 0
    paths: dict[str, str] = dict(text.partition("=")[::2] for text in given.brought)
    unknown = sorted(name for name in paths if name not in FEEDS or not paths[name])
    if unknown:
        parser.error(f"--from {unknown[0]}: sources are {', '.join(FEEDS)}")
    asked = {name: paths.get(name) for name in FEEDS if name in (given.only or FEEDS)}
    try:
        day = datetime.date.fromisoformat(given.today).isoformat()
        changed, notes = update(asked, day, given.accept_loss)
    except (reading.Refused, ValueError) as error:
        print(f"Refused: {error}. Nothing was changed.", file=sys.stderr)
        return 2
    for note in notes:
        print(note, file=sys.stderr)
    print(difference(changed), end="")
    if given.write:
        write(changed)
    return 1 if changed and not given.write else 0


if __name__ == "__main__":
    sys.exit(main())
