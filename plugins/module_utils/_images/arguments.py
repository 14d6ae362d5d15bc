# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wanted of images: arguments turned into values. Files are read later."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.arguments import one, unpacked
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images import spelling
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images.model import Copied, DesiredImage, Package
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import arguments as environments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.model import DesiredEnvironment

Params = t.Mapping[str, t.Any]
# What an environment of an image is made of: the keys of pip_pinned's environments and their defaults.
_ENVIRONMENT: dict[str, t.Any] = {
    "packages": [],
    "requirements": [],
    "constraints": [],
    "remote_src": False,
    "require_hashes": False,
    "pre": False,
    "no_binary": [],
    "only_binary": [],
    "python": "auto",
    "verify_imports": [],
    "compile_bytecode": True,
}
# Keys that tell how a host keeps an environment: the same list serves both.
_OF_HOSTS = {"verify_files", "keep", "adopt", "reinstall", "force", "freeze_to", "lock_to", "universal", "upgrade"}
_OF_HOSTS |= {"python_version", "rollback_to"}
# The arguments that the engine's own choice asks for and that an image has no use for.
_NOT_ASKED: dict[str, t.Any] = {
    "engine": "uv",
    "find_links": [],
    "no_index": False,
    "offline": False,
    "no_cache": False,
    "cache_dir": None,
    "python_downloads": False,
    "python_mirror": None,
    "python_downloads_json": None,
}


def all_desired(params: Params) -> list[DesiredImage]:
    """The desired images of a module call. Raises InvalidArguments."""
    for host in params["trusted_hosts"]:
        spelling.require("host", host, "trusted_hosts")
    for url in (params["index_url"] or "", *params["extra_index_urls"]):
        spelling.require_text(url, "index_url")
        if any(part in url for part in (" ", "\t")):
            raise _invalid("index_url", f"{url!r} has a blank in it", "percent-encode it, as %20")
    spelling.require("name", params["network"], "network")
    found = [_desired(options, params) for options in params["images"]]
    for what in ("name", "folder"):
        seen = [getattr(item, what) for item in found]
        twice = sorted({value for value in seen if seen.count(value) > 1})
        if twice:
            raise _invalid("images", f"{', '.join(twice)} is the {what} of more than one", "give each its own")
    return found


def engine_params(params: Params) -> dict[str, t.Any]:
    """The arguments that the choice of an engine on this host asks for: images are resolved with uv."""
    return {**_NOT_ASKED, **{name: value for name, value in params.items() if name != "engine"}}


def _desired(options: Params, params: Params) -> DesiredImage:
    name = spelling.require("name", options["name"], "name")
    where = f"image {name}: "
    tags = tuple(options["tags"] or [f"{name}:latest"])
    for tag in tags:
        if spelling.reference(tag, f"{where}tags")["digest"]:
            raise _invalid(f"{where}tags", f"{tag} has a digest", "name it without one: it is what the build gives")
    spelling.reference(options["base"], f"{where}base")
    folder = os.path.normpath(options["folder"] or os.path.join(params["root"], name))
    envs = tuple(_environment(item, params, where) for item in options["python_envs"])
    names = [env.name for env in envs]
    if len(set(names)) != len(names):
        raise _invalid(f"{where}python_envs", "two have the same name", "give each its own")
    if not 1 <= options["uid"] <= 60000:
        raise _invalid(f"{where}uid", str(options["uid"]), "choose one of 1 to 60000: an image does not run as root")
    for label, value in options["labels"].items():
        spelling.require("label", str(label), f"{where}labels")
        spelling.require_text(str(value), f"{where}labels.{label}")
        if str(label).startswith("io.gpufleet.mlstack."):
            raise _invalid(f"{where}labels", f"{label} is one of our own", "choose another name")
    for variable, value in options["env"].items():
        spelling.require("variable", str(variable), f"{where}env")
        spelling.require_text(str(value), f"{where}env.{variable}")
    for option in ("entrypoint", "command", "healthcheck"):
        for word in options[option]:
            spelling.require_text(word, f"{where}{option}")
    return DesiredImage(
        name=name,
        folder=folder,
        tags=tags,
        base=options["base"],
        environments=envs,
        environments_root=spelling.require("path", params["environments_root"].rstrip("/"), "environments_root"),
        system_packages=_packages(options["system_packages"], f"{where}system_packages"),
        build_packages=_packages(options["build_packages"], f"{where}build_packages"),
        copies=tuple(_copied(item, f"{where}copy") for item in options["copy"]),
        env={str(key): str(value) for key, value in options["env"].items()},
        labels={str(key): str(value) for key, value in options["labels"].items()},
        user=spelling.require("user", options["user"], f"{where}user"),
        uid=options["uid"],
        workdir=spelling.require("path", options["workdir"], f"{where}workdir"),
        entrypoint=tuple(options["entrypoint"]),
        command=tuple(options["command"]),
        healthcheck=tuple(options["healthcheck"]),
        gpu=options["gpu"],
        engine=params["engine"],
        created=_created(options["created"], f"{where}created"),
        write_only=options["write_only"],
        push=options["push"],
        save_to=os.path.normpath(options["save_to"]) if options["save_to"] else "",
    )


