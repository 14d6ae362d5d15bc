# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Throw-away signing keys: the bed's own, and a stranger's that no host trusts."""

from __future__ import annotations

from pathlib import Path

from .host import run

BED = "bed"
STRANGER = "stranger"


class Keys:
    """A GnuPG home with both keys, made on first use and kept with the bed's state."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._environment = {"GNUPGHOME": str(home)}
        if not (home / "pubring.kbx").exists():
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            for owner in (BED, STRANGER):
                self._gpg("--passphrase", "", "--quick-gen-key", self.address(owner), "rsa3072", "sign", "never")
            self.rest()

    @staticmethod
    def address(owner: str) -> str:
        """The user id of one of the keys."""
        return f"{owner}@gpufleet-bed.invalid"

    def public_key(self, owner: str) -> str:
        """The public key, armoured."""
        return self._gpg("--armor", "--export", self.address(owner))

    def sign_inline(self, owner: str, text: Path, signed: Path) -> None:
        """Write `text` with its signature around it (apt's InRelease)."""
        self._gpg("--yes", "--local-user", self.address(owner), "--output", signed, "--clearsign", text)

    def sign_detached(self, owner: str, text: Path, signature: Path) -> None:
        """Write an armoured signature beside `text` (apt's Release.gpg, dnf's repomd.xml.asc)."""
        self._gpg("--yes", "--local-user", self.address(owner), "--output", signature, "--armor", "--detach-sign", text)

    def sign_rpms(self, owner: str, packages: list[Path]) -> None:
        """Sign .rpm files in place. Debian's rpm looks for a program `gpg2`, which Debian does not have."""
        macros = {"_gpg_name": self.address(owner), "_gpg_path": str(self.home), "__gpg": "/usr/bin/gpg"}
        defines = [word for key, value in macros.items() for word in ("--define", f"{key} {value}")]
        run(["rpmsign", *defines, "--addsign", *packages], env=self._environment)

    def rest(self) -> None:
        """End the agent that gpg has started for the keys; it starts again when it is needed."""
        run(["gpgconf", "--homedir", self.home, "--kill", "gpg-agent"])

    def _gpg(self, *arguments: str | Path) -> str:
        return run(["gpg", "--batch", "--quiet", *arguments], env=self._environment)
