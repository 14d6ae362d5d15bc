# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task's result tells: how it ended, why, what to do, and what there is now."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.text import MOST, lines, one_line

Result = t.Mapping[str, t.Any]
_OURS = re.compile(
    r"(?:\[(?P<title>[^\]]*)\] )?Wanted: (?P<wanted>.*?)\.? Found: (?P<found>.*?)\.? To fix: (?P<to_fix>.*?)\.?"
    r"(?=(?: \[[^\]]*\] Wanted: )|\Z)",
    re.DOTALL,
)
# What Ansible itself says, what it means, and what to do.
_KNOWN = (
    (r"Missing sudo password|sudo: a password is required|a terminal is required", "become_password",
     "add --ask-become-pass (-K), or let the user of the inventory use sudo without a password"),
    (r"Incorrect sudo password|Incorrect su password", "become_password", "give the right password at the prompt"),
    (r"Host key verification failed|IDENTIFICATION HAS CHANGED", "host_key",
     "compare the host's key with what its console says, then mend known_hosts (ssh-keygen -R HOST)"),
    (r"Permission denied \(|Authentication fail", "login",
     "see that the user of the inventory may log in with this key (ssh USER@HOST)"),
    (r"Could not resolve hostname|Name or service not known", "unknown_host_name",
     "correct the name of the host in the inventory, or set ansible_host"),
    (r"python\S*: (?:command )?not found|No such file or directory\D{0,40}python|interpreter.{0,80}not found",
     "no_python", "install python3 on the host, or set ansible_python_interpreter"),
    (r"No space left on device", "disk_full", "make room on the host"),
)  # fmt: skip
_HIDDEN = "the output is hidden because of no_log"


@dataclass(frozen=True)
class Sentence:
    """Why something failed. What only says what was found has no ``wanted`` and may have no ``to_fix``."""

    found: str
    wanted: str = ""
    to_fix: str = ""
    title: str = ""


@dataclass(frozen=True)
class Thing:
    """What stands on the host now, and how to use it."""

    name: str
    use: str


@dataclass(frozen=True)
class Told:
    """``status`` is ok, changed, failed, unreachable or skipped; ``reboot`` is None where nothing is said of it."""

    status: str
    code: str = ""
    sentences: tuple[Sentence, ...] = ()
    warnings: tuple[str, ...] = ()
    reboot: bool | None = None
    says: tuple[str, ...] = ()
    things: tuple[Thing, ...] = ()


def read(result: Result, status: str, action: str = "", preview: bool = False) -> Told:
    """What a result tells. ``preview``: in check mode nothing stands that did not before."""
    if "censored" in result or result.get("_ansible_no_log"):
        hidden = (Sentence(_HIDDEN),) if status in ("failed", "unreachable") else ()
        return Told(status, sentences=hidden)
    reboot = result.get("reboot_required")
    told = Told(
        status,
        warnings=tuple(filter(None, (one_line(text) for text in _list(result.get("warnings"))))),
        reboot=reboot if isinstance(reboot, bool) else None,
    )
    if status in ("failed", "unreachable"):
        code, sentences = _why(_innermost(result), status)
        return _with(told, code=code, sentences=sentences)
    if status == "skipped":
        return told
    return _with(told, says=_says(result, action), things=() if preview else _things(result))


def _with(told: Told, **changes: t.Any) -> Told:
    return Told(**{**told.__dict__, **changes})


def _list(value: t.Any) -> list[t.Any]:
    return list(value) if isinstance(value, (list, tuple)) else []


def _innermost(result: Result) -> Result:
    """Of a loop, the item that failed first."""
    for item in _list(result.get("results")):
        if isinstance(item, dict) and (item.get("failed") or item.get("unreachable")):
            if "censored" in item or item.get("_ansible_no_log"):
                return {"msg": _HIDDEN}
            return item
    return result


