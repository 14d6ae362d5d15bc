# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host code writes files by _files/writing.py. Whoever does it in another way says here why that is safe."""

from __future__ import annotations

import ast
from pathlib import Path

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
PRIVATE = "in a folder of mode 0700 with a random name, which tempfile has just made"
BUILDING = "in an environment that is being built, in a root that was judged before"
JUDGED = "in a folder that _files/trust.py judged before"
LOCK = "a lock file, opened without following links and never emptied by opening"
# What each file may do besides, and why.
ALLOWED = {
    "_files/writing.py": ("os.open os.rename os.symlink os.link open", "it is the one writer"),
    "_files/disk.py": ("shutil.rmtree", "it is the one that deletes, and rmtree follows no link"),
    "_files/lock.py": ("os.open", LOCK),
    "_zip_imports.py": ("os.open os.replace open", "it stands alone; a new name, O_EXCL, in a folder that it judges"),
    "_containers/apply.py": ("tempfile.TemporaryDirectory", PRIVATE),
    "_cuda/runfile.py": (
        "tempfile.mkdtemp shutil.rmtree os.rename",
        f"{PRIVATE}; a copy beside the toolkit is renamed",
    ),
    "_nvidia/driver/runfile.py": ("tempfile.mkdtemp shutil.rmtree", PRIVATE),
    "_packages/foreseen_sources.py": ("tempfile.mkdtemp shutil.rmtree open", PRIVATE),
    "_packages/version_locks.py": ("tempfile.mkdtemp shutil.rmtree open", PRIVATE),
    "_packages/locks.py": ("os.open", LOCK),
    "_environments/store.py": ("os.rename", "a generation's folder, in a store that is ours alone"),
    "_environments/adopt.py": ("os.rename os.symlink", "folders and links of a store that is ours alone"),
    "_environments/shim.py": ("os.symlink open", BUILDING),
    "_conda/state_file.py": ("open", BUILDING),
    "_conda/history_entry.py": ("open", BUILDING),
    "_conda/bytecode.py": ("os.link os.replace shutil.copyfile open", f"{BUILDING}, and in the cache, {JUDGED}"),
    "_conda/surroundings.py": ("open", PRIVATE),
    "_conda/engine_cli.py": ("tempfile.TemporaryDirectory os.open open os.replace", f"{BUILDING}; {PRIVATE}"),
    "_conda/engine_rattler.py": ("tempfile.TemporaryDirectory", PRIVATE),
    "_conda/program.py": ("tempfile.TemporaryDirectory", PRIVATE),
    "_conda/engine_provider.py": ("tempfile.TemporaryDirectory", PRIVATE),
    "_conda/rattler_process/cache.py": (
        "os.open os.rename shutil.rmtree tempfile.mkdtemp write_text",
        f"{JUDGED} (the package cache), each package in a new folder",
    ),
    "_conda/rattler_process/records.py": ("write_text", BUILDING),
    "_images/apply.py": ("tempfile.mkdtemp", JUDGED),
    "_images/observe.py": ("tempfile.TemporaryDirectory", PRIVATE),
    "_python/toolbox.py": (
        "os.rename shutil.rmtree tempfile.mkdtemp tempfile.TemporaryDirectory",
        f"{JUDGED} (the toolbox), each tool in a new folder",
    ),
    "_python/pip_source.py": (
        "os.rename os.replace shutil.copyfile shutil.copytree shutil.rmtree",
        f"{JUDGED} (the toolbox); ./converge loads it alone, without the rest of the collection",
    ),
    "_python/engine.py": ("os.open open", PRIVATE),
    "_python/builder.py": ("tempfile.TemporaryDirectory", PRIVATE),
    "_python/info.py": ("tempfile.TemporaryDirectory", PRIVATE),
    "_python/lockfile.py": ("tempfile.TemporaryDirectory open", PRIVATE),
}
# That only look.
_HARMLESS = {"shutil.which", "shutil.ignore_patterns", "shutil.disk_usage"}
_NAMES = {"os.rename", "os.replace", "os.renames", "os.link", "os.symlink", "os.mkfifo", "os.truncate", "os.mknod"}
_METHODS = {"write_text", "write_bytes", "symlink_to", "hardlink_to", "touch"}
_WRITING_FLAGS = {"O_WRONLY", "O_RDWR", "O_CREAT", "O_APPEND", "O_TRUNC"}


