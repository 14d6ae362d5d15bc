# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The search for one set that holds together, and the trail of what stood in its way. Pure.

Drivers are tried in order of preference: the one that the host has, then branches whose own CUDA is new enough, then
branches that need minor-version compatibility, then the forward compatibility package where it is allowed.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue import candidates, gpus, needs, offers
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.catalogue import Catalogue
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.gpus import Driver
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.model import (
    AUTO,
    FRAMEWORKS,
    DesiredStack,
    HostFacts,
    Reason,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.needs import (
    FORWARD,
    FULL,
    MINOR,
    Build,
    Release,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.table import minor_of, number

# How far a driver came before something stood in its way.
_DRIVER, _OFFER, _FLAVOUR, _TOOLKIT, _FRAMEWORK, _TOGETHER = 0, 1, 2, 3, 4, 4 + len(FRAMEWORKS)


@dataclass(frozen=True)
class Choice:
    """A set by its rows. ``modes`` tell how the driver runs the toolkit and each framework."""

    driver: Driver | None
    flavour: str
    release: Release | None
    builds: tuple[Build, ...]
    python: str
    modes: dict[str, int] = field(default_factory=dict)


@dataclass
class Trail:
    """What stood in the way, of the driver that came farthest."""

    stage: int = -1
    reasons: list[Reason] = field(default_factory=list)

    def add(self, stage: int, reasons: t.Iterable[Reason | None]) -> None:
        if stage > self.stage:
            self.stage = stage
            self.reasons = list({reason.text: reason for reason in reasons if reason is not None}.values())


class Search:
    """One question: facts, desired states, catalogue. ``relaxed`` names desired states that are given up for the
    nearest value.
    """

    def __init__(
        self, facts: HostFacts, all_desired: DesiredStack, catalogue: Catalogue, relaxed: t.Container[str] = ()
    ) -> None:
        self.facts, self.all_desired, self.catalogue, self.relaxed = facts, all_desired, catalogue, relaxed
        self.gpus = [gpus.known(gpu, catalogue) for gpu in facts.gpus]
        self.trail = Trail()
        self._toolkits, self._toolkit_reasons = self._fitting_toolkits()
        self._builds = {name: self._fitting_builds(name) for name in FRAMEWORKS if getattr(all_desired, name)}

    def run(self) -> Choice | None:
        """The first set that holds, or None; then ``trail`` tells why."""
        if not self.gpus:
            return self._with(None, "", FULL)
        found = candidates.drivers(self.facts, self.all_desired, self.catalogue, "driver" in self.relaxed)
        if not found:
            whose = f", and its driver is somebody else's to bring ({self.facts.owner})" if self.facts.foreign else ""
            self.trail.add(_DRIVER, [Reason(f"this host has no driver{whose}")])
        most = FORWARD if self.all_desired.compat else MINOR
        tries = [(driver, most) for driver in found if driver.kept]
        for mode in range(FULL, most + 1):
            tries += [(driver, mode) for driver in found if not driver.kept]
        for driver, mode in tries:
            choice = self._with_driver(driver, mode)
            if choice is not None:
                return choice
        return None

    def _with_driver(self, driver: Driver, worst: int) -> Choice | None:
        unfit = [candidates.unknown_branch(driver, self.catalogue)]
        unfit += [gpus.refuses_driver(gpu, driver) for gpu in self.gpus]
        if any(unfit):
            self.trail.add(_DRIVER, unfit)
            return None
        withheld = offers.refuses_driver(driver, self.facts, self.catalogue)
        if withheld is not None:
            self.trail.add(_OFFER, [withheld, *self._dropped()])
            return None
        return self._with_flavours(driver, worst)

    def _dropped(self) -> list[Reason | None]:
        """Where any driver would do, why newer ones do not either: GPUs that they have dropped."""
        if self.all_desired.driver:
            return []
        newest = max((row["branch"] for row in self.catalogue.tables["branches"]), key=number)
        return [gpus.refuses_driver(gpu, Driver(newest)) for gpu in self.gpus]

    def _with_flavours(self, driver: Driver, worst: int) -> Choice | None:
        desired = AUTO if "flavour" in self.relaxed else self.all_desired.flavour
        present = self.facts.driver.flavour if self.facts.driver is not None else ""
        if desired != AUTO:
            tried: tuple[str, ...] = (desired,)
        elif driver.kept and present:
            tried = (present,)
        else:
            tried = gpus.preferred_flavours(driver, present)
        newest = max(self.catalogue.tables["branches"], key=lambda row: number(row["branch"]))
        reasons: list[Reason | None] = []
        for flavour in tried:
            against = [gpus.branch_lacks(driver, flavour, newest)]
            against += [gpus.refuses_flavour(gpu, flavour) for gpu in self.gpus]
            if not any(against):
                return self._with(driver, flavour, worst)
            reasons += against
        self.trail.add(_FLAVOUR, reasons)
        return None

    def _with(self, driver: Driver | None, flavour: str, worst: int) -> Choice | None:
        modes: dict[int, int] = {}
        toolkits, why = self._within(
            self._toolkits,
            lambda release: (
                needs.mode_of(driver, release, self.gpus, self.catalogue, worst == FORWARD) if driver else (FULL, None)
            ),
            worst,
            modes,
        )
        if self.all_desired.cuda and not toolkits:
            self.trail.add(_TOOLKIT, [*self._toolkit_reasons, *why])
            return None
        if self.all_desired.cuda == AUTO:
            toolkits.sort(key=lambda release: (modes[id(release)], not release.rule.verified))
        frameworks = []
        for stage, name in enumerate(FRAMEWORKS, _FRAMEWORK):
            if name not in self._builds:
                continue
            fitting, reasons = self._builds[name]
            usable, why = self._within(fitting, lambda build: self._framework_mode(driver, build), worst, modes)
            if not usable:
                self.trail.add(stage, [*reasons, *why])
                return None
            frameworks.append(usable)
        return self._together(driver, flavour, toolkits, frameworks, modes)

    def _framework_mode(self, driver: Driver | None, build: Build) -> tuple[int, Reason | None]:
        if driver is None or build.on_cpu:
            return FULL, None
        return needs.framework_mode(driver, build, self.gpus, self.catalogue, self.facts.architecture)

    def _within(
        self,
        found: t.Sequence[t.Any],
        judge: t.Callable[[t.Any], tuple[int, Reason | None]],
        worst: int,
        modes: dict[int, int],
    ) -> tuple[list[t.Any], list[Reason | None]]:
        """What a driver runs in a mode that is no worse than C(worst), and why it does not run the rest."""
        usable, why = [], []
        for item in found:
            mode, reason = judge(item)
            if reason is None and mode <= worst:
                usable.append(item)
                modes[id(item)] = mode
            else:
                why.append(reason)
        return usable, why

    def _together(
        self,
        driver: Driver | None,
        flavour: str,
        toolkits: list[Release],
        frameworks: list[list[Build]],
        modes: dict[int, int],
    ) -> Choice | None:
        reasons: list[Reason | None] = []
        for release, builds in self._pairs(toolkits, frameworks, modes):
            against = _majors_differ(release, builds)
            python, why = self._python(builds)
            if against is None and not why:
                told = {build.name: modes[id(build)] for build in builds}
                if release is not None:
                    told["cuda"] = modes[id(release)]
                return Choice(driver, flavour, release, builds, python, told)
            reasons += [against, *why]
        self.trail.add(_TOGETHER, reasons)
        return None

    def _pairs(
        self, toolkits: list[Release], frameworks: list[list[Build]], modes: dict[int, int]
    ) -> t.Iterator[tuple[Release | None, tuple[Build, ...]]]:
        """Toolkits with builds. A toolkit that was named comes first and builds with its CUDA before others; otherwise
        the newest framework decides."""
        if not toolkits or self.all_desired.cuda == AUTO:
            for builds in _combinations(frameworks, modes):
                for release in toolkits or (None,):
                    yield release, builds
            return
        for release in toolkits:
            for builds in _combinations(frameworks, modes, release.minor):
                yield release, builds

    def _python(self, builds: t.Sequence[Build]) -> tuple[str, list[Reason]]:
        if not builds:
            return (minor_of(self.all_desired.python) if self.all_desired.python else ""), []
        reasons: list[Reason] = []
        for python in candidates.pythons(self.facts, self.all_desired, builds, "python" in self.relaxed):
            why = [needs.refuses_python(build, python) for build in builds]
            if not any(why):
                return python, []
            reasons += [reason for reason in why if reason is not None]
        return "", reasons

    def _fitting_toolkits(self) -> tuple[list[Release], list[Reason]]:
        if not self.all_desired.cuda:
            return [], []
        found = candidates.releases(self.all_desired, self.catalogue, "cuda" in self.relaxed)
        if not found:
            return [], [Reason(f"the tables know no CUDA {self.all_desired.cuda}")]
        return _sifted(found, self._against_toolkit)

    def _against_toolkit(self, release: Release) -> list[Reason | None]:
        """What the host itself has against a toolkit."""
        offered = offers.refuses_toolkit(release, self.facts, self.catalogue)
        return [*(needs.refuses_release(gpu, release) for gpu in self.gpus), offered]

    def _fitting_builds(self, name: str) -> tuple[list[Build], list[Reason]]:
        found = candidates.builds(
            name, self.all_desired, self.catalogue, name in self.relaxed, "wheel" in self.relaxed, not self.gpus
        )
        if not found:
            tag = f" for {self.all_desired.wheel}" if self.all_desired.wheel != AUTO else ""
            return [], [Reason(f"the tables know no {name} {getattr(self.all_desired, name)}{tag}")]
        return _sifted(found, self._against)

    def _against(self, build: Build) -> list[Reason | None]:
        """What the host itself, whatever its driver, has against a build."""
        architecture = self.facts.architecture
        return [
            needs.refuses_glibc(build, self.facts.glibc, self.catalogue),
            *(needs.refuses_build(gpu, build, self.catalogue, architecture) for gpu in self.gpus),
        ]


def _sifted(
    found: t.Sequence[t.Any], judge: t.Callable[[t.Any], list[Reason | None]]
) -> tuple[list[t.Any], list[Reason]]:
    fitting, reasons = [], []
    for item in found:
        against = [reason for reason in judge(item) if reason is not None]
        if against:
            reasons += against
        else:
            fitting.append(item)
    return fitting, reasons


def _combinations(
    frameworks: list[list[Build]], modes: dict[int, int], cuda: str = ""
) -> t.Iterator[tuple[Build, ...]]:
    """One build of each framework. Of one release, one with this CUDA comes first, then a stable one before an
    experimental one, then one that the driver runs fully."""
    if not frameworks:
        yield ()
        return
    order = {build.version: place for place, build in reversed(list(enumerate(frameworks[0])))}

    def rank(build: Build) -> tuple[t.Any, ...]:
        other_cuda = bool(cuda) and minor_of(build.row["cuda"]) != cuda
        return order[build.version], other_cuda, build.row["channel"] != "stable", modes[id(build)]

    for build in sorted(frameworks[0], key=rank):
        for others in _combinations(frameworks[1:], modes, cuda):
            yield (build, *others)


def _majors_differ(release: Release | None, builds: t.Sequence[Build]) -> Reason | None:
    """Extensions of a framework are compiled with the toolkit, and its build refuses another major version
    (torch.utils.cpp_extension)."""
    for build in builds:
        if release is not None and build.row["cuda"] and number(build.row["cuda"])[0] != release.major:
            return build.row.reason(f"{build.title} is built with CUDA {build.row['cuda']}, not CUDA {release.major}")
    return None
