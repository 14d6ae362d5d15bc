# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""Building a generation of a conda environment: solve, install, pip on top, checks, record."""

from __future__ import annotations

import os
import typing as t
from dataclasses import asdict, replace
from datetime import datetime, timezone

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import (
    match_spec,
    relations,
    state_file,
    verify,
    virtual_packages,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import plan as planner
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.desired import DesiredCondaEnvironment, sources_of
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import InstallRequest, Package, SolveRequest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.pip_part import PipPart
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.wanted import Wanted
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.workplace import Workplace
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.plan import Observed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.record import Generation
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.store import Building, Store
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files.timing import timed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context


class Builder:
    """Builds for all environments of one module call; the engines are chosen once."""

    def __init__(self, context: Context, params: t.Mapping[str, t.Any]) -> None:
        self._context = context
        self._workplace = Workplace(context, params)
        self._pip = PipPart(context, params)
        self._platform = virtual_packages.platform_of(context.host.machine)
        self._solutions: dict[SolveRequest, tuple[Package, ...]] = {}
        self._warned: set[str] = set()

    def check(self, desired: DesiredCondaEnvironment, observed: Observed[Wanted]) -> None:
        """Refuse a file that was read for another platform; the controller reads it anew then."""
        described = desired.described() if desired.state != "cloned" else None
        platform = getattr(described, "platform", "") or desired.arguments["platform"] or self._platform
        if described is not None and platform != self._platform:
            raise MlstackError(
                "conda_wrong_platform",
                wanted=f"environment {desired.name} from {described.source}",
                found=f"it was read for {platform}, and the host is {self._platform}",
                to_fix=f"set platform: {self._platform} for this host",
                platform=self._platform,
            )

    def preview(self, desired: DesiredCondaEnvironment, observed: Observed[Wanted]) -> dict[str, str]:
        """What a build would hold, by a real solve; of what pip brings only what is pinned is known before."""
        recorded = observed.current.record if observed.current is not None else {}
        wanted, current = observed.wanted, observed.current
        repairing = wanted is not None and current is not None and current.digest == wanted.digest
        if repairing and current is not None and not observed.outdated:
            return dict(planner.RULES.recorded(current))
        stems = [item.stem for item in self.solve(desired, observed)]
        pins = observed.wanted.pip_pins if observed.wanted is not None else {}
        kept = recorded.get("pip_installed", {}) if desired.state == "absent" else {}
        return {**planner.contents(stems, kept), **pins}

    def solve(self, desired: DesiredCondaEnvironment, observed: Observed[Wanted]) -> tuple[Package, ...]:
        """The packages that a build would install. Nothing is solved where they are known already."""
        known = self._known(desired, observed)
        packages = self._solved(known) if isinstance(known, SolveRequest) else known
        self._judge(desired, observed, packages)
        return packages

    def _judge(
        self, desired: DesiredCondaEnvironment, observed: Observed[Wanted], packages: t.Sequence[Package]
    ) -> None:
        """Refuse what does not work with this host, before it is fetched and again before it is used; warn of the rest.

        Raises MlstackError."""
        title, virtual = f"environment {desired.name}", self._virtual(desired)
        settled = self._is_settled(desired, observed)
        lines = verify.check_host(title, packages, virtual, settled=settled)
        lines += verify.cpu_builds(title, packages, virtual, self._specs(desired, observed))
        for line in lines:
            if line not in self._warned:
                self._warned.add(line)
                self._context.warn(line)

    def _known(
        self, desired: DesiredCondaEnvironment, observed: Observed[Wanted]
    ) -> tuple[Package, ...] | SolveRequest:
        """The packages, or what is to be solved to know them."""
        wanted, current = observed.wanted, observed.current
        recorded = [Package.from_record(item) for item in current.record.get("packages", ())] if current else []
        if desired.state == "absent":
            return self._without(desired, observed, recorded)
        if wanted is None:
            raise AssertionError("a build without contents")
        if wanted.locked is not None:
            return wanted.locked
        repairing = current is not None and current.digest == wanted.digest
        if repairing and desired.state != "updated":
            return tuple(recorded)
        if not (wanted.specs or wanted.welcome):
            return ()
        locked = recorded if desired.state == "present" else []
        request = self._request(desired, wanted.specs, wanted.channels, locked, wanted.welcome)
        return self._solutions.get(request, request)

    def _without(
        self, desired: DesiredCondaEnvironment, observed: Observed[Wanted], recorded: list[Package]
    ) -> tuple[Package, ...]:
        record = observed.current.record if observed.current is not None else {}
        specs = [text for text in record.get("specs", ()) if match_spec.parse(text).name not in desired.absent_packages]
        channels = record.get("channels", ())
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

    def _is_settled(self, desired: DesiredCondaEnvironment, observed: Observed[Wanted]) -> bool:
        """Whether a lock, the source of a clone or a record says what is installed, and no solver."""
        wanted, current = observed.wanted, observed.current
        if wanted is None:
            return False
        repairing = current is not None and current.digest == wanted.digest and desired.state != "updated"
        return wanted.locked is not None or repairing

    def _request(
        self,
        desired: DesiredCondaEnvironment,
        specs: t.Iterable[str],
        channels: t.Iterable[str],
        locked: t.Iterable[Package],
        welcome: t.Iterable[str],
    ) -> SolveRequest:
        return SolveRequest(
            tuple(specs),
            sources_of(desired.arguments, channels),
            self._platform,
            locked=tuple(locked),
            virtual_packages=self._virtual(desired),
            title=f"environment {desired.name}",
            welcome=tuple(welcome),
        )

    def _solved(self, request: SolveRequest) -> tuple[Package, ...]:
        """What is asked for once in a call is solved once: the question comes before the build and in it."""
        if request not in self._solutions:
            engine = self._workplace.engine()
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
        overrides = {name: str(value or "") for name, value in (desired.options["virtual_packages"] or {}).items()}
        return virtual_packages.detect(self._context.host, self._context.commands, overrides)

    def build(
        self, desired: DesiredCondaEnvironment, observed: Observed[Wanted], store: Store
    ) -> tuple[Generation, dict[str, t.Any]]:
        """Build, verify and seal. What fails leaves no trace and the generation in use as it is."""
        timings: dict[str, float] = {}
        engine = self._workplace.engine()
        with timed(timings, "solve"):
            known = self._known(desired, observed)
            if isinstance(known, SolveRequest) and (known.welcome or not engine.in_one_go):
                known = self._solved(known)
        packages = () if isinstance(known, SolveRequest) else known
        self._judge(desired, observed, packages)
        contents = self._pip.contents(desired, observed)
        channels = observed.wanted.channels if observed.wanted else observed.current.record.get("channels", [])  # type: ignore[union-attr]
        specs = self._specs(desired, observed)
        with store.build(self._digest(desired, observed, packages), datetime.now(timezone.utc)) as building:
            scratch = os.path.join(building.path, ".scratch")
            os.mkdir(scratch, 0o700)
            asked = InstallRequest(
                building.prefix,
                packages,
                sources_of(desired.arguments, channels),
                self._platform,
                specs=tuple(specs),
                link_scripts=desired.options["link_scripts"],
                compile_bytecode=desired.options["compile_bytecode"],
                virtual_packages=self._virtual(desired),
                title=f"environment {desired.name}",
            )
            packages = self._fill(desired, known, asked, timings)
            variables = self._variables(observed)
            state_file.write(building.prefix, variables)
            with timed(timings, "verify"):
                judged = specs if desired.state != "cloned" else ()
                installed = verify.check_packages(f"environment {desired.name}", building.prefix, packages, judged)
                self._judge(desired, observed, installed)
            with timed(timings, "pip"):
                self._pip.install(desired, contents, building.prefix, scratch)
            record = self._record(desired, observed, building, installed, contents, scratch, timings)
            record.update(engine=engine.describe().as_dict(), specs=list(specs), channels=list(channels))
            record.update(variables=dict(variables), welcome=self._welcome(observed))
            disk.delete(scratch)
            with timed(timings, "seal"):
                generation = store.seal(building, record)
        return generation, {"timings": {name: round(seconds, 3) for name, seconds in timings.items()}}

    def _fill(
        self,
        desired: DesiredCondaEnvironment,
        known: tuple[Package, ...] | SolveRequest,
        asked: InstallRequest,
        timings: dict[str, float],
    ) -> tuple[Package, ...]:
        """Install into the new prefix; returns what. Raises MlstackError."""
        engine = self._workplace.engine()
        found: dict[str, list[str]] = {}
        for attempt in (1, 2):
            with timed(timings, "install"):
                if isinstance(known, SolveRequest):
                    solution, result = engine.create(known, asked)
                    known = solution.packages
                else:
                    result = engine.install(replace(asked, packages=known))
            if attempt == 1:
                for line in result.warnings:
                    self._context.warn(line)
            found = verify.damaged(asked.prefix) if desired.options["verify_files"] else {}
            if not found:
                return known
            if attempt == 1:  # a file of another environment was changed, and the cache with it
                engine.forget(item for item in known if item.name in found)
                disk.delete(asked.prefix)
        files = sorted(file for listed in found.values() for file in listed)
        raise MlstackError(
            "files_damaged",
            wanted=f"environment {desired.name} with every file as its package says",
            found=f"after a fresh installation {', '.join(files[:5])} differ",
            to_fix="find out whether the channel serves damaged packages, or this host's disk or memory is failing",
            files=files,
            packages=sorted(found),
        )

    def _record(
        self,
        desired: DesiredCondaEnvironment,
        observed: Observed[Wanted],
        building: Building,
        packages: t.Sequence[Package],
        contents: t.Any,
        scratch: str,
        timings: dict[str, float],
    ) -> dict[str, t.Any]:
        prefix = building.prefix
        before = contents.of_conda
        after = verify.distributions(prefix)
        pip = {name: version for name, version in after.items() if before.get(name) != version}
        with timed(timings, "verify_python"):
            found = verify.check_python(
                f"environment {desired.name}",
                prefix,
                desired.options["verify_imports"],
                pip,
                contents.requirements,
                self._context.commands,
                scratch,
            )
        frozen = [line for line in found.freeze if _name(line) in pip] if found else []
        python = next((item.version for item in packages if item.name == "python"), "")
        record: dict[str, t.Any] = {
            "kind": "conda",
            "platform": self._platform,
            "conda": [item.stem for item in packages],
            "packages": [_kept(item) for item in packages],
            "pip": contents.requirements,
            "pip_installed": pip,
            "freeze": frozen,
            "site_packages": [os.path.relpath(folder, prefix) for folder in verify.python_folders(prefix)],
            "installed": after,
            "checks": found.checks if found else {},
            "asked": observed.wanted.asked if observed.wanted else "",
        }
        if python:
            record["python"] = {"path": os.path.join(prefix, "bin", "python"), "version": python}
        return record

    def _specs(self, desired: DesiredCondaEnvironment, observed: Observed[Wanted]) -> tuple[str, ...]:
        if observed.wanted is not None:
            return observed.wanted.specs
        listed = observed.current.record.get("specs", ()) if observed.current else ()
        return tuple(text for text in listed if match_spec.parse(text).name not in desired.absent_packages)

    def _welcome(self, observed: Observed[Wanted]) -> list[str]:
        if observed.wanted is not None:
            return list(observed.wanted.welcome)
        return list(observed.current.record.get("welcome", ())) if observed.current else []

    def _variables(self, observed: Observed[Wanted]) -> t.Mapping[str, str]:
        if observed.wanted is not None:
            return observed.wanted.variables
        found: t.Mapping[str, str] = observed.current.record.get("variables", {}) if observed.current else {}
        return found

    def _digest(
        self, desired: DesiredCondaEnvironment, observed: Observed[Wanted], packages: t.Sequence[Package]
    ) -> str:
        if observed.wanted is not None:
            return observed.wanted.digest
        import hashlib

        # An environment that packages were taken out of satisfies no request for 'present'.
        return hashlib.sha256(("without\n" + "\n".join(item.stem for item in packages)).encode()).hexdigest()


def _names(package: Package) -> set[str]:
    return {relations.name_of(text) for text in package.depends}


def _kept(package: Package) -> dict[str, t.Any]:
    """What a record has of a package: enough to write it down, and to build the same again, to the last word of
    conda-meta."""
    return {key: value for key, value in asdict(package).items() if value and key != "complete"}


def _name(line: str) -> str:
    import re

    from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names

    return names.normalize(re.split(r"[\s\[;=@]", line, maxsplit=1)[0])
