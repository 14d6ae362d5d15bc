# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which shared libraries the extension modules of an environment need, and which of them nobody has.

Sources: the ELF format (System V ABI, chapters 4 and 5) and ld.so(8). Files are read as the owner of the environment
reads them, in its own Python, and never loaded.
"""

from __future__ import annotations

# Debian family, Enterprise Linux family.
_PACKAGES = {
    "libGL.so.1": ("libgl1", "mesa-libGL"),
    "libglib-2.0.so.0": ("libglib2.0-0", "glib2"),
    "libgthread-2.0.so.0": ("libglib2.0-0", "glib2"),
    "libgomp.so.1": ("libgomp1", "libgomp"),
    "libSM.so.6": ("libsm6", "libSM"),
    "libXext.so.6": ("libxext6", "libXext"),
    "libXrender.so.1": ("libxrender1", "libXrender"),
    "libsndfile.so.1": ("libsndfile1", "libsndfile"),
    "libgfortran.so.5": ("libgfortran5", "libgfortran"),
    "libstdc++.so.6": ("libstdc++6", "libstdc++"),
    "libnuma.so.1": ("libnuma1", "numactl-libs"),
    "libexpat.so.1": ("libexpat1", "expat"),
    "libpq.so.5": ("libpq5", "libpq"),
}

# Started as: python -I -c LIBRARIES FOLDER. Packages load each other's libraries by path before they need them, so that
# one that is anywhere in the environment counts as found, and what it needs itself is asked too. What comes with the
# driver is the driver's matter.
LIBRARIES = r"""
import json, os, struct, subprocess, sys, sysconfig

DRIVER = ("libcuda.so.", "libnvidia-ml.so.", "libnvcuvid.so.", "libnvidia-encode.so.")
PROGRAMS = ("/sbin/ldconfig", "/usr/sbin/ldconfig", "/bin/ldconfig")


def say(**told):
    os.write(1, (json.dumps(told) + "\n").encode())


def needs(path):
    try:
        with open(path, "rb") as stream:
            head = stream.read(64)
            if head[:6] != b"\x7fELF\x02\x01":
                return [], []
            (start,) = struct.unpack_from("<Q", head, 32)
            size, count = struct.unpack_from("<HH", head, 54)
            stream.seek(start)
            table = stream.read(size * count)
            parts = [struct.unpack_from("<IIQQQQ", table, size * number) for number in range(count)]
            dynamic = [part for part in parts if part[0] == 2]
            if not dynamic:
                return [], []
            stream.seek(dynamic[0][2])
            block = stream.read(dynamic[0][5])
            entries = list(struct.iter_unpack("<qQ", block[: len(block) // 16 * 16]))
            address = [value for tag, value in entries if tag == 5][0]
            offset = [p[2] + address - p[3] for p in parts if p[0] == 1 and p[3] <= address < p[3] + p[5]][0]
            (length,) = [value for tag, value in entries if tag == 10][:1]
            stream.seek(offset)
            strings = stream.read(length)
    except (OSError, struct.error, IndexError, ValueError) as exc:
        say(unread=path, why=str(exc))
        return [], []
    texts = {value: strings[value:].split(b"\0", 1)[0].decode("utf-8", "replace") for tag, value in entries
             if tag in (1, 15, 29)}
    return ([texts[value] for tag, value in entries if tag == 1],
            [part for tag, value in entries if tag in (15, 29) for part in texts[value].split(":")])


try:
    program = [path for path in PROGRAMS if os.path.exists(path)][0]
    printed = subprocess.run([program, "-p"], capture_output=True, text=True).stdout
    system = {line.split(" (")[0].strip() for line in printed.splitlines() if " => " in line}
    own, waiting = {}, []
    for folder, _names, files in os.walk(sys.argv[1]):
        for name in files:
            if ".so" in name:
                own.setdefault(name, os.path.join(folder, name))
                if name.endswith((sysconfig.get_config_var("EXT_SUFFIX"), ".abi3.so")):
                    waiting.append(os.path.join(folder, name))
    say(modules=len(waiting), system=len(system))
    seen = set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        libraries, folders = needs(path)
        here = os.path.dirname(path)
        folders = [folder.replace("${ORIGIN}", here).replace("$ORIGIN", here) for folder in folders]
        for name in libraries:
            if name in own:
                waiting.append(own[name])
            elif name not in system and not name.startswith(("ld-linux",) + DRIVER):
                if not any(os.path.exists(os.path.join(folder, name)) for folder in folders):
                    say(missing=name, by=os.path.relpath(path, sys.argv[1]))
    say(ended=True)
except BaseException as exc:
    say(error="%s: %s" % (type(exc).__name__, exc))
"""


def package_of(library: str, family: str) -> str:
    """The system's package that has a library; empty where that is not known."""
    debian, redhat = _PACKAGES.get(library, ("", ""))
    return redhat if family == "RedHat" else debian