def writes(path: Path) -> set[str]:
    """What a file calls that can bring something into a folder, or open it for writing."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    flags = _named_flags(tree)
    return {name for node in ast.walk(tree) if isinstance(node, ast.Call) for name in [_called(node, flags)] if name}


def _called(node: ast.Call, named_flags: set[str]) -> str:
    name = ast.unparse(node.func)
    if name in ("open", "io.open", "os.fdopen"):
        mode = _argument(node, 1, "mode")
        # A mode that is no constant may be any.
        return name if mode is not None and _may_write(mode) else ""
    if name.endswith(".open") and name != "os.open":  # of pathlib the mode comes first, of gzip second
        modes = [
            arg for arg in node.args[:2] if isinstance(arg, ast.Constant) and set(str(arg.value)) <= set("rwxabt+")
        ]
        modes += [item.value for item in node.keywords if item.arg == "mode"]
        return "open" if any(map(_may_write, modes)) else ""
    if name == "os.open":
        text = ast.unparse(_argument(node, 1, "flags") or ast.Constant(""))
        return name if any(flag in text for flag in {*_WRITING_FLAGS, *named_flags}) else ""
    if name.startswith(("shutil.", "tempfile.")):
        return "" if name in _HARMLESS else name
    method = name.rpartition(".")[2]
    return name if name in _NAMES else method if method in _METHODS else ""


def _may_write(mode: ast.expr) -> bool:
    return not isinstance(mode, ast.Constant) or bool(set(str(mode.value)) & set("wax+"))


def _argument(node: ast.Call, place: int, name: str) -> ast.expr | None:
    if len(node.args) > place:
        return node.args[place]
    return next((item.value for item in node.keywords if item.arg == name), None)


def _named_flags(tree: ast.Module) -> set[str]:
    """Constants of the file that hold flags to write with."""
    found = set()
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(flag in ast.unparse(node.value) for flag in _WRITING_FLAGS):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


def test_host_code_writes_by_the_one_writer() -> None:
    allowed = {name: set(calls.split()) for name, (calls, _why) in ALLOWED.items()}
    folder = PLUGINS / "module_utils"
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*.py")}
    files.update({f"../modules/{path.name}": path for path in (PLUGINS / "modules").glob("*.py")})
    found = {name: writes(path) for name, path in files.items()}
    stray = {name: sorted(calls - allowed.get(name, set())) for name, calls in found.items()}
    assert {name: calls for name, calls in stray.items() if calls} == {}, "use _files/writing.py"
    unused = {name: sorted(calls - found.get(name, set())) for name, calls in allowed.items()}
    assert {name: calls for name, calls in unused.items() if calls} == {}, "no longer needed in the list"


def test_the_search_finds_each_way(tmp_path: Path) -> None:
    ways = {
        "open(p, 'w')": "open",
        "open(p, mode=m)": "open",
        "open(p)": "",
        "open(p, 'rb')": "",
        "pathlib.Path(p).open('a')": "open",
        "gzip.open(p, 'rt')": "",
        "gzip.open(p, 'wt')": "open",
        "os.open(p, os.O_RDONLY)": "",
        "os.open(p, os.O_RDWR | os.O_CREAT)": "os.open",
        "os.replace(a, b)": "os.replace",
        "shutil.copy(a, b)": "shutil.copy",
        "shutil.which(a)": "",
        "tempfile.NamedTemporaryFile()": "tempfile.NamedTemporaryFile",
        "p.write_text('x')": "write_text",
    }
    for code, name in ways.items():
        file = tmp_path / "code.py"
        file.write_text(code)
        assert writes(file) == ({name} if name else set()), code
