# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NVIDIA's download host in the bed: stand-in repositories behind the real names, over https with the bed's own CA.

Everything lies in one folder of the bed's state, built anew when what it is made of changes.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import time
from pathlib import Path

from .. import deb, host, images, rpm, service
from ..docker import LABEL, NETWORK, containers, docker
from ..signing import BED
from . import apt_packages, cuda_packages, driver_packages, driver_runfile, kernel_headers, pci, runfile

HERE = Path(__file__).resolve().parent
NAME = "developer.download.nvidia.com"
DRIVER_NAME = "us.download.nvidia.com"  # has the drivers' installers
# Ubuntu's own archive cannot be reached under its name: what it has of the driver is served here.
ARCHIVE_NAME = "ubuntu-archive.bed.test"
REPOSITORIES = "compute/cuda/repos"
APT_DISTRIBUTIONS = (
    (("ubuntu2204", "ubuntu2404"), apt_packages.nvidia_for_ubuntu),
    (("debian12",), apt_packages.nvidia_for_debian),
)
DNF_DISTRIBUTIONS = {"rhel9": "el9", "rhel10": "el10"}
KEYS = {"apt": "3bf863cc.pub", "rhel9": "D42D0685.pub", "rhel10": "CDF6BA43.pub"}
LABEL_OF_REPOSITORY = "NVIDIA CUDA"
_RUNFILES = {"11.8.0": "cuda_11.8.0_520.61.05_linux.run", "12.4.1": "cuda_12.4.1_550.54.15_linux.run"}
_SERVER_LABEL = "gpufleet.bed.nvidia-stand-in"
_KEPT_SECONDS = 24 * 3600


@functools.cache
def content_hash() -> str:
    """Twelve hex digits over everything that the folder is made of."""
    digest = hashlib.sha256(kernel_headers.release().encode())
    inputs = [
        *HERE.glob("*.py"),
        *(HERE / "files").iterdir(),
        *(HERE / "relations").iterdir(),
        *(HERE.parent / name for name in images.INPUTS),
    ]
    for path in sorted(path for path in inputs if path.is_file()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    digest.update(images.keys().public_key(BED).encode())
    return digest.hexdigest()[:12]


def folder() -> Path:
    """Where the stand-ins lie: `www` is served, `pci` and `gpu` are mounted into hosts."""
    return host.state_directory() / "nvidia-stand-in" / content_hash()


def runfile_url(version: str) -> str:
    """Where NVIDIA's host has the installer of a release (11.8.0)."""
    return f"https://{NAME}/compute/cuda/{version}/local_installers/{_RUNFILES[version]}"


def fingerprint() -> str:
    """The fingerprint of the key that signs the stand-ins, by gpg's word."""
    listing = host.run(["gpg", "--batch", "--with-colons", "--show-keys"], stdin=images.keys().public_key(BED))
    return next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr:"))


def ensure() -> Path:
    """Build what is missing, serve it on the bed's network, and return the folder."""
    service.up()
    with service.only_one():
        top = folder()
        if not (top / "complete").exists():
            _sweep(top)
            _build(top)
        (top / "complete").touch()
        _serve(top)
    return top


def _sweep(top: Path) -> None:
    """Remove what was left half-built, and what no checkout has used for a day."""
    for other in top.parent.glob("*"):
        mark = other / "complete"
        if other == top or not mark.exists() or time.time() - mark.stat().st_mtime > _KEPT_SECONDS:
            shutil.rmtree(other, ignore_errors=True)


def _build(top: Path) -> None:
    _certificates(top / "tls")
    www = top / "www"
    keys, public = images.keys(), images.keys().public_key(BED)
    for names, drivers in APT_DISTRIBUTIONS:
        first = www / REPOSITORIES / names[0] / "x86_64"
        both = [*cuda_packages.packages("apt"), *drivers(), *kernel_headers.packages("apt")]
        deb.build_flat_repository(both, first, keys, BED, LABEL_OF_REPOSITORY)
        (first / KEYS["apt"]).write_text(public)
        for name in names[1:]:
            shutil.copytree(first, www / REPOSITORIES / name / "x86_64", copy_function=os.link)
    for release in ("22.04", "24.04"):
        archive = list(apt_packages.archive(release))
        deb.build_flat_repository(archive, www / "ubuntu-restricted" / release, keys, BED, "Ubuntu")
    for name, system in DNF_DISTRIBUTIONS.items():
        releases = cuda_packages.DNF_RELEASES[system]
        both = [*cuda_packages.packages("dnf", releases), *driver_packages.dnf_packages(system)]
        last = www / REPOSITORIES / name / "x86_64"
        modules = driver_packages.dnf_modules() if system == "el9" else ""
        rpm.build_repository([*both, *kernel_headers.packages("dnf")], last, keys, BED, modules=modules)
        (last / KEYS[name]).write_text(public)
    keys.rest()
    for release in cuda_packages.RELEASES:
        if release.version not in _RUNFILES:
            continue
        file = www / runfile_url(release.version).partition(f"{NAME}/")[2]
        file.parent.mkdir(parents=True)
        file.write_text(runfile.installer(release))
    for version in driver_runfile.VERSIONS:
        file = www / "tesla" / version / f"NVIDIA-Linux-x86_64-{version}.run"
        file.parent.mkdir(parents=True)
        file.write_text(driver_runfile.installer(version))
    pci.write(top / "pci")
    shutil.copytree(HERE / "files", top / "gpu")
    shutil.copy(top / "tls" / "ca.crt", top / "gpu" / "bed-ca.crt")
    (top / "gpu" / "key.asc").write_text(public)


def _certificates(tls: Path) -> None:
    tls.mkdir(parents=True)
    names = f"subjectAltName=DNS:{NAME},DNS:{DRIVER_NAME},DNS:{ARCHIVE_NAME}\nbasicConstraints=CA:FALSE\n"
    (tls / "extensions").write_text(names)
    new = ["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj"]
    authority = ["-x509", "-days", "3650", "-keyout", tls / "ca.key", "-out", tls / "ca.crt"]
    host.run([*new, "/CN=gpufleet test bed CA", *authority])
    host.run([*new, f"/CN={NAME}", "-keyout", tls / "server.key", "-out", tls / "server.csr"])
    signed = ["-CA", tls / "ca.crt", "-CAkey", tls / "ca.key", "-CAcreateserial", "-extfile", tls / "extensions"]
    host.run(
        ["openssl", "x509", "-req", "-days", "3650", "-in", tls / "server.csr", *signed, "-out", tls / "server.crt"]
    )


def _serve(top: Path) -> None:
    current = f"{_SERVER_LABEL}={content_hash()}-{images.content_hash()}"
    # On this bed's own network: another bed's server has the same label.
    if docker("ps", "--filter", f"label={current}", "--filter", f"network={NETWORK}", "--quiet").split():
        return
    name = f"{NETWORK}-nvidia-stand-in"
    if name in containers():
        docker("rm", "--force", name)
    words = ["--detach", "--init", "--name", name, "--label", LABEL, "--label", current, "--network", NETWORK]
    words += [word for alias in (NAME, DRIVER_NAME, ARCHIVE_NAME) for word in ("--network-alias", alias)]
    words += [f"--volume={top}:/srv/bed:ro"]
    docker("run", *words, images.IMAGES["debian12"].tag, "python3", "/srv/bed/gpu/serve.py")
