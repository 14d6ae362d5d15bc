# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test packages: one table that becomes both .deb and .rpm files.

Every package leaves `/usr/share/bed/<name>` holding its version, so that a test can look at the host
and need not believe a package manager's word. Relations are written once, as `name >= version`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Package:
    """One version of one package, in words that both formats have.

    `version` is upstream's, with an epoch where it has one (`1:2.0`); `after_install` is a shell
    script (postinst, %post), `before_removal` another (prerm, %preun) that an upgrade does not run. Files below a
    folder `bin` or `sbin` can be run. `stand_in_for` names the real package whose place it takes, `vendor` who
    made it, which only .rpm says, `made_from` its source package, which only .deb says.
    """

    name: str
    version: str
    release: str = "1"
    requires: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    obsoletes: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    after_install: str = ""
    before_removal: str = ""
    stand_in_for: str = ""
    vendor: str = ""
    made_from: str = ""

    @property
    def epoch(self) -> str:
        """The epoch, "" where there is none."""
        epoch, colon, _ = self.version.partition(":")
        return epoch if colon else ""

    @property
    def upstream(self) -> str:
        """The version without its epoch."""
        return self.version.rpartition(":")[2]

    @property
    def full_version(self) -> str:
        """[epoch:]version-release, which is how apt and dnf both write it."""
        return f"{self.version}-{self.release}"

    @staticmethod
    def mode(path: str) -> int:
        """The rights of one of its files."""
        return 0o755 if path.rsplit("/", 2)[-2] in ("bin", "sbin") else 0o644

    @property
    def description(self) -> str:
        """One line for the package's header."""
        return f"Stand-in for {self.stand_in_for}" if self.stand_in_for else f"Test package {self.name}"


def _marked(*packages: Package) -> tuple[Package, ...]:
    """The packages, each with the file that tells its version."""
    return tuple(
        Package(**{**vars(p), "files": {f"/usr/share/bed/{p.name}": f"{p.full_version}\n", **p.files}})
        for p in packages
    )


TEST_PACKAGES = _marked(
    # Several versions, with a dependency that rises with them.
    Package("bed-library", "1.0"),
    Package("bed-library", "2.0"),
    Package("bed-tool", "1.0", requires=("bed-library >= 1.0",)),
    Package("bed-tool", "1.1", requires=("bed-library >= 1.0",)),
    Package("bed-tool", "1.1", "2", requires=("bed-library >= 1.0",)),
    Package("bed-tool", "2.0", requires=("bed-library >= 2.0",)),
    # Upgrading bed-tool to 2.0 cannot keep this one: somebody's package would be removed unasked.
    Package("bed-plugin", "1.0", requires=("bed-tool < 2.0",)),
    # Nothing else needs it, so removing it removes nothing more.
    Package("bed-leaf", "1.0"),
    Package("bed-leaf", "1.1"),
    # Two that exclude each other, and one that supersedes another.
    Package("bed-mailer-a", "1.0", conflicts=("bed-mailer-b",)),
    Package("bed-mailer-b", "1.0", conflicts=("bed-mailer-a",)),
    Package("bed-old-name", "1.0"),
    Package("bed-new-name", "2.0", obsoletes=("bed-old-name",)),
    # Provided by a name that no package has.
    Package("bed-provider", "1.0", provides=("bed-capability",)),
    # An epoch: 1:0.9 is newer than 5.0.
    Package("bed-epoch", "5.0"),
    Package("bed-epoch", "1:0.9"),
    # A configuration file that an upgrade may want to replace, which asks on a terminal.
    Package("bed-configured", "1.0", files={"/etc/bed-configured.conf": "level = 1\n"}),
    Package("bed-configured", "2.0", files={"/etc/bed-configured.conf": "level = 2\n"}),
    # Things that go wrong: a dependency that exists nowhere, and a script that fails.
    Package("bed-uninstallable", "1.0", requires=("bed-does-not-exist",)),
    Package("bed-script-fails", "1.0", after_install="echo 'bed-script-fails: no space for the index' >&2; exit 3"),
    # Long enough in its script to be killed, or to hold the package manager's lock against another.
    Package("bed-slow", "1.0", after_install="sleep 8"),
    # 64 MiB unpacked, for small disks.
    Package("bed-big", "1.0", files={"/usr/share/bed/bed-big.data": "0123456789abcdef" * (4 * 1024 * 1024)}),
)

UNSIGNED_PACKAGES = _marked(Package("bed-unsigned", "1.0"))
STRANGERS_PACKAGES = _marked(Package("bed-signed-by-a-stranger", "1.0"))
