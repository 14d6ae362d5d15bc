# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images of the bed, kept by content: what they are made of gives their tag, so an unchanged bed builds nothing."""

from __future__ import annotations

import functools
import hashlib
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import host, repositories, rocky, rootfs
from .docker import docker, image_exists
from .signing import BED, Keys

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Image:
    """One image that tests run hosts from.

    `systemd` tells whether its containers boot; `package_manager` is apt or dnf; `stand_in_for` is
    "" for the real thing.
    """

    repository: str
    version: str
    package_manager: str
    systemd: bool
    stand_in_for: str = ""

    @property
    def tag(self) -> str:
        """The image's name in docker, which ends in the hash of what it was made from."""
        return f"gpufleet-bed/{self.repository}:{self.version}-{content_hash()}"


IMAGES = {
    "debian12": Image("debian", "12", "apt", systemd=True),
    "debian12-minimal": Image("debian-minimal", "12", "apt", systemd=False),
    "ubuntu2404": Image("ubuntu-stand-in", "24.04", "apt", systemd=True, stand_in_for="Ubuntu 24.04"),
    "ubuntu2204": Image("ubuntu-stand-in", "22.04", "apt", systemd=True, stand_in_for="Ubuntu 22.04"),
    "rocky9": Image("rocky-stand-in", "9", "dnf", systemd=True, stand_in_for="Rocky Linux 9"),
    "rocky10": Image("rocky-stand-in", "10", "dnf", systemd=True, stand_in_for="Rocky Linux 10"),
}
# The Rocky stand-in hides its tools until dnf brings them, so the minimal host is the same image, not booted.
IMAGES["rocky9-minimal"] = Image("rocky-stand-in", "9", "dnf", systemd=False, stand_in_for="Rocky Linux 9")

_UBUNTU_NAMES = {"24.04": ("noble", "Noble Numbat"), "22.04": ("jammy", "Jammy Jellyfish")}

# What images are made of. containers.py and bed.py only use them, and so are not among these.
INPUTS = (
    *("deb.py", "host.py", "images.py", "package_specs.py", "repositories.py"),
    *("rocky.py", "rootfs.py", "rpm.py", "signing.py", "dockerfiles/become-rocky.sh"),
    *(
        "dockerfiles/debian.Dockerfile",
        "dockerfiles/extended-rootfs.Dockerfile",
        "dockerfiles/rocky-stand-in.Dockerfile",
        "dockerfiles/ubuntu-stand-in.Dockerfile",
    ),
)


@functools.cache
def keys() -> Keys:
    """The bed's signing keys."""
    return Keys(host.state_directory() / "keys")


@functools.cache
def content_hash() -> str:
    """Twelve hex digits over everything that goes into the images: code, apt sources, certificates, keys."""
    digest = hashlib.sha256()
    for name in INPUTS:
        digest.update((HERE / name).read_bytes())
    for text in (host.debian_sources("bookworm"), *host.extra_certificate_authorities(), keys().public_key(BED)):
        digest.update(text.encode())
    return digest.hexdigest()[:12]


def missing() -> list[str]:
    """Keys of the images that docker does not hold in today's version."""
    return [key for key, image in IMAGES.items() if not image_exists(image.tag)]


def build() -> None:
    """Build all images, in the order in which they rest on each other."""
    debian_base = rootfs.DEBIAN.ensure()
    nine = rootfs.rocky_rootfs()
    bases = [_rocky_base(rocky.NINE, nine), _rocky_base(rocky.TEN, rootfs.ROCKY_TEN)]
    _say(f"root file systems: {rootfs.DEBIAN.suite}, {nine.suite}")
    with tempfile.TemporaryDirectory() as scratch:
        packages = Path(scratch) / "repositories"
        repositories.build_apt(packages, keys())
        plugins = _download("dnf-plugins-core", debian_base, Path(scratch) / "download")
        repositories.build_dnf(packages, keys(), [base for base, _tag in bases], plugins)
        keys().rest()
        _say("package repositories")
        _build_debian(_context(Path(scratch) / "debian", packages), debian_base)
        _build_ubuntu(Path(scratch))
        for base, tag in bases:
            _build_rocky(_context(Path(scratch) / base.release.mark, packages), base, tag)
    _say("images")


