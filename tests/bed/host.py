# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the bed takes from the machine it is built on: programs, apt sources, certificates, a place for state."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

APT_DIRECTORY = Path("/etc/apt")
CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
STOCK_CA_DIRECTORY = Path("/usr/share/ca-certificates")

# program -> the Debian package that brings it
PROGRAMS = {
    "docker": "docker.io",
    "mmdebstrap": "mmdebstrap",
    "rpmbuild": "rpm",
    "rpmsign": "rpm",
    "createrepo_c": "createrepo-c",
    "gpg": "gnupg",
    "dpkg-deb": "dpkg",
    "apt-get": "apt",
}

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


class BedError(Exception):
    """The bed cannot be built or used here; the message says why and what to do."""


def state_directory() -> Path:
    """Where the bed keeps what it has built; safe to delete when the bed is down."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(cache) / "gpufleet-mlstack" / "bed"


def run(argv: Sequence[str | Path], *, stdin: str | None = None, env: dict[str, str] | None = None) -> str:
    """Run a program to its end and return its standard output; a failure shows the end of what it printed."""
    try:
        done = subprocess.run(
            [str(word) for word in argv],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        package = PROGRAMS.get(str(argv[0]), str(argv[0]))
        raise BedError(f"{argv[0]} is not installed here: apt-get install {package}") from error
    if done.returncode != 0:
        printed = (done.stdout + done.stderr)[-4000:]
        raise BedError(f"{' '.join(str(word) for word in argv[:4])} ... ended with {done.returncode}:\n{printed}")
    return done.stdout


def os_release() -> dict[str, str]:
    """The key=value pairs of this machine's os-release."""
    pairs = (line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    return {key: value.strip("\"'") for key, value in pairs}


def obstacles() -> list[str]:
    """What keeps this machine from building the bed; empty when nothing does."""
    found = []
    if os_release().get("ID") != "debian":
        found.append("the images are made from the machine's own Debian sources, and this machine is not Debian")
    if platform.machine() != "x86_64":
        found.append(f"the stand-in packages are built for x86_64, and this machine is {platform.machine()}")
    if os.geteuid() != 0:
        found.append("mmdebstrap and docker need root here")
    missing = sorted({package for program, package in PROGRAMS.items() if not shutil.which(program)})
    if missing:
        found.append(f"programs are missing: apt-get install {' '.join(missing)}")
    return found


def debian_sources(suite: str) -> str:
    """This machine's own Debian sources as one deb822 file, written for another suite (bookworm, bullseye).

    Third-party sources are left out: only stanzas that name this machine's release are taken.
    """
    here = os_release()["VERSION_CODENAME"]
    stanzas = []
    for path in sorted((APT_DIRECTORY / "sources.list.d").glob("*.sources")):
        stanzas += re.split(r"\n\s*\n", path.read_text())
    for path in [APT_DIRECTORY / "sources.list", *sorted((APT_DIRECTORY / "sources.list.d").glob("*.list"))]:
        if path.exists():
            stanzas += [_deb822(line) for line in path.read_text().splitlines() if line.startswith("deb ")]
    taken = []
    for stanza in stanzas:
        lines = [line for line in stanza.splitlines() if line.strip() and not line.startswith("#")]
        if any(re.match(rf"Suites:.*\b{here}\b", line) for line in lines):
            taken.append(re.sub(rf"\b{here}\b", suite, "\n".join(lines)))
    if not taken:
        raise BedError(f"No apt source of this machine names {here}; the bed needs one to take packages from.")
    return "\n\n".join(taken) + "\n"


def _deb822(line: str) -> str:
    """One `deb [options] uri suite components` line as a stanza; options other than signed-by are dropped."""
    match = re.match(r"deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s*(?P<components>.*)", line)
    if not match:
        raise BedError(f"The apt source line {line!r} was not understood.")
    signed_by = re.search(r"signed-by=(\S+)", match["options"] or "")
    keyring = signed_by[1] if signed_by else "/usr/share/keyrings/debian-archive-keyring.gpg"
    return (
        f"Types: deb\nURIs: {match['uri']}\nSuites: {match['suite']}\n"
        f"Components: {match['components']}\nSigned-By: {keyring}"
    )


def ignores_release_expiry() -> bool:
    """Whether this machine's apt accepts an archive whose Release file has expired, as a frozen mirror's has."""
    return 'Acquire::Check-Valid-Until "false"' in run(["apt-config", "dump"])


def extra_certificate_authorities() -> list[str]:
    """PEM certificates this machine trusts beyond Debian's own, such as a company proxy's; containers need them too."""
    if not CA_BUNDLE.exists():
        return []
    stock = set()
    for path in STOCK_CA_DIRECTORY.rglob("*.crt"):
        stock |= {"".join(pem.split()) for pem in _CERTIFICATE.findall(path.read_text())}
    trusted = _CERTIFICATE.findall(CA_BUNDLE.read_text())
    return sorted({pem for pem in trusted if "".join(pem.split()) not in stock})
