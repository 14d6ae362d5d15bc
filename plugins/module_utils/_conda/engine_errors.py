# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an engine's failure means, in our words: which package, what was wanted, what was found, what to do.

The patterns are those of py-rattler 0.25 and 0.28, mamba and micromamba 2.8 and conda 26.7 with its three solvers,
held against their real output in the tests.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import CommandError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.engine_conflicts import Unsolved, unsolved
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError


@dataclass(frozen=True)
class _Reading:
    code: str
    pattern: str
    found: str
    to_fix: str


_CHECK_NETWORK = "check the channel's address, proxy and certificates from this host, then run the task again"
_CHECK_HASH = (
    "find out whether the channel or the lock is wrong; renew the lock only if the new file can be trusted, and if the "
    "file came through a mirror, compare it with the original"
)

# In order: the first that matches is the cause.
_READINGS = (
    _Reading(
        "disk_full",
        r"(?P<line>[^\n]*No space left on device[^\n]*)",
        "the disk is full: {line}",
        "free space on the file system of the environments or of the package cache, then run the task again",
    ),
    _Reading(
        "hash_mismatch",
        r"(?P<line>[^\n]*(?:ChecksumMismatchError|hash mismatch|File not valid: SHA256|File not valid: MD5)[^\n]*)",
        "an archive is not what the index says: {line}",
        _CHECK_HASH,
    ),
    _Reading(
        "permission_denied",
        r"(?P<line>[^\n]*(?:Permission denied|\[Errno 13\]|EnvironmentNotWritableError)[^\n]*)",
        "this user may not write there: {line}",
        "run the task as the owner of the environments (become), or set the root to a folder this user owns",
    ),
    _Reading(
        "channel_refused",
        r"(?P<line>[^\n]*(?:40[13] (?:Unauthorized|Forbidden)|HTTP 40[13]\b|HTTP error: 40[13])[^\n]*)",
        "the channel wants other credentials: {line}",
        "give user and password or a token for this host, or ask for access",
    ),
    _Reading(
        "package_missing",
        r"404 Not Found\) for url \((?P<line>[^)\s]+\.(?:conda|tar\.bz2))\)",
        "the channel lists {line} and does not have it",
        "run the task again with a fresh index; a lock that names removed archives must be made anew",
    ),
    _Reading(
        "channel_missing",
        r"(?P<line>could not find subdir '[^']+' in channel '[^']+'|[^\n]*Couldn't read a file:// file[^\n]*|"
        r"[^\n]*UNAVAILABLE OR INVALID for channel[^\n]*|[^\n]*UnavailableInvalidChannel[^\n]*)",
        "there is no such channel: {line}",
        "correct the channel's name or URL; a channel has at least the file noarch/repodata.json",
    ),
    _Reading(
        "package_missing",
        r"failed to open file `(?P<line>[^`]+)`: No such file|"
        r"(?P<path>/[^\s`':]+\.(?:conda|tar\.bz2))[^\n]*No such file",
        "the channel lists {line}{path} and does not have it",
        "restore the archive, or have the channel indexed anew",
    ),
    _Reading(
        "channel_untrusted",
        r"(?P<line>[^\n]*(?:invalid peer certificate|certificate verify failed|SSL peer certificate|SSLError)[^\n]*)",
        "the certificate of the channel's server is not trusted here: {line}",
        "name the file of its certificate authority with ca_bundle, or have the system trust it",
    ),
    _Reading(
        "channel_broken",
        r"(?P<line>[^\n]*(?:HTTP status server error|50[0-4] Internal|HTTP 50\d|error decoding response body|"
        r"upstream reader returned an error|IncompleteRead|expected value at line|EOF while parsing|"
        r"unexpected end of file|failed to extract|Unknown frame descriptor|CondaHTTPError: HTTP 5)[^\n]*)",
        "what the channel's server sends is broken: {line}",
        "run the task again; if it stays so, the server is at fault",
    ),
    _Reading(
        "channel_unreachable",
        r"(?P<line>[^\n]*(?:error sending request|Connection refused|dns error|Could not resolve host|"
        r"Temporary failure in name resolution|Name or service not known|Network is unreachable|timed out|"
        r"Connection reset|CONNECTION FAILED|CondaHTTPError|Download error)[^\n]*)",
        "the channel cannot be reached: {line}",
        _CHECK_NETWORK,
    ),
    _Reading(
        "bad_spec",
        r"(?P<line>unable to parse [^\n]*|[^\n]*InvalidMatchSpec[^\n]*|[^\n]*Error parsing MatchSpec[^\n]*)",
        "a package specification cannot be read: {line}",
        "write it as conda does, such as 'numpy >=1.26,<2' or 'pytorch=2.4=cuda*'",
    ),
    _Reading(
        "link_script_failed",
        # conda says which package and script, then quotes all that it printed.
        r"(?P<line>[^\n]*(?:LinkError|(?:post|pre)-(?:un)?link script failed|pre/post link script)[^\n]*)"
        r"(?:(?:(?!return code)[^\n]*\n)*?(?P<words>[^\n]*\S[^\n]*)\s*\nreturn code)?",
        "a script of a package failed: {line} {words}",
        "find out what it needs, or leave the package out",
    ),
    _Reading(
        "conflict",
        r"(?P<line>Requested specs conflict with configured specs)",
        "a version that must stay is not one of those that are wanted",
        "change one of the specs so that both are satisfied",
    ),
)


