# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""conda, mamba and micromamba as engines, by their command line.

They agree on what is used here: C(create --dry-run --json) to solve, C(install --file) with exact URLs to install. An
environment is never made by C(create): with C(-y) that deletes what stands at the path.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
import typing as t
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import CommandResult, Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import (
    engine_cli_output,
    engine_errors,
    history,
    history_entry,
    surroundings,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.engine import (
    CONDA,
    Description,
    Engine,
    Limits,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import (
    InstallRequest,
    InstallResult,
    Package,
    Solution,
    SolveRequest,
    Sources,
    VirtualPackage,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.rattler_process import records
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine import STRAY_VARIABLES

_CLASSIC = (
    "conda solves with its classic solver here, which can take half an hour: let it use libmamba (conda install -n "
    "base conda-libmamba-solver; conda config --set solver libmamba), or choose the engine rattler, micromamba or mamba"
)


class CommandLineEngine(Engine):
    """One of the programs, as identified by identify()."""

    def __init__(self, commands: Commands, limits: Limits, program: str, name: str, version: str, solver: str) -> None:
        super().__init__(commands, limits)
        self._description = Description(name, version, solver, program, _CLASSIC if solver == "classic" else "")

    def describe(self) -> Description:
        return self._description

    def package_cache(self) -> str:
        return os.path.join(self._cache(), "conda-pkgs")

    def solve(self, request: SolveRequest) -> Solution:
        started = time.monotonic()
        wished = f"{request.title} solved by {self._description.name}"
        named = {history.name_of(spec) for spec in request.specs}
        specs = [*request.specs, *(package.spec for package in request.pinned)]
        kept = [package.spec for package in request.locked if package.name not in named]
        # What to prefer cannot be said; what to keep can: so first with all of it, then without.
        attempts = [[*specs, *kept], specs] if kept else [specs]
        for number, attempt in enumerate(attempts, 1):
            try:
                packages = self._solved(attempt, request, wished)
            except MlstackError as exc:
                if exc.code not in ("conflict", "no_such_version", "no_such_package") or number == len(attempts):
                    raise
            else:
                break
        return Solution(packages, time.monotonic() - started)

    def install(self, request: InstallRequest) -> InstallResult:
        started = time.monotonic()
        with surroundings.only_one(request.prefix):
            linked, unlinked = self._installed(request)
        warnings = () if request.link_scripts else (f"{self._description.name} runs link scripts in any case",)
        return InstallResult(linked, unlinked, time.monotonic() - started, warnings)

    def _installed(self, request: InstallRequest) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Install, and tell the stems linked and unlinked by what conda-meta holds before and after."""
        wished = f"{request.title} installed by {self._description.name} into {request.prefix}"
        meta = os.path.join(request.prefix, "conda-meta")
        with open(os.path.join(meta, "history"), "a", encoding="utf-8"):
            pass  # by this file all of them know an environment
        before = records.installed(Path(meta))
        wanted = {package.stem: package for package in request.packages}
        surplus = [stem for stem in before if stem not in wanted]
        missing = [
            package
            for package in request.packages
            if not records.is_same(before.get(package.stem, {"name": None}), vars(package))
        ]
        for package in missing:
            check_local_archive(package, wished)
        names = {package.name for package in request.packages}
        gone = sorted({str(before[stem]["name"]) for stem in surplus} - names)
        if gone:
            self._run(["remove", "--force", "--json", "-y", "-p", request.prefix, *gone], request.sources, wished)
        if missing:
            self._install_explicit(request, missing, wished)
        after = records.installed(Path(meta))
        _check_outcome(wished, wanted, after)
        linked, unlinked = tuple(sorted(set(after) - set(before))), tuple(sorted(set(before) - set(after)))
        if request.specs:
            history_entry.write(request, linked, unlinked)
        return linked, unlinked

    def _solved(self, specs: t.Sequence[str], request: SolveRequest, wished: str) -> tuple[Package, ...]:
        with tempfile.TemporaryDirectory(prefix="solve-", dir=self.limits.scratch) as scratch:
            argv = ["create", "--dry-run", "--json", "-y", "-p", os.path.join(scratch, "nothing")]
            argv += ["--override-channels", *(word for name in request.sources.channels for word in ("-c", name))]
            # Without packages in its cache conda describes all that it would download.
            cache = os.path.join(self._cache(), "conda-index")
            env = {**overrides(request.virtual_packages), "CONDA_SUBDIR": request.platform}
            result = self._run([*argv, "--", *specs], request.sources, wished, env, cache, request.constraints)
        try:
            return engine_cli_output.linked(engine_cli_output.answer(result.out))
        except ValueError as exc:
            raise MlstackError(
                "engine_failed", wished=wished, found=f"an answer that cannot be used: {exc}", todo="use another engine"
            ) from exc

    def _install_explicit(self, request: InstallRequest, packages: t.Sequence[Package], wished: str) -> None:
        with tempfile.TemporaryDirectory(prefix="explicit-", dir=self.limits.scratch) as scratch:
            lock = os.path.join(scratch, "explicit.txt")
            with open(lock, "w", encoding="utf-8") as stream:
                stream.write("@EXPLICIT\n" + "".join(f"{explicit_line(package)}\n" for package in packages))
            argv = ["install", "--json", "-y", "-p", request.prefix, "--file", lock]
            argv += ["--no-pyc"] if self._description.name != CONDA and not request.compile_bytecode else []
            self._run(argv, request.sources, wished, {"CONDA_SUBDIR": request.platform})

    def _cache(self) -> str:
        return self.limits.cache or surroundings.default_cache()

    def _run(
        self,
        argv: t.Sequence[str],
        sources: Sources,
        wished: str,
        env: t.Mapping[str, str | None] | None = None,
        cache: str = "",
        constraints: t.Sequence[str] = (),
    ) -> CommandResult:
        for secret in sources.secrets:
            self.commands.redactor.add(secret)
        with tempfile.TemporaryDirectory(prefix="home-", dir=self.limits.scratch) as home:
            _write_home(home, sources, constraints)
            variables = {
                **STRAY_VARIABLES,
                **surroundings.environ(sources, home),
                "HOME": home,
                "CONDARC": os.path.join(home, ".condarc"),
                "CONDA_PKGS_DIRS": cache or self.package_cache(),
                "MAMBA_ROOT_PREFIX": os.path.join(self._cache(), "mamba-root"),
                **(env or {}),
            }
            result = self.commands.run(
                [self._description.program, *argv],
                purpose=wished,
                env=variables,
                timeout=self.limits.timeout,
                check=False,
            )
        answered = engine_cli_output.answer(result.out)
        if not result.ok or answered.get("success") is False:
            failure = self.commands.failure(result, wished)
            text = engine_cli_output.reason(result.out, result.err)
            raise engine_errors.explained(failure, text, sources.offline)
        return result


def identify(commands: Commands, program: str, scratch: str) -> tuple[str, str, str]:
    """(name, version, solver) of a program; the version is empty where it is none of these."""
    with tempfile.TemporaryDirectory(prefix="home-", dir=scratch) as home:
        # Its own configuration says which solver it takes, so the home stays; the root prefix would be made there.
        env = {**STRAY_VARIABLES, "MAMBA_ROOT_PREFIX": os.path.join(home, "root")}
        result = commands.run([program, "info", "--json"], purpose=f"ask {program} what it is", env=env, timeout=60)
    return engine_cli_output.identity(engine_cli_output.answer(result.out))


def overrides(packages: t.Sequence[VirtualPackage]) -> dict[str, str]:
    """The variables that let a program see these virtual packages; without any it looks itself. Empty hides CUDA."""
    if not packages:
        return {}
    found = {package.override: package.version for package in packages if package.override}
    return {"CONDA_OVERRIDE_CUDA": "", **found}


def explicit_line(package: Package) -> str:
    """A package as a line of an explicit lock, with a hash that all three check."""
    if package.md5:
        return f"{package.url}#{package.md5}"
    return f"{package.url}#sha256:{package.sha256}" if package.sha256 else package.url


def check_local_archive(package: Package, wished: str) -> None:
    """Compare an archive of a file:// channel with its hash: conda does not. Raises MlstackError."""
    parts = urlsplit(package.url)
    name = "sha256" if package.sha256 else "md5"
    expected = package.sha256 or package.md5
    if parts.scheme != "file" or not expected:
        return
    computed = hashlib.new(name)
    try:
        with open(unquote(parts.path), "rb") as stream:
            for block in iter(lambda: stream.read(1 << 20), b""):
                computed.update(block)
    except OSError as exc:
        error = {"code": "fetch_failed", "text": f"failed to open file `{unquote(parts.path)}`: {exc.strerror}"}
        raise engine_errors.from_rattler(error, wished, offline=False) from exc
    if computed.hexdigest() != expected:
        found = {"package": package.stem, "url": package.url, "algorithm": name, "expected": expected}
        error = {"code": "hash_mismatch", "computed": computed.hexdigest(), **found}
        raise engine_errors.from_rattler(error, wished, offline=False)


def _check_outcome(wished: str, wanted: t.Mapping[str, Package], after: t.Mapping[str, t.Mapping[str, t.Any]]) -> None:
    """Whatever a program says it did: conda-meta tells."""
    lacking, foreign = sorted(set(wanted) - set(after)), sorted(set(after) - set(wanted))
    if lacking or foreign:
        parts = [f"{', '.join(lacking)} is missing"] * bool(lacking) + [f"{', '.join(foreign)} is left"] * bool(foreign)
        raise MlstackError(
            "not_as_wished", wished=wished, found=" and ".join(parts), todo="use another engine, and report this"
        )


def _write_home(home: str, sources: Sources, constraints: t.Sequence[str]) -> None:
    """Configuration and credentials, in files that this user alone can read: arguments can be read by everybody."""
    settings: dict[str, t.Any] = {
        "always_yes": False,
        "auto_update_conda": False,
        "notify_outdated_conda": False,
        "add_pip_as_python_dependency": False,
        "channel_priority": sources.channel_priority,
        "offline": sources.offline,
    }
    settings.update({"channel_alias": sources.channel_alias} if sources.channel_alias else {})
    settings.update({"pinned_packages": list(constraints)} if constraints else {})
    if sources.mirrors:
        settings["mirrored_channels"] = {prefix: list(places) for prefix, places in sources.mirrors}
    _write_private(os.path.join(home, ".condarc"), json.dumps(settings))  # JSON is YAML
    netrc, tokens = "", {}
    for item in sources.credentials:
        host = item.host[2:] if item.host.startswith("*.") else item.host
        if item.user or item.password:
            netrc += f"machine {host.partition(':')[0]} login {item.user} password {item.password}\n"
            password = {"type": "BasicHTTPAuthentication", "user": item.user, "password": _base64(item.password)}
            tokens[host] = password
        elif item.token:
            tokens[host] = {"type": "BearerToken", "token": item.token}
        elif item.conda_token:
            tokens[host] = {"type": "CondaToken", "token": item.conda_token}
    if tokens:
        _write_private(os.path.join(home, ".netrc"), netrc)
        os.makedirs(os.path.join(home, ".mamba", "auth"))
        _write_private(os.path.join(home, ".mamba", "auth", "authentication.json"), json.dumps(tokens))


def _write_private(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)


def _base64(text: str) -> str:
    import base64

    return base64.b64encode(text.encode()).decode()
