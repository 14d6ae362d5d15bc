# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What NVIDIA's bulletins say of its driver, CUDA toolkit, container toolkit and DCGM on Linux.

They name, for each branch, the version in which flaws end. The table beside this file has those of one day; a mirror
of the CSAF files that NVIDIA publishes (U(https://github.com/NVIDIA/product-security)) has them as of its own. Packages
are called C(NVIDIA:driver/R535) here, and C(NVIDIA:cuda-toolkit/all).
"""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import orders, severity
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.advisories import Advisory, Affected, BadAdvisory

PREFIX = "NVIDIA:"
DRIVER = "driver"
SOURCE = "NVIDIA's bulletins, as this release of the collection knows them"
_TABLE = os.path.join(os.path.dirname(__file__), "nvidia_bulletins.tsv")
_PAGE = "https://nvidia.custhelp.com/app/answers/detail/a_id/"
_VERSION = re.compile(r"v?(?P<version>[0-9]+(?:\.[0-9]+)+)\s*(?:(?:U|Update )(?P<update>[0-9]+))?")
_LINUX_BRANCH = re.compile(r"Linux ?\(R(?P<branch>[0-9]+)\)")
# By the names that bulletins use: desktop and data centre drivers are one.
_PRODUCTS = (
    ("cuda-toolkit", re.compile(r"(?:NVIDIA )?CUDA Toolkit")),
    ("container-toolkit", re.compile(r"NVIDIA Container Toolkit")),
    ("dcgm", re.compile(r"(?:NVIDIA )?DCGM")),
)
_DRIVER_PRODUCTS = re.compile(r"GeForce|Tesla|RTX|Quadro|NVS")


class Row(t.NamedTuple):
    """In ``fixed`` of a product's branch (empty where it has none) the flaws ``cves`` end."""

    product: str
    branch: str
    fixed: str
    cves: tuple[str, ...]


def key(product: str, version: str) -> str:
    """How a product of this version is called here."""
    return f"{PREFIX}{product}/{'R' + version.partition('.')[0] if product == DRIVER else 'all'}"


def number(text: str) -> str:
    """The version in a bulletin's words: C(12.9 Update 1) is 12.9.1. Empty where there is none."""
    match = _VERSION.search(text)
    if match is None:
        return ""
    return f"{match.group('version')}.{match.group('update')}" if match.group("update") else match.group("version")


def table() -> list[Advisory]:
    """What the table says."""
    rows: dict[str, list[Row]] = {}
    about: dict[str, tuple[str, float]] = {}
    with open(_TABLE, encoding="utf-8") as stream:
        lines = [line.rstrip("\n").split("\t") for line in stream if not line.startswith("#")]
    for bulletin, date, product, branch, fixed, score, cves in lines[1:]:
        rows.setdefault(bulletin, []).append(Row(product, branch, fixed, tuple(f"CVE-{item}" for item in cves.split())))
        about[bulletin] = (f"{date}T00:00:00Z", float(score))
    return [_advisory(bulletin, *about[bulletin], found) for bulletin, found in rows.items()]


def is_csaf(record: t.Any) -> bool:
    """Whether a record is one of NVIDIA's, in their form."""
    return isinstance(record, dict) and isinstance(record.get("document"), dict)


def is_cve(record: t.Any) -> bool:
    """Whether it is a record of the list of CVEs: NVIDIA keeps them beside its own, and they say nothing more."""
    return isinstance(record, dict) and record.get("dataType") == "CVE_RECORD"


def read(record: t.Mapping[str, t.Any]) -> Advisory | None:
    """The advisory of a CSAF document; None where it is about none of the products here. Raises BadAdvisory."""
    try:
        tracking = record["document"]["tracking"]
        bulletin, date = str(tracking["id"]), f"{str(tracking['current_release_date'])[:19]}Z"
        products = dict(_products(record["product_tree"].get("branches", ())))
        found = record.get("vulnerabilities", ())
        cves: dict[tuple[str, str, str], list[str]] = {}
        for item in found:
            fixed: dict[tuple[str, str], str] = {}
            for one in item.get("product_status", {}).get("fixed", ()):
                if one in products:
                    product, branch, version = products[one]
                    fixed[product, branch] = _later(version, fixed.get((product, branch), ""))
            for (product, branch), version in fixed.items():
                cves.setdefault((product, branch, version), []).append(str(item["cve"]))
        scores = [float(score["cvss_v3"]["baseScore"]) for item in found for score in item.get("scores", ())]
    except (KeyError, TypeError, AttributeError, ValueError) as exc:
        raise BadAdvisory(f"it is no CSAF document of NVIDIA's ({type(exc).__name__}: {exc})") from exc
    rows = [Row(*where, tuple(sorted(names))) for where, names in cves.items()]
    return _advisory(bulletin, date, max(scores, default=0.0), rows) if rows else None


def _products(branches: t.Iterable[t.Any], above: tuple[str, ...] = ()) -> t.Iterator[tuple[str, tuple[str, str, str]]]:
    """By their ids what documents call products: the product, its branch and the version."""
    for item in branches:
        if "product" in item and item.get("category") == "product_version":
            told = item["product"]
            place = _place(str(item.get("name", "")), above[-1] if above else "")
            version = number(str(told["name"]))
            if place and version:
                yield str(told["product_id"]), (*place, version)
        yield from _products(item.get("branches", ()), (*above, str(item.get("name", ""))))


def _place(name: str, platform: str) -> tuple[str, str] | None:
    branch = _LINUX_BRANCH.fullmatch(platform)
    if branch and _DRIVER_PRODUCTS.search(name):
        return DRIVER, f"R{branch.group('branch')}"
    if platform != "All" and "Linux" not in platform:
        return None
    return next(((product, "") for product, pattern in _PRODUCTS if pattern.fullmatch(name)), None)


def _later(left: str, right: str) -> str:
    return max(left, right, key=lambda text: orders.RPM.read(text or "0"))


def _advisory(bulletin: str, date: str, score: float, rows: t.Iterable[Row]) -> Advisory:
    affected = tuple(
        Affected(
            f"{PREFIX}{row.product}/{row.branch or 'all'}",
            ranges=((("introduced", "0"), ("fixed", row.fixed)),),
            covers=row.cves,
        )
        for row in rows
    )
    return Advisory(
        id=f"NVIDIA-{bulletin}",
        severity=severity.of_score(score) if score else "unknown",
        summary=f"NVIDIA's bulletin {bulletin}; rated as the worst of its flaws",
        url=f"{_PAGE}{bulletin}",
        published=date,
        modified=date,
        affected=affected,
    )
