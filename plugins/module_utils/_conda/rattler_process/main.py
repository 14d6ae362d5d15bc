# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs in py-rattler's own process: one JSON request on standard input, one JSON answer on standard output.

py-rattler can crash the interpreter when that ends, after its work is done; os._exit() leaves before. For that, and for
the memory it takes, no module imports it: this folder alone does, under whatever Python the toolbox was filled with.
It knows py-rattler 0.25 (the last for Python 3.9) and 0.28.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.rattler_process.install import create, install
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.rattler_process.refused import Refused
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.rattler_process.solve import solve

_ACTIONS: t.Mapping[str, t.Callable[[t.Any], t.Awaitable[dict[str, t.Any]]]] = {
    "solve": solve,
    "install": install,
    "create": create,
}


def main() -> None:
    """Answer one request; never returns."""
    out = os.dup(1)
    os.dup2(2, 1)  # whatever libraries print is no answer
    request = json.load(sys.stdin)
    try:
        answer = asyncio.run(_answer(request))
    except Refused as exc:
        answer = {"error": exc.answer}
    except BaseException as exc:  # a panic in Rust is no Exception
        answer = {"error": {"code": "failed", "kind": type(exc).__name__, "text": str(exc)}}
    data = json.dumps(answer).encode()
    while data:
        data = data[os.write(out, data) :]
    sys.stderr.flush()
    os._exit(0)


async def _answer(request: dict[str, t.Any]) -> dict[str, t.Any]:
    return await _ACTIONS[request["action"]](request)