def _why(result: Result, status: str) -> tuple[str, tuple[Sentence, ...]]:
    code = one_line(result.get("code") or "", 60) if isinstance(result.get("code"), str) else ""
    if "argument_errors" in result:
        return code or "invalid_variables", _of_variables(result)
    msg = _msg(result)
    ours = tuple(
        Sentence(one_line(m["found"]), one_line(m["wanted"]), one_line(m["to_fix"]), one_line(m["title"] or "", 60))
        for m in _OURS.finditer(msg)
    )
    if ours:
        return code, ours
    found = _found(result, msg).removeprefix("Task failed: ")  # ansible-core 2.19 and later begin so
    for pattern, known, to_fix in _KNOWN:
        if re.search(pattern, f"{msg} {found} {result.get('stderr', '')!s}"[:MOST], re.IGNORECASE):
            return code or known, (Sentence(found, to_fix=to_fix),)
    if status == "unreachable":
        to_fix = "see that the host is up and that one can log in as the inventory says, then run this again"
        return code or "unreachable", (Sentence(found, to_fix=to_fix),)
    return code, (Sentence(found),)


def _msg(result: Result) -> str:
    msg = result.get("msg", "")
    if isinstance(msg, (list, tuple)):
        return "; ".join(str(part) for part in msg)[:MOST]
    return str(msg)[:MOST]


def _found(result: Result, msg: str) -> str:
    """The sentence that matters: of a module that died its last line, of a program what it said."""
    if not msg or msg.upper().startswith("MODULE FAILURE") or "non-zero return code" in msg:
        said = ("module_stderr", "exception") if "MODULE" in msg.upper() else ("stderr", "stdout", "exception")
        for key in said:
            last = [line for line in lines(result.get(key) or "") if line.strip()]
            if last:
                return one_line(f"{msg.splitlines()[0] if msg else 'it failed'}: {last[-1].strip()}")
    return one_line(msg) or "it failed and said nothing"


def _of_variables(result: Result) -> tuple[Sentence, ...]:
    """Refused variables of a role: each error is one sentence; the specification that Ansible adds is left out."""
    context = result.get("validate_args_context")
    role = _role(context) if isinstance(context, dict) else ""
    errors = [one_line(error, 300) for error in _list(result["argument_errors"])] or [one_line(_msg(result), 300)]
    to_fix = f"correct the variable; ansible-doc -t role {role} describes each" if role else "correct the variable"
    return tuple(Sentence(error, to_fix=to_fix) for error in errors[:5])


def _role(context: t.Mapping[str, t.Any]) -> str:
    """The role's full name, by where it lies."""
    name = one_line(context.get("name", ""), 80)
    place = re.search(r"/ansible_collections/(\w+)/(\w+)/roles/", str(context.get("path", "")))
    return f"{place[1]}.{place[2]}.{name}" if place and "." not in name else name


def _says(result: Result, action: str) -> tuple[str, ...]:
    """What a task of debug says, for which it is there; of other tasks, nothing."""
    if action.rpartition(".")[2] != "debug":
        return ()
    if "msg" not in result:
        shown = {k: v for k, v in result.items() if not k.startswith("_") and k not in _NOT_SAID}
        return tuple(line for key, value in shown.items() for line in lines(f"{key}: {value}"))
    msg = result["msg"]
    if isinstance(msg, (list, tuple)):
        return tuple(line for part in msg for line in lines(part) or [""])
    if isinstance(msg, dict):
        return tuple(line for key, value in msg.items() for line in lines(f"{key}: {value}"))
    return tuple(lines(msg))


_NOT_SAID = ("changed", "failed", "skipped", "warnings", "deprecations", "invocation")


def _things(result: Result) -> tuple[Thing, ...]:
    """The environments of a result that have a generation in use."""
    told = []
    for item in _list(result.get("environments")):
        if isinstance(item, dict) and item.get("generation") and item.get("path") and not item.get("failed"):
            engine = item.get("engine") if isinstance(item.get("engine"), dict) else {}
            path = one_line(item["path"], 300)
            conda = (engine or {}).get("name") not in ("uv", "pip")
            use = f"conda activate {path}, or {path}/bin/python" if conda else f"source {path}/bin/activate"
            told.append(Thing(f"environment {one_line(item.get('name', ''), 60)}", use))
    return tuple(told)
