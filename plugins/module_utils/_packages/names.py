# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that mean the same on every distribution, and the packages they stand for."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Distribution

# Debian, Ubuntu | Rocky, Alma, RHEL 9 and 10. A name that is not here is taken as the distribution's own.
# "" : part of the base Python there, which is named instead so that there is something to check.
_TABLE: dict[str, tuple[str, str]] = {
    # compilers and build systems
    "build-tools": ("build-essential", "gcc gcc-c++ make"),
    "gcc": ("gcc", "gcc"),
    "g++": ("g++", "gcc-c++"),
    "fortran": ("gfortran", "gcc-gfortran"),
    "make": ("make", "make"),
    "cmake": ("cmake", "cmake"),
    "ninja": ("ninja-build", "ninja-build"),
    "autotools": ("autoconf automake libtool", "autoconf automake libtool"),
    "pkg-config": ("pkg-config", "pkgconf-pkg-config"),
    "patch": ("patch", "patch"),
    # fetching and unpacking
    "git": ("git", "git"),
    "git-lfs": ("git-lfs", "git-lfs"),
    "curl": ("curl", "curl"),
    "wget": ("wget", "wget"),
    "rsync": ("rsync", "rsync"),
    "ca-certificates": ("ca-certificates", "ca-certificates"),
    "gnupg": ("gnupg", "gnupg2"),
    "unzip": ("unzip", "unzip"),
    "bzip2": ("bzip2", "bzip2"),
    "xz": ("xz-utils", "xz"),
    "zstd": ("zstd", "zstd"),
    # Python
    "python3": ("python3", "python3"),
    "python3-headers": ("python3-dev", "python3-devel"),
    "python3-venv": ("python3-venv", "python3"),
    "python3-pip": ("python3-pip", "python3-pip"),
    # headers that source distributions of Python packages ask for
    "openssl-headers": ("libssl-dev", "openssl-devel"),
    "ffi-headers": ("libffi-dev", "libffi-devel"),
    "zlib-headers": ("zlib1g-dev", "zlib-devel"),
    "bzip2-headers": ("libbz2-dev", "bzip2-devel"),
    "xz-headers": ("liblzma-dev", "xz-devel"),
    "sqlite-headers": ("libsqlite3-dev", "sqlite-devel"),
    "readline-headers": ("libreadline-dev", "readline-devel"),
    "xml2-headers": ("libxml2-dev", "libxml2-devel"),
    "jpeg-headers": ("libjpeg-dev", "libjpeg-turbo-devel"),
    "png-headers": ("libpng-dev", "libpng-devel"),
    "hdf5-headers": ("libhdf5-dev", "hdf5-devel"),
    "openblas-headers": ("libopenblas-dev", "openblas-devel"),
    # looking at the machine
    "pci-tools": ("pciutils", "pciutils"),
    "process-tools": ("procps", "procps-ng"),
    "numa-tools": ("numactl", "numactl"),
}

# Where one distribution or release of a family goes its own way: (family, distribution id or "", major release or "").
_EXCEPTIONS: dict[str, dict[tuple[str, str, str], str]] = {
    # Enterprise Linux 10 ships zlib-ng in zlib's place.
    "zlib-headers": {("RedHat", "", "10"): "zlib-ng-compat-devel"},
    # What is called pkg-config there only leads to this one.
    "pkg-config": {("Debian", "ubuntu", "24"): "pkgconf", ("Debian", "debian", "13"): "pkgconf"},
}

FAMILIES: tuple[str, str] = ("Debian", "RedHat")


def real_names(name: str, distribution: Distribution) -> tuple[str, ...]:
    """The packages that a canonical name stands for on a distribution; any other name stands for itself."""
    row = _TABLE.get(name)
    if row is None or distribution.family not in FAMILIES:
        return (name,)
    exceptions = _EXCEPTIONS.get(name, {})
    for distribution_id in (distribution.id, ""):
        found = exceptions.get((distribution.family, distribution_id, distribution.major))
        if found:
            return tuple(found.split())
    return tuple(row[FAMILIES.index(distribution.family)].split())


def canonical_names() -> t.Iterable[str]:
    """All canonical names, sorted."""
    return sorted(_TABLE)
