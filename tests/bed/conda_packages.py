# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the bed's conda channel holds. All but Python is made up: names of real packages stand in for those."""

from __future__ import annotations

from collections.abc import Iterator

from .conda_archive import PLACEHOLDER, CondaPackage

MANY_FILES = 3000  # of the package bed-many-files
SIXTY = 60


def every_package(minors: list[str]) -> Iterator[CondaPackage]:
    """All packages but Python itself, for the minor versions (3.11) of Python in the channel."""
    yield from _plain()
    yield from _pure_python()
    yield from _difficult()
    yield from _sixty()
    for minor in minors:
        tag = f"cp{minor.replace('.', '')}"
        yield CondaPackage("python_abi", minor, f"5_{tag}", "linux-64", number=5, constrains=(f"python {minor}.*",))
        yield from _compiled(minor, tag)
        yield from _frameworks(minor, tag)


def _plain() -> Iterator[CondaPackage]:
    for version in ("2023d", "2024a"):
        tzdata = CondaPackage("tzdata", version, "h0_0", noarch="generic")
        tzdata.add("share/zoneinfo/BED", f"{version}\n")
        yield tzdata
    for version in ("1.2.13", "1.3.1"):
        zlib = CondaPackage("bed-zlib", version, "h0_0", "linux-64", suffix=".tar.bz2")
        zlib.add("include/bed-zlib.h", f'#define BED_ZLIB "{version}"\n')
        zlib.symlink("lib/libbedz.so", "libbedz.so.1")
        # As a compiler leaves it: the prefix in a fixed place, ended by NUL, with something behind it.
        binary = b"\x7fELF\0\0" + PLACEHOLDER.encode() + b"/share/bed-zlib\0behind it\0"
        zlib.add("lib/libbedz.so.1", binary, 0o755, prefix_in="binary")
        zlib.add("lib/pkgconfig/bed-zlib.pc", f"prefix={PLACEHOLDER}\nlibdir=${{prefix}}/lib\nVersion: {version}\n")
        yield zlib
    for version in ("11.8", "12.1", "12.4"):
        major = version.partition(".")[0]
        cuda = CondaPackage("cuda-version", version, "h0_3", noarch="generic", number=3)
        cuda.constrains = (f"cudatoolkit {version}|{version}.*", f"__cuda >={major}")
        cuda.add(f"share/cuda-version/{version}", version)
        yield cuda


def module(
    name: str,
    version: str,
    build: str = "pyhd_0",
    *,
    depends: tuple[str, ...] = (),
    script: bool = False,
    number: int = 0,
    suffix: str = ".conda",
) -> CondaPackage:
    """A noarch package with one importable module, and with ``script`` a program that prints the version."""
    package = CondaPackage(name, version, build, noarch="python", number=number, suffix=suffix)
    package.depends = ("python >=3.8", *depends)
    package.entry_points = (f"{name} = {name.replace('-', '_')}:main",) if script else ()
    _put_module(package, "site-packages", name, version)
    return package


