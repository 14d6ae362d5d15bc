# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Building a generation of a conda environment: solve, install, pip on top, checks."""

from __future__ import annotations

import os
import typing as t
from dataclasses import asdict, dataclass, replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import (
    match_spec,
    relations,
    state_file,
    verify,
    virtual_packages,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import plan as planner
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.contents import Contents
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.desired import DesiredCondaEnvironment
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.engine_provider import EngineProvider
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.match_spec import MatchSpec
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import InstallRequest, Package, SolveRequest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.pip_part import PipPart
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import build
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.model import Observed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files.timing import timed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names, requirement_text
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine import DesiredEngine, Request


@dataclass(frozen=True)
class Work:
    """What a build installs: ``known`` packages, or what is to be solved for them in one go with installing them."""

    known: tuple[Package, ...] | SolveRequest
    pip: Request
    specs: tuple[MatchSpec, ...]
    channels: tuple[str, ...]
    welcome: tuple[str, ...]
    variables: t.Mapping[str, str]


class Builder(build.Builder[DesiredCondaEnvironment, Contents, Work]):
    """Builds for all environments of one module call; the engines are chosen once."""

    def __init__(self, context: Context, engine: DesiredEngine, pip: DesiredEngine) -> None:
        self._context = context
        self._provider = EngineProvider(context, engine)
        self._pip = PipPart(context, pip)
        self._platform = virtual_packages.platform_of(context.host.machine)
        self._solutions: dict[SolveRequest, tuple[Package, ...]] = {}
        self._warned: set[str] = set()

    def check(self, desired: DesiredCondaEnvironment, observed: Observed[Contents]) -> None:
        """Refuse a file that was read for another platform; the controller reads it anew then."""
        described = desired.described() if desired.state != "cloned" else None
        platform = getattr(described, "platform", "") or desired.platform or self._platform
        if described is not None and platform != self._platform:
            raise MlstackError(
                "conda_wrong_platform",
                wanted=f"environment {desired.name} from {described.source}",
                found=f"it was read for {platform}, and the host is {self._platform}",
                to_fix=f"set platform: {self._platform} for this host",
                platform=self._platform,
            )

    def preview(self, desired: DesiredCondaEnvironment, observed: Observed[Contents]) -> dict[str, str]:
        """What a build would hold, by a real solve; of what pip brings only what is pinned is known before."""
        if observed.repairing and observed.current is not None and not observed.outdated:
            return dict(planner.RULES.recorded(observed.current))
        stems = [item.stem for item in self.solve(desired, observed)]
        pins = observed.desired.pip_pins if observed.desired is not None else {}
        kept = observed.record.get("pip_installed", {}) if desired.state == "absent" else {}
        return {**planner.contents(stems, kept), **pins}

    def solve(self, desired: DesiredCondaEnvironment, observed: Observed[Contents]) -> tuple[Package, ...]:
        """The packages that a build would install. Nothing is solved where they are known already."""
        known = self._known(desired, observed)
        packages = self._solved(known) if isinstance(known, SolveRequest) else known
        self._judge(desired, observed, packages)
        return packages

    def _judge(
        self, desired: DesiredCondaEnvironment, observed: Observed[Contents], packages: t.Sequence[Package]
    ) -> None:
        """Refuse what does not work with this host, before it is fetched and again before it is used; warn of the rest.

        Raises MlstackError."""
        title, virtual = f"environment {desired.name}", self._virtual(desired)
        settled = self._is_settled(desired, observed)
        lines = verify.check_host(title, packages, virtual, settled=settled)
        lines += verify.cpu_builds(title, packages, virtual, self._specs(desired, observed))
        self._warn(lines)

    def _warn(self, lines: t.Iterable[str]) -> None:
        """Say each thing once in a call."""
        for line in lines:
            if line not in self._warned:
                self._warned.add(line)
                self._context.warn(line)

    def _known(
        self, desired: DesiredCondaEnvironment, observed: Observed[Contents]
    ) -> tuple[Package, ...] | SolveRequest:
        """The packages, or what is to be solved to know them."""
        contents = observed.desired
        recorded = [Package.from_record(item) for item in observed.record.get("packages", ())]
        if desired.state == "absent":
            return self._without(desired, observed, recorded)
        if contents is None:
            raise AssertionError("a build without contents")
        if contents.locked is not None:
            return contents.locked
        if observed.repairing and desired.state != "updated":
            return tuple(recorded)
        if not (contents.specs or contents.welcome):
            return ()
        locked = recorded if desired.state == "present" else []
        request = self._request(desired, contents.specs, contents.channels, locked, contents.welcome)
        return self._solutions.get(request, request)

    def _without(
        self, desired: DesiredCondaEnvironment, observed: Observed[Contents], recorded: list[Package]
    ) -> tuple[Package, ...]:
        record = observed.record
        specs, channels = self._specs(desired, observed), record.get("channels", ())
        welcome = [text for text in record.get("welcome", ()) if text not in desired.absent_packages]
        request = self._request(desired, specs, channels, recorded, welcome)
        found = self._solved(request) if specs or welcome else ()
        needed = [item for item in found if item.name in desired.absent_packages]
        if needed:
            by = {item.name: [who.name for who in found if item.name in _names(who)] for item in needed}
            raise MlstackError(
                "still_needed",
                wanted=f"environment {desired.name} without {', '.join(by)}",
                found="; ".join(f"{name} is needed by {', '.join(users)}" for name, users in by.items()),
                to_fix="take those out as well, or leave it",
            )
        return found

    def _is_settled(self, desired: DesiredCondaEnvironment, observed: Observed[Contents]) -> bool:
        """Whether a lock, the source of a clone or a record says what is installed, and no solver."""
        locked = observed.desired is not None and observed.desired.locked is not None
        return locked or (observed.repairing and desired.state != "updated")

    def _request(
        self,
        desired: DesiredCondaEnvironment,
        specs: t.Iterable[MatchSpec],
        channels: t.Iterable[str],
        locked: t.Iterable[Package],
        welcome: t.Iterable[str],
    ) -> SolveRequest:
        return SolveRequest(
            tuple(map(str, specs)),
            desired.sources_of(channels),
            self._platform,
            locked=tuple(locked),
            virtual_packages=self._virtual(desired),
            title=f"environment {desired.name}",
            welcome=tuple(welcome),
        )

    def _solved(self, request: SolveRequest) -> tuple[Package, ...]:
        """What is asked for once in a call is solved once: the question comes before the build and in it."""
        if request not in self._solutions:
            engine = self._provider.engine()
            try:
                whole = replace(request, specs=(*request.specs, *request.welcome), welcome=())
                packages = engine.solve(whole).packages
            except MlstackError as exc:
                if exc.code != "no_such_package" or exc.details.get("package") not in request.welcome:
                    raise
                packages = engine.solve(replace(request, welcome=())).packages if request.specs else ()
                missing = ", ".join(request.welcome)
                self._context.warn(f"{request.title}: the channels have no {missing}, which would have come along")
            self._solutions[request] = packages
        return self._solutions[request]

    def _virtual(self, desired: DesiredCondaEnvironment) -> tuple[t.Any, ...]:
        overrides = {name: str(value or "") for name, value in desired.virtual_packages.items()}
        return virtual_packages.detect(self._context.host, self._context.commands, overrides)

    def prepare(
        self, desired: DesiredCondaEnvironment, observed: Observed[Contents], timings: dict[str, float]
    ) -> tuple[Work, t.Iterable[str]]:
        engine = self._provider.engine()
        with timed(timings, "solve"):
            known = self._known(desired, observed)
            if isinstance(known, SolveRequest) and (known.welcome or not engine.in_one_go):
                known = self._solved(known)
        packages = () if isinstance(known, SolveRequest) else known
        self._judge(desired, observed, packages)
        record = observed.record
        contents = observed.desired
        work = Work(
            known,
            self._pip.request(desired, observed),
            self._specs(desired, observed),
            contents.channels if contents else tuple(record.get("channels", ())),
            contents.welcome if contents else tuple(record.get("welcome", ())),
            contents.variables if contents else record.get("variables", {}),
        )
        return work, [item.stem for item in packages]

    def fill(
        self,
        desired: DesiredCondaEnvironment,
        observed: Observed[Contents],
        work: Work,
        prefix: str,
        scratch: str,
        timings: dict[str, float],
    ) -> dict[str, t.Any]:
        title = f"environment {desired.name}"
        packages = self._installed(desired, work, prefix, timings)
        state_file.write(prefix, work.variables)
        with timed(timings, "verify"):
            judged = map(str, work.specs) if desired.state != "cloned" else ()
            installed = verify.check_packages(title, prefix, packages, judged)
            self._judge(desired, observed, installed)
        with timed(timings, "pip"):
            before = self._pip.install(desired, work.pip, prefix, scratch)
        after = verify.distributions(prefix)
        pip = {name: version for name, version in after.items() if before.get(name) != version}
        with timed(timings, "verify_python"):
            imports, commands = desired.verify_imports, self._context.commands
            found = verify.check_python(title, prefix, imports, pip, work.pip.requirements, commands, scratch)
        record: dict[str, t.Any] = {
            "kind": "conda",
            "platform": self._platform,
            "engine": self._provider.engine().describe().as_dict(),
            "specs": [str(spec) for spec in work.specs],
            "channels": list(work.channels),
            "welcome": list(work.welcome),
            "variables": dict(work.variables),
            "conda": [item.stem for item in installed],
            "packages": [_kept(item) for item in installed],
            "pip": requirement_text.text(work.pip.requirements),
            "pip_installed": pip,
            "freeze": [line for line in found.freeze if names.leading(line) in pip] if found else [],
            "site_packages": [os.path.relpath(folder, prefix) for folder in verify.python_folders(prefix)],
            "installed": after,
            "checks": found.checks if found else {},
        }
        python = next((item.version for item in installed if item.name == "python"), "")
        if python:
            record["python"] = {"path": os.path.join(prefix, "bin", "python"), "version": python}
        return record

    def _installed(
        self, desired: DesiredCondaEnvironment, work: Work, prefix: str, timings: dict[str, float]
    ) -> tuple[Package, ...]:
        """Install into the new prefix; returns what. Raises MlstackError."""
        engine = self._provider.engine()
        request = InstallRequest(
            prefix,
            (),
            desired.sources_of(work.channels),
            self._platform,
            specs=tuple(map(str, work.specs)),
            link_scripts=desired.link_scripts,
            compile_bytecode=desired.compile_bytecode,
            virtual_packages=self._virtual(desired),
            title=f"environment {desired.name}",
        )
        known = work.known

        def install() -> None:
            nonlocal known
            with timed(timings, "install"):
                if isinstance(known, SolveRequest):
                    solution, result = engine.create(known, request)
                    known = solution.packages
                else:
                    result = engine.install(replace(request, packages=known))
            self._warn(result.warnings)

        def forget(packages: t.Sequence[str]) -> None:
            engine.forget(item for item in t.cast("tuple[Package, ...]", known) if item.name in packages)

        build.whole(desired, prefix, install, verify.damaged, forget)
        return t.cast("tuple[Package, ...]", known)

    def _specs(self, desired: DesiredCondaEnvironment, observed: Observed[Contents]) -> tuple[MatchSpec, ...]:
        if observed.desired is not None:
            return observed.desired.specs
        recorded = map(match_spec.parse, observed.record.get("specs", ()))
        return tuple(spec for spec in recorded if spec.name not in desired.absent_packages)


def _names(package: Package) -> set[str]:
    return {relations.name_of(text) for text in package.depends}


def _kept(package: Package) -> dict[str, t.Any]:
    """What a record has of a package: enough to write it down, and to build the same again, to the last word of
    conda-meta."""
    return {key: value for key, value in asdict(package).items() if value and key != "complete"}
