# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our own pinned tools on a host: installed by version and hash, one folder each, shared by all environments."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk, seal, trust
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine import (
    STRAY_VARIABLES,
    Cache,
    Request,
    RequestFiles,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine_errors import explain
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.model import Sources
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.pip_source import (
    PipNotFound,
    PipSource,
    find_pip,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.requirements import Requirement, Source, parse


@dataclass(frozen=True)
class Tool:
    """A pinned tool. ``program`` is its entry below the folder it is installed in; ``hashes`` are the sha256 of its
    files on the Python Package Index, as C(uv pip compile --generate-hashes) lists them. A ``library`` is imported at
    each use, so it gets bytecode."""

    name: str
    version: str
    program: str
    hashes: tuple[str, ...]
    library: bool = False

    @property
    def requirement(self) -> Requirement:
        hashes = " ".join(f"--hash=sha256:{value}" for value in self.hashes)
        return parse(f"{self.name}=={self.version} {hashes}", Source("toolbox", 1))


UV = Tool(
    "uv",
    "0.13.9",
    "bin/uv",
    (
        "16963d19594e18d746a70c7fce82237bde4f2cac4cfcf0ca2b84796fe9d0c6e9",
        "2c45530751517d6c3bbc69a19473f6effe47cce047bede01ffd8af7ea7b36b25",
        "3eeeb51a267a2144640fcd8f38d4a2f63439b39bc47445fd84727c3fc462c843",
        "5435c5ce14a56431208ca0996416d310f1598e8c2c8ba707688985a16bb82dbe",
        "56ec37616c00220032fc7b8c9d0ef51367fd0d70d9cd6ddd841660f949f84fed",
        "66c512266d633bef48384a1f53003f41f2a8e7b36fe6e7fbfd3e0fd52d96fa63",
        "6a44b2ed8111d2f60d2b92627c5dccda3f7ed7570b18ce115e569cd68c28246b",
        "6b0c7b9f47a5d011939d61e324d3fe18a8bc155d8dd53add738709a92f290a7c",
        "6d5114bba238adddacb32fb11904f2b3ff4e988f8e9ff0d8d3b5e9822cf836b8",
        "7ec1e1dd9b6cb335c301afdf877989df384227313981850755a59561f75e4ab8",
        "a2ee66fe8b6608e1482ab1bde5799da04705c1cb40324c7f66054ecf46ae6e40",
        "a6e845f387e4ed55bb59342957a9179e24a631fcc7668bda3426ae1cef8ed4b9",
        "c16ed11e013557536b3e60065f1b912f6407bd6518e041b961e23ef9e6b4fbf5",
        "c5dbdb7c8737cd183a9dce95b39cfd1f3d54ec2a27a1bb58f160293f9ba2c805",
        "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19",
        "db5c8df7145c21ffea9c0f74e38823bac3af60cbadf0e26b8633f08627b17bab",
        "dd6f4f93ddf8a668c73f0945f3638444b2140a4e15a3912067493fc6335543e4",
        "ecb6028d79dc96fbeafffe5c8af62a7099487ebc05a701e76714eebcffd06375",
        "eeb92051c2123b9730c46b04cc843cfa4bc7d7b0aec56df431a2215ef4cb0273",
    ),
)
PIP = Tool(
    "pip",
    "25.3",
    # Runs the pip it lies in without becoming importable itself: a pip that is asked for is not taken for installed.
    "pip/__pip-runner__.py",
    (
        "8d0538dbbd7babbd207f261ed969c65de439f6bc9e5dbd3b3b9a77f25d95f343",
        "9655943313a94722b7774661c21049070f6bbb0a1516bf02f7c8d5d9201514cd",
    ),
)
RATTLER = Tool(
    "py-rattler",
    "0.28.0",
    "rattler/__init__.py",
    (
        "1c566fb1b0fc3d0d892b7ba021d6863aaff1f476c245178a07f560729aa7ecdb",
        "31c6770fc2294855488532b015bc051ac3e785c30c46ddea29ea82f6b7b55876",
        "4f4ab1d34d5394e7ce130a86e59009c95ace4f5757d9c3af04de1351bcea47eb",
        "595e415bc27f01bd95cc3c03138c0dc4087d57d8db2e80c72ca0063ee66c01b8",
        "6108ea83ba3d2a2637afa45cf655d0b3ae0a4ab1106dde84de2da8c08b1e16df",
        "61b24202374188e72130f1b3dc63b455befaafc3e49e5481a38b6a6c8828c1e0",
        "6218478af88d45ac1e08e605ede4f67bbe4ffbbbb40b5e32622a4746f98fe331",
        "6a0312ba34d4e709fe5f20df6de617b9a4cd1e9293f2c8eaad2fb9c699a26746",
        "81cef9b72c334c54442135badfedaf2db18622c37fe18d0261a52ee4a54c0fd4",
        "84aef2aca9df0f8e0b0c635b2ff32c8568ac41e612f6f192fde12b99e48397cd",
        "acf5761d639b9a5b0cda990fdf131ae5e97d09f29fab4a144c32285c77275892",
        "bc18e46ed1b7bd72aa3ce48e0cc6582f48d540f956a96e4d6c63edd7373b746b",
        "be4b243c1ae8b8009b0d265de8432e59b057639dd48cce2d0f7a445e9f4d271d",
        "d25e3eb18127571757f5d9ad7ccd2c2c24aaac5575b28a9cab6463997357a4eb",
        "d26db63e41e6efaff75c3d89040b2c78b4887be8e782dff281fb426835308b2b",
        "d707bffcf2cf9a0593fb6fb753f3df0c4a9eb2990e61d1748016a32e54a7028d",
        "d990d0bd3d2259332d26b96848b522dfc67b0e308a3dce565d08de79b56e531b",
        "f08d164065b8b6b7053006b8459af5602f89494b57d4b7404e6281cef2cbb18a",
    ),
    library=True,
)
# The last release for Python 3.9, which is what Enterprise Linux 9 brings.
RATTLER_FOR_PYTHON_39 = Tool(
    "py-rattler",
    "0.25.0",
    "rattler/__init__.py",
    (
        "38c3d3c235c530589fdfbe114a5d00637591cfc42843329a3373976b6f358ccc",
        "3d704df01d1fb90df54e7416329f90975fda36a5a22558f88fbdb05462e6e0d9",
        "4520a66fa8d27d07e544275f76a3eef04e58ba83c37e505f6c2a5511837480ff",
        "473cc070b0e66d6940c43859657ce244636671b1980fa8fe15224139d4f6a8b9",
        "57ec195533e36f518f9676eee1de75ba474ac6076e92c6a8c0c00bba4708aead",
        "58dfdfb6d9613979f66f261dc9081afc7e141c90f0f963bf7e2240cfe54727b2",
        "62d282870d08404898cec16da39f6085964117d19ee2f6d4a15f3ae19bd07860",
        "64aad8d658c3ccd4aa2a018c9f8057432ee4e833f42dbe9f0043b76a6bb850eb",
        "6c93630393fbc49156e37e66a07c93c3776d1f93d00ba028a446bdc4195c96a2",
        "81a05608c0efe44652af7395fed9cf398506bd1a67fc5636fa5aaa94cf4f78ac",
        "85e39effddec7c77c46ecaaec0bc186d871a74e6fbd62369517525c505526c97",
        "a8cf0da4bbfcafcf4c073eea8b9dd19592ff0e9917f34ed88aa8099f213cf31f",
        "b642304155f492c7dd3eb772df5e8e97942bff445ab8e343dc7a173e3efbfcf1",
        "c5446c503738fc2c8db3532eaeae181b1858c88c1f822696246011b32a67b798",
        "ff6acae962a21f5f91b44fd31125967b23b152ab06dd9fb30d7c5076d1ed851d",
    ),
    library=True,
)


_OTHER = "choose another folder with the option toolbox"


@contextlib.contextmanager
def _umask(mask: int) -> t.Iterator[None]:
    """Under an operator's 002 the group could write to what is installed."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def _distrust(path: str) -> str:
    """Why nothing is run from a path; empty where it is ours alone."""
    flaw = trust.flaw_of(path)
    return flaw.found if flaw else ""


class Toolbox:
    """The folder ``root`` with the tools in it; ``python`` is the interpreter that runs pip to fill it."""

    def __init__(
        self, root: str, commands: Commands, python: str, sources: Sources, timeout: float, cache: Cache
    ) -> None:
        self.root = root
        self._commands = commands
        self.python = python
        self._sources = sources
        self._timeout = timeout
        self._cache = cache

    def require_ours(self) -> None:
        """Raise NotOursAlone where somebody else could put programs into the toolbox."""
        trust.require(self.root, f"run tools from the toolbox {self.root}", _OTHER)

    def find(self, tool: Tool) -> str | None:
        """The program of a tool that is already there, sealed and unchanged since it was installed by its hash.

        Raises NotOursAlone where somebody else could have put it there.
        """
        folder = self._folder(tool)
        program = os.path.join(folder, tool.program)
        trust.require(program, f"run {tool.name} {tool.version} from the toolbox {self.root}", _OTHER)
        return program if seal.is_whole(folder) and os.path.exists(program) else None

    def ensure(self, tool: Tool) -> str:
        """The program of a tool, installed by version and hash if it is missing.

        Built beside and renamed: whoever is second finds it complete. Raises MlstackError.
        """
        found = self.find(tool)
        if found is not None:
            return found
        with disk.explained(f"install {tool.name} {tool.version} into the toolbox {self.root}"):
            return self._ensured(tool)

    def _ensured(self, tool: Tool) -> str:
        try:
            disk.make_folder(self.root)
        except (FileExistsError, NotADirectoryError) as exc:
            raise MlstackError(
                "not_a_directory",
                wanted=f"install {tool.name} {tool.version} into the toolbox {self.root}",
                found=f"{exc.filename} is not a directory",
                to_fix="move it away, or choose another folder with the option toolbox",
            ) from exc
        beside = tempfile.mkdtemp(prefix=f".{tool.name}-", dir=self.root)
        try:
            self._install(tool, beside)
            os.chmod(beside, 0o755)
            seal.write(beside)
            self._put(tool, beside)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
        return os.path.join(self._folder(tool), tool.program)

    def _put(self, tool: Tool, beside: str) -> None:
        try:
            os.rename(beside, self._folder(tool))
        except OSError:
            if self.find(tool) is not None:
                return  # somebody else was faster
            # What has no seal was changed, or installed by a release that sealed nothing.
            with tempfile.TemporaryDirectory(prefix=f".{tool.name}-", dir=self.root) as gone:
                os.rename(self._folder(tool), os.path.join(gone, "old"))
                os.rename(beside, self._folder(tool))

    def pip(self) -> PipSource:
        """Any pip of the host, good enough to fetch the pinned tools. Raises MlstackError."""
        self.require_ours()
        try:
            return find_pip(self.python, os.path.join(self.root, "bootstrap"), run=self._run, distrust=_distrust)
        except PipNotFound as exc:
            raise MlstackError("pip_not_found", wanted=exc.wanted, found=exc.found, to_fix=exc.to_fix) from exc

    def _folder(self, tool: Tool) -> str:
        return os.path.join(self.root, f"{tool.name}-{tool.version}")

    def _install(self, tool: Tool, folder: str) -> None:
        pip = self.pip()
        with _umask(0o022), tempfile.TemporaryDirectory(prefix="mlstack-") as scratch:
            request = Request((tool.requirement,), sources=self._sources)
            files = RequestFiles.write(request, scratch)
            argv = [*pip.argv, "install", "--no-input", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
            argv += ["--only-binary", ":all:", "--no-warn-script-location", "--target", folder]
            argv += ["--compile" if tool.library else "--no-compile"]
            argv += ["--no-index"] if self._sources.offline else []
            argv += ["--no-cache-dir"] if self._cache.off else []
            argv += ["--cache-dir", self._cache.folder] if self._cache.folder and not self._cache.off else []
            argv += ["--cert", self._sources.ca_bundle] if self._sources.ca_bundle else []
            for host in self._sources.trusted_hosts:
                argv += ["--trusted-host", host]
            result = self._commands.run(
                [*argv, "-r", files.requirements],
                purpose=f"install {tool.name} {tool.version} into the toolbox {self.root}",
                env={**STRAY_VARIABLES, **pip.env},
                timeout=self._timeout,
                check=False,
            )
        if not result.ok:
            purpose = f"install {tool.name} {tool.version} into the toolbox {self.root}"
            raise explain(self._commands.failure(result, purpose), result)

    def _run(self, argv: list[str], env: t.Mapping[str, str], timeout: float) -> tuple[int, str, str]:
        try:
            result = self._commands.run(argv, env={**STRAY_VARIABLES, **env}, timeout=timeout, check=False)
        except MlstackError as exc:
            return 127, "", str(exc)
        return result.rc, result.out, result.err