def _put_module(package: CondaPackage, folder: str, name: str, version: str, more: str = "") -> None:
    imported = name.replace("-", "_")
    text = f"__version__ = {version!r}\n\n\ndef main():\n    print({name!r}, __version__)\n{more}"
    package.add(f"{folder}/{imported}/__init__.py", text)
    package.add(f"{folder}/{imported}/later.py", "LATER = True\n")
    metadata = f"{folder}/{imported}-{version}.dist-info"
    package.add(f"{metadata}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    package.add(f"{metadata}/INSTALLER", "conda\n")
    listed = [*package.entries, f"{metadata}/RECORD"]  # itself too: pip and uv remove what it lists, and no more
    package.add(f"{metadata}/RECORD", "".join(f"{path[len(folder) + 1 :]},,\n" for path in sorted(listed)))


def _pure_python() -> Iterator[CondaPackage]:
    for version in ("1.14.0", "1.15.0", "1.16.0"):
        yield module("six", version, suffix=".tar.bz2")
    for version in ("2.4.7", "3.1.2"):
        yield module("pyparsing", version)
    yield module("packaging", "21.3", depends=("pyparsing >=2.0.2,!=3.0.5",))
    for version in ("23.2", "24.0"):
        yield module("packaging", version)
    for version in ("1.0", "1.1", "2.0"):
        yield module("bed-tool", version, depends=("six >=1.15",), script=True)
    yield module("bed-tool", "2.0", "pyhd_1", depends=("six >=1.15",), script=True, number=1)


def _compiled(minor: str, tag: str) -> Iterator[CondaPackage]:
    for version in ("1.26.4", "2.0.1"):
        package = CondaPackage("numpy", version, f"py{tag[2:]}_0", "linux-64", depends=_python_of(minor, tag))
        _put_module(package, f"lib/python{minor}/site-packages", "numpy", version)
        yield package


def _frameworks(minor: str, tag: str) -> Iterator[CondaPackage]:
    """Builds for the CPU and for two CUDAs, told apart by virtual packages as conda-forge's are."""
    site = f"lib/python{minor}/site-packages"
    for name, imported, version in (
        ("pytorch", "torch", "2.1.0"),
        ("pytorch", "torch", "2.4.0"),
        ("tensorflow", "tensorflow", "2.15.0"),
        ("tensorflow", "tensorflow", "2.16.1"),
    ):
        needs_numpy = "numpy >=1.23.5,<2.0a0" if version in ("2.1.0", "2.15.0") else "numpy >=1.23.5,<3"
        for cuda in ("", "11.8", "12.1"):
            number = 200 if cuda else 100
            build = f"cuda{cuda.replace('.', '')}py{tag[2:]}_{number}" if cuda else f"cpu_py{tag[2:]}_{number}"
            package = CondaPackage(name, version, build, "linux-64", number=number)
            package.depends = (*_python_of(minor, tag), needs_numpy)
            if cuda:
                package.depends += ("__cuda", f"cuda-version >={cuda},<{int(cuda.partition('.')[0]) + 1}")
            package.constrains = (f"{name}-gpu {version if cuda else '99999999'}",)
            more = f"\n\nclass cuda:\n    is_available = staticmethod(lambda: {bool(cuda)})\n"
            _put_module(package, site, imported, version, more)
            yield package
        gpu = CondaPackage(f"{name}-gpu", version, f"py{tag[2:]}_0", "linux-64")
        gpu.depends = (f"{name} {version} cuda*", f"python_abi {minor}.* *_{tag}")
        yield gpu


def _python_of(minor: str, tag: str) -> tuple[str, ...]:
    major, number = minor.split(".")
    return (
        f"python >={minor},<{major}.{int(number) + 1}.0a0",
        f"python_abi {minor}.* *_{tag}",
        "__glibc >=2.17,<3.0.a0",
    )


def _difficult() -> Iterator[CondaPackage]:
    """Packages that make trouble of one kind each."""
    scripts = CondaPackage("bed-scripts", "1.0", "h0_0", "linux-64")
    scripts.add("bin/.bed-scripts-post-link.sh", '#!/bin/sh\necho "$PREFIX" > "$PREFIX/bed-scripts.linked"\n', 0o755)
    scripts.add("bin/.bed-scripts-pre-unlink.sh", '#!/bin/sh\nrm -f "$PREFIX/bed-scripts.linked"\n', 0o755)
    scripts.add("etc/conda/activate.d/bed-scripts.sh", "export BED_SCRIPTS=1\n")
    scripts.add("etc/conda/deactivate.d/bed-scripts.sh", "unset BED_SCRIPTS\n")
    yield scripts
    failing = CondaPackage("bed-failing-script", "1.0", "h0_0", "linux-64")
    failing.add("bin/.bed-failing-script-post-link.sh", "#!/bin/sh\necho it does not work >&2\nexit 3\n", 0o755)
    yield failing
    for name, depends in (("bed-clash-a", "six <1.16"), ("bed-clash-b", "six >=1.16")):
        yield CondaPackage(name, "1.0", "h0_0", noarch="generic", depends=(depends,))
    for name in ("bed-overlap-x", "bed-overlap-y"):
        overlap = CondaPackage(name, "1.0", "h0_0", noarch="generic")
        overlap.add("share/bed-overlap", name)
        yield overlap
    constrained = CondaPackage("bed-constrains-six", "1.0", "h0_0", noarch="generic", constrains=("six <1.16",))
    constrained.add("share/bed-constrains-six", "")
    yield constrained
    yield CondaPackage("bed-needs-new-glibc", "1.0", "h0_0", "linux-64", depends=("__glibc >=9",))
    bad = CondaPackage("bed-bad-hash", "1.0", "h0_0", noarch="generic")  # the channel lists it with a wrong hash
    bad.add("share/bed-bad-hash", "not what the index says\n")
    yield bad
    for version in ("1.0", "2.0"):
        many = CondaPackage("bed-many-files", version, "h0_0", noarch="generic")
        for number in range(MANY_FILES):
            many.add(f"share/bed-many/{number % 100:02d}/{number:05d}.txt", f"{version} {number}\n")
        yield many


def _sixty() -> Iterator[CondaPackage]:
    """With Python and what that needs, an environment of a usual size: ``bed-sixty`` brings them all."""
    names = [f"bed-part-{number:02d}" for number in range(SIXTY - 4)]
    for number, name in enumerate(names):
        package = module(name, "1.0", depends=(names[number - 1],) if number % 7 else ())
        folder = f"site-packages/{name.replace('-', '_')}"
        for part in range(40):
            package.add(f"{folder}/part_{part:02d}.py", f"VALUE = {part}\n" + f"# {name} line of filling\n" * 60)
        yield package
    yield CondaPackage("bed-sixty", "1.0", "h0_0", noarch="generic", depends=tuple(names))
