# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A CycloneDX bill of materials of one environment, with its vulnerabilities, through cyclonedx-python-lib.

The same environment with the same findings gives the same serial number, so that bills can be compared
and stored by it.
"""

from __future__ import annotations

import re
import typing as t
import uuid
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.model import Environment, Finding, Flaw, Package
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs.fleet import (
    VERSION,
    Placed,
)

# None where the library is missing: the other outputs do without it, and require() tells those who want this one.
try:
    from cyclonedx.contrib.license.factories import LicenseFactory
    from cyclonedx.model import ExternalReference, ExternalReferenceType, Property, XsUri
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.model.contact import OrganizationalEntity
    from cyclonedx.model.dependency import Dependency
    from cyclonedx.model.impact_analysis import ImpactAnalysisResponse, ImpactAnalysisState
    from cyclonedx.model.vulnerability import (
        BomTarget,
        Vulnerability,
        VulnerabilityAdvisory,
        VulnerabilityAnalysis,
        VulnerabilityRating,
        VulnerabilityReference,
        VulnerabilityScoreSource,
        VulnerabilitySeverity,
        VulnerabilitySource,
    )
    from cyclonedx.output import make_outputter
    from cyclonedx.schema import OutputFormat, SchemaVersion
    from packageurl import PackageURL
except ImportError as error:
    MISSING: str | None = str(error)
else:
    MISSING = None

Pair = tuple[Finding, Package]

_VCS = re.compile(r"(?:git|hg|svn|bzr)\+\w")
_NAMESPACE = uuid.UUID("6f1c2a54-2f0f-5d0b-9b6e-0d8d6a1f6c11")


def require() -> None:
    """Raise MlstackError where the library is not there, before anything is audited for its sake."""
    if MISSING is not None:
        raise MlstackError(
            "cyclonedx_missing",
            wanted="bills of materials in the form of CycloneDX",
            found=f"the library cyclonedx-python-lib cannot be imported here ({MISSING})",
            to_fix="run the audit with the controller that ./converge sets up, or install the library beside Ansible",
        )


def render(placed: Placed, made: str) -> str:
    """The bill of one environment as JSON; ``made`` is the time of the audit."""
    require()
    return str(make_outputter(bill(placed, made), OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=1))


def bill(placed: Placed, made: str) -> Bom:
    """The bill as the library's object."""
    environment = placed.environment
    bom = Bom(serial_number=serial(placed), version=1)
    bom.metadata.timestamp = datetime.fromisoformat(made.replace("Z", "+00:00"))
    bom.metadata.tools.components.add(
        Component(
            type=ComponentType.APPLICATION,
            name="gpufleet.mlstack",
            version=VERSION,
            supplier=OrganizationalEntity(name="gpufleet.mlstack contributors"),
        )
    )
    subject = Component(
        type=ComponentType.APPLICATION, name=environment.name or environment.path, bom_ref="environment"
    )
    told = {
        "host": placed.host,
        "path": placed.path,
        "kind": environment.kind,
        "python": environment.python,
        "generation": environment.generation,
    }
    subject.properties.update(Property(name=f"mlstack:{key}", value=value) for key, value in told.items() if value)
    bom.metadata.component = subject
    components = {item: _component(item) for item in dict.fromkeys(environment.packages)}
    components.update({item: _component(item) for _finding, item in placed.found() if item not in components})
    bom.components.update(components.values())
    _relate(bom, subject, components, environment)
    for pairs in _merged(placed):
        bom.vulnerabilities.add(_vulnerability(pairs, [components[item] for _finding, item in pairs]))
    return bom


@lru_cache(maxsize=16384)
def _component(item: Package) -> Component:
    """The component of a package, the same one in the bills of all environments that have it."""
    component = Component(
        type=ComponentType.LIBRARY, name=item.name, version=item.version, purl=purl(item), bom_ref=str(purl(item))
    )
    if item.licence:
        component.licenses.add(LicenseFactory().make_from_string(item.licence))
    if item.origin:
        component.properties.add(Property(name="mlstack:origin", value=item.origin))
    if _VCS.match(item.origin):
        where = XsUri(item.origin.partition("+")[2])
        component.external_references.add(ExternalReference(type=ExternalReferenceType.VCS, url=where))
    return component


def expression(licence: str) -> str:
    """A licence as an SPDX expression; empty where it is none."""
    if not licence:
        return ""
    found = LicenseFactory().make_from_string(licence)
    return str(getattr(found, "id", None) or getattr(found, "value", None) or "")


