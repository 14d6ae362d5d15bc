# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Python as a conda package, made of an interpreter of this machine or of one of the bed's images.

It runs where its C library is at least that of the system it comes from, which it says by ``__glibc``; the libraries
it links besides (OpenSSL, SQLite ...) come from the system, unlike in a package of a real channel.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass

from .conda_archive import BUILT, PLACEHOLDER, CondaPackage

# Runs under the interpreter that is to be packed, wherever that is; writes a tar archive of its own files.
_COLLECT = r"""
import ctypes, importlib.util, io, json, marshal, os, re, struct, sys, sysconfig, tarfile
left_out = re.compile(r"(^|/)(__pycache__|test|tests|idlelib|turtledemo|tkinter|lib2to3|ensurepip|pydoc_data|"
                      r"config-3[^/]*|site-packages|dist-packages|EXTERNALLY-MANAGED)(/|$)|(_tkinter|_test\w*|_ctypes_test|xx\w*)\.cpython|\.(a|pyc)$")
minor = "%d.%d" % sys.version_info[:2]
glibc = ctypes.CDLL(None).gnu_get_libc_version
glibc.restype = ctypes.c_char_p
facts = {"version": "%d.%d.%d" % sys.version_info[:3], "minor": minor, "base": sys.base_prefix,
         "glibc": glibc().decode(), "machine": os.uname().machine}
out = io.BytesIO()
with tarfile.open(fileobj=out, mode="w") as archive:
    def add(name, content, mode):
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(content), mode
        archive.addfile(member, io.BytesIO(content))
    # Packages of real channels bring their bytecode. The older format of marshal depends on nothing but the code.
    def compiled(name, content):
        try:
            code = compile(content, name, "exec", dont_inherit=True)
        except (SyntaxError, ValueError):
            return
        head = importlib.util.MAGIC_NUMBER + struct.pack("<LLL", 0, built, len(content))
        add(importlib.util.cache_from_source(name), head + marshal.dumps(code, 2), 0o644)
    def put(name, path):
        if os.path.islink(path) and os.path.exists(path) and not os.path.isfile(os.path.realpath(path)):
            return
        with open(path, "rb") as stream:
            content = stream.read()
        add(name, content, os.stat(path).st_mode & 0o755 | 0o644)
        if name.endswith(".py"):
            compiled(name, content)
    put("bin/python" + minor, os.path.realpath(sys.executable))
    library = os.path.join(sysconfig.get_config_var("LIBDIR") or "", sysconfig.get_config_var("INSTSONAME") or "-")
    if sysconfig.get_config_var("Py_ENABLE_SHARED") and os.path.exists(library) and sys.base_prefix != "/usr":
        put("lib/" + os.path.basename(library), library)
    stdlib = sysconfig.get_path("stdlib")
    for folder, folders, names in os.walk(stdlib):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            relative = os.path.relpath(path, stdlib)
            if not left_out.search(relative) and os.path.isfile(path):
                put("lib/python%s/%s" % (minor, relative), path)
    add("facts.json", json.dumps(facts).encode(), 0o644)
sys.stdout.buffer.write(out.getvalue())
"""

# Debian's site module knows no site-packages outside of virtual environments.
_SITE = """import os, site, sys
site.addsitedir(os.path.join(sys.prefix, "lib", "python%d.%d" % sys.version_info[:2], "site-packages"))
"""


@dataclass(frozen=True)
class Interpreter:
    """An interpreter to pack: the command that starts it, in a container for example."""

    argv: tuple[str, ...]

    @classmethod
    def of_this_run(cls) -> Interpreter:
        """The one that runs this, out of its virtual environment."""
        return cls((getattr(sys, "_base_executable", "") or sys.executable,))

    @classmethod
    def of_image(cls, tag: str) -> Interpreter:
        """The system's Python of one of the bed's images."""
        return cls(("docker", "run", "--rm", "--interactive", "--network", "none", tag, "/usr/bin/python3"))

    def key(self) -> str:
        """What tells whether an earlier package of it is still right."""
        return " ".join(self.argv) + self._run("import sys; print(sys.version)", text=True).decode()

    def collect(self) -> bytes:
        return self._run(f"built = {BUILT}\n{_COLLECT}")

    def _run(self, script: str, text: bool = False) -> bytes:
        done = subprocess.run([*self.argv, "-I", "-"], input=script.encode(), capture_output=True, check=True)
        return done.stdout


def python_package(interpreter: Interpreter, build: str = "0_bed", number: int = 0) -> CondaPackage:
    """Pack an interpreter, so that it runs from any prefix."""
    with tarfile.open(fileobj=io.BytesIO(interpreter.collect())) as archive:
        files = {member.name: (_content(archive, member), member.mode) for member in archive.getmembers()}
    facts = json.loads(files.pop("facts.json")[0])
    minor, base = facts["minor"], facts["base"].encode()
    debian = facts["base"] == "/usr"
    package = CondaPackage(
        "python",
        facts["version"],
        build,
        "linux-64" if facts["machine"] == "x86_64" else f"linux-{facts['machine']}",
        number=number,
        depends=(f"__glibc >={facts['glibc']},<3.0.a0", "bed-zlib >=1.2.13,<2.0a0", "tzdata"),
        constrains=(f"python_abi {minor}.* *_cp{minor.replace('.', '')}",),
        license="Python-2.0",
    )
    final = {
        path: _undebianized(path, content, minor) if debian else _relocatable(content, base)
        for path, (content, mode) in files.items()
    }
    changed = {path for path, content in final.items() if content != files[path][0]}
    for path, content in final.items():
        if _source(path) not in changed:  # bytecode knows the size of its source
            package.add(path, content, files[path][1])
    for name in ("python3", "python"):
        package.symlink(f"bin/{name}", f"python{minor}")
    for library in [path for path in files if re.fullmatch(r"lib/libpython[^/]*\.so\.1\.0", path)]:
        package.symlink(library.removesuffix(".1.0"), library.removeprefix("lib/"))
    if debian:
        package.add(f"lib/python{minor}/sitecustomize.py", _SITE)
    package.add(f"lib/python{minor}/site-packages/README.txt", "Packages are installed here.\n")
    return package


def _source(path: str) -> str:
    """The file that a file of bytecode was made of; empty for any other."""
    found = re.fullmatch(r"(.*)__pycache__/([^/]+)\.[^/.]+\.pyc", path)
    return f"{found[1]}{found[2]}.py" if found else ""


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member)
    return stream.read() if stream else b""


def _relocatable(content: bytes, base: bytes) -> bytes:
    """Texts get the placeholder; a program looks for its library beside itself (shorter, so no offset changes)."""
    if base not in content:
        return content
    if content[:4] != b"\x7fELF":
        return content.replace(base, PLACEHOLDER.encode()) if b"\0" not in content else content
    old, new = base + b"/lib\0", b"$ORIGIN/../lib\0"
    return content.replace(old, new.ljust(len(old), b"\0"))


def _undebianized(path: str, content: bytes, minor: str) -> bytes:
    """Debian's own folders for modules as other Pythons name them."""
    if path not in (f"lib/python{minor}/sysconfig.py", f"lib/python{minor}/distutils/command/install.py"):
        return content
    text = content.decode().replace("dist-packages", "site-packages").replace("/local/", "/")
    text = text.replace("return 'posix_local'", "return 'posix_prefix'").replace("'$base/local'", "'$base'")
    return text.replace("lib/python3/", f"lib/python{minor}/").encode()


def minor_versions(packages: Sequence[CondaPackage]) -> list[str]:
    """3.11 for python 3.11.7."""
    return [package.version.rpartition(".")[0] for package in packages]
