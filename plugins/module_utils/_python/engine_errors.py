# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an engine's failure means, in our words: which package, what was wanted, what was found, what to do.

The patterns are those of uv 0.13 and pip 25.3, held against recorded output in the tests.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import CommandError, CommandResult
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names


@dataclass(frozen=True)
class Conflict:
    """``requirer`` needs ``package`` in the range ``wanted``; ``found`` is what stands against it, wanted by the user,
    or needed by ``found_by`` where that is not empty."""

    package: str
    requirer: str
    wanted: str
    found: str
    found_by: str = ""

    def __str__(self) -> str:
        other = f"{self.found_by} wants {self.package}{self.found}"
        against = other if self.found_by else f"{self.package}{self.found} is wanted"
        return f"{self.requirer} wants {self.package}{self.wanted}, but {against}"


@dataclass(frozen=True)
class _Reading:
    code: str
    pattern: str
    found: str
    to_fix: str


# In order: the first that matches is the cause, what follows in an engine's output are consequences.
_READINGS = (
    _Reading(
        "disk_full",
        r"(?P<line>[^\n]*No space left on device[^\n]*)",
        "the disk is full: {line}",
        "free space on the file system of the environments or of the cache, then run the task again",
    ),
    _Reading(
        "hash_mismatch",
        r"Hash mismatch for `(?P<what>[^`]+)`.*?Expected:\s+(?P<expected>\S+).*?Computed:\s+(?P<got>\S+)",
        "the file of {what} has the hash {got}, not {expected}",
        "find out whether the index or the lock is wrong; renew the lock only if the new file can be trusted",
    ),
    _Reading(
        "hash_mismatch",
        r"DO NOT MATCH THE HASHES.*?\n\s+(?P<what>\S+)[^\n]*\n\s+Expected (?P<expected>\S+ \S+)\s+Got\s+(?P<got>\S+)",
        "the file of {what} has the hash {got}, not {expected}",
        "find out whether the index or the lock is wrong; renew the lock only if the new file can be trusted",
    ),
    _Reading(
        "hash_missing",
        r"In `--require-hashes` mode, all requirements must have a hash, but none were provided for: (?P<what>[^\n]+)",
        "no hash is given for {what}",
        "write the requirements as a lock with hashes (state: locked makes one), or leave require_hashes off",
    ),
    _Reading(
        "hash_missing",
        r"Hashes are required in --require-hashes mode, but they are missing.*?\n\s+(?P<what>\S+)",
        "no hash is given for {what}",
        "write the requirements as a lock with hashes (state: locked makes one), or leave require_hashes off",
    ),
    _Reading(
        "hash_missing",
        r"Hash-checking is required, but no trusted hash was provided for: `(?P<what>[^`]+)`",
        "no hash is given for {what}",
        "write the requirements as a lock with hashes (state: locked makes one), or leave require_hashes off",
    ),
    _Reading(
        "hash_missing",  # a dependency that nobody named
        r"In --require-hashes mode, all requirements must have their versions pinned with ==.*?\n\s+(?P<what>\S+)",
        "no version and hash is given for {what}",
        "write the requirements as a lock with hashes (state: locked makes one), or leave require_hashes off",
    ),
    _Reading(
        "permission_denied",
        r"(?P<line>[^\n]*(?:Permission denied|\[Errno 13\])[^\n]*)",
        "this user may not write there: {line}",
        "run the task as the owner of the environments (become), or set the root to a folder this user owns; "
        "installing into the system's Python with sudo is never the answer",
    ),
    _Reading(
        "offline",
        r"(?P<line>[^\n]*not found in the cache[^\n]*|[^\n]*network (?:was|is) disabled[^\n]*)",
        "something is missing that can only come from the network: {line}",
        "fill the cache or give find_links with the files, or leave offline off",
    ),
    _Reading(
        "index_refused",
        r"(?P<line>[^\n]*(?:valid authentication credentials|40[13] (?:Unauthorized|Forbidden|Client Error))[^\n]*)",
        "the index wants other credentials: {line}",
        "correct the user and password in index_url (percent-encode what is not a letter or digit), or ask for access",
    ),
    _Reading(
        "index_untrusted",
        r"The repository located at (?P<what>\S+) is not a trusted or secure host",
        "pip leaves {what} out, which speaks plain http",
        "use its https address, or name it in trusted_hosts",
    ),
    _Reading(
        "no_such_package",
        r"Could not fetch URL \S+/(?P<what>[^/\s]+)/: 404",
        "the index has no package {what}",
        "check the spelling, or give the index that has it as extra_index_urls",
    ),
    _Reading(
        "index_unreachable",
        r"(?P<line>Could not fetch URL [^\n]*)",
        "the index cannot be reached: {line}",
        "check index_url, proxy and certificates from this host, then run the task again",
    ),
    _Reading(
        "index_unreachable",
        r"(?P<line>[^\n]*(?:Failed to fetch|Failed to download|Download failed|"
        r"Connection refused|Failed to establish a new connection|dns error|"
        r"Temporary failure in name resolution|Name or service not known|Network is unreachable|timed out|"
        r"certificate verify failed|invalid peer certificate|Connection reset|IncompleteRead)[^\n]*)",
        "the index cannot be reached: {line}",
        "check index_url, proxy and certificates from this host, then run the task again",
    ),
    _Reading(
        "download_broken",
        r"The structure of `(?P<what>[^`]+)` \(v(?P<version>[^)\s]+)\) was invalid",
        "the file of {what} {version} that the index sent is broken",
        "run the task again; if it stays so, the file on the index is damaged",
    ),
    _Reading(
        "python_unfit",
        r"Because (?P<what>\S+) requires Python (?P<wanted>\S+)",
        "{what} needs Python {wanted}",
        "choose another Python with the option python, or a version of the package for this one",
    ),
    _Reading(
        "python_unfit",
        r"Package '(?P<what>[^']+)' requires a different Python: (?P<here>\S+) not in '(?P<wanted>[^']+)'",
        "{what} needs Python {wanted}, and this one is {here}",
        "choose another Python with the option python, or a version of the package for this one",
    ),
    _Reading(
        "no_such_version",
        r"(?:there is no version of|Could not find a version that satisfies the requirement) (?P<what>[^\s;]+)",
        "the index has no {what} for this Python and platform",
        "look the versions up on the index; a version can be missing for one Python only",
    ),
    _Reading(
        "no_such_package",
        r"(?P<what>\S+) was not found in the (?:package registry|provided package locations)",
        "the index has no package {what}",
        "check the spelling, or give the index that has it as extra_index_urls",
    ),
    _Reading(
        "no_wheel",
        r"Because (?P<what>\S+) has no wheels with a matching",
        "{what} has wheels, but none for this Python and platform, and no source to build one from",
        "choose another Python with the option python, or a version that has a wheel for this one",
    ),
    _Reading(
        "no_wheel",
        r"Because (?P<what>\S+) has no (?:usable )?wheels",
        "{what} has no wheel for this Python and platform, and building from source is switched off",
        "choose another Python with the option python, or allow building it",
    ),
    _Reading(
        "build_failed",
        r"Failed to build `(?P<what>[^`]+)`",
        "{what} has no usable wheel and building it from source failed: {last}",
        "choose a Python or a version that has a wheel, or install the headers and compilers it needs",
    ),
    _Reading(
        "build_failed",
        r"(?:metadata-generation-failed|failed-wheel-build-for-install).*?\u2570\u2500> (?P<what>\S+)",
        "{what} has no usable wheel and building it from source failed",
        "choose a Python or a version that has a wheel, or install the headers and compilers it needs",
    ),
)

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_RANGE = r"[<>=!~]=?[^\s,;]*[^\s,;.](?:,[<>=!~]=?[^\s,;]*[^\s,;.])*"
# What uv and pip write of a dependency, and of what the user asked for.
_DEPENDS = (
    rf"(?P<requirer>all versions of {_NAME}|{_NAME}(?:{_RANGE})?) depends? on (?P<package>{_NAME})(?P<wanted>{_RANGE})",
    rf"^\s+(?P<requirer>{_NAME} \S+) depends on (?P<package>{_NAME})(?:\[[^\]]*\])?(?P<wanted>{_RANGE})",
)
_REQUIRES = (
    rf"you require (?P<list>{_NAME}(?:{_RANGE})?(?:(?:, | and ){_NAME}(?:{_RANGE})?)*)",
    rf"^\s+The user requested (?:\(constraint\) )?(?P<list>{_NAME}(?:{_RANGE})?)",
)


