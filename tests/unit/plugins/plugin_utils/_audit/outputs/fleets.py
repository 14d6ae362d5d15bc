# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Audited fleets for tests of what is made of them: a small one, a hostile one, a large one."""

from __future__ import annotations

import random
from dataclasses import replace

from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.model import (
    DatabaseInfo,
    Environment,
    Finding,
    Flaw,
    HostAudit,
    Package,
    Problem,
    Verdict,
)
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs.fleet import Fleet, Host

MADE = "2026-11-23T08:20:11Z"
DATABASE = DatabaseInfo("/srv/mirror/pypi.zip", "osv", "2026-11-20T00:00:00Z", 3, 20123)

JINJA = Flaw(
    "GHSA-h5c8-rqwp-cp95",
    ("CVE-2024-22195", "PYSEC-2024-1"),
    "medium",
    5.4,
    "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N",
    "Cross-site scripting through the xmlattr filter",
    "https://osv.dev/vulnerability/GHSA-h5c8-rqwp-cp95",
    "2024-01-11T15:20:48.123456Z",
)
PILLOW = Flaw("PYSEC-2023-175", ("CVE-2023-4863",), "critical", 9.8, "", "Heap overflow in libwebp", "", "2023-09-12")
RATED_BY_NOBODY = Flaw("PYSEC-2022-1")

TORCH = Package("torch", "2.0.1", needs=("jinja2", "filelock"), requested=True, licence="BSD-3-Clause", latest="2.5.0")
FILELOCK = Package("filelock", "3.9.0", licence="Unlicense")
MARKUPSAFE = Package("MarkupSafe", "2.1.1", licence="a licence with <tags> & no id")
JINJA2 = Package("Jinja2", "3.1.2", needs=("markupsafe",), licence="BSD-3-Clause OR MIT", fix="3.1.3")
IMAGE = Package("pillow", "10.0.0", requested=True, fix="10.0.1", origin="https://index.example.com/simple")
CONDA = Package("numpy", "1.26.4", "conda", status="unknown", why="conda packages are in no advisory of PyPI")


def found(package: Package, flaw: Flaw, *fixed: str, path: tuple[str, ...] = (), ignored: str = "") -> Finding:
    return Finding(package.name, package.version, flaw, fixed, path, ignored)


def small() -> Fleet:
    """Two hosts that were audited and one that was not; one flaw is ignored, one has no fix."""
    torch = (TORCH, FILELOCK, JINJA2, MARKUPSAFE)
    via = ("torch", "jinja2")
    broken = Problem("broken_requirement", "torch 2.0.1 needs sympy, which is not installed", "torch")
    ml = Environment(
        "ml",
        "/opt/mlstack/envs/ml",
        "venv",
        "3.11.2",
        "20261122T201530-3f9c2a",
        packages=torch,
        findings=(found(JINJA2, JINJA, "3.1.3", path=via),),
        problems=(broken,),
    )
    dev = Environment(
        "dev",
        "/opt/mlstack/envs/dev",
        "venv",
        "3.12.3",
        packages=(IMAGE,),
        findings=(found(IMAGE, PILLOW, "10.0.1", path=("pillow",)), found(IMAGE, RATED_BY_NOBODY)),
    )
    ours = "templates are ours (until 2027-01-01)"
    other = Environment(
        "ml",
        "/opt/mlstack/envs/ml",
        "conda",
        "3.11.2",
        packages=(*torch, CONDA),
        findings=(found(JINJA2, JINJA, "3.1.3", path=via, ignored=ours),),
        problems=(Problem("licence", "MarkupSafe has a licence that is not allowed", "MarkupSafe", "we asked legal"),),
    )
    lost = Environment("old", "/opt/mlstack/envs/old", "venv", failed="Found: its Python is gone.")
    failing = Verdict(True, ("PYSEC-2023-175 in pillow 10.0.0 is critical, from high on the policy fails",))
    return Fleet(
        MADE,
        (
            Host("gpu-1", HostAudit((ml, dev), DATABASE, failing, index_asked=True)),
            Host("gpu-2", HostAudit((other, lost), DATABASE, Verdict(True), index_asked=True)),
            Host("gpu-3", failed="no route to host"),
        ),
    )


MALWARE = Flaw(
    "MAL-2026-2144", ("PYSEC-2026-2",), "critical", summary="Malicious code in litellm (PyPI)", malware=True
)  # fmt: skip
LITELLM = Package("litellm", "1.82.7", requested=True, status="matched")


def infected() -> Fleet:
    """The small fleet, with malware on a host of which everything else is well."""
    item = Environment("ml", "/srv/ml", "venv", packages=(LITELLM,), findings=(found(LITELLM, MALWARE),))
    verdict = Verdict(True, ("ml: litellm 1.82.7 is malware: MAL-2026-2144",))
    fleet = small()
    return replace(fleet, hosts=(*fleet.hosts, Host("gpu-9", HostAudit((item,), DATABASE, verdict))))


