# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A bill of materials of one environment as SPDX 2.3: its packages, what needs what, and where flaws are described.

Source: U(https://spdx.github.io/spdx-spec/v2.3/).
"""

from __future__ import annotations

import json
import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.model import Package
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs import cyclonedx
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs.fleet import VERSION, Placed

_NOTHING = "NOASSERTION"
_ENVIRONMENT = "SPDXRef-Environment"
_LOCATION = re.compile(r"(?:(?:git|hg|svn|bzr)\+)?https?://[^\s\"<>\\^`{|}]+", re.ASCII)


def render(placed: Placed, made: str) -> str:
    """The bill as JSON; ``made`` is the time of the audit."""
    environment = placed.environment
    packages = list(dict.fromkeys(environment.packages))
    ids = {item: f"SPDXRef-Package-{number}" for number, item in enumerate(packages)}
    by_name = {names.normalize(item.name): identifier for item, identifier in ids.items()}
    advisories: dict[Package, list[str]] = {}
    for finding, package in placed.found():
        if finding.flaw.url.startswith("https://") and package in ids:
            advisories.setdefault(package, []).append(finding.flaw.url)
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", _ENVIRONMENT)]
    relations += [(_ENVIRONMENT, "CONTAINS", identifier) for identifier in ids.values()]
    for item, identifier in ids.items():
        needed = dict.fromkeys(by_name[name] for name in item.needs if name in by_name)
        relations += [(identifier, "DEPENDS_ON", other) for other in needed if other != identifier]
    name = f"{placed.host} {placed.path}"
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": name,
        "documentNamespace": f"https://spdx.org/spdxdocs/gpufleet-mlstack-{cyclonedx.serial(placed)}",
        "creationInfo": {"created": made, "creators": [f"Tool: gpufleet.mlstack-{VERSION}"]},
        "packages": [
            _described(_ENVIRONMENT, environment.name or environment.path, {"primaryPackagePurpose": "APPLICATION"}),
            *(_package(item, identifier, advisories.get(item, ())) for item, identifier in ids.items()),
        ],
        "relationships": [
            {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
            for one, kind, other in relations
        ],
    }
    return json.dumps(document, indent=1) + "\n"


def _package(item: Package, identifier: str, advisories: t.Iterable[str]) -> dict[str, t.Any]:
    references = [("PACKAGE-MANAGER", "purl", str(cyclonedx.purl(item)))]
    references += [("SECURITY", "advisory", url) for url in dict.fromkeys(advisories)]
    more: dict[str, t.Any] = {
        "versionInfo": item.version,
        "externalRefs": [
            {"referenceCategory": category, "referenceType": kind, "referenceLocator": locator}
            for category, kind, locator in references
        ],
    }
    declared = cyclonedx.expression(item.licence)
    if declared:
        more["licenseDeclared"] = declared
    elif item.licence:
        more["licenseComments"] = f"In the words of its authors: {item.licence}"
    if _LOCATION.fullmatch(item.origin):
        more["downloadLocation"] = item.origin
    return _described(identifier, item.name, more)


def _described(identifier: str, name: str, more: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {
        "SPDXID": identifier,
        "name": name,
        "downloadLocation": _NOTHING,
        "filesAnalyzed": False,
        "licenseConcluded": _NOTHING,
        "licenseDeclared": _NOTHING,
        "copyrightText": _NOTHING,
        **more,
    }
