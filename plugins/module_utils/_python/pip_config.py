# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The index that pip is configured for on a host, so that uv, which reads none of it, asks the same mirror.

Files, their order and the variables are those of U(https://pip.pypa.io/en/stable/topics/configuration/).
"""

from __future__ import annotations

import configparser
import os
import typing as t
from dataclasses import replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.model import Sources

# Where one of these is set, somebody has told uv itself.
_UV_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_CONFIG_FILE", "UV_NO_INDEX")
_UV_FILES = ("/etc/uv/uv.toml", "/etc/xdg/uv/uv.toml", "{config}/uv/uv.toml")
_PIP_FILES = ("/etc/xdg/pip/pip.conf", "/etc/pip.conf", "{home}/.pip/pip.conf", "{config}/pip/pip.conf")


def inherited(sources: Sources, host: Host) -> Sources:
    """The sources with pip's index and trusted hosts, unless the arguments or uv's own configuration name one.

    Extra indexes are not taken over: pip looks for the best version in all of them, uv in the first that has the
    package, so the same list would mean two things.
    """
    if sources.index_url or sources.no_index or sources.offline or _uv_is_configured(host):
        return sources
    settings = pip_settings(host)
    index = settings.get("index-url", "")
    if not index:
        return sources
    trusted = tuple(settings.get("trusted-host", "").split())
    return replace(sources, index_url=index, trusted_hosts=tuple(dict.fromkeys((*sources.trusted_hosts, *trusted))))


def pip_settings(host: Host) -> dict[str, str]:
    """pip's global and install settings: later files win over earlier ones, variables over all files."""
    settings: dict[str, str] = {}
    named = host.environ.get("PIP_CONFIG_FILE")
    paths = [] if named == os.devnull else [*_paths(_PIP_FILES, host), *([named] if named else [])]
    for path in paths:
        text = host.read_text(path)
        if text is not None:
            settings.update(_parsed(text))
    for option in ("index-url", "trusted-host"):
        value = host.environ.get("PIP_" + option.upper().replace("-", "_"))
        if value:
            settings[option] = value
    return settings


def _parsed(text: str) -> t.Iterator[tuple[str, str]]:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error:
        return  # pip itself will complain of it
    for section in ("global", "install"):
        if parser.has_section(section):
            yield from ((name.replace("_", "-"), value) for name, value in parser.items(section))


def _uv_is_configured(host: Host) -> bool:
    return any(host.environ.get(name) for name in _UV_VARIABLES) or any(map(host.exists, _paths(_UV_FILES, host)))


def _paths(patterns: t.Iterable[str], host: Host) -> list[str]:
    home = host.environ.get("HOME") or os.path.expanduser("~")
    config = host.environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    return [pattern.format(home=home, config=config) for pattern in patterns]
