# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people reach through the link: a shim that sends each process into one generation for good.

Python does not resolve a link in its own prefix: started as C(<root>/ml/bin/python) it would take late imports from
whatever the link points to by then. So C(bin) is a directory of its own. Each interpreter in it is a launcher that
names the generation's absolute path, and so is each Python script; whoever comes through the link is past it before
Python starts. Activation scripts keep naming the link: a shell outlives generations, and each program it starts
gets the one in use.
"""

from __future__ import annotations

import os
import re
import stat

_INTERPRETER = re.compile(r"(?:python|pypy)[0-9.]*t?(?:-[a-z])?")
_ACTIVATION = re.compile(r"(?:de)?activate(?:\.[a-z0-9]+)?", re.IGNORECASE)
_PROMPT = re.compile(rb"(?<=[(\"])prefix(?=[)\"])")
_PINNED_ACTIVATION = "activate_this.py"
_OWN = ("prefix", "mlstack.json", "bin")
_LARGEST_SCRIPT = 256 * 1024


def make(generation: str, link: str) -> None:
    """Furnish the directory ``generation`` around its finished C(prefix). ``link`` is the path that people use."""
    prefix = os.path.join(generation, "prefix")
    for name in os.listdir(prefix):
        if name not in _OWN:
            os.symlink(os.path.join("prefix", name), os.path.join(generation, name))
    inside, outside = os.path.join(prefix, "bin"), os.path.join(generation, "bin")
    if not os.path.isdir(inside):
        return
    os.mkdir(outside)
    os.chmod(outside, 0o755)
    for name in os.listdir(inside):
        text = entry(name, os.path.join(inside, name), prefix, link)
        if text is None:
            os.symlink(os.path.join("..", "prefix", "bin", name), os.path.join(outside, name))
        else:
            _write(os.path.join(outside, name), text, os.stat(os.path.join(inside, name)).st_mode)


def entry(name: str, path: str, prefix: str, link: str) -> bytes | None:
    """What the shim's C(bin) holds for the program ``path``; None for a link to it.

    A link is right for binaries and shell scripts: they find their files, if at all, through /proc/self/exe.
    """
    found = os.stat(path) if os.path.exists(path) else None
    if found is None or not stat.S_ISREG(found.st_mode):
        return None
    if _INTERPRETER.fullmatch(name):
        return f'#!/bin/sh\nexec {_quoted(path)} "$@"\n'.encode(errors="surrogateescape")
    if found.st_size > _LARGEST_SCRIPT:
        return None
    with open(path, "rb") as stream:
        content = stream.read()
    if name == _PINNED_ACTIVATION:
        return _pinned_activation(path)
    if _ACTIVATION.fullmatch(name) and os.fsencode(prefix) in content:
        return _activation(content, prefix, link)
    if _is_python_script(content, prefix):
        return _script(path, content)
    return None


def _script(path: str, content: bytes) -> bytes | None:
    """A Python script that a shell can start too: then it starts the generation's own copy.

    Through a plain link C(__main__.__file__) would name the link, and the children of multiprocessing would read the
    next generation's script. The body stays, for those who give the script to an interpreter or debugger by name.
    """
    if "'" in path or "\\" in path:  # cannot stand both in a shell word and in a Python string
        return None
    body = content.partition(b"\n")[2]
    return b"#!/bin/sh\n'''exec' '" + os.fsencode(path) + b"' \"$@\"\n' '''\n" + body


def _is_python_script(content: bytes, prefix: str) -> bool:
    """A script whose first line names this prefix's Python, or that has the long-path form of such a line, which
    pip and uv write: C(#!/bin/sh), then C('''exec' ...)."""
    first, _newline, rest = content.partition(b"\n")
    if not first.startswith(b"#!"):
        return False
    start = os.fsencode(os.path.join(prefix, "bin", ""))
    return (start + b"py") in first or (first == b"#!/bin/sh" and rest.startswith(b"'''exec'") and start in rest)


def _activation(content: bytes, prefix: str, link: str) -> bytes:
    """An activation script for the link: its path, and its name in the prompt, which venv takes from the directory."""
    content = content.replace(os.fsencode(prefix), os.fsencode(link))
    return _PROMPT.sub(os.fsencode(os.path.basename(link)), content)


def _pinned_activation(path: str) -> bytes:
    """activate_this.py changes a running process, which must stay in one generation: it takes the absolute path."""
    return (
        "# Activates the generation that this file belongs to, in the process that runs it.\n"
        "import runpy\n"
        "\n"
        f"globals().update(runpy.run_path({path!r}))\n"
    ).encode(errors="surrogateescape")


def _quoted(path: str) -> str:
    return "'" + path.replace("'", "'\"'\"'") + "'"


def _write(path: str, text: bytes, mode: int) -> None:
    with open(path, "wb") as stream:
        stream.write(text)
        os.fchmod(stream.fileno(), stat.S_IMODE(mode))
