# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bills in the form of SPDX, and what OpenVEX says of a fleet."""

from __future__ import annotations

import json
import re
import typing as t

import pytest
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.model import Package
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs import cyclonedx, files, openvex, spdx
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs.fleet import Fleet
from packageurl import PackageURL

from . import fleets

FLEETS = [fleets.small(), fleets.hostile(), fleets.infected()]


def bills(fleet: Fleet) -> list[dict[str, t.Any]]:
    return [json.loads(spdx.render(placed, fleet.made)) for placed in fleet.environments()]


@pytest.mark.parametrize("fleet", FLEETS)
def test_bills_of_spdx_keep_the_rules_of_its_schema(fleet: Fleet) -> None:
    for bill in bills(fleet):
        assert (bill["spdxVersion"], bill["dataLicense"], bill["SPDXID"]) == ("SPDX-2.3", "CC0-1.0", "SPDXRef-DOCUMENT")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", bill["creationInfo"]["created"])
        ids = {"SPDXRef-DOCUMENT", *(item["SPDXID"] for item in bill["packages"])}
        assert len(ids) == len(bill["packages"]) + 1
        assert all(re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", identifier) for identifier in ids)
        for item in bill["packages"]:
            assert item["name"] and item["filesAnalyzed"] is False
            assert item["downloadLocation"] == "NOASSERTION" or "://" in item["downloadLocation"]
            for reference in item.get("externalRefs", ()):
                if reference["referenceType"] == "purl":
                    PackageURL.from_string(reference["referenceLocator"])
                assert not re.search(r"\s", reference["referenceLocator"])
        for relation in bill["relationships"]:
            assert {relation["spdxElementId"], relation["relatedSpdxElement"]} <= ids


def test_a_bill_says_what_needs_what_its_licence_and_where_flaws_are_described() -> None:
    (bill,) = [item for item in bills(fleets.small()) if item["name"] == "gpu-1 /opt/mlstack/envs/ml"]
    packages = {item["name"]: item for item in bill["packages"]}
    ids = {item["SPDXID"]: name for name, item in packages.items()}
    relations = {
        (one["spdxElementId"], one["relationshipType"], one["relatedSpdxElement"]) for one in bill["relationships"]
    }
    needs = {(ids[one], ids[other]) for one, kind, other in relations if kind == "DEPENDS_ON"}
    assert needs == {("torch", "Jinja2"), ("torch", "filelock"), ("Jinja2", "MarkupSafe")}
    assert packages["Jinja2"]["licenseDeclared"] == "BSD-3-Clause OR MIT"
    assert packages["MarkupSafe"]["licenseDeclared"] == "NOASSERTION"
    assert "a licence with <tags>" in packages["MarkupSafe"]["licenseComments"]
    locators = [item["referenceLocator"] for item in packages["Jinja2"]["externalRefs"]]
    assert locators == ["pkg:pypi/jinja2@3.1.2", fleets.JINJA.url]


@pytest.mark.parametrize("fleet", FLEETS)
def test_openvex_names_flaws_products_and_what_to_do(fleet: Fleet) -> None:
    text = openvex.render(fleet)
    document = json.loads(text)
    assert document["@context"] == "https://openvex.dev/ns/v0.2.0" and document["version"] == 1
    assert text == openvex.render(fleet), "the same findings have the same id"
    for statement in document["statements"]:
        assert statement["status"] == "affected" and statement["action_statement"]
        assert statement["vulnerability"]["name"]
        for product in statement["products"]:
            PackageURL.from_string(product["@id"])


def test_what_is_let_pass_is_not_called_unaffected() -> None:
    statements = json.loads(openvex.render(fleets.small()))["statements"]
    told = {(one["vulnerability"]["name"], one["action_statement"]) for one in statements}
    assert ("GHSA-h5c8-rqwp-cp95", "Update it to 3.1.3.") in told
    assert any("It is let pass: templates are ours" in action for _name, action in told)
    assert {one["status"] for one in statements} == {"affected"}


@pytest.mark.parametrize(
    ("package", "url"),
    [
        (
            Package("python3-x", "1:1.0-2+deb12u1", "deb", system="debian-12"),
            "pkg:deb/debian/python3-x@1:1.0-2%2Bdeb12u1?distro=debian-12",
        ),
        (Package("x", "1:2-3.el9", "rpm", system="rocky-9.4"), "pkg:rpm/rocky/x@2-3.el9?distro=rocky-9.4&epoch=1"),
        (Package("nvidia-driver", "580.1.2", "nvidia"), "pkg:generic/nvidia/nvidia-driver@580.1.2"),
    ],
)
def test_packages_of_systems_have_urls(package: Package, url: str) -> None:
    assert str(cyclonedx.purl(package)) == url
    PackageURL.from_string(url)


def test_both_are_files_of_a_report() -> None:
    paths = [path for path, _make in files.documents(fleets.small(), ["openvex", "spdx"])]
    assert paths[0] == "audit.openvex.json"
    assert len(paths) == 4 and all(path.startswith("sbom/") and path.endswith(".spdx.json") for path in paths[1:])
