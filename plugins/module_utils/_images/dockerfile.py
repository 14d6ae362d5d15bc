# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The build context of an image, written as a person would: a Dockerfile, a lock for each environment, what to ignore.

The order is that of change: packages of the distribution and the user first, then one layer for each environment, then
the files that are copied. What is only said (labels, variables, commands) comes last and makes no layer.
"""

from __future__ import annotations

import hashlib
import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import parse_os_release
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images import model, spelling
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images.model import Lock, Package, Recipe

DOCKERFILE, IGNORE, INDEX = "Dockerfile", ".dockerignore", "requirements/index.txt"
# 1980-01-01, the first day of a zip file. Files have this time whatever time the image gets: with that of a commit
# each commit would build all layers anew.
EPOCH = 315532800
_TOOLS = "/build/tools/bin"
_DESIRED = re.compile(r"^# desired (sha256:[0-9a-f]{64})\n", re.MULTILINE)
_CONTENT = re.compile(r"^# content sha256:([0-9a-f]{64})\n", re.MULTILINE)
_APT_TRACES = (
    "/var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log /var/log/alternatives.log /var/cache/ldconfig/aux-cache"
)
_DNF_TRACES = "/var/cache/dnf /var/cache/yum /var/log/dnf* /var/log/hawkey.log /var/lib/dnf/history*"


def files(recipe: Recipe) -> dict[str, str]:
    """Path in the context to text, for all files that are ours."""
    found = (
        {IGNORE: _ignore(recipe), "requirements/tools.txt": recipe.tools} if recipe.locks else {IGNORE: _ignore(recipe)}
    )
    found.update({f"requirements/{lock.name}.txt": lock.text for lock in recipe.locks})
    if recipe.index and recipe.locks and not recipe.mounts:
        found[INDEX] = recipe.index
    body = "\n".join([*_body(recipe), ""])
    content = _content(found, body)
    head = [
        f"# Image {recipe.desired.name}, written by gpufleet.mlstack.ml_image, which undoes changes by hand.",
        f"# desired {recipe.digest}",
        f"# content sha256:{content}",
    ]
    if recipe.index and recipe.mounts and recipe.locks:
        head.append(
            "# Needs --secret id=index,src=FILE: a file with the line --index-url and the address of the index."
        )
    if recipe.certificates and recipe.locks:
        head.append("# Needs --secret id=certificates,src=FILE: the certificates that the index is verified with.")
    found[DOCKERFILE] = "\n".join([*head, "", body])
    return found


def written_for(found: t.Mapping[str, str]) -> tuple[str, bool]:
    """The digest that a written context is for, and whether all of it is as it was written."""
    text = found.get(DOCKERFILE, "")
    desired, content = _DESIRED.search(text), _CONTENT.search(text)
    if desired is None or content is None:
        return "", False
    body = text.partition("\n\n")[2]
    rest = {name: value for name, value in found.items() if name != DOCKERFILE}
    return desired[1], content[1] == _content(rest, body)


def names_in(text: str) -> list[str]:
    """The files of ours that a written Dockerfile copies into its build stages."""
    return sorted(set(re.findall(r"^COPY (requirements/[a-z0-9._-]+\.txt) /build/$", text, re.MULTILINE)))


def _content(found: t.Mapping[str, str], body: str) -> str:
    digest = hashlib.sha256()
    for name in sorted(found):
        digest.update(f"{name}\0{hashlib.sha256(found[name].encode()).hexdigest()}\n".encode())
    digest.update(body.encode())
    return digest.hexdigest()


def _ignore(recipe: Recipe) -> str:
    kept = ["requirements", *(copied.src for copied in recipe.desired.copies)]
    return "".join(f"{line}\n" for line in ["*", *(f"!{name}" for name in kept), "**/__pycache__", "**/.git"])


def _body(recipe: Recipe) -> list[str]:
    lines = _build_stages(recipe) if recipe.locks else []
    return [*lines, *_run_stage(recipe)]


def _build_stages(recipe: Recipe) -> list[str]:
    base = recipe.base
    lines = [f"FROM {base.reference} AS build", "USER root", f"ENV SOURCE_DATE_EPOCH={EPOCH}"]
    lines += _install(recipe, recipe.build)
    lines.append("COPY requirements/tools.txt /build/")
    if recipe.index and not recipe.mounts:
        lines.append(f"COPY {INDEX} /build/")
    pip = f"{_TOOLS}/pip install --disable-pip-version-check {_no_cache(recipe, 'pip')}--no-compile --require-hashes"
    steps = [f"{base.python} -m venv /build/tools", f"{pip} {_sources(recipe, 'pip')}-r /build/tools.txt"]
    lines.append(_run(steps, _mounts(recipe, "pip")))
    for lock in recipe.locks:
        lines += ["", f"FROM build AS env-{lock.name}", f"COPY requirements/{lock.name}.txt /build/"]
        lines.append(_run(_environment(recipe, lock), _mounts(recipe, recipe.desired.engine)))
    return [*lines, ""]


def _environment(recipe: Recipe, lock: Lock) -> list[str]:
    prefix = f"{recipe.desired.environments_root}/{lock.name}"
    python = f"{prefix}/bin/python"
    create = f"{recipe.base.python} -m venv --without-pip {prefix}"
    times = f"find {prefix} -exec touch -h -d @{EPOCH} {{}} +"
    sources = _sources(recipe, recipe.desired.engine)
    if recipe.desired.engine == "uv":
        install = f"{_TOOLS}/uv pip install --no-progress --no-config --python-preference only-system --link-mode copy"
        if recipe.certificates:
            install = f"SSL_CERT_FILE=/run/secrets/certificates {install}"
        install += f" {_no_cache(recipe, 'uv')}--python {python} --require-hashes"
        install += " --compile-bytecode" if lock.compile_bytecode else ""
    else:
        install = f"{_TOOLS}/pip --python {python} install --disable-pip-version-check"
        install += f" {_no_cache(recipe, 'pip')}--require-hashes"
        install += "" if lock.compile_bytecode else " --no-compile"
    install += "".join(f" --no-binary {name}" for name in lock.no_binary)
    if not recipe.build:
        install += " --only-binary :all:"
    return [create, f"{install} {sources}-r /build/{lock.name}.txt", times]


def _run_stage(recipe: Recipe) -> list[str]:
    desired = recipe.desired
    lines = [f"FROM {recipe.base.reference}", "USER root"]
    lines += _install(recipe, recipe.system)
    lines.append(_user(recipe))
    root = desired.environments_root
    lines += [f"COPY --from=env-{lock.name} {root}/{lock.name} {root}/{lock.name}" for lock in recipe.locks]
    lines += [f"COPY {copied.src} {copied.dest}" for copied in desired.copies]
    lines += _together("ENV", _variables(recipe))
    lines += [f"WORKDIR {desired.workdir}", f"USER {desired.uid}:{desired.uid}"]
    if desired.healthcheck:
        lines.append(f"HEALTHCHECK CMD {spelling.words(desired.healthcheck)}")
    if desired.entrypoint:
        lines.append(f"ENTRYPOINT {spelling.words(desired.entrypoint)}")
    if desired.command:
        lines.append(f"CMD {spelling.words(desired.command)}")
    return lines + _together(
        "LABEL", [(name, spelling.quoted(value)) for name, value in sorted(labels(recipe).items())]
    )


def _together(instruction: str, pairs: t.Sequence[tuple[str, str]]) -> list[str]:
    indent = " \\\n" + " " * (len(instruction) + 1)
    return [f"{instruction} {indent.join(f'{name}={value}' for name, value in pairs)}"] if pairs else []


def labels(recipe: Recipe) -> dict[str, str]:
    """All labels: the user's, and by which a later run knows what the image is."""
    desired = recipe.desired
    found = {
        "org.opencontainers.image.title": desired.name,
        model.BASE_NAME: desired.base.partition("@")[0],
        model.BASE_DIGEST: recipe.base.digest,
        **desired.labels,
        model.DESIRED: recipe.digest,
    }
    for label, packages in ((model.SYSTEM, recipe.system), (model.BUILD, recipe.build)):
        if packages:
            found[label] = spaced(packages)
    if desired.created is not None:
        found["org.opencontainers.image.created"] = _rfc3339(desired.created)
    for lock in recipe.locks:
        found[f"{model.PINS}{lock.name}"] = " ".join(
            f"{name}=={version}" for name, version in sorted(lock.pins.items())
        )
        found[f"{model.LOCK}{lock.name}"] = "sha256:" + hashlib.sha256(lock.text.encode()).hexdigest()
    return found


