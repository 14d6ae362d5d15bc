# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds the tables of the GPU catalogue against each other: python tools/catalogue_check.py, a line for each problem.

Tables from different sources disagree now and then. Where that is known and looked into, it is listed here.
"""

from __future__ import annotations

import os
import re
import sys
import typing as t
from collections import Counter

# Started from anywhere, by any Python: the checkout is found from here.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), ".tree"))

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue import (
    day,
    driver_parts,
    own_rows,
    package_names,
    repositories,
    sources,
    table_driver_runfiles,
    table_readings,
    table_runfiles,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.catalogue import TABLES, Catalogue, load
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.table import Row, branch_of, number, rows
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError

from catalogue_feeds import ageing

# Releases whose installer carries another driver than the release notes ask for. 10.2 and 11.1.0: the notes leave the
# last number out. The others: the installer's driver is newer than the least one.
DRIVER_EXCEPTIONS = {"10.2.89", "11.1.0", "11.2.0", "11.7.1", "12.2.1", "12.8.0"}
# Minor-version compatibility of 11.x begins with a driver that came after 11.0.
COMPATIBILITY_EXCEPTIONS = {"11.0.2", "11.0.3"}
# From this release on the driver is no part of the installer, nor of its name.
WITHOUT_DRIVER = (13, 4)
# Tables that are no part of the solver's catalogue: the columns that tell two of their rows apart.
OTHER_KEYS = {
    "driver runfiles": ("file",),
    "driver parts": ("repository", "name", "from"),
    "package names": ("archive", "piece", "branch_from"),
    "repositories": ("folder",),
    "runfiles": ("version", "architecture"),
}
Problems = t.Iterator[str]


def problems(catalogue: Catalogue, others: t.Mapping[str, t.Sequence[Row]]) -> list[str]:
    """Everything that does not fit together. C(others) are the tables that are no part of the catalogue."""
    found: list[str] = []
    for check in (
        forms,
        day_row,
        cuda_rows,
        gpu_rows,
        branch_rows,
        framework_rows,
        wheel_rows,
        host_gcc_rows,
        unreached_rows,
    ):
        found += check(catalogue)
    keys = {**OTHER_KEYS, **{name: key for name, (_text, key) in TABLES.items()}}
    for name, table in (*catalogue.tables.items(), *others.items()):
        found += every_row(name, table, keys[name])
    found += [*installers(catalogue, others["runfiles"]), *digests(others["runfiles"])]
    found += [*digests(others["driver runfiles"]), *repository_rows(others["repositories"])]
    found += package_name_rows(catalogue, others["package names"])
    found += driver_part_rows(others["driver parts"], others["package names"])
    return found


def every_row(name: str, table: t.Sequence[Row], key: t.Sequence[str]) -> Problems:
    """Each row has a known status, a source, the day that was read, and a key that no other row has."""
    counts = Counter(tuple(row[column] for column in key) for row in table)
    yield from (f"{name}: {' '.join(twice)} is there twice" for twice, count in counts.items() if count > 1)
    for row in table:
        where = f"{name}: {' '.join(row[column] for column in key)}"
        if row["status"] not in sources.STATUSES:
            yield f"{where}: the status {row['status']} is none"
        source = sources.SOURCES.get(row["source"])
        if source is None or not (source.read or row["source"] == "user"):
            yield f"{where}: the source {row['source']} is not known, or not when it was read"
        if row["source"] == "memory" and row["status"] in sources.TRUSTED:
            yield f"{where}: nobody looked it up, and it says {row['status']}"


def forms(catalogue: Catalogue) -> Problems:
    """Each cell has the form that is asked of a user's row."""
    for name, table in catalogue.tables.items():
        for place, row in enumerate(table, 1):
            try:
                own_rows.check(name, place, row)
            except MlstackError as error:
                yield f"{name}: {error}"


def day_row(catalogue: Catalogue) -> Problems:
    """The day that modules tell is that of the tables."""
    hand = {key: source.read for key, source in sources.SOURCES.items()}
    found = ageing.day(catalogue.tables, rows(table_readings.TABLE), hand)
    if found != day.DAY:
        yield f"catalogue: its tables are of {found}, and day.py says {day.DAY}"