def conflicts(output: str) -> list[Conflict]:
    """The version conflicts that an engine's output tells of."""
    is_pip = "The conflict is caused by:" in output
    # What uv concludes it has said before.
    text = output if is_pip else re.sub(r"we can conclude that .*", "", _unwrapped(output))
    pins: dict[str, str] = {}
    for match in re.finditer(_REQUIRES[is_pip], text, re.M):
        pins.update((name.lower(), version) for name, version in re.findall(rf"({_NAME})({_RANGE})", match["list"]))
    needs = [
        (match["package"], _pinned(match["requirer"], pins), match["wanted"])
        for match in re.finditer(_DEPENDS[is_pip], text, re.M)
    ]
    found = []
    for number, (package, requirer, wanted) in enumerate(needs):
        if package.lower() in pins:
            found.append(Conflict(package, requirer, wanted, pins[package.lower()]))
            continue
        for other, other_requirer, other_wanted in needs[number + 1 :]:
            if other.lower() == package.lower() and other_wanted != wanted:
                found.append(Conflict(package, requirer, wanted, other_wanted, other_requirer))
    return list(dict.fromkeys(found))


def _unwrapped(output: str) -> str:
    """What uv explains, a sentence a line. It breaks them at 80 columns though nobody has a terminal, and begins with
    another package from one run to the next, so that any two words can come apart."""
    before, mark, explained = output.partition("No solution found")
    return before + mark + re.sub(r"(?<!\.)\n[ \t]+(?=\S)", " ", explained)


