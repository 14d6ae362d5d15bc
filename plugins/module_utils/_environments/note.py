# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a desired state says, word for word, what the generation in use was built for: then nothing needs to be
read anew.
"""

from __future__ import annotations

import hashlib
import json
import typing as t

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.model import Desired

# To be raised when the same words come to mean something else.
_READING = 4


def of(desired: Desired, contents: t.Mapping[str, bytes]) -> dict[str, t.Any]:
    """What a record keeps of a desired state whose requirement files had these contents, those they include among them.

    Empty where a variable may have a say (C(${NAME}), in any encoding): the words alone don't tell then.
    """
    if any(b"$" in content for content in contents.values()) or "$" in json.dumps(desired.said()):
        return {}
    return {"files": sorted(contents), "digest": _digest(desired, contents)}


def is_same(desired: Desired, noted: t.Any) -> bool:
    """Whether a desired state is the one of a note. Reads its requirement files, and understands nothing of them."""
    if not isinstance(noted, dict) or not isinstance(noted.get("files"), list):
        return False
    try:
        contents = {str(path): desired.load(str(path)) for path in noted["files"]}
    except OSError:
        return False
    return noted.get("digest") == _digest(desired, contents)


def _digest(desired: Desired, contents: t.Mapping[str, bytes]) -> str:
    files = [[path, hashlib.sha256(contents[path]).hexdigest()] for path in sorted(contents)]
    return hashlib.sha256(json.dumps([_READING, desired.said(), files], sort_keys=True).encode()).hexdigest()
