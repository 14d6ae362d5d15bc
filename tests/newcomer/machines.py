# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of the checkout on a machine that has Python 3 and nothing else, and ./converge run there by a newcomer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.gpufleet.mlstack.tests.bed.containers import Container, container, require_bed

COPY = "/srv/mlstack"
USER = "newcomer"


@dataclass(frozen=True)
class Run:
    """How ./converge ended: its status, what it printed, and the numbers of the summary, if it came that far."""

    rc: int
    printed: str

    @property
    def summary(self) -> dict[str, int]:
        found = re.search(r"^(?:SUMMARY|CHECK) of 1 host in \w+: (.+)$", self.printed, re.MULTILINE)
        assert found, self.printed
        counted = [part.split(" ", 1) for part in found.group(1).replace("would change", "changed").split(", ")]
        return {name: int(number) for number, name in counted}

    def converged(self, changed: bool) -> Run:
        """Itself, if everything went well and something, or nothing, was changed."""
        assert self.rc == 0, self.printed[-6000:]
        assert self.summary["failed"] == self.summary["unreachable"] == 0
        assert bool(self.summary["changed"]) is changed, self.printed[-6000:]
        return self


@dataclass(frozen=True)
class Machine:
    """C(host) holds the checkout; C(home) is where a user's environments go."""

    host: Container

    def converge(self, *arguments: str, user: str = "root", timeout_s: float = 1200) -> Run:
        home = "/root" if user == "root" else f"/home/{user}"
        done = self.host.run(
            [f"{COPY}/converge", *arguments], user=user, env={"HOME": home, "LC_ALL": ""}, timeout_s=timeout_s
        )
        return Run(done.rc, done.out + done.err)


def machine(image_key: str, archive: Path) -> Iterator[Machine]:
    require_bed()
    with container(image_key) as host:
        host.copy_in(archive, "/srv/checkout.tar")
        # Only what every machine with Python has: the archive is unpacked by it.
        host.check(["python3", "-m", "tarfile", "-e", "/srv/checkout.tar", COPY])
        host.check(f"useradd --create-home {USER}")
        yield Machine(host)