def _pinned(requirer: str, wanted: t.Mapping[str, str]) -> str:
    """A requirer by the version that is wanted of it, where uv speaks of a range or of all versions."""
    words = requirer.split()
    name = words[-1] if words[0] == "all" else words[0]
    name = re.split(r"[<>=!~]", name)[0]
    if len(words) == 2:
        return f"{words[0]}=={words[1]}"
    return f"{name}{wanted.get(name.lower(), '')}"


def read(output: str) -> tuple[str, str, str, list[Conflict]]:
    """(code, found, todo, conflicts) of an engine's output; code is 'engine_failed' where no pattern knows it."""
    clashes = conflicts(output)
    if clashes:
        return (
            "conflict",
            "; ".join(map(str, clashes)),
            "change one of the pins, or pin what both accept (a constraint can do that for a dependency)",
            clashes,
        )
    unwrapped = _unwrapped(output)
    for reading in _READINGS:
        match = re.search(reading.pattern, unwrapped, re.S)
        if match:
            words = {name: (value or "").strip() for name, value in match.groupdict().items()}
            return reading.code, reading.found.format(last=_last_error(output), **words), reading.to_fix, []
    return "engine_failed", "", "", []


def _package_of(output: str) -> dict[str, str]:
    """Which package the failure is about, by its normalised name, where it is about one."""
    unwrapped = _unwrapped(output)
    matches = (re.search(reading.pattern, unwrapped, re.S) for reading in _READINGS)
    match = next((match for match in matches if match), None)
    name = re.match(rf"{_NAME}(?=\Z|[\s\[(<>=!~@])", match.groupdict().get("what") or "") if match else None
    return {"package": names.normalize(name.group())} if name else {}


def _last_error(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if re.search(r"(?i)\berror\b|not found|no such file", line)]
    return lines[-1] if lines else "no reason was printed"


def explain(error: CommandError, result: CommandResult) -> CommandError:
    """The same failure with the line that matters first; unknown output stays as the engine printed it."""
    code, found, to_fix, clashes = read(result.err + "\n" + result.out)
    if code == "engine_failed":
        return error
    details: dict[str, t.Any] = dict(error.details)
    if clashes:
        details["conflicts"] = [vars(clash) for clash in clashes]
    else:
        details.update(_package_of(result.err + "\n" + result.out))
    return CommandError(code, wanted=error.wanted, found=found, to_fix=to_fix, **details)
