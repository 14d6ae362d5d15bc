# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base repository of the Rocky Linux stand-in, which is Debian underneath with dnf and rpm on top.

The tools behind the packages are real, but Debian's: they lie in the image under `<name>.stand-in`.
The .rpm of that tool owns the public name, a link. So a tool is absent until dnf installs it,
works when it has, and is gone when dnf removes it. Names and relations are Rocky Linux 9's;
versions are those of the Debian packages that really do the work.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .package_specs import Package
from .rpm import build_repository
from .signing import BED, Keys

REPOSITORY = "rocky/9/BaseOS/x86_64/os"
HIDDEN_SUFFIX = ".stand-in"


@dataclass(frozen=True)
class Tool:
    """A package whose content is in the image already. `{python}` in a path is the image's Python, as 3.9.

    `preinstalled` ones are in the image's rpm database from the start, and their paths are not hidden.
    """

    name: str
    debian_package: str
    paths: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    preinstalled: bool = False


_ARCH_INCLUDE = "/usr/include/x86_64-linux-gnu"
_PKGCONFIG = "/usr/lib/x86_64-linux-gnu/pkgconfig"

TOOLS = (
    # What every Rocky Linux 9 container has.
    Tool("bash", "bash", provides=("/bin/sh", "/usr/bin/sh", "/bin/bash"), preinstalled=True),
    Tool("glibc", "libc6", provides=("libc.so.6()(64bit)",), preinstalled=True),
    Tool("coreutils", "coreutils", preinstalled=True),
    Tool("systemd", "systemd", preinstalled=True),
    Tool("python3", "python3-minimal", provides=("/usr/bin/python3", "python(abi) = {python}"), preinstalled=True),
    Tool("python3-libs", "libpython3-stdlib", preinstalled=True),
    Tool("rpm", "rpm", preinstalled=True),
    Tool("dnf", "dnf", preinstalled=True),
    Tool("python3-dnf", "python3-dnf", preinstalled=True),
    Tool("sudo", "sudo", preinstalled=True),
    Tool("ca-certificates", "ca-certificates", preinstalled=True),
    Tool("tar", "tar", preinstalled=True),
    Tool("gzip", "gzip", preinstalled=True),
    Tool("openssl-libs", "openssl", preinstalled=True),
    # curl-minimal comes with the system, provides curl, and keeps the full curl out.
    Tool("curl-minimal", "curl", provides=("curl = {version}",), conflicts=("curl",), preinstalled=True),
    Tool("curl", "curl"),
    # Build tools.
    Tool("binutils", "binutils", ("/usr/bin/as", "/usr/bin/ld", "/usr/bin/ar", "/usr/bin/nm", "/usr/bin/strip")),
    Tool("cpp", "cpp", ("/usr/bin/cpp",)),
    Tool("glibc-devel", "libc6-dev"),
    Tool("gcc", "gcc", ("/usr/bin/gcc", "/usr/bin/cc"), requires=("cpp", "binutils", "glibc-devel")),
    Tool("gcc-c++", "g++", ("/usr/bin/g++", "/usr/bin/c++"), requires=("gcc",)),
    Tool("make", "make", ("/usr/bin/make", "/usr/bin/gmake")),
    Tool("cmake-data", "cmake-data"),
    Tool("cmake", "cmake", ("/usr/bin/cmake", "/usr/bin/ctest"), requires=("cmake-data", "make")),
    Tool("ninja-build", "ninja-build", ("/usr/bin/ninja",)),
    Tool("autoconf", "autoconf", ("/usr/bin/autoconf", "/usr/bin/autoreconf")),
    Tool("automake", "automake", ("/usr/bin/automake", "/usr/bin/aclocal"), requires=("autoconf",)),
    Tool("libtool", "libtool", ("/usr/bin/libtoolize",), requires=("autoconf", "automake")),
    Tool("patch", "patch", ("/usr/bin/patch",)),
    Tool("bzip2", "bzip2", ("/usr/bin/bzip2", "/usr/bin/bunzip2")),
    Tool("unzip", "unzip", ("/usr/bin/unzip",)),
    Tool("wget", "wget", ("/usr/bin/wget",)),
    Tool("rsync", "rsync", ("/usr/bin/rsync",)),
    Tool("git-core", "git", ("/usr/bin/git",)),
    Tool("git", "git", requires=("git-core",)),
    Tool("pkgconf", "pkg-config", ("/usr/bin/pkg-config",)),
    Tool("pkgconf-pkg-config", "pkg-config", requires=("pkgconf",)),
    # Headers.
    Tool(
        "openssl-devel",
        "libssl-dev",
        ("/usr/include/openssl", f"{_ARCH_INCLUDE}/openssl", f"{_PKGCONFIG}/openssl.pc", f"{_PKGCONFIG}/libssl.pc"),
    ),
    Tool("libffi-devel", "libffi-dev", (f"{_ARCH_INCLUDE}/ffi.h", f"{_PKGCONFIG}/libffi.pc")),
    Tool("zlib-devel", "zlib1g-dev", ("/usr/include/zlib.h", f"{_PKGCONFIG}/zlib.pc")),
    Tool("bzip2-devel", "libbz2-dev", ("/usr/include/bzlib.h",)),
    Tool("xz-devel", "liblzma-dev", ("/usr/include/lzma.h",)),
    Tool("readline-devel", "libreadline-dev", ("/usr/include/readline",)),
    Tool("sqlite-devel", "libsqlite3-dev", ("/usr/include/sqlite3.h",)),
    Tool("python3-devel", "python3-dev", ("/usr/include/python{python}", "/usr/bin/python3-config")),
    Tool("python3-setuptools", "python3-setuptools"),
    Tool("python3-pip", "python3-pip", ("/usr/bin/pip3", "/usr/bin/pip"), requires=("python3-setuptools",)),
)

