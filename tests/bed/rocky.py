# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base repositories of the Rocky Linux stand-ins, which are Debian underneath with dnf and rpm on top.

The tools behind the packages are real, but Debian's: they lie in the image under `<name>.stand-in`.
The .rpm of that tool owns the public name, a link. So a tool is absent until dnf installs it,
works when it has, and is gone when dnf removes it. Names and relations are Rocky Linux';
versions are those of the Debian packages that really do the work.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .package_specs import Package
from .rpm import build_repository
from .signing import BED, Keys

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

# What every Rocky Linux container has.
_SYSTEM = (
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
)
_TOOLS = (
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
# Of the release whose stand-in has no compilers.
_FEW_TOOLS = (
    *(tool for tool in _TOOLS if tool.name in ("curl", "make", "patch", "unzip", "rsync")),
    # zlib-ng takes zlib's place there, with packages of its own names.
    Tool("zlib-ng-compat-devel", "zlib1g-dev", ("/usr/include/zlib.h", f"{_PKGCONFIG}/zlib.pc")),
)

# dnf's own plugins: Debian's package of them is pure Python, and these are its files.
_PLUGINS = "/usr/lib/python3/dist-packages/dnf-plugins"
_PLUGIN_LIBRARY = "/usr/lib/python3/dist-packages/dnfpluginscore"
# In Debian's package too, but Rocky Linux has them apart and not installed.
_PLUGINS_APART = ("leaves.py", "local.py", "migrate.py", "post-transaction-actions.py", "show_leaves.py")

_DEVELOPMENT_GROUP = {
    "mandatory": ("autoconf", "automake", "binutils", "gcc", "gcc-c++", "glibc-devel", "libtool", "make", "pkgconf"),
    "default": ("git", "patch"),
    "optional": ("cmake", "rsync"),
}


@dataclass(frozen=True)
class Release:
    """A release of Rocky Linux that has a stand-in. `development` are the members of the group "Development Tools"."""

    version: str
    nickname: str
    tools: tuple[Tool, ...]
    development: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def major(self) -> str:
        return self.version.partition(".")[0]

    @property
    def mark(self) -> str:
        """What ends the releases of its packages."""
        return f"el{self.major}"

    @property
    def name(self) -> str:
        return f"Rocky Linux {self.version} ({self.nickname})"

    @property
    def repository(self) -> str:
        """Where its base repository lies."""
        return f"rocky/{self.major}/BaseOS/x86_64/os"

    @property
    def os_release(self) -> str:
        return (
            f'NAME="Rocky Linux"\nVERSION="{self.version} ({self.nickname})"\nID="rocky"\n'
            f'ID_LIKE="rhel centos fedora"\nVERSION_ID="{self.version}"\nPLATFORM_ID="platform:{self.mark}"\n'
            f'PRETTY_NAME="{self.name}"\nCPE_NAME="cpe:/o:rocky:rocky:{self.major}::baseos"\n'
            'VARIANT="gpufleet test bed stand-in: Debian packages under dnf"\n'
        )

    def hidden_paths(self, python: str) -> list[str]:
        """The public names that the image must hide, because an .rpm will own them."""
        return [path.format(python=python) for tool in self.tools for path in tool.paths]

    def preinstalled(self) -> list[str]:
        """Packages that the image's rpm database holds from the start."""
        return ["rocky-release", *(tool.name for tool in self.tools if tool.preinstalled)]


NINE = Release("9.4", "Blue Onyx", (*_SYSTEM, *_TOOLS), _DEVELOPMENT_GROUP)
TEN = Release("10.0", "Red Quartz", (*_SYSTEM, *_FEW_TOOLS))


def build_base_repository(
    root: Path, keys: Keys, release: Release, debian_versions: Mapping[str, str], python: str, plugins: Path
) -> None:
    """Build the base repository of a release below `root`.

    `debian_versions` maps the Debian packages of the image to their versions; `plugins` is the
    unpacked dnf-plugins-core.
    """
    packages = [_package(tool, release, debian_versions, python) for tool in release.tools]
    packages += [_release_package(release), *_plugin_packages(release, plugins)]
    groups = _groups(release) if release.development else ""
    build_repository(packages, root / release.repository, keys, BED, groups=groups)


def _upstream(debian_version: str) -> str:
    """The upstream part of a Debian version, without what .rpm versions may not hold."""
    without_epoch = debian_version.rpartition(":")[2]
    return re.split(r"[-+~]", without_epoch)[0]


def _package(tool: Tool, release: Release, debian_versions: Mapping[str, str], python: str) -> Package:
    version = _upstream(debian_versions[tool.debian_package])
    paths = [path.format(python=python) for path in tool.paths]
    return Package(
        tool.name,
        version,
        f"1.{release.mark}",
        requires=tool.requires,
        provides=tuple(text.format(python=python, version=f"{version}-1.{release.mark}") for text in tool.provides),
        conflicts=tool.conflicts,
        links={path: f"{Path(path).name}{HIDDEN_SUFFIX}" for path in paths},
        stand_in_for=f"Rocky Linux's {tool.name}",
    )


def _release_package(release: Release) -> Package:
    name = f"Rocky Linux release {release.version} ({release.nickname})\n"
    return Package(
        "rocky-release",
        release.version,
        f"1.7.{release.mark}",
        provides=(
            f"system-release = {release.version}",
            f"system-release(releasever) = {release.major}",
            f"base-module(platform:{release.mark})",
        ),
        files={"/usr/lib/os-release": release.os_release, "/usr/share/bed/redhat-release": name},
        links={"/etc/redhat-release": "../usr/share/bed/redhat-release", "/etc/os-release": "../usr/lib/os-release"},
        stand_in_for="Rocky Linux's rocky-release",
    )


def _plugin_packages(release: Release, unpacked: Path) -> list[Package]:
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
        Package(core, "4.3.0", f"13.{release.mark}", files=everything, stand_in_for=core),
        Package(
            "dnf-plugins-core",
            "4.3.0",
            f"13.{release.mark}",
            requires=(core,),
            provides=("dnf-command(config-manager)", "dnf-command(download)"),
            stand_in_for="Rocky Linux's dnf-plugins-core",
        ),
        Package(
            "python3-dnf-plugin-versionlock",
            "4.3.0",
            f"13.{release.mark}",
            requires=(core,),
            provides=("dnf-command(versionlock)",),
            files=lock_files,
            stand_in_for="Rocky Linux's python3-dnf-plugin-versionlock",
        ),
    ]


def _groups(release: Release) -> str:
    members = "".join(
        f'<packagereq type="{kind}">{name}</packagereq>'
        for kind, names in release.development.items()
        for name in names
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<comps><group><id>development</id><name>Development Tools</name>'
        "<description>A basic development environment.</description><default>false</default>"
        f"<uservisible>true</uservisible><packagelist>{members}</packagelist></group></comps>\n"
    )
