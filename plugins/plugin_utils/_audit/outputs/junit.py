# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""JUnit XML, which every continuous integration shows: a suite per environment, a case per package.

A flaw or another finding is a failure, what could not be audited an error, what the policy ignores a skipped case.
"""

from __future__ import annotations

import re
import typing as t
from xml.etree import ElementTree

from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.model import Finding, Package
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs.fleet import (
    Fleet,
    Placed,
)

# Characters that XML 1.0 cannot hold, not even escaped.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(fleet: Fleet) -> str:
    """The text of the file."""
    root = ElementTree.Element("testsuites", name=_text(fleet.title))
    environments = sorted(fleet.environments(), key=lambda item: not item.has_malware)
    suites = [_suite(item, fleet.made) for item in environments]
    suites += [_unheard(host.name, host.failed) for host in fleet.hosts if host.failed]
    for counter in ("tests", "failures", "errors", "skipped"):
        root.set(counter, str(sum(int(suite.get(counter, "0")) for suite in suites)))
    root.extend(suites)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _suite(placed: Placed, made: str) -> ElementTree.Element:
    item = placed.environment
    suite = ElementTree.Element("testsuite", name=_text(f"{placed.host}: {item.path}"), hostname=_text(placed.host))
    suite.set("timestamp", made[:19])
    place = f"{placed.host}.{item.name}"
    found: dict[Package, list[Finding]] = {}
    for finding, package in placed.found():
        found.setdefault(package, []).append(finding)
    cases = [_case(package, place, found.get(package, [])) for package in item.packages]
    for problem in item.problems:
        case = _named(f"{problem.kind.replace('_', ' ')}: {problem.text}", place)
        if problem.ignored:
            ElementTree.SubElement(case, "skipped", message=_text(f"ignored: {problem.ignored}"))
        else:
            ElementTree.SubElement(case, "failure", type=_text(problem.kind), message=_text(problem.text))
        cases.append(case)
    if item.failed:
        case = _named("audit", place)
        ElementTree.SubElement(case, "error", type="not_audited", message=_text(item.failed))
        cases.append(case)
    return _counted(suite, cases)


def _case(package: Package, place: str, findings: t.Sequence[Finding]) -> ElementTree.Element:
    case = _named(f"{package.name} {package.version}", place)
    for finding in findings:
        if finding.ignored:
            continue
        message = f"{finding.flaw.id} ({finding.flaw.word}): {finding.flaw.summary}"
        failure = ElementTree.SubElement(case, "failure", type=finding.flaw.word, message=_text(message))
        failure.text = _text(_advice(finding, package))
    if findings and len(case) == 0:
        told = "; ".join(f"{finding.flaw.id} is ignored: {finding.ignored}" for finding in findings)
        ElementTree.SubElement(case, "skipped", message=_text(told))
    return case


def _advice(finding: Finding, package: Package) -> str:
    lines = [f"Also known as {', '.join(finding.flaw.aliases)}." if finding.flaw.aliases else ""]
    lines.append(f"Fixed in {', '.join(finding.fixed)}." if finding.fixed else "No fix is known.")
    if package.fix:
        lines.append(f"Update {package.name} to {package.fix}.")
    if len(finding.path) > 1:
        lines.append(f"It is here because of {' > '.join(finding.path[:-1])}.")
    lines.append(finding.flaw.url)
    return "\n".join(line for line in lines if line)


def _unheard(host: str, why: str) -> ElementTree.Element:
    suite = ElementTree.Element("testsuite", name=_text(host), hostname=_text(host))
    case = _named("audit", host)
    ElementTree.SubElement(case, "error", type="not_audited", message=_text(why))
    return _counted(suite, [case])


def _named(name: str, place: str) -> ElementTree.Element:
    return ElementTree.Element("testcase", name=_text(name), classname=_text(place), time="0")


def _counted(suite: ElementTree.Element, cases: t.Sequence[ElementTree.Element]) -> ElementTree.Element:
    suite.set("tests", str(len(cases)))
    for counter, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(counter, str(sum(case.find(tag) is not None for case in cases)))
    suite.extend(cases)
    return suite


def _text(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)