# dnf's own plugins: Debian's package of them is pure Python, and these are its files.
_PLUGINS = "/usr/lib/python3/dist-packages/dnf-plugins"
_PLUGIN_LIBRARY = "/usr/lib/python3/dist-packages/dnfpluginscore"
# In Debian's package too, but Rocky Linux has them apart and not installed.
_PLUGINS_APART = ("leaves.py", "local.py", "migrate.py", "post-transaction-actions.py", "show_leaves.py")

OS_RELEASE = """\
NAME="Rocky Linux"
VERSION="9.4 (Blue Onyx)"
ID="rocky"
ID_LIKE="rhel centos fedora"
VERSION_ID="9.4"
PLATFORM_ID="platform:el9"
PRETTY_NAME="Rocky Linux 9.4 (Blue Onyx)"
CPE_NAME="cpe:/o:rocky:rocky:9::baseos"
VARIANT="gpufleet test bed stand-in: Debian packages under dnf"
"""

_DEVELOPMENT_GROUP = {
    "mandatory": ("autoconf", "automake", "binutils", "gcc", "gcc-c++", "glibc-devel", "libtool", "make", "pkgconf"),
    "default": ("git", "patch"),
    "optional": ("cmake", "rsync"),
}


def hidden_paths(python: str) -> list[str]:
    """The public names that the image must hide, because an .rpm will own them."""
    return [path.format(python=python) for tool in TOOLS for path in tool.paths]


def preinstalled() -> list[str]:
    """Packages that the image's rpm database holds from the start."""
    return ["rocky-release", *(tool.name for tool in TOOLS if tool.preinstalled)]


def build_base_repository(
    root: Path, keys: Keys, debian_versions: Mapping[str, str], python: str, plugins: Path
) -> None:
    """Build the base repository below `root`.

    `debian_versions` maps the Debian packages of the image to their versions; `plugins` is the
    unpacked dnf-plugins-core.
    """
    packages = [_package(tool, debian_versions, python) for tool in TOOLS]
    packages += [_release_package(), *_plugin_packages(plugins)]
    build_repository(packages, root / REPOSITORY, keys, BED, groups=_groups())


def _upstream(debian_version: str) -> str:
    """The upstream part of a Debian version, without what .rpm versions may not hold."""
    without_epoch = debian_version.rpartition(":")[2]
    return re.split(r"[-+~]", without_epoch)[0]


def _package(tool: Tool, debian_versions: Mapping[str, str], python: str) -> Package:
    version = _upstream(debian_versions[tool.debian_package])
    paths = [path.format(python=python) for path in tool.paths]
    return Package(
        tool.name,
        version,
        "1.el9",
        requires=tool.requires,
        provides=tuple(text.format(python=python, version=f"{version}-1.el9") for text in tool.provides),
        conflicts=tool.conflicts,
        links={path: f"{Path(path).name}{HIDDEN_SUFFIX}" for path in paths},
        stand_in_for=f"Rocky Linux's {tool.name}",
    )


def _release_package() -> Package:
    name = "Rocky Linux release 9.4 (Blue Onyx)\n"
    return Package(
        "rocky-release",
        "9.4",
        "1.7.el9",
        provides=("system-release = 9.4", "system-release(releasever) = 9", "base-module(platform:el9)"),
        files={"/usr/lib/os-release": OS_RELEASE, "/usr/share/bed/redhat-release": name},
        links={"/etc/redhat-release": "../usr/share/bed/redhat-release", "/etc/os-release": "../usr/lib/os-release"},
        stand_in_for="Rocky Linux's rocky-release",
    )


def _plugin_packages(unpacked: Path) -> list[Package]:
    """dnf-plugins-core and the versionlock plugin, from the files of Debian's package."""

    def files(directory: str) -> dict[str, str]:
        base = unpacked / directory.lstrip("/")
        found = [path for path in sorted(base.rglob("*.py")) if path.name not in _PLUGINS_APART]
        return {f"{directory}/{path.relative_to(base)}": path.read_text() for path in found}

    lock_plugin = f"{_PLUGINS}/versionlock.py"
    everything = {**files(_PLUGINS), **files(_PLUGIN_LIBRARY)}
    lock_files = {
        lock_plugin: everything.pop(lock_plugin),
        "/etc/dnf/plugins/versionlock.conf": "[main]\nenabled = 1\nlocklist = /etc/dnf/plugins/versionlock.list\n",
        "/etc/dnf/plugins/versionlock.list": "",
    }
    core = "python3-dnf-plugins-core"
    return [
        Package(core, "4.3.0", "13.el9", files=everything, stand_in_for=core),
        Package(
            "dnf-plugins-core",
            "4.3.0",
            "13.el9",
            requires=(core,),
            provides=("dnf-command(config-manager)", "dnf-command(download)"),
            stand_in_for="Rocky Linux's dnf-plugins-core",
        ),
        Package(
            "python3-dnf-plugin-versionlock",
            "4.3.0",
            "13.el9",
            requires=(core,),
            provides=("dnf-command(versionlock)",),
            files=lock_files,
            stand_in_for="Rocky Linux's python3-dnf-plugin-versionlock",
        ),
    ]


def _groups() -> str:
    members = "".join(
        f'<packagereq type="{kind}">{name}</packagereq>' for kind, names in _DEVELOPMENT_GROUP.items() for name in names
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<comps><group><id>development</id><name>Development Tools</name>'
        "<description>A basic development environment.</description><default>false</default>"
        f"<uservisible>true</uservisible><packagelist>{members}</packagelist></group></comps>\n"
    )