def _environment(item: Params, params: Params, where: str) -> DesiredEnvironment:
    given = dict(item)
    name = spelling.require("name", str(given.pop("name", "")), f"{where}python_envs.name")
    if given.pop("state", "present") != "present":
        raise _invalid(f"{where}python_envs", f"{name} has a state other than present", "leave it out of the image")
    unknown = sorted(set(given) - set(_ENVIRONMENT) - _OF_HOSTS)
    if unknown:
        raise _invalid(
            f"{where}python_envs",
            f"{name} has the keys {', '.join(unknown)}",
            "give what pip_pinned's environments have; torch and tensorflow are made packages by the role first",
        )
    options = {**_ENVIRONMENT, **{key: value for key, value in given.items() if key in _ENVIRONMENT}}
    for key, default in _ENVIRONMENT.items():
        if not isinstance(options[key], type(default)):
            raise _invalid(
                f"{where}python_envs", f"{name}: {key} is {options[key]!r}", f"give a {type(default).__name__}"
            )
        if isinstance(default, list):
            options[key] = [spelling.require_text(str(value), f"{where}python_envs.{key}") for value in options[key]]
    for package in (*options["no_binary"], *options["only_binary"]):
        if package != ":all:":
            spelling.require("package", package, f"{where}python_envs.no_binary")
    for module in options["verify_imports"]:
        spelling.require("module", module, f"{where}python_envs.verify_imports")
    if not (options["packages"] or options["requirements"]):
        raise _invalid(
            f"{where}python_envs", f"{name} has neither packages nor requirements", "say what it should hold"
        )
    root = params["environments_root"]
    files = unpacked(params.get("requirement_files"))
    of_hosts = {key: spec.get("default") for key, spec in environments.ENVIRONMENT_SPEC.items()}
    sources = environments.sources_of(engine_params(params))
    said = {**of_hosts, **options, "name": name, "state": "present"}
    return one(DesiredEnvironment, said, {"root": root, "files": files, "sources": sources})


def _packages(items: t.Sequence[t.Any], option: str) -> tuple[Package, ...]:
    """As system_packages_list has them: a name, or a mapping. What is to be absent is so in a new image already."""
    found = []
    for item in items:
        given = {"name": item} if isinstance(item, str) else dict(item) if isinstance(item, dict) else {}
        unknown = sorted(set(given) - {"name", "version", "state", "hold"})
        if "name" not in given or unknown:
            raise _invalid(option, f"{item!r}", "give a name, or a mapping with name and version")
        if given.get("state", "present") == "absent":
            continue
        name = spelling.require("package", str(given["name"]), option)
        version = given.get("version")
        found.append(Package(name, spelling.require("version", str(version), option) if version else ""))
    return tuple(sorted(set(found), key=lambda package: (package.name, package.version)))


def _copied(item: Params, option: str) -> Copied:
    return Copied(spelling.require("source", item["src"], option), spelling.require("path", item["dest"], option))


def _created(value: str | None, option: str) -> int | None:
    given = value or os.environ.get("SOURCE_DATE_EPOCH") or ""
    if not given:
        return None
    if not given.isascii() or not given.isdigit() or len(given) > 11:
        raise _invalid(option, repr(given), "give seconds since 1970, as SOURCE_DATE_EPOCH has them")
    return int(given)


def _invalid(option: str, found: str, to_fix: str) -> InvalidArguments:
    return InvalidArguments("image_invalid", wanted=f"the option {option}", found=found, to_fix=to_fix)
