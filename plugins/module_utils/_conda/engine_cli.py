# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""conda, mamba and micromamba as engines, by their command line.

They agree on what is used here: C(create --dry-run --json) to solve, C(install --file) with exact URLs to install. An
environment is never made by C(create): with C(-y) that deletes what stands at the path. What is there already is
preferred by C(pinned_packages), which bound a version and ask for nothing; where not all of it can stay, kept.py finds
what can. The history is written by us alone: these programs take every URL of C(--file) for a desired state.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
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
    kept,
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
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import writing
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine import STRAY_VARIABLES

_CLASSIC = (
    "conda solves with its classic solver here, which can take half an hour: let it use libmamba (conda install -n "
    "base conda-libmamba-solver; conda config --set solver libmamba), or choose the engine rattler, micromamba or mamba"
)


# What a solver says where pins exclude each other or what is wanted; without a known cause, too: that is for the
# attempt without pins to tell.
_NO_SOLUTION = frozenset(
    {"conflict", "no_such_version", "no_such_package", "no_virtual_package", "command_failed", "engine_failed"}
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
        wanted = f"{request.title} solved by {self._description.name}"
        preferred = kept.allowed(request)
        packages = self._with_all(preferred, request, wanted) if preferred else None
        if packages is None:
            packages = kept.overlaid(self._solved(request, request.constraints, wanted), request)
        return Solution(packages, time.monotonic() - started)

    def _with_all(
        self, preferred: t.Sequence[Package], request: SolveRequest, wanted: str
    ) -> tuple[Package, ...] | None:
        """The solution in which all that is there stays as it is; None where there is no such."""
        names = {package.name for package in preferred}
        bounds = [text for text in request.constraints if history.name_of(text) not in names]
        try:
            return self._solved(request, [*bounds, *(package.spec for package in preferred)], wanted)
        except MlstackError as exc:
            if exc.code not in _NO_SOLUTION:
                raise
        return None

    def install(self, request: InstallRequest) -> InstallResult:
        started = time.monotonic()
        with surroundings.only_one(request.prefix):
            linked, unlinked = self._installed(request)
        warnings = () if request.link_scripts else (f"{self._description.name} runs link scripts in any case",)
        return InstallResult(linked, unlinked, time.monotonic() - started, warnings)

    def _installed(self, request: InstallRequest) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Install, and tell the stems linked and unlinked by what conda-meta holds before and after."""
        purpose = f"{request.title} installed by {self._description.name} into {request.prefix}"
        meta = Path(request.prefix, "conda-meta")
        before = records.installed(meta)
        wanted = {package.stem: package for package in request.packages}
        stays = {stem for stem in before if stem in wanted and records.is_same(before[stem], vars(wanted[stem]))}
        goes = {stem: record for stem, record in before.items() if stem not in stays}
        # A file that goes with one package may be another's, too: that one is taken out as well, and installed anew.
        again = _sharing(goes.values(), {stem: before[stem] for stem in stays})
        missing = [package for package in request.packages if package.stem not in stays or package.stem in again]
        for package in missing:
            check_local_archive(package, purpose)
        left = {package.name for package in request.packages if package.stem not in again}
        gone = sorted({str(before[stem]["name"]) for stem in {*goes, *again}} - left)
        _make_history(meta)
        ended = self._changed(request, gone, missing, purpose) if gone or missing else None
        after = records.installed(meta)
        if ended is not None and not ended.ok and not _is_whole(request.prefix, wanted, after):
            raise self._failure(ended, request.sources, purpose)
        _check_outcome(purpose, wanted, after)
        linked, unlinked = tuple(sorted(set(after) - set(before))), tuple(sorted(set(before) - set(after)))
        if request.specs:
            history_entry.write(request, linked, unlinked)
        return linked, unlinked

    def _changed(
        self, request: InstallRequest, gone: t.Sequence[str], missing: t.Sequence[Package], wanted: str
    ) -> CommandResult | None:
        """Take packages out by name, install others; how the program ended that installed."""
        with own_history(Path(request.prefix, "conda-meta")):
            if gone:
                self._run(["remove", "--force", "--json", "-y", "-p", request.prefix, *gone], request.sources, wanted)
            return self._install_explicit(request, missing, wanted) if missing else None

    def _solved(self, request: SolveRequest, pins: t.Sequence[str], wanted: str) -> tuple[Package, ...]:
        specs = [*request.specs, *(package.spec for package in request.pinned)]
        with tempfile.TemporaryDirectory(prefix="solve-", dir=self.limits.scratch) as scratch:
            argv = ["create", "--dry-run", "--json", "-y", "-p", os.path.join(scratch, "nothing")]
            argv += ["--override-channels", *(word for name in request.sources.channels for word in ("-c", name))]
            # Without packages in its cache conda describes all that it would download.
            cache = os.path.join(self._cache(), "conda-index")
            env = {**overrides(request.virtual_packages), "CONDA_SUBDIR": request.platform}
            try:
                result = self._run([*argv, "--", *specs], request.sources, wanted, env, cache, pins)
            except MlstackError as exc:
                raise self._said(exc, specs) from None
        try:
            return kept.needed(specs, engine_cli_output.linked(engine_cli_output.answer(result.out)))
        except ValueError as exc:
            raise MlstackError(
                "engine_failed",
                wanted=wanted,
                found=f"an answer that cannot be used: {exc}",
                to_fix="use another engine",
            ) from exc

    def _said(self, error: MlstackError, specs: t.Sequence[str]) -> MlstackError:
        """The error with the desired state in it, where the classic solver does not name what stands in the way."""
        if self._description.solver != "classic" or any(error.details.get(key) for key in ("conflicts", "package")):
            return error
        desired = ", ".join(specs)
        found = {
            "conflict": f"the channels have no packages for all of {desired}; the classic solver does not say why",
            "no_virtual_package": f"{desired}: {error.found}",
        }.get(error.code, error.found)
        return MlstackError(error.code, wanted=error.wanted, found=found, to_fix=error.to_fix, **error.details)

    def _install_explicit(self, request: InstallRequest, packages: t.Sequence[Package], wanted: str) -> CommandResult:
        """How the program ended: with 0, or by a signal; then conda-meta tells what it had done before."""
        with tempfile.TemporaryDirectory(prefix="explicit-", dir=self.limits.scratch) as scratch:
            lock = os.path.join(scratch, "explicit.txt")
            with open(lock, "w", encoding="utf-8") as stream:
                stream.write("@EXPLICIT\n" + "".join(f"{explicit_line(package)}\n" for package in packages))
            argv = ["install", "--json", "-y", "-p", request.prefix, "--file", lock]
            argv += ["--no-pyc"] if self._description.name != CONDA and not request.compile_bytecode else []
            env = {"CONDA_SUBDIR": request.platform}
            return self._run(argv, request.sources, wanted, env, signal_is_no_failure=True)

    def _cache(self) -> str:
        return self.limits.cache or surroundings.default_cache()

    def _run(
        self,
        argv: t.Sequence[str],
        sources: Sources,
        wanted: str,
        env: t.Mapping[str, str | None] | None = None,
        cache: str = "",
        pins: t.Sequence[str] = (),
        signal_is_no_failure: bool = False,
    ) -> CommandResult:
        for secret in sources.secrets:
            self.commands.redactor.add(secret)
        with tempfile.TemporaryDirectory(prefix="home-", dir=self.limits.scratch) as home:
            _write_home(home, sources, pins)
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
                purpose=wanted,
                env=variables,
                timeout=self.limits.timeout,
                check=False,
            )
        answered = engine_cli_output.answer(result.out)
        # An interpreter may crash while it ends, after all that it had to say.
        said_all = _by_signal(result) and (answered.get("success") is True or signal_is_no_failure)
        if not (result.ok or said_all) or answered.get("success") is False:
            raise self._failure(result, sources, wanted)
        return result

    def _failure(self, result: CommandResult, sources: Sources, wanted: str) -> MlstackError:
        text = engine_cli_output.reason(result.out, result.err)
        return engine_errors.explained(self.commands.failure(result, wanted), text, sources.offline)


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
    # Of the processor the build tells, and its version is always 1.
    told = {item: item.build if item.name == "__archspec" else item.version for item in packages}
    found = {package.override: told[package] for package in packages if package.override}
    return {"CONDA_OVERRIDE_CUDA": "", **found}


def explicit_line(package: Package) -> str:
    """A package as a line of an explicit lock, with a hash that all three check."""
    if package.md5:
        return f"{package.url}#{package.md5}"
    return f"{package.url}#sha256:{package.sha256}" if package.sha256 else package.url


def check_local_archive(package: Package, wanted: str) -> None:
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
        raise engine_errors.from_rattler(error, wanted, offline=False) from exc
    if computed.hexdigest() != expected:
        found = {"package": package.stem, "url": package.url, "algorithm": name, "expected": expected}
        error = {"code": "hash_mismatch", "computed": computed.hexdigest(), **found}
        raise engine_errors.from_rattler(error, wanted, offline=False)


@contextlib.contextmanager
def own_history(meta: Path) -> t.Iterator[None]:
    """Leave the history as it is, whatever a program writes into it meanwhile, and also if we are killed."""
    history_file, kept_file = meta / "history", meta / "history.mlstack"
    writing.copy_in(str(history_file), str(kept_file), 0o644)
    try:
        yield
    finally:
        os.replace(kept_file, history_file)


def _make_history(meta: Path) -> None:
    """By this file all of them know an environment; what a killed run's program wrote into it is taken back."""
    if (meta / "history.mlstack").exists():
        os.replace(meta / "history.mlstack", meta / "history")
    if not (meta / "history").exists():
        writing.write_whole(str(meta / "history"), "")


def _by_signal(result: CommandResult) -> bool:
    """Ended by a signal, or by a shell whose program did (128 and its number)."""
    return result.rc < 0 or 128 < result.rc <= 128 + signal.SIGRTMAX


def _sharing(goes: t.Iterable[t.Mapping[str, t.Any]], stays: t.Mapping[str, t.Mapping[str, t.Any]]) -> set[str]:
    """The stems of those that stay and have a file which one that goes has, too; one after the other."""
    lost = {path for record in goes for path in record.get("files") or ()}
    left, found = dict(stays), set()
    while lost:
        hit = {stem for stem, record in left.items() if not lost.isdisjoint(record.get("files") or ())}
        found |= hit
        lost = {path for stem in hit for path in left.pop(stem).get("files") or ()}
    return found


def _is_whole(prefix: str, wanted: t.Collection[str], after: t.Mapping[str, t.Mapping[str, t.Any]]) -> bool:
    """Whether all that was wanted has its record, which comes last, and all of its files."""
    files = (path for record in after.values() for path in record.get("files") or ())
    return set(wanted) == set(after) and all(os.path.lexists(os.path.join(prefix, path)) for path in files)


def _check_outcome(purpose: str, wanted: t.Mapping[str, Package], after: t.Mapping[str, t.Mapping[str, t.Any]]) -> None:
    """Whatever a program says it did: conda-meta tells."""
    lacking, foreign = sorted(set(wanted) - set(after)), sorted(set(after) - set(wanted))
    if lacking or foreign:
        parts = [f"{', '.join(lacking)} is missing"] * bool(lacking) + [f"{', '.join(foreign)} is left"] * bool(foreign)
        raise MlstackError(
            "not_as_desired", wanted=purpose, found=" and ".join(parts), to_fix="use another engine, and report this"
        )


def _write_home(home: str, sources: Sources, pins: t.Sequence[str]) -> None:
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
    settings.update({"pinned_packages": list(pins)} if pins else {})
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
