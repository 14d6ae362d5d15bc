# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An audit of a thousand simulated hosts, and of one real environment against pip-audit with the same advisories.

    python tests/bench/bench_dep_audit.py [--hosts 1000] [--parts matching,pip-audit,host]

Matching: every host is matched as a worker of Ansible does it, with an object of its own that reads what others found
out; the database of generated advisories is built before. pip-audit gets an environment of the sixty packages of the
other benches and the same advisories through a service on loopback. The host's half is a task beside ping, on an
environment with the metadata of three hundred packages.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
import typing as t
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import measure
import sixty
from measure import Row

sys.path.insert(0, str(measure.TREE))
ADVISORIES = 20_000
PACKAGES = 300
PARTS = ("matching", "pip-audit", "host")


def advisories(names: t.Sequence[str], count: int) -> Iterator[dict[str, t.Any]]:
    """Records like those of the index: most packages have few, some have many; half of them list their versions.

    Flaws are mended: versions above 3.1.0 have none.
    """
    chance = random.Random(20261123)
    for number in range(count):
        name = names[int(len(names) * chance.random() ** 2)]
        first, last = sorted((chance.randint(0, 30), chance.randint(0, 30)))
        events = [{"introduced": version(first)}, {"fixed": version(last + 1)}]
        listed = [version(item) for item in range(first, last + 1)] if number % 2 else []
        vector = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" if number % 10 == 0 else ""
        yield {
            "id": f"PYSEC-2026-{number}",
            "aliases": [f"CVE-2026-{number - number % 3}"],
            "modified": "2026-11-20T08:00:00Z",
            "summary": f"the flaw {number} of {name}",
            "severity": [{"type": "CVSS_V3", "score": vector}] if vector else [],
            "affected": [
                {
                    "package": {"ecosystem": "PyPI", "name": name},
                    "ranges": [{"type": "ECOSYSTEM", "events": events}],
                    "versions": listed,
                }
            ],
        }


def version(number: int) -> str:
    return f"{number // 10}.{number % 10}.0"