def generations(hosts: int) -> Fleet:
    """Hosts with the same flaw in the generation in use and in a kept one, which share their link."""
    made = [
        Environment(
            "ml", "/opt/mlstack/envs/ml", "venv", "3.11.2", generation, in_use, (JINJA2, MARKUPSAFE),
            (found(JINJA2, JINJA, "3.1.3"),),
        )
        for generation, in_use in (("20261122T201530-3f9c2a", True), ("20261101T000000-aaaaaa", False))
    ]  # fmt: skip
    verdict = Verdict(True, ("ml: Jinja2 3.1.2 has GHSA-h5c8-rqwp-cp95 (medium); 3.1.3 ends it",))
    audit = HostAudit(tuple(made), DATABASE, verdict)
    return Fleet(MADE, tuple(Host(f"gpu-{number}", audit) for number in range(hosts)))


HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=document.title='owned'>"


def hostile() -> Fleet:
    """Every text that comes from elsewhere tries to be markup, a table's cell, a path or a control sequence."""
    flaw = Flaw(
        f"X-1{HOSTILE}", (HOSTILE, "|`*_[a](javascript:alert(1))"), "high", 8.1, HOSTILE,
        f"{HOSTILE}\x00\x1b[31m\u2028|", f"javascript:alert(1)//{HOSTILE}", HOSTILE,
    )  # fmt: skip
    package = Package(
        f"evil{HOSTILE}", "1.0\x07]]>", needs=(HOSTILE,), licence=HOSTILE, origin=HOSTILE, status="unknown",
        why=HOSTILE, fix=HOSTILE, latest=HOSTILE, yanked=HOSTILE,
    )  # fmt: skip
    item = Environment(
        f"../../{HOSTILE}", f"/envs/{HOSTILE}\n", "venv", HOSTILE, HOSTILE, False, (package,),
        (found(package, flaw, HOSTILE, path=(HOSTILE, "x")),), (Problem("broken_requirement", HOSTILE),),
    )  # fmt: skip
    database = DatabaseInfo(HOSTILE, HOSTILE, HOSTILE, 1, 1)
    audit = HostAudit((item,), database, Verdict(True, (HOSTILE,)), (HOSTILE,), True)
    return Fleet(MADE, (Host(f"h{HOSTILE}", audit), Host(f"down{HOSTILE}", failed=HOSTILE)), HOSTILE)


def large(hosts: int, packages: int, seed: int = 7) -> Fleet:
    """A fleet in which most hosts have most packages in the same version, and no two hosts are quite alike."""
    chance = random.Random(seed)
    names = [f"package-{number}" for number in range(packages)]
    kinds: dict[str, list[tuple[Package, Package]]] = {}
    flaws: dict[tuple[str, str], tuple[Finding, ...]] = {}
    for place, name in enumerate(names):
        below = names[place + 1 : place + 40]
        needs = tuple(chance.sample(below, min(len(below), chance.choice((0, 0, 1, 2, 4)))))
        kinds[name] = []
        for major in (1, 2, 3):
            flawed = chance.random() < 0.12
            item = Package(name, f"{major}.{place % 9}.0", needs=needs, licence="MIT", fix="9.0.0" if flawed else "")
            kinds[name].append((item, replace(item, requested=True)))
            if flawed:
                flaws[name, item.version] = tuple(_flaw(item, number, chance) for number in range(chance.randint(1, 3)))
    audited = []
    for number in range(hosts):
        asked = frozenset(chance.sample(names, min(8, packages)))
        held = tuple(kinds[one][chance.choices((0, 1, 2), (90, 8, 2))[0]][one in asked] for one in names)
        findings = tuple(finding for item in held for finding in flaws.get((item.name, item.version), ()))
        one = Environment("ml", "/opt/mlstack/envs/ml", "venv", "3.11.9", packages=held, findings=findings)
        name = f"gpu-{number:04d}.rack{number // 40}.example.com"
        audited.append(Host(name, HostAudit((one,), DATABASE, Verdict(True))))
    return Fleet(MADE, tuple(audited))


def _flaw(item: Package, number: int, chance: random.Random) -> Finding:
    severity = chance.choices(("critical", "high", "medium", "low", "unknown"), (1, 4, 6, 3, 6))[0]
    score = {"critical": 9.8, "high": 7.5, "medium": 5.3, "low": 3.1}.get(severity)
    identifier = f"PYSEC-2026-{item.name[8:]}-{item.version[0]}-{number}"
    summary = "An attacker who can choose the input of a parser makes it use memory without an end"
    flaw = Flaw(identifier, (f"CVE-2026-{number}",), severity, score, "", summary, f"https://osv.dev/{identifier}")
    return found(item, flaw, "9.0.0")
