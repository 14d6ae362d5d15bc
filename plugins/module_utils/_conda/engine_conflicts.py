# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a solver found nothing, read from the tree that it prints."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import classic_conflicts
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine_errors import Conflict

# resolvo (rattler, conda with conda-rattler-solver) and libmamba say the same in different words.
_UNSOLVED = re.compile(r"Cannot solve the request because of|Could not solve for environment specs|Unsatisfiable")
_NOTHING = (
    re.compile(r"No candidates were found for (?P<name>[^\s=<>!~,]+)(?P<spec>[^\n]*?)\.?(?:\n|\Z)"),
    re.compile(r"(?P<name>[\w.-]+)(?P<spec>[^\n]*?) does not exist \(perhaps a typo or a missing channel\)"),
    re.compile(r"not available from current channels:\s+- (?P<name>[\w.-]+)(?P<spec>[^\n]*)"),
)
_MISSING_VIRTUAL = re.compile(
    r"(?P<name>__\w+)(?P<spec>[^\n]*?), (?:for which no candidates were found|which is missing on the system)"
)
# A package that is not to be had beside the driver which the host has.
_DRIVER = re.compile(
    r"^[\s│├└─]*(?P<by>\S[^\n]*?) would constrain\n[\s│├└─]*__cuda (?P<spec>[^\n]+?), which conflicts", re.MULTILINE
)
_DRIVERS_CUDA = re.compile(r"[└├]─ __cuda (?P<version>\d[\d.]*)[ \t]*(?:\n|\Z)")
_TREE = re.compile(r"^(?P<lead>[\s│├└─|`-]*)(?P<text>\S.*)\Z")
_REQUIRER = re.compile(
    r"^(?P<what>\S+(?: \S+(?: \| \S+)*)?) would (?:require|constrain)\Z|"
    r"^(?P<name>\S+) .*?is (?:not )?installable (?:and|because) it (?:requires|constrains)\Z"
)
_DEPENDENCY = re.compile(
    r"^(?P<name>[\w.-]+)(?P<spec> [^,|]*?(?:,[<>=!~][^,]*?)*)?(?:,? (?:which|for which|can|cannot|is) .*)?\Z"
)


@dataclass(frozen=True)
class Unsolved:
    """The cause of a failure: a stable code, the texts of an MlstackError, keys for the result."""

    code: str
    found: str
    to_fix: str
    details: dict[str, t.Any] = field(default_factory=dict)


def unsolved(text: str) -> Unsolved | None:
    """The cause of a solve that failed; None where the text tells of none."""
    for pattern in _NOTHING:
        match = pattern.search(text)
        if match and not match["name"].startswith("__"):
            return _nothing(match["name"], _plain(match["spec"]))
    lacking = classic_conflicts.lacking(text)
    if lacking:
        return _virtual(lacking.name, lacking.spec, lacking.by, {"solver_output": text.strip()})
    if not _UNSOLVED.search(text):
        return None
    details: dict[str, t.Any] = {"solver_output": text.strip()}
    clashes = conflicts(text) or classic_conflicts.conflicts(text)
    driver = _driver(text, details)
    if clashes:
        details["conflicts"] = [vars(clash) for clash in clashes]
        found = "; ".join([*map(str, clashes), *([driver.found] if driver else [])])
        return Unsolved("conflict", found, "change one of the specs so that both are satisfied", details)
    match = _MISSING_VIRTUAL.search(text)
    if match:
        return _virtual(match["name"], _plain(match["spec"]), requirer_of(text, match.start()), details)
    if driver:
        return driver
    lines = [line.strip(" │├└─") for line in text.splitlines() if line.strip()]
    return Unsolved("conflict", "; ".join(lines[:6]), "change the specs so that they can be satisfied", details)


def _driver(text: str, details: dict[str, t.Any]) -> Unsolved | None:
    """That packages want a newer driver than the host has, where the text says so."""
    needs = list(dict.fromkeys((match["by"], match["spec"]) for match in _DRIVER.finditer(text)))
    if not needs:
        return None
    version = _DRIVERS_CUDA.search(text)
    listed = " and ".join(f"{by} needs __cuda {spec}" for by, spec in needs)
    details = {**details, "package": needs[0][0], "spec": f"__cuda {needs[0][1]}"}
    return Unsolved("no_virtual_package", driver_found(listed, version["version"] if version else ""), DRIVER, details)