def write_mirror(path: Path, records: t.Iterable[t.Mapping[str, t.Any]]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for item in records:
            archive.writestr(f"{item['id']}.json", json.dumps(item))


# --- matching -----------------------------------------------------------------------------------------------------


def matching(hosts: int, folder: Path) -> list[Row]:
    from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.feeds import Cache, Source
    from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.matches import Matches

    names = [f"package-{number}" for number in range(5000)]
    write_mirror(folder / "all.zip", advisories(names, ADVISORIES))
    cache = Cache(str(folder / "cache"))
    started = time.perf_counter()
    database, _notes = cache.mirror(Source("osv", str(folder / "all.zip")), time.time())
    built = time.perf_counter() - started
    rows = []
    for variants in (1, 4):
        fleet = _fleet(names, hosts, variants)
        matches_file = Path(f"{database.path.removesuffix('.sqlite')}.matches")
        matches_file.unlink(missing_ok=True)
        distinct = {pair for pairs in fleet for pair in pairs}
        processor, started = time.process_time(), time.perf_counter()
        for pairs in fleet:
            Matches(cache, database).of(pairs)
        processor = time.process_time() - processor
        wall = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        note = f"{wall:.2f} s on the clock, most memory {peak:.0f} MB, database built in {built:.1f} s"
        hit = sum(bool(match.flaws) for match in Matches(cache, database).of(distinct).values())
        what = f"{hosts} hosts x {PACKAGES}, {len(distinct)} distinct pairs, {hit} with flaws"
        rows.append(Row(what, processor, "3 s", 3.0, 1.0, note=note))
    return rows


def _fleet(names: t.Sequence[str], hosts: int, variants: int) -> list[list[tuple[str, str]]]:
    chance = random.Random(5)
    sets = []
    for _each in range(variants):
        chosen = chance.sample(names, PACKAGES)
        sets.append([(name, version(chance.randint(20, 50))) for name in chosen])
    return [sets[number % variants] for number in range(hosts)]


# --- pip-audit ----------------------------------------------------------------------------------------------------


# What a worker of Ansible does for one host, once it has its answer; alone it is a program as pip-audit is.
ALONE = """
import json, sys, time
from datetime import datetime, timezone
sys.path.insert(0, sys.argv[1])
from ansible_collections.gpufleet.mlstack.plugins.module_utils._audit import contents, subjects
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._redact import Redactor
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import auditor
def audit(path, mirror, cache):
    question = subjects.named(path)
    told = {"name": question.name, "path": path, "kind": question.kind}
    told.update(contents.contents(question, Commands(Redactor())))
    arguments = {"advisories": [mirror], "cache_dir": cache, "index": None}
    return auditor.Auditor(arguments, datetime.now(timezone.utc)).audit([told], None, ()).plain()
if __name__ == "__main__":
    print(audit(*sys.argv[2:])["summary"])
"""


def beside_pip_audit(rounds: int, folder: Path) -> list[Row]:
    """The same real environment and advisories. pip-audit's OSV service gets them from loopback."""
    peer, environment = folder / "pip-audit", folder / "sixty"
    uv = measure.program("uv")
    for place, what in ((peer, ["pip-audit"]), (environment, ["--no-deps", "--requirement", sixty.PINS])):
        measure.run([uv, "venv", "--quiet", "--python", sys.executable, place])
        measure.run([uv, "pip", "install", "--quiet", "--python", place / "bin/python", *what])
    lines = [line.strip() for line in sixty.PINS.read_text(encoding="utf-8").splitlines()]
    pins = dict(line.split("==") for line in lines if "==" in line and not line.startswith("#"))
    records = list(advisories(sorted(pins), 600))
    write_mirror(folder / "sixty.zip", records)
    (site,) = (environment / "lib").glob("python*/site-packages")
    words = [str(environment), str(folder / "sixty.zip"), str(folder / "sixty-cache")]
    inside: dict[str, t.Any] = {"__name__": "bench"}
    exec(ALONE.replace("sys.argv[1]", repr(str(measure.TREE))), inside)
    found = inside["audit"](*words)["summary"]  # builds the database
    times: dict[str, list[float]] = {"inside": [], "alone": [], "pip-audit": []}
    with _osv_service(records) as url:
        theirs: list[str | Path] = [peer / "bin/pip-audit", "--path", site, "--progress-spinner", "off"]
        theirs += ["--vulnerability-service", "osv", "--osv-url", f"{url}/v1/query"]
        for _round in range(rounds):
            started = time.perf_counter()
            inside["audit"](*words)
            times["inside"].append(time.perf_counter() - started)
            times["alone"].append(_seconds([sys.executable, "-c", ALONE, measure.TREE, *words], (0,)))
            times["pip-audit"].append(_seconds(theirs, (0, 1)))
    medians = {name: sorted(taken)[rounds // 2] for name, taken in times.items()}
    note = f"{found['packages']} packages, {found['findings']} findings"
    other = medians["pip-audit"]
    return [
        Row("60 packages, read and matched in a play", medians["inside"], "pip-audit", other, 20, True, note),
        Row("60 packages, a process of its own", medians["alone"], "pip-audit", other, 20, True, note),
    ]


def _seconds(argv: t.Sequence[str | Path], statuses: t.Collection[int]) -> float:
    started = time.perf_counter()
    ended = subprocess.run(list(map(str, argv)), capture_output=True, text=True, check=False)
    taken = time.perf_counter() - started
    if ended.returncode not in statuses:
        raise measure.BenchmarkError(f"{argv[0]}: {ended.stderr.strip()[-500:]}")
    return taken


@contextlib.contextmanager
def _osv_service(records: t.Sequence[dict[str, t.Any]]) -> Iterator[str]:
    by_name: dict[str, list[dict[str, t.Any]]] = {}
    for item in records:
        by_name.setdefault(item["affected"][0]["package"]["name"], []).append(item)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found = [item for item in by_name.get(asked["package"]["name"], ()) if _holds(item, asked["version"])]
            data = json.dumps({"vulns": found} if found else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: t.Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def _holds(item: dict[str, t.Any], text: str) -> bool:
    from packaging.version import Version

    first, last = item["affected"][0]["ranges"][0]["events"]
    return Version(first["introduced"]) <= Version(text) < Version(last["fixed"])


# --- the host's half ----------------------------------------------------------------------------------------------


def host_half(rounds: int, folder: Path) -> list[Row]:
    environment = folder / "environment"
    measure.run([measure.program("uv"), "venv", "--quiet", "--python", sys.executable, environment])
    (site,) = (environment / "lib").glob("python*/site-packages")
    for number in range(PACKAGES):
        place = site / f"package_{number}-1.0.dist-info"
        place.mkdir()
        others = range(number + 1, min(number + 5, PACKAGES))
        needs = "".join(f"Requires-Dist: package-{other} (>=0.5)\n" for other in others)
        extra = 'Requires-Dist: pytest ; extra == "test"\n' * 4
        head = f"Metadata-Version: 2.1\nName: package-{number}\nVersion: 1.0\nLicense: MIT\n"
        text = f"{head}{needs}{extra}\n" + "word " * 1500
        (place / "METADATA").write_text(text, encoding="utf-8")
        (place / "INSTALLER").write_text("uv", encoding="utf-8")
    write_mirror(folder / "few.zip", advisories([f"package-{number}" for number in range(5000)], 200))
    inventory = f"localhost ansible_connection=local ansible_python_interpreter={sys.executable}"
    env = {"ANSIBLE_PIPELINING": "True"}
    ping = {"name": "ping", "ansible.builtin.ping": {}}
    options = {
        "paths": [str(environment)],
        "advisories": [str(folder / "few.zip")],
        "cache_dir": str(folder / "host-cache"),
    }
    ours = {"name": "dep_audit", "gpufleet.mlstack.dep_audit": options}
    warm = [{**ping, "name": "warm up"}, {**ours, "name": "warm up"}]
    times = measure.play([*warm, *measure.interleaved(rounds, ping, ours)], inventory, env=env)
    measure.must_be(times["dep_audit"], "ok", "dep_audit")
    mine, other = times["dep_audit"].median, times["ping"].median
    return [Row(f"dep_audit, {PACKAGES} packages, local", mine, "1.5 x ping + 0.1 s", 1.5 * other + 0.1, 1.0)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--parts", default=",".join(PARTS))
    arguments = parser.parse_args()
    measure.link_collection()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="mlstack-bench-") as name:
        folder = Path(name)
        parts = arguments.parts.split(",")
        if "matching" in parts:
            rows += matching(arguments.hosts, folder)
        if "pip-audit" in parts:
            rows += beside_pip_audit(arguments.rounds, folder)
        if "host" in parts:
            rows += host_half(arguments.rounds, folder)
    return measure.report(f"dep_audit, {ADVISORIES} advisories", rows)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (measure.BenchmarkError, subprocess.TimeoutExpired) as error:
        sys.exit(str(error))
