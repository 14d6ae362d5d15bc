# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JUnit XML, which every continuous integration shows, by the schema of Ant's reports (windyroad's JUnit.xsd).

Three suites: a case for each flaw of each version of a package, one for each other finding, and one for each
environment, which says whether it could be audited. What is found is a failure with the hosts it is on, what could not
be audited is an error, what the policy ignores everywhere a skipped case. A thousand hosts that hold the same make no
more cases of flaws than one.
"""

from __future__ import annotations

import re
import typing as t
from xml.etree import ElementTree

from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs import grouped
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs.fleet import Fleet
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs.grouped import Found, Trouble

# Characters that XML 1.0 cannot hold, not even escaped.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MOST_HOSTS = 100  # of one case
_PACKAGE = "gpufleet.mlstack.dep_audit"


def render(fleet: Fleet) -> str:
    """The text of the file."""
    root = ElementTree.Element("testsuites")
    flaws = _by_case(grouped.flaws(fleet), 4)
    troubles = _by_case(grouped.troubles(fleet), 2)
    suites = [
        _suite("flaws", [_flaw(items) for items in flaws], fleet),
        _suite("other findings", [_trouble(items) for items in troubles], fleet),
        _suite("environments", _environments(fleet), fleet),
    ]
    for number, suite in enumerate(suites):
        suite.set("id", str(number))
    root.extend(suites)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


Item = t.TypeVar("Item", Found, Trouble)


def _by_case(items: t.Iterable[Item], parts: int) -> list[list[Item]]:
    """Those that differ only in whether they are ignored are one case."""
    cases: dict[tuple[str, ...], list[Item]] = {}
    for item in items:
        cases.setdefault(tuple(item.identity[:parts]), []).append(item)
    return list(cases.values())


def _flaw(items: t.Sequence[Found]) -> ElementTree.Element:
    first = items[0]
    package, flaw = first.package, first.flaw
    kind = "" if package.kind == "pypi" else f"{package.kind}:"
    case = _named(flaw.id, f"flaws.{kind}{package.name} {package.version}")
    message = f"{package.name} {package.version} has {flaw.id} ({flaw.word}): {flaw.summary}"
    lines = [f"Also known as {', '.join(flaw.aliases)}." if flaw.aliases else ""]
    lines.append(f"Fixed in {', '.join(first.fixed)}." if first.fixed else "")
    lines.append(first.advice)
    lines.append(f"It is here because of {' > '.join(first.path[:-1])}." if len(first.path) > 1 else "")
    return _judged(case, flaw.word, message, [*lines, flaw.url], items)


def _trouble(items: t.Sequence[Trouble]) -> ElementTree.Element:
    first = items[0]
    case = _named(first.text, f"findings.{first.kind}")
    return _judged(case, first.kind, first.text, [], items)


def _judged(
    case: ElementTree.Element, kind: str, message: str, lines: t.Sequence[str], items: t.Sequence[Found | Trouble]
) -> ElementTree.Element:
    """Failed where anybody has it who does not ignore it."""
    found = [place for item in items if not item.ignored for place in item.places]
    ignored = [f"Ignored on {grouped.hosts_of(item.places, 5)}: {item.ignored}" for item in items if item.ignored]
    if not found:
        ElementTree.SubElement(case, "skipped", message=_text("; ".join(ignored)))
        return case
    failure = ElementTree.SubElement(case, "failure", type=_text(kind), message=_text(message))
    where = f"On {grouped.hosts_of(found, _MOST_HOSTS)}."
    failure.text = _text("\n".join(line for line in (*lines, where, *ignored) if line))
    return case


def _environments(fleet: Fleet) -> list[ElementTree.Element]:
    cases = []
    for host in fleet.hosts:
        if host.failed:
            cases.append(_named("audit", f"environments.{host.name}"))
            ElementTree.SubElement(cases[-1], "error", type="not_audited", message=_text(host.failed))
    for place in fleet.environments():
        cases.append(_named(place.path, f"environments.{place.host}"))
        if place.environment.failed:
            why = _text(place.environment.failed)
            ElementTree.SubElement(cases[-1], "error", type="not_audited", message=why)
    return cases


def _suite(name: str, cases: t.Sequence[ElementTree.Element], fleet: Fleet) -> ElementTree.Element:
    counts = {tag: sum(case.find(tag) is not None for case in cases) for tag in ("failure", "error", "skipped")}
    suite = ElementTree.Element("testsuite", name=name, package=_PACKAGE, hostname="fleet", timestamp=fleet.made[:19])
    suite.set("tests", str(len(cases)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(counts[tag]))
    suite.set("time", "0")
    properties = ElementTree.SubElement(suite, "properties")
    for key, value in (("title", fleet.title), ("hosts", str(len(fleet.hosts)))):
        ElementTree.SubElement(properties, "property", name=key, value=_text(value))
    suite.extend(_unique(cases))
    for tag in ("system-out", "system-err"):
        ElementTree.SubElement(suite, tag)
    return suite


def _unique(cases: t.Sequence[ElementTree.Element]) -> t.Sequence[ElementTree.Element]:
    """Number the cases of one name: readers take two of one name for one case."""
    seen: set[tuple[str, str]] = set()
    for case in cases:
        place, name = case.get("classname", ""), case.get("name", "")
        unique, number = name, 2
        while (place, unique) in seen:
            unique, number = f"{name} #{number}", number + 1
        seen.add((place, unique))
        case.set("name", unique)
    return cases


def _named(name: str, place: str) -> ElementTree.Element:
    # Readers of the schema collapse blanks, so that what differs in them alone would be one name.
    one, two = (" ".join(_text(text).split()) or "-" for text in (name, place))
    return ElementTree.Element("testcase", name=one, classname=two, time="0")


def _text(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)