def purl(item: Package) -> PackageURL:
    """The package URL of a package, its origin and distribution in it."""
    # The purl specification normalises less than PEP 503 does.
    name = item.name.lower().replace("_", "-") if item.kind == "pypi" else item.name
    qualifiers = {}
    if item.kind in ("deb", "rpm"):
        return _url_of_system(item)
    if item.kind == "nvidia":
        return PackageURL(type="generic", namespace="nvidia", name=item.name, version=item.version)
    if item.kind == "conda" and item.origin:
        qualifiers["channel"] = item.origin
    elif _VCS.match(item.origin):
        qualifiers["vcs_url"] = item.origin
    return PackageURL(type=item.kind, name=name, version=item.version or None, qualifiers=qualifiers)


def _url_of_system(item: Package) -> PackageURL:
    epoch, colon, version = item.version.rpartition(":")
    qualifiers = {"distro": item.system}
    if item.kind == "rpm" and colon:  # a package of Debian has it in the version
        qualifiers["epoch"] = epoch
    else:
        version = item.version
    vendor = item.system.partition("-")[0]
    return PackageURL(type=item.kind, namespace=vendor, name=item.name, version=version, qualifiers=qualifiers)


def _relate(bom: Bom, subject: Component, components: t.Mapping[Package, Component], environment: Environment) -> None:
    by_name = {names.normalize(item.name): component for item, component in components.items()}
    # Not by register_dependency(), which looks through all that were registered before, for each.
    for item, component in components.items():
        needed = [by_name[name] for name in item.needs if name in by_name and by_name[name] is not component]
        bom.dependencies.add(_dependency(component, needed))
    asked = [components[item] for item in environment.packages if item.requested]
    bom.dependencies.add(_dependency(subject, asked or components.values()))


def _dependency(component: Component, needed: t.Iterable[Component]) -> Dependency:
    return Dependency(component.bom_ref, [Dependency(item.bom_ref) for item in needed])


def _merged(placed: Placed) -> t.Iterable[list[Pair]]:
    """One entry per flaw, with every package that has it."""
    groups: dict[Flaw, list[Pair]] = {}
    for finding, package in placed.found():
        groups.setdefault(finding.flaw, []).append((finding, package))
    return groups.values()


def _vulnerability(pairs: t.Sequence[Pair], affected: t.Iterable[Component]) -> Vulnerability:
    flaw = pairs[0][0].flaw
    source = VulnerabilitySource(name="OSV", url=XsUri(flaw.url) if flaw.url else None)
    ignored = [finding.ignored for finding, _package in pairs]
    return Vulnerability(
        bom_ref=f"{flaw.id}",
        id=flaw.id,
        source=source,
        references=[VulnerabilityReference(id=alias, source=VulnerabilitySource(name="OSV")) for alias in flaw.aliases],
        ratings=[_rating(flaw)],
        description=f"Malware: {flaw.summary}" if flaw.malware else flaw.summary or None,
        cwes=[506] if flaw.malware else None,
        recommendation=" ".join(_advice(package) for _finding, package in pairs),
        advisories=[VulnerabilityAdvisory(url=XsUri(flaw.url))] if flaw.url else [],
        published=_time(flaw.published),
        analysis=_analysis(ignored[0] if all(ignored) else ""),
        affects=[BomTarget(ref=str(component.bom_ref.value)) for component in affected],
    )


def _advice(item: Package) -> str:
    return (
        f"Update {item.name} to {item.fix}."
        if item.fix
        else f"No version of {item.name} without a known flaw is known."
    )


def _rating(flaw: Flaw) -> VulnerabilityRating:
    methods = {"CVSS:3.0": "CVSSv3", "CVSS:3.1": "CVSSv31", "CVSS:4.0": "CVSSv4"}
    method = methods.get(flaw.vector[:8])
    return VulnerabilityRating(
        severity=VulnerabilitySeverity(flaw.severity),
        score=None if flaw.score is None else Decimal(str(flaw.score)),
        method=VulnerabilityScoreSource(method) if method else None,
        vector=flaw.vector or None,
    )


def _analysis(ignored: str) -> VulnerabilityAnalysis | None:
    if not ignored:
        return None
    # Somebody has decided to live with it, which is not the claim that it does no harm here.
    return VulnerabilityAnalysis(
        state=ImpactAnalysisState.EXPLOITABLE,
        responses=[ImpactAnalysisResponse.WILL_NOT_FIX],
        detail=f"ignored: {ignored}",
    )


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None
    except ValueError:
        return None


def serial(placed: Placed) -> uuid.UUID:
    environment = placed.environment
    packages = sorted(f"{item.name}=={item.version}" for item in environment.packages)
    flaws = sorted(f"{item.flaw.id}:{item.ignored}" for item in environment.findings)
    return uuid.uuid5(_NAMESPACE, "\n".join([placed.host, placed.path, *packages, *flaws]))
