# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages with scripts of all kinds, which one test needs and no other: built here, offered on its host alone.

publish(host, [LocalPackage("f-fail", scripts={"postinst": "exit 3"})])

Scripts go by dpkg's names; an .rpm gets them as the scriptlets of the same moments.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.gpufleet.mlstack.tests.bed.host import run
from ansible_collections.gpufleet.mlstack.tests.integration.package_host import PackageHost

FOLDER = "/opt/local"
_SCRIPTLETS = {"preinst": "%pre", "postinst": "%post", "prerm": "%preun", "postrm": "%postun"}


@dataclass(frozen=True)
class LocalPackage:
    """One package. Below /etc its files are configuration files; `scripts` are bodies of shell scripts."""

    name: str
    version: str = "1.0-1"
    requires: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    scripts: Mapping[str, str] = field(default_factory=dict)


def publish(host: PackageHost, packages: Sequence[LocalPackage], *, folder: str = FOLDER, groups: str = "") -> None:
    """Offer the packages on the host, whose package lists know them then; with groups of dnf, as their XML."""
    name = folder.rpartition("/")[2]
    with tempfile.TemporaryDirectory() as scratch:
        repository = Path(scratch) / "repository"
        repository.mkdir()
        for package in packages:
            (_deb if host.manager == "apt" else _rpm)(package, Path(scratch), repository)
        if host.manager == "apt":
            (repository / "Packages").write_text("\n".join(map(_entry, sorted(repository.glob("*.deb")))))
        else:
            (Path(scratch) / "comps.xml").write_text(groups)
            named = ["--groupfile", str(Path(scratch) / "comps.xml")] if groups else []
            run(["createrepo_c", "--quiet", *named, repository])
        host.container.copy_in(repository, folder)
    if host.manager == "apt":
        host.container.write(f"/etc/apt/sources.list.d/{name}.list", f"deb [trusted=yes] file:{folder} ./\n")
    else:
        source = f"[{name}]\nname={name}\nbaseurl=file://{folder}\nenabled=1\ngpgcheck=0\n"
        host.container.write(f"/etc/yum.repos.d/{name}.repo", source)
    host.refresh()


def _write(package: LocalPackage, root: Path) -> None:
    for path, text in package.files.items():
        (root / path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        (root / path.lstrip("/")).write_text(text)


def _deb(package: LocalPackage, scratch: Path, repository: Path) -> None:
    root = scratch / f"{package.name}-{package.version}"
    control = root / "DEBIAN"
    control.mkdir(parents=True)
    root.chmod(0o755)
    _write(package, root)
    fields = {"Package": package.name, "Version": package.version, "Architecture": "all", "Description": "local"}
    fields["Maintainer"] = "gpufleet test bed <bed@gpufleet-bed.invalid>"
    fields.update({"Depends": ", ".join(package.requires)} if package.requires else {})
    (control / "control").write_text("".join(f"{key}: {value}\n" for key, value in fields.items()))
    owned = [path for path in package.files if path.startswith("/etc/")]
    if owned:
        (control / "conffiles").write_text("".join(f"{path}\n" for path in owned))
    for name, body in package.scripts.items():
        (control / name).write_text(f"#!/bin/sh\n{body}\n")
        (control / name).chmod(0o755)
    run(["dpkg-deb", "--root-owner-group", "-Zgzip", "--build", root, repository / f"{package.name}.deb"])


def _entry(file: Path) -> str:
    content = file.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return (
        f"{run(['dpkg-deb', '--field', file]).rstrip()}\nFilename: ./{file.name}\nSize: {len(content)}\n"
        f"SHA256: {digest}\n"
    )


def _rpm(package: LocalPackage, scratch: Path, repository: Path) -> None:
    version, _dash, release = package.version.rpartition("-")
    content = scratch / f"{package.name}-{package.version}"
    content.mkdir()
    _write(package, content)
    headers = {"Name": package.name, "Version": version, "Release": release, "Summary": "local", "License": "GPL-3.0"}
    requires = [f"Requires: {name}" for name in package.requires]
    scripts = [f"{_SCRIPTLETS[name]}\n{body}" for name, body in package.scripts.items()]
    owned = [f"%config(noreplace) {path}" if path.startswith("/etc/") else path for path in package.files]
    spec = scratch / "package.spec"
    lines = ["%define debug_package %{nil}", "%define _build_id_links none", "%define _binary_payload w1.gzdio"]
    lines += [f"{key}: {value}" for key, value in headers.items()]
    lines += ["BuildArch: noarch", "AutoReqProv: no", *requires, "%description\nlocal"]
    lines += [f"%install\ncp -a {content}/. %{{buildroot}}/" if owned else "", *scripts, "%files", *owned, ""]
    spec.write_text("\n".join(lines))
    defines = {"_topdir": str(scratch), "_rpmdir": str(repository), "_build_name_fmt": "%%{NAME}.rpm"}
    words = [word for key, value in defines.items() for word in ("--define", f"{key} {value}")]
    run(["rpmbuild", "-bb", "--nodeps", "--target", "noarch-linux", *words, spec])