def from_rattler(error: t.Mapping[str, str], wanted: str, offline: bool) -> MlstackError:
    """The error for what rattler's process answered."""
    code, text = error["code"], error.get("text", "")
    if code == "hash_mismatch":
        found = "{package} from {url} has the {algorithm} {computed}, not {expected}".format(**error)
        return MlstackError(code, wanted=wanted, found=found, to_fix=_CHECK_HASH)
    if code == "other_package":
        found = "{url} holds {computed}, not {package}".format(**error)
        return MlstackError(code, wanted=wanted, found=found, to_fix="correct the URL in the lock")
    if code == "link_script_failed":
        to_fix = "find out what it needs, or leave the package out, or leave link_scripts off"
        return MlstackError(code, wanted=wanted, found=f"a script of a package failed: {text}", to_fix=to_fix)
    if error.get("kind") == "InvalidMatchSpecError":
        text = text if text.startswith("unable to parse") else f"unable to parse {text}"
    known = read(text, offline)
    if known is None:
        kind = f"{error['kind']}: " if error.get("kind") else ""
        found = f"rattler failed: {kind}{text.strip() or 'without a reason'}"
        return MlstackError("engine_failed", wanted=wanted, found=found, to_fix="mend the cause, run the task again")
    found = f"{error['package']}: {known.found}" if error.get("package") else known.found
    return MlstackError(known.code, wanted=wanted, found=found, to_fix=known.to_fix, **known.details)


def explained(error: CommandError, text: str, offline: bool) -> CommandError:
    """The failure of a program with its cause first; ``text`` is what it said of it. What no pattern knows stays."""
    known = read(text, offline)
    if known is None:
        return error
    details = {**error.details, **known.details}
    return CommandError(known.code, wanted=error.wanted, found=known.found, to_fix=known.to_fix, **details)


def read(text: str, offline: bool) -> Unsolved | None:
    """The cause that a text tells of, or None where no pattern knows it."""
    known = unsolved(text)
    if known is not None:
        return known
    for reading in _READINGS:
        match = re.search(reading.pattern, text)
        if match:
            words = {name: (value or "").strip() for name, value in match.groupdict().items()}
            if offline and reading.code in ("channel_unreachable", "channel_missing"):
                return Unsolved(
                    "offline",
                    f"something is missing that can only come from the network: {words.get('line', '')}",
                    "fill the package cache beforehand, name a file:// channel, or leave offline off",
                )
            found = reading.found.format(**{"path": "", **words})
            return Unsolved(reading.code, found.rstrip(), reading.to_fix)
    if offline and re.search(
        r"no (?:usable )?(?:repodata )?cache|not in the cache|cache is not available|NoCacheAvailable|OfflineError",
        text,
        re.I,
    ):
        return Unsolved(
            "offline",
            f"the cache has no index of a channel: {text.strip().splitlines()[0]}",
            "fill the package cache beforehand, name a file:// channel, or leave offline off",
        )
    return None