def _say(what: str) -> None:
    print(f"test bed: {what} ready", file=sys.stderr, flush=True)


def _rocky_base(
    release: rocky.Release, base: rootfs.RootFilesystem | rootfs.ExtendedRootFilesystem
) -> tuple[repositories.RockyBase, str]:
    tag = base.ensure()
    return repositories.RockyBase(release, _debian_versions(tag), base.python), tag


def _debian_versions(tag: str) -> dict[str, str]:
    listing = docker("run", "--rm", tag, "dpkg-query", "--show", "--showformat", "${Package} ${Version}\\n")
    return dict(line.split(" ", 1) for line in listing.splitlines())


def _download(package: str, tag: str, directory: Path) -> Path:
    """Fetch a Debian package in a container, so that the machine's own package lists may be absent or old."""
    directory.mkdir()
    script = f"apt-get update -q && cd /download && apt-get download -q -o APT::Sandbox::User=root {package}"
    docker("run", "--rm", f"--volume={directory}:/download", tag, "sh", "-c", script)
    (archive,) = directory.glob("*.deb")
    return archive


def _context(directory: Path, packages: Path) -> Path:
    """A build context with what every image takes: certificates, configuration, repositories, the public key."""
    certificates = directory / "certificates"
    certificates.mkdir(parents=True)
    (certificates / "README").write_text("Certificate authorities that the machine trusts beyond Debian's.\n")
    for number, pem in enumerate(host.extra_certificate_authorities()):
        (certificates / f"machine-{number}.crt").write_text(pem + "\n")
    expiry = 'Acquire::Check-Valid-Until "false";\n' if host.ignores_release_expiry() else ""
    (directory / "apt.conf").write_text(expiry)
    # Both tools carry certificate lists of their own and must be told to use the system's.
    (directory / "pip.conf").write_text("[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n")
    (directory / "uv.toml").write_text("system-certs = true\n")
    (directory / "bed.asc").write_text(keys().public_key(BED))
    shutil.copytree(packages, directory / "repositories")
    shutil.copytree(HERE / "dockerfiles", directory, dirs_exist_ok=True)
    return directory


def _docker_build(context: Path, dockerfile: str, tag: str, target: str = "", **arguments: str) -> None:
    options = [word for key, value in arguments.items() for word in ("--build-arg", f"{key}={value}")]
    if target:
        options += ["--target", target]
    docker("build", "--quiet", "--file", context / dockerfile, "--tag", tag, *options, context)


def _build_debian(context: Path, base: str) -> None:
    (context / "bed.sources").write_text(repositories.APT_SOURCE)
    for target, key in (("minimal", "debian12-minimal"), ("host", "debian12")):
        _docker_build(context, "debian.Dockerfile", IMAGES[key].tag, target, ROOTFS=base)


def _build_ubuntu(scratch: Path) -> None:
    context = scratch / "ubuntu"
    shutil.copytree(HERE / "dockerfiles", context)
    for key in ("ubuntu2404", "ubuntu2204"):
        image = IMAGES[key]
        codename, nickname = _UBUNTU_NAMES[image.version]
        names = {"VERSION": image.version, "CODENAME": codename, "NICKNAME": nickname}
        _docker_build(context, "ubuntu-stand-in.Dockerfile", image.tag, DEBIAN=IMAGES["debian12"].tag, **names)


def _build_rocky(context: Path, base: repositories.RockyBase, rootfs_tag: str) -> None:
    release = base.release
    for name, text in repositories.dnf_sources(release).items():
        (context / name).write_text(text)
    (context / "hidden-paths").write_text("".join(f"{path}\n" for path in release.hidden_paths(base.python)))
    (context / "preinstalled").write_text("".join(f"{name}\n" for name in release.preinstalled()))
    tag = IMAGES[f"rocky{release.major}"].tag
    _docker_build(context, "rocky-stand-in.Dockerfile", tag, ROOTFS=rootfs_tag, MAJOR=release.major)