def cuda_rows(catalogue: Catalogue) -> Problems:
    """Each release's drivers belong to known branches, and compatibility never asks for more than the toolkit."""
    for row in catalogue.tables["cuda"]:
        for column in ("driver", "minor_driver"):
            if row[column] and catalogue.branch(branch_of(row[column])) is None:
                yield f"cuda: {row['version']}: there is no branch for {column} {row[column]}"
        above = number(row["minor_driver"]) > number(row["driver"])
        if above and row["version"] not in COMPATIBILITY_EXCEPTIONS:
            yield f"cuda: {row['version']}: {row['minor_driver']} is newer than {row['driver']}"


def installers(catalogue: Catalogue, runfiles: t.Sequence[Row]) -> Problems:
    """Each release's minimum is the driver that its installer carries, but for the known exceptions."""
    for row in runfiles:
        if bool(row["driver"]) != (number(row["version"])[:2] < WITHOUT_DRIVER):
            yield f"runfiles: {row['version']}: from 13.4 on, and only then, no driver is in an installer's name"
    carried = {row["version"]: row["driver"] for row in runfiles if row["driver"]}
    for row in catalogue.tables["cuda"]:
        driver = carried.get(row["version"])
        differs = driver is not None and number(driver) != number(row["driver"])
        if differs and row["version"] not in DRIVER_EXCEPTIONS:
            yield f"cuda: {row['version']} asks for {row['driver']}, and its installer carries {driver}"
        if row["version"] in DRIVER_EXCEPTIONS and not differs:
            yield f"cuda: {row['version']} is listed as an exception and is none"


def gpu_rows(catalogue: Catalogue) -> Problems:
    """Each GPU has a capability that is known, drivers of known branches, and modules that its capability allows."""
    for row in (*catalogue.tables["gpus"], *catalogue.tables["families"]):
        generation = catalogue.capability(row["capability"])
        name = row.get("product") or row["architecture"]
        if generation is None:
            yield f"gpus: {name}: nothing is known of capability {row['capability']}"
            continue
        if "modules" not in row:
            continue
        if generation["modules"] != "both" and generation["modules"] != row["modules"]:
            yield f"gpus: {name}: {row['modules']} modules, and capability {row['capability']} {generation['modules']}"
        if not row["drivers"]:
            yield f"gpus: {name}: no first driver"
        first = row["drivers"].split()[0] if row["drivers"] else "0"
        if generation["last_branch"] and number(branch_of(first)) > number(generation["last_branch"]):
            yield f"gpus: {name}: first driver {first} and last branch {generation['last_branch']}"


def branch_rows(catalogue: Catalogue) -> Problems:
    """Flavours follow from the number, and forward compatibility names known branches."""
    for row in catalogue.tables["branches"]:
        branch = int(row["branch"])
        wanted = "proprietary" if branch < 515 else "both" if branch < 615 else "open"
        if row["flavours"] != wanted:
            yield f"branches: {branch}: {row['flavours']} instead of {wanted}"
        if not re.fullmatch(r"ended|[0-9]{4}-[0-9]{2}|", row["end"]):
            yield f"branches: {branch}: the end {row['end']} is no month"
    for row in catalogue.tables["forward"]:
        for branch_name in row["base_branches"].split():
            if catalogue.branch(branch_name) is None:
                yield f"forward: {row['cuda_major']}: there is no branch {branch_name}"
    for row in catalogue.tables["capabilities"]:
        if row["last_branch"] and catalogue.branch(row["last_branch"]) is None:
            yield f"capabilities: {row['capability']}: there is no branch {row['last_branch']}"


def framework_rows(catalogue: Catalogue) -> Problems:
    """Each build's CUDA has a row, and its tag is that CUDA."""
    for row in catalogue.tables["frameworks"]:
        where = f"frameworks: {row['framework']} {row['version']}"
        if catalogue.toolkit_minimum(row["cuda"]) is None:
            yield f"{where}: there is no row for CUDA {row['cuda']}"
        # A plugin of JAX is for a major version of CUDA.
        named = (
            f"cuda{row['cuda'].partition('.')[0]}" if row["framework"] == "jax" else f"cu{row['cuda'].replace('.', '')}"
        )
        if row["tag"] and row["tag"] != named:
            yield f"{where}: the tag {row['tag']} is not for CUDA {row['cuda']}"
        if not row["newest"].startswith(f"{row['version']}."):
            yield f"{where}: {row['newest']} is no release of it"
        if number(row["python_from"]) > number(row["python_to"]):
            yield f"{where}: Python {row['python_from']} to {row['python_to']}"


