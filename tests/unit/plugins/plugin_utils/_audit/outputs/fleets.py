# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Audited fleets for tests of what is made of them: a small one, a hostile one, a large one."""

from __future__ import annotations

import random

from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs.fleet import (
    Database,
    Environment,
    Finding,
    Flaw,
    Fleet,
    Host,
    Package,
    Problem,
)

MADE = "2026-11-23T08:20:11Z"
DATABASE = Database("/srv/mirror/pypi.zip", "2026-11-20T00:00:00Z", 3, 20123)

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

TORCH = Package("torch", "2.0.1", needs=("jinja2", "filelock"), licence="BSD-3-Clause", latest="2.5.0")
FILELOCK = Package("filelock", "3.9.0", licence="Unlicense")
MARKUPSAFE = Package("MarkupSafe", "2.1.1", licence="a licence with <tags> & no id")
JINJA2 = Package("Jinja2", "3.1.2", needs=("markupsafe",), licence="BSD-3-Clause OR MIT", fix="3.1.3")
IMAGE = Package("pillow", "10.0.0", fix="10.0.1", yanked="", origin="https://index.example.com/simple")
CONDA = Package("numpy", "1.26.4", "conda")


def small() -> Fleet:
    """Two hosts that were audited and one that was not; one flaw is ignored, one has no fix."""
    torch = (TORCH, FILELOCK, JINJA2, MARKUPSAFE)
    jinja = Finding(JINJA2, JINJA, ("3.1.3",), ("torch", "jinja2"))
    ml = Environment(
        "gpu-1",
        "ml",
        "/opt/mlstack/envs/ml",
        "venv",
        "3.11.2",
        torch,
        frozenset({"torch"}),
        (jinja,),
        (Problem("broken_requirement", "torch 2.0.1 needs sympy, which is not installed"),),
    )
    dev = Environment(
        "gpu-1",
        "dev",
        "/opt/mlstack/envs/dev",
        "venv",
        "3.12.3",
        (IMAGE,),
        frozenset({"pillow"}),
        (Finding(IMAGE, PILLOW, ("10.0.1",), ("pillow",)), Finding(IMAGE, RATED_BY_NOBODY)),
    )
    other = Environment(
        "gpu-2",
        "ml",
        "/opt/mlstack/envs/ml",
        "conda",
        "3.11.2",
        (*torch, CONDA),
        frozenset({"torch"}),
        (Finding(JINJA2, JINJA, ("3.1.3",), ("torch", "jinja2"), "templates are ours (until 2027-01-01)"),),
    )
    lost = Environment("gpu-2", "old", "/opt/mlstack/envs/old", "venv", failed="Found: its Python is gone.")
    hosts = (Host("gpu-1", (ml, dev)), Host("gpu-2", (other, lost)), Host("gpu-3", failed="no route to host"))
    reasons = ("gpu-1: PYSEC-2023-175 in pillow 10.0.0 is critical, from high on the policy fails",)
    return Fleet(MADE, hosts, (DATABASE,), reasons, judged=True, index_asked=True)


HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=document.title='owned'>"


def hostile() -> Fleet:
    """Every text that comes from elsewhere tries to be markup, a spreadsheet formula, a path or a control sequence."""
    flaw = Flaw(
        f"X-1{HOSTILE}", (HOSTILE, "|`*_[a](javascript:alert(1))"), "high", 8.1, HOSTILE,
        f"{HOSTILE}\x00\x1b[31m\u2028|", f"javascript:alert(1)//{HOSTILE}", HOSTILE,
    )  # fmt: skip
    package = Package(f"evil{HOSTILE}", "1.0\x07]]>", needs=(HOSTILE,), licence=HOSTILE, origin=HOSTILE, yanked=HOSTILE)
    item = Environment(
        f"h{HOSTILE}", f"../../{HOSTILE}", f"/envs/{HOSTILE}\n", "venv", HOSTILE, (package,), frozenset(),
        (Finding(package, flaw, (HOSTILE,), (HOSTILE, "x")),), (Problem("broken_requirement", HOSTILE),),
    )  # fmt: skip
    hosts = (Host(item.host, (item,)), Host(f"down{HOSTILE}", failed=HOSTILE))
    return Fleet(MADE, hosts, (Database(HOSTILE, HOSTILE, 1, 1),), (HOSTILE,), True, (HOSTILE,), True, HOSTILE)


def large(hosts: int, packages: int, seed: int = 7) -> Fleet:
    """A fleet in which most hosts have most packages in the same version, and no two hosts are quite alike."""
    chance = random.Random(seed)
    names = [f"package-{number}" for number in range(packages)]
    kinds: dict[str, list[Package]] = {}
    flaws: dict[Package, tuple[Finding, ...]] = {}
    for place, name in enumerate(names):
        below = names[place + 1 : place + 40]
        needs = tuple(chance.sample(below, min(len(below), chance.choice((0, 0, 1, 2, 4)))))
        kinds[name] = [Package(name, f"{major}.{place % 9}.0", needs=needs, licence="MIT") for major in (1, 2, 3)]
        for item in kinds[name]:
            if chance.random() < 0.12:
                flaws[item] = tuple(_flaw(item, number, chance) for number in range(chance.randint(1, 3)))
    audited = []
    for number in range(hosts):
        name = f"gpu-{number:04d}.rack{number // 40}.example.com"
        held = tuple(kinds[one][chance.choices((0, 1, 2), (90, 8, 2))[0]] for one in names)
        found = tuple(finding for item in held for finding in flaws.get(item, ()))
        asked = frozenset(chance.sample(names, min(8, packages)))
        one = Environment(name, "ml", "/opt/mlstack/envs/ml", "venv", "3.11.9", held, asked, found)
        audited.append(Host(name, (one,)))
    return Fleet(MADE, tuple(audited), (DATABASE,), judged=True)


def _flaw(item: Package, number: int, chance: random.Random) -> Finding:
    severity = chance.choices(("critical", "high", "medium", "low", "unknown"), (1, 4, 6, 3, 6))[0]
    score = {"critical": 9.8, "high": 7.5, "medium": 5.3, "low": 3.1}.get(severity)
    identifier = f"PYSEC-2026-{item.name[8:]}-{item.version[0]}-{number}"
    summary = "An attacker who can choose the input of a parser makes it use memory without an end"
    flaw = Flaw(identifier, (f"CVE-2026-{number}",), severity, score, "", summary, f"https://osv.dev/{identifier}")
    return Finding(item, flaw, ("9.0.0",))
