# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a path is ours alone: asked before we execute, import or write what lies there.

Each component from C(/) to the path must belong to root or to the user that we run as, and nobody else may write to
it. Links are followed one by one: a link is judged by its owner and by the folder that it lies in, then where it leads
is judged. The write bit of the group counts, whoever is in that group today; it is also where a POSIX access list that
lets anybody write shows itself, because with such a list the group's bits hold its mask (acl(5)). The exception is an
ordinary user's private group, which the umask 002 of many distributions relies on.

A sticky folder that others can write to is a place in which anybody can make what is not there yet. So nothing is made
or looked for in it, but a folder that is there and ours can be neither replaced nor renamed by others.
"""

from __future__ import annotations

import os
import stat
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments

_MOST_LINKS = 40  # as the kernel
_ACCESS_LIST = "system.posix_acl_access"


class NotOursAlone(InvalidArguments):
    """Somebody else could exchange what we run, import or write. No other way round it is tried."""


@dataclass(frozen=True)
class Flaw:
    """The component ``path`` that spoils a path: ``found`` says how, ``todo`` how to mend it, both clauses."""

    code: str
    path: str
    found: str
    to_fix: str


def require(path: str, wanted: str, other: str = "choose another place") -> None:
    """Raise NotOursAlone where ``path``, an absolute one that need not exist, isn't ours alone.

    ``other`` is what can be done instead of mending the path.
    """
    flaw = flaw_of(path)
    if flaw is not None:
        where = "" if flaw.path == os.path.normpath(path) else f" ({path} leads through it)"
        raise NotOursAlone(
            flaw.code, wanted=wanted, found=f"{flaw.found}{where}", to_fix=f"{flaw.to_fix}, or {other}", path=flaw.path
        )


def own_variables(environ: t.MutableMapping[str, str]) -> list[str]:
    """Take out of root's variables the folders in which others could put programs, or exchange temporary files of ours.

    Returns what was ignored, in sentences.
    """
    ignored = []
    folders = environ["PATH"].split(":") if environ.get("PATH") else []
    spoilt = {folder: flaw_of(folder) for folder in folders if os.path.isdir(folder) or not folder.startswith("/")}
    flaws = {folder: flaw for folder, flaw in spoilt.items() if flaw is not None or not folder.startswith("/")}
    if flaws:
        environ["PATH"] = ":".join(folder for folder in folders if folder not in flaws)
        ignored += [f"{folder} on PATH is ignored: {flaw.found}" for folder, flaw in flaws.items() if flaw]
    for name in ("TMPDIR", "TEMP", "TMP"):
        flaw = flaw_of(environ.get(name) or "/", for_new=True)
        if flaw is not None:
            ignored.append(f"{name}={environ.pop(name)} is ignored: {flaw.found}")
    return ignored + _own_settings(environ)


def _own_settings(environ: t.MutableMapping[str, str]) -> list[str]:
    """The same for the folders in which engines look for settings, which name the index that root installs from."""
    import pwd

    ignored = []
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        flaw = flaw_of(environ.get(name) or "/")
        if flaw is not None:
            ignored.append(f"{name}={environ.pop(name)} is ignored: {flaw.found}")
            if name == "HOME":
                environ[name] = pwd.getpwuid(os.geteuid()).pw_dir
    return ignored


def flaw_of(path: str, *, for_new: bool = False) -> Flaw | None:
    """The first component of ``path`` that isn't ours alone. What does not exist yet is judged by where it would lie.

    With ``for_new`` the folder itself may be a sticky one: what comes into it are new folders of ours, under names that
    nobody can foresee.

    What this user may not look at is no flaw, but in a sticky folder of others: whoever goes on fails there.
    """
    here, to_fix, links = "/", path.split("/"), 0
    shared = ""  # the sticky folder of others that we stand in
    while to_fix:
        name = to_fix.pop(0)
        step = os.path.dirname(here) if name == ".." else os.path.join(here, name) if name not in ("", ".") else here
        try:
            found = os.lstat(step)
        except OSError:  # absent, or not for us to see: a file system of a user hides even from root what it holds
            break
        flaw = _owner(step, found) or _writable(step, found)
        if flaw is not None:
            return flaw
        if shared and not stat.S_ISDIR(found.st_mode):  # it may be another name of any file of root, or moved there
            break
        if not stat.S_ISLNK(found.st_mode):
            here, shared = step, step if _others_write(step, found) else ""
            continue
        links += 1
        if links > _MOST_LINKS:
            break  # opening it will fail
        target = os.readlink(step)
        to_fix = [*target.split("/"), *to_fix]
        if target.startswith("/"):
            here, shared = "/", ""
    else:
        if for_new:
            return None
    return _sticky(shared) if shared else None


def file_is_ours(found: os.stat_result) -> bool:
    """Whether a file that is open already, or was looked at in a folder of ours, is ours alone."""
    return found.st_uid in _trusted() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _trusted() -> tuple[int, int]:
    return 0, os.geteuid()


def _owner(path: str, found: os.stat_result) -> Flaw | None:
    if found.st_uid in _trusted():
        return None
    kind = "the link " if stat.S_ISLNK(found.st_mode) else ""
    us = "root" if os.geteuid() == 0 else f"root or to user {os.geteuid()}, who runs this"
    owner = _user_name(found.st_uid)
    return Flaw(
        "foreign_owner",
        path,
        f"{kind}{path} (mode {_mode(found)}) belongs to {owner}, not to {us}; its owner could exchange what is run and "
        "written there",
        f"become {owner} for this task, or give it to root (chown {'-h ' if kind else ''}root {path}) after a look at "
        "what is in it",
    )


def _writable(path: str, found: os.stat_result) -> Flaw | None:
    """The right of others to write, but to a sticky folder."""
    if stat.S_ISLNK(found.st_mode) or not _others_write(path, found):
        return None
    if stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX:
        return None
    everybody = bool(found.st_mode & stat.S_IWOTH)
    who = "everybody" if everybody else f"the group {_group_name(found.st_gid)}"
    return Flaw(
        "world_writable" if everybody else "group_writable",
        path,
        f"{who} may write to {path} (mode {_mode(found)}, of {_user_name(found.st_uid)}), and so replace what others "
        "run",
        f"take that right away ({_lesser(path, found)})",
    )


def _sticky(path: str) -> Flaw:
    found = os.lstat(path)
    return Flaw(
        "world_writable" if found.st_mode & stat.S_IWOTH else "group_writable",
        path,
        f"others may make files in {path} (mode {_mode(found)}, of {_user_name(found.st_uid)}, sticky)",
        f"make a folder of your own in it first and use that, or take the right away ({_lesser(path, found)})",
    )


def _lesser(path: str, found: os.stat_result) -> str:
    rights = {stat.S_IWOTH: "o-w", stat.S_IWGRP: "g-w"}
    return " && ".join(f"chmod {right} {path}" for bit, right in rights.items() if found.st_mode & bit)


def _others_write(path: str, found: os.stat_result) -> bool:
    if found.st_mode & stat.S_IWOTH:
        return True
    return bool(found.st_mode & stat.S_IWGRP) and not _is_private_group(path, found)


def _is_private_group(path: str, found: os.stat_result) -> bool:
    """Whether the group is the private one of the ordinary user that we run as, named like it and without others."""
    me = os.geteuid()
    if me == 0:
        return False
    import grp
    import pwd

    try:
        user, group = pwd.getpwuid(me), grp.getgrgid(found.st_gid)
    except KeyError:
        return False
    alone = user.pw_gid == group.gr_gid and user.pw_name == group.gr_name and set(group.gr_mem) <= {user.pw_name}
    return alone and not _has_access_list(path)


def _has_access_list(path: str) -> bool:
    try:
        os.getxattr(path, _ACCESS_LIST)
    except OSError:
        return False
    return True


def _mode(found: os.stat_result) -> str:
    return f"{stat.S_IMODE(found.st_mode):04o}"


def _user_name(uid: int) -> str:
    import pwd

    return _named(uid, lambda: pwd.getpwuid(uid).pw_name)


def _group_name(gid: int) -> str:
    import grp

    return _named(gid, lambda: grp.getgrgid(gid).gr_name)


def _named(number: int, look: t.Callable[[], str]) -> str:
    try:
        return f"{look()} ({number})"
    except KeyError:
        return f"user {number}"