def wheel_rows(catalogue: Catalogue) -> Problems:
    """Each build for x86_64 has its list of capabilities, and no list names what its CUDA cannot compile for."""
    for row in catalogue.tables["frameworks"]:
        if catalogue.wheel(row["framework"], row["tag"], "x86_64", row["version"]) is None:
            yield f"wheels: there is no list for {row['framework']} {row['version']} {row['tag']}"
    for row in catalogue.tables["wheels"]:
        for code in row["capabilities"].split():
            generation = catalogue.capability(code)
            if generation is None:
                yield f"wheels: {row['tag']}: nothing is known of capability {code}"
            elif row["framework"] == "torch":
                cuda = f"{row['tag'][2:-1]}.{row['tag'][-1]}"
                early = number(cuda) < number(generation["first_cuda"])
                late = generation["last_cuda"] and number(cuda) > number(generation["last_cuda"])
                if early or late:
                    yield f"wheels: {row['tag']} has code for {code}, which CUDA {cuda} does not know"


def host_gcc_rows(catalogue: Catalogue) -> Problems:
    """A newer CUDA never takes less."""
    ordered = sorted(catalogue.tables["host_gcc"], key=lambda row: number(row["cuda_up_to"]))
    for older, newer in zip(ordered, ordered[1:]):
        if int(newer["gcc"]) < int(older["gcc"]):
            yield f"host_gcc: {newer['cuda_up_to']} takes {newer['gcc']}, and {older['cuda_up_to']} {older['gcc']}"


def unreached_rows(catalogue: Catalogue) -> Problems:
    """Each row answers some question. One that stands behind another, or before nothing, is a fact that nobody gets."""
    yield from _shadowed_families(catalogue)
    releases = {(row["framework"], row["tag"], row["newest"]) for row in catalogue.tables["frameworks"]}
    for row in catalogue.tables["wheels"]:
        told = (
            catalogue.wheel(framework, tag, row["architecture"], release)
            for framework, tag, release in releases
            if (framework, tag) == (row["framework"], row["tag"])
        )
        if not any(answer is row for answer in told):
            where = f"{row['framework']} {row['tag']} {row['architecture']} {row['release_from']}"
            yield f"wheels: {where}: no release gets this row"
    for row in catalogue.tables["glibc"]:
        if not any(catalogue.glibc(framework, release) is row for framework, _tag, release in releases):
            yield f"glibc: {row['framework']} {row['release_from']}: no release gets this row"
    versions = [row["version"] for row in catalogue.tables["cuda"]]
    for row in catalogue.tables["host_gcc"]:
        if not any(catalogue.host_gcc(version) is row for version in versions):
            yield f"host_gcc: {row['cuda_up_to']}: no release gets this row"
    folders = {row["folder"] for row in rows(repositories.TABLE)}
    for row in catalogue.tables["offers"]:
        if row["folder"] not in folders:
            yield f"offers: {row['folder']}: there is no repository of that name"
    for row in catalogue.tables["kernels"]:
        if not any(catalogue.kernel(branch["branch"]) is row for branch in catalogue.tables["branches"]):
            yield f"kernels: {row['branch_up_to']}: no branch gets this row"
    for row in catalogue.tables["forward"]:
        if not any(number(version)[0] == int(row["cuda_major"]) for version in versions):
            yield f"forward: {row['cuda_major']}: no release gets this row"


def _shadowed_families(catalogue: Catalogue) -> Problems:
    """Of two ranges that have an id in common only the first is ever asked for it."""
    for row in catalogue.tables["families"]:
        first, last = int(row["id_from"], 16), int(row["id_to"], 16)
        if first > last:
            yield f"families: {row['id_from']} to {row['id_to']}: no id lies between"
        asked = [catalogue.family(f"{device:04x}") for device in range(first, last + 1)]
        answers = {id(other): other for other in asked}
        for other in answers.values():
            if other is not None and other is not row:
                said = f"is shadowed by {other['id_from']} to {other['id_to']}"
                yield f"families: {row['id_from']} to {row['id_to']} {row['architecture']}: {said}"