def spaced(packages: t.Iterable[Package]) -> str:
    return " ".join(f"{package.name}={package.version}" if package.version else package.name for package in packages)


def _rfc3339(seconds: int) -> str:
    from datetime import datetime, timezone

    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _variables(recipe: Recipe) -> list[tuple[str, str]]:
    desired = recipe.desired
    found = []
    if recipe.locks:
        first = f"{desired.environments_root}/{recipe.locks[0].name}"
        found += [("VIRTUAL_ENV", first), ("PATH", f"{first}/bin:$PATH")]
    if desired.gpu:  # read by NVIDIA's runtime and its hook; with CDI the container's command line names devices
        found += [("NVIDIA_VISIBLE_DEVICES", "all"), ("NVIDIA_DRIVER_CAPABILITIES", "compute,utility")]
    return found + [(name, spelling.quoted(value)) for name, value in sorted(desired.env.items())]


def _user(recipe: Recipe) -> str:
    desired = recipe.desired
    return _run(
        [
            f"export SOURCE_DATE_EPOCH={EPOCH}",
            f"groupadd --gid {desired.uid} {desired.user}",
            f"useradd --no-log-init --create-home --uid {desired.uid} --gid {desired.uid} {desired.user}",
            f"install --directory --owner {desired.uid} --group {desired.uid} {desired.workdir}",
            "rm -f /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /etc/subuid- /etc/subgid-",
        ]
    )


