# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From package specs to .rpm files and a signed dnf repository."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .host import run
from .package_specs import Package
from .signing import Keys

# No stripping, no debug packages, no generated dependencies: the spec says everything.
_PREAMBLE = """\
%define debug_package %{nil}
%define __os_install_post %{nil}
%define _build_id_links none
%define _binary_payload w1.gzdio
AutoReqProv: no
"""


def _spec(package: Package, content: Path) -> str:
    headers = {
        "Name": [package.name],
        "Epoch": [package.epoch] if package.epoch else [],
        "Version": [package.upstream],
        "Release": [package.release],
        "Summary": [package.description],
        "License": ["GPL-3.0-or-later"],
        "Vendor": [package.vendor] if package.vendor else [],
        "Requires": package.requires,
        "Provides": package.provides,
        "Conflicts": package.conflicts,
        "Obsoletes": package.obsoletes,
    }
    lines = [f"{key}: {value}" for key, values in headers.items() for value in values]
    owned = [f"%config(noreplace) {path}" if path.startswith("/etc/") else path for path in package.files]
    removal = f'%preun\nif [ "$1" = 0 ]; then\n{package.before_removal}\nfi' if package.before_removal else ""
    return "\n".join(
        [
            _PREAMBLE,
            *lines,
            f"%description\n{package.description}",
            f"%install\ncp -a {content}/. %{{buildroot}}/" if owned or package.links else "",
            f"%post\n{package.after_install}" if package.after_install else "",
            removal,
            "%files",
            *owned,
            *package.links,
            "",
        ]
    )


def _build(package: Package, repository: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        content = Path(scratch) / "content"
        content.mkdir()
        for path, text in package.files.items():
            (content / path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
            (content / path.lstrip("/")).write_text(text)
            (content / path.lstrip("/")).chmod(package.mode(path))
        for path, target in package.links.items():
            (content / path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
            (content / path.lstrip("/")).symlink_to(target)
        spec = Path(scratch) / "package.spec"
        spec.write_text(_spec(package, content))
        defines = {
            "_topdir": scratch,
            "_rpmdir": str(repository),
            "_build_name_fmt": "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm",
        }
        words = [word for key, value in defines.items() for word in ("--define", f"{key} {value}")]
        run(["rpmbuild", "-bb", "--nodeps", "--target", "x86_64-linux", *words, spec])


def build_repository(
    packages: Iterable[Package],
    repository: Path,
    keys: Keys,
    signer: str | None,
    groups: str = "",
    modules: str = "",
) -> None:
    """Build the packages and a dnf repository over them; `signer` None leaves packages and index unsigned.

    `groups` is a comps.xml document, "" for a repository without package groups; `modules` a modules.yaml, likewise.
    """
    shutil.rmtree(repository, ignore_errors=True)
    repository.mkdir(parents=True)
    with ThreadPoolExecutor(2) as workers:
        list(workers.map(lambda package: _build(package, repository), packages))
    if signer:
        keys.sign_rpms(signer, sorted(repository.glob("*.rpm")))
    with tempfile.NamedTemporaryFile("w", suffix=".xml") as comps:
        comps.write(groups)
        comps.flush()
        run(["createrepo_c", "--quiet", *(["--groupfile", comps.name] if groups else []), repository])
    if modules:
        with tempfile.TemporaryDirectory() as scratch:
            document = Path(scratch) / "modules.yaml"
            document.write_text(modules)
            run(["modifyrepo_c", "--mdtype=modules", document, repository / "repodata"])
    if signer:
        index = repository / "repodata" / "repomd.xml"
        keys.sign_detached(signer, index, index.with_suffix(".xml.asc"))