def digests(runfiles: t.Sequence[Row]) -> Problems:
    """Each installer that somebody has the digest of has one of its own."""
    for row in runfiles:
        unknown = not row["sha256"] and row["status"] not in sources.TRUSTED
        if not unknown and not re.fullmatch(r"[0-9a-f]{64}", row["sha256"]):
            yield f"runfiles: {row['version']}: {row['sha256']} is no SHA-256 digest"
    counts = Counter(row["sha256"] for row in runfiles if row["sha256"])
    yield from (f"runfiles: two have the digest {digest}" for digest, count in counts.items() if count > 1)


def repository_rows(table: t.Sequence[Row]) -> Problems:
    """Each fingerprint is one, and that of the key. A digest of the key's file cannot be told from another's."""
    for row in table:
        digest = re.fullmatch(r"sha256:[0-9a-f]{64}", row["fingerprint"])
        if row["fingerprint"] and not digest and not re.fullmatch(r"[0-9A-F]{40}", row["fingerprint"]):
            yield f"repositories: {row['folder']}: {row['fingerprint']} is no fingerprint"
        if row["fingerprint"] == repositories.WITHDRAWN_FINGERPRINT:
            yield f"repositories: {row['folder']}: NVIDIA withdrew this key"
        key = row["key"].partition(".")[0].upper()
        if row["fingerprint"] and not digest and not row["fingerprint"].endswith(key):
            yield f"repositories: {row['folder']}: the key {row['key']} has another fingerprint"


def package_name_rows(catalogue: Catalogue, table: t.Sequence[Row]) -> Problems:
    """Each name is known from the first branch on, changes at known branches, and can be written out."""
    first = {(row["archive"], row["piece"]) for row in table if not row["branch_from"]}
    for row in table:
        where = f"package names: {row['archive']} {row['piece']} {row['branch_from']}".rstrip()
        if (row["archive"], row["piece"]) not in first and row["piece"] not in ("conflict", "modprobe"):
            yield f"{where}: there is no name for the branches before"
        if row["branch_from"] and catalogue.branch(row["branch_from"]) is None:
            yield f"{where}: there is no branch {row['branch_from']}"
        fields = {"branch": "580", "server": "-server", "open": "-open", "kernel": "6.1.0-1-amd64"}
        try:
            written = row["name"].format(**fields)
        except (KeyError, ValueError, IndexError):
            written = ""
        if not re.fullmatch(r"[a-z0-9][a-z0-9.+-]+", written):
            yield f"{where}: {row['name']} is no name of a package"


def driver_part_rows(parts: t.Sequence[Row], names: t.Sequence[Row]) -> Problems:
    """Each name is one that the table knows again, and what is asked for of a repository is a part in it."""
    fields = {"branch": "580", "server": "-server", "open": "-open", "version": "580.95.05", "kernel": "6.1.0-1-amd64"}
    for row in parts:
        where = f"driver parts: {row['repository']} {row['name']}"
        read = driver_parts.read(row["name"].format(**fields))
        if read is None or row["name"] not in {entry.name for entry in read.entries}:
            yield f"{where}: the name is not known again"
        if row["version"] not in ("driver", "like", "named", "kernel", "own"):
            yield f"{where}: the version {row['version']} is none"
        if row["only"] not in ("", "open", "proprietary", "dkms", "prebuilt"):
            yield f"{where}: {row['only']} needs nothing"
    known = {(row["repository"], row["name"]) for row in parts}
    for row in names:
        if row["piece"] != "conflict" and (row["archive"], row["name"]) not in known:
            yield f"package names: {row['archive']} {row['name']}: is no part of a driver there"


def shipped_others() -> dict[str, list[Row]]:
    """The tables that are no part of the catalogue."""
    return {
        "driver runfiles": rows(table_driver_runfiles.TABLE, status="verified", source=table_driver_runfiles.SOURCE),
        "driver parts": driver_parts.rows(),
        "package names": rows(package_names.TABLE),
        "repositories": rows(repositories.TABLE),
        "runfiles": [
            *rows(table_runfiles.TABLE, status="verified", source=table_runfiles.SOURCE),
            *rows(table_runfiles.WITHOUT_DIGEST, status="secondary", source=table_runfiles.SOURCE_WITHOUT_DIGEST),
        ],
    }


def main() -> int:
    others = shipped_others()
    found = problems(load(), others)
    for problem in found:
        print(problem)
    count = sum(map(len, (*load().tables.values(), *others.values())))
    print(f"{count} rows, {len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