def _install(recipe: Recipe, packages: t.Sequence[Package]) -> list[str]:
    if not packages:
        return []
    family = parse_os_release(recipe.base.os_release).family
    if family == "Debian":
        names = " ".join(f"{item.name}={item.version}" if item.version else item.name for item in packages)
        install = f"DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends {names}"
        return [_run(["apt-get update", install, f"rm -rf {_APT_TRACES}"])]
    if family == "RedHat":
        names = " ".join(f"{item.name}-{item.version}" if item.version else item.name for item in packages)
        install = f"dnf install --assumeyes --setopt=install_weak_deps=False {names}"
        return [_run([install, "dnf clean all", f"rm -rf {_DNF_TRACES}"])]
    raise MlstackError(
        "base_has_no_package_manager",
        wanted=f"image {recipe.desired.name} with {spaced(packages)}",
        found=f"{recipe.base.reference} is neither of Debian's nor of Red Hat's family",
        to_fix="choose a base of Debian, Ubuntu, Rocky, Alma or RHEL, or one that has them, and leave them out",
    )


def _run(steps: t.Sequence[str], mounts: str = "") -> str:
    return f"RUN {mounts}" + " \\\n && ".join(steps)


def _mounts(recipe: Recipe, engine: str) -> str:
    if not recipe.mounts:
        return ""
    mounts = [f"--mount=type=cache,target=/root/.cache/{engine}"]
    if recipe.index:
        mounts.append("--mount=type=secret,id=index,target=/run/secrets/index")
    if recipe.certificates:
        mounts.append("--mount=type=secret,id=certificates,target=/run/secrets/certificates")
    return "".join(f"{mount} \\\n    " for mount in mounts)


def _no_cache(recipe: Recipe, engine: str) -> str:
    return "" if recipe.mounts else "--no-cache-dir " if engine == "pip" else "--no-cache "


def _sources(recipe: Recipe, engine: str) -> str:
    option = "--trusted-host" if engine == "pip" else "--allow-insecure-host"
    given = "".join(f"{option} {host} " for host in recipe.trusted_hosts)
    if recipe.certificates and engine == "pip":
        given += "--cert /run/secrets/certificates "
    if recipe.index:
        given += "-r /run/secrets/index " if recipe.mounts else "-r /build/index.txt "
    return given
