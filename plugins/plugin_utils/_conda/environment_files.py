# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading whatever describes a conda environment: environment.yml, @EXPLICIT, conda-lock.yml or pixi.lock.

They are told apart by what is in them, not by name.
"""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import explicit, files
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.files import EnvironmentFile, LockFile
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments, MlstackError
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._conda import yaml_lines
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._conda.conda_lock import MAIN, read_conda_lock
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._conda.environment_yaml import read_environment_yaml
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._conda.pixi_lock import read_pixi_lock

ENVIRONMENT, EXPLICIT, CONDA_LOCK, PIXI = "environment", "explicit", "conda-lock", "pixi"


def form_of(text: bytes | str, source: str) -> str:
    """Which of the four a file is. Raises InvalidArguments where it is none that can be read."""
    decoded = files.decode(text, source)
    if explicit.is_explicit(decoded):
        return EXPLICIT
    document, _lines = yaml_lines.load(decoded, source)
    if "dependencies" in document.items:
        return ENVIRONMENT
    if "environments" in document.items:
        return PIXI
    if "package" in document.items or ("version" in document.items and "channels" not in document.items):
        return CONDA_LOCK
    return ENVIRONMENT


def read_file(
    text: bytes | str,
    source: str,
    platform: str,
    *,
    categories: t.Collection[str] = (MAIN,),
    environment: str = "default",
    environ: t.Mapping[str, str] | None = None,
) -> EnvironmentFile | LockFile:
    """Read any of the four; see the reader of each for the options that it takes. Raises InvalidArguments."""
    try:
        return _read(text, source, platform, categories, environment, environ)
    except MlstackError:
        raise
    except Exception as exc:  # whatever a reader trips over is a file that cannot be read, and never a traceback
        raise InvalidArguments(
            "conda_file_unreadable",
            wanted=f"an environment from {source}",
            found=f"{source}: it cannot be read ({type(exc).__name__}: {exc})",
            to_fix="look for what is unusual in the file: very long numbers or names, deep nesting, a damaged copy",
        ) from exc


def _read(
    text: bytes | str,
    source: str,
    platform: str,
    categories: t.Collection[str],
    environment: str,
    environ: t.Mapping[str, str] | None,
) -> EnvironmentFile | LockFile:
    form = form_of(text, source)
    if form == EXPLICIT:
        return explicit.read_explicit(text, source, platform)
    if form == CONDA_LOCK:
        return read_conda_lock(text, source, platform, categories=categories)
    if form == PIXI:
        return read_pixi_lock(text, source, platform, environment=environment)
    return read_environment_yaml(text, source, platform, environ=environ)
