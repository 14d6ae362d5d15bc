# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An OpenVEX document of the fleet: which packages are affected by what, and what is to be done.

Source: U(https://github.com/openvex/spec), version 0.2.0. It claims of nothing that it is not affected: what a policy
lets pass is a risk that somebody bears, and says so.
"""

from __future__ import annotations

import json
import typing as t
import uuid

from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs import cyclonedx, grouped
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs.fleet import TOOL, Fleet

_CONTEXT = "https://openvex.dev/ns/v0.2.0"
_NAMESPACE = uuid.UUID("0b9a1f0e-6f0f-5f3c-9a63-2f7f1f3c7a55")


def render(fleet: Fleet) -> str:
    """The document as JSON; the same findings give the same id."""
    statements = []
    for item in grouped.flaws(fleet):
        advice = f"It is let pass: {item.ignored}. {item.advice}" if item.ignored else item.advice
        flaw: dict[str, t.Any] = {"@id": item.flaw.url} if item.flaw.url.startswith("https://") else {}
        flaw["name"] = item.flaw.id
        flaw.update({"aliases": list(item.flaw.aliases)} if item.flaw.aliases else {})
        products = dict.fromkeys(str(cyclonedx.purl(package)) for package in item.packages)
        statements.append(
            {
                "vulnerability": flaw,
                "products": [{"@id": product} for product in products],
                "status": "affected",
                "action_statement": advice,
            }
        )
    identity = uuid.uuid5(_NAMESPACE, json.dumps(statements, sort_keys=True))
    document = {
        "@context": _CONTEXT,
        "@id": f"https://openvex.dev/docs/public/vex-{identity}",
        "author": TOOL,
        "timestamp": fleet.made,
        "version": 1,
        "tooling": TOOL,
        "statements": statements,
    }
    return json.dumps(document, indent=1) + "\n"