DRIVER = (
    "install a newer NVIDIA driver, choose builds for an older CUDA or for the CPU, or say which CUDA the hosts have "
    "(virtual_packages: {__cuda: ...})"
)


def driver_found(needs: str, version: str) -> str:
    """Of packages that want another CUDA than the NVIDIA driver of this host offers."""
    return f"{needs}, and the NVIDIA driver of this host offers CUDA {version or 'of another version'}"


def _nothing(name: str, spec: str) -> Unsolved:
    details = {"package": name, "spec": spec}
    if spec:
        return Unsolved(
            "no_such_version",
            f"the channels have no {name} {spec} for this platform",
            "look up which versions and builds they have, or name the channel that has it",
            details,
        )
    return Unsolved(
        "no_such_package",
        f"the channels have no {name}",
        "check the spelling, or name the channel that has it",
        details,
    )


def _virtual(name: str, spec: str, requirer: str, details: dict[str, t.Any]) -> Unsolved:
    meaning = {
        "__glibc": ("a newer C library than this host's", "choose an older version of the package, or a newer system"),
        "__cuda": (
            "an NVIDIA driver for that CUDA, and none was found",
            "install the driver, choose a CPU build, or say which CUDA the hosts have (virtual package __cuda)",
        ),
        "__linux": ("a newer kernel", "choose an older version of the package, or a newer system"),
        "__archspec": ("another processor", "choose a build for this processor"),
    }
    needed, to_fix = meaning.get(name, ("another operating system", "choose a package for this system"))
    found = f"{requirer or 'a package'} needs {' '.join(filter(None, (name, spec)))}, which means {needed}"
    return Unsolved(
        "no_virtual_package", found, to_fix, {**details, "package": requirer, "spec": f"{name} {spec}".strip()}
    )


def requirer_of(text: str, position: int) -> str:
    """Who stands above the line of a tree in which ``position`` lies."""
    return next((by for start, by, _name, _spec in _needs(text) if start == position), "")


def conflicts(text: str) -> list[Conflict]:
    """Pairs of needs of one package that exclude each other, as far as the tree shows them."""
    needs = [(by, name, spec) for _start, by, name, spec in _needs(text) if not name.startswith("__")]
    if "onflicts with" not in text:
        return []
    found = []
    for number, (by, name, spec) in enumerate(needs):
        for other_by, other_name, other_spec in needs[number + 1 :]:
            # Two versions of one package are a choice: what each needs, nobody wants at once.
            apart = by.partition(" ")[0] != other_by.partition(" ")[0]
            if name == other_name and spec and other_spec and spec != other_spec and apart:
                first, second = (by, f" {spec}"), (other_by, f" {other_spec}")
                if not first[0]:
                    first, second = second, first
                if first[0]:
                    found.append(Conflict(name, first[0], first[1], second[1], second[0]))
    return list(dict.fromkeys(found))


def _needs(text: str) -> t.Iterator[tuple[int, str, str, str]]:
    """(place of the name, requirer, package, spec) of each need in a tree; the requirer of a desired state is empty."""
    above: list[tuple[int, str]] = []
    offset = 0
    for line in text.splitlines(keepends=True):
        start, offset = offset, offset + len(line)
        match = _TREE.match(line.rstrip("\n").replace("because of: ", "because of:\n").rpartition("\n")[2])
        if not match:
            continue
        skipped = len(line.rstrip("\n")) - len(match["lead"] + match["text"])
        depth = len(match["lead"])
        while above and above[-1][0] >= depth:
            above.pop()
        requirer = _REQUIRER.match(match["text"])
        parent = above[-1][1] if above else ""
        need = _DEPENDENCY.match(match["text"].rstrip(";."))
        if (
            requirer is None
            and need is not None
            and (parent or "installed" in match["text"] or "installable" in match["text"])
        ):
            yield start + skipped + depth, parent, need["name"], _plain(need["spec"] or "")
        above.append((depth, (requirer["what"] or requirer["name"]) if requirer else ""))


def _plain(spec: str) -> str:
    """A spec without the asterisks that mean nothing: C(=* *) is any version and build."""
    words = [word for word in spec.split() if word not in ("*", "=*")]
    return " ".join(words)
