# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The findings beside pip-audit's, on the same real advisories: the guide's pins, and older ones with many flaws.

pip-audit asks a service which advisories hold for a version. Here that is one on loopback, which answers as the
oracle of the unit tests does, from the records as they are. What pip-audit makes of them is its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.feeds import Cache, Source
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.matches import Matches
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.plugin_utils._audit.oracle import oracle
from packaging.version import Version

PIP_AUDIT = "pip-audit==2.10.1"
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "advisories" / "pypi-all.zip"
# Step 5.1 of the guide.
PRODUCTION = {
    "numpy": "1.24.3",
    "pandas": "2.0.3",
    "torch": "2.0.1",
    "torchvision": "0.15.2",
    "transformers": "4.30.2",
    "scikit-learn": "1.3.0",
    "pillow": "10.0.0",
    "pytest": "7.4.0",
    "black": "23.7.0",
    "flake8": "6.0.0",
}
OLDER = {
    "aiohttp": "3.8.0",
    "cryptography": "3.2",
    "django": "3.2.0",
    "jinja2": "2.10",
    "mlflow": "1.0.0",
    "notebook": "6.0.0",
    "pyyaml": "5.1",
    "requests": "2.25.0",
    "tensorflow": "2.5.0",
    "urllib3": "1.26.4",
}
pytestmark = pytest.mark.skipif(not SHARED.exists(), reason="the sample of advisories is not beside the checkout")

Findings = dict[str, dict[frozenset[str], list[str]]]


@pytest.fixture(scope="module")
def pip_audit(tmp_path_factory: pytest.TempPathFactory, uv: str) -> Path:
    """The real one, from the index that this machine is set up for."""
    folder = tmp_path_factory.mktemp("pip-audit")
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    argv = [uv, "pip", "install", "--quiet", "--python", folder / "bin/python", PIP_AUDIT]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{PIP_AUDIT} is not to be had: {done.stderr.strip()[-300:]}")
    return folder / "bin/pip-audit"


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    with zipfile.ZipFile(SHARED) as archive:
        records = [json.loads(archive.read(name)) for name in archive.namelist()]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            held = oracle(records, asked["package"]["name"], asked["version"])
            data = json.dumps({"vulns": [item for item in records if item["id"] in held]} if held else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1/query"
    server.shutdown()
    server.server_close()


def theirs(pip_audit: Path, service: str, pins: dict[str, str], folder: Path) -> Findings:
    file = folder / "pins.txt"
    file.write_text("".join(f"{name}=={version}\n" for name, version in pins.items()))
    argv = [pip_audit, "--disable-pip", "--no-deps", "--requirement", file, "--progress-spinner", "off"]
    argv += ["--vulnerability-service", "osv", "--osv-url", service, "--format", "json"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return {
        item["name"]: {frozenset([flaw["id"], *flaw["aliases"]]): flaw["fix_versions"] for flaw in item["vulns"]}
        for item in json.loads(done.stdout)["dependencies"]
    }


def ours(pins: dict[str, str], folder: Path) -> Findings:
    cache = Cache(str(folder / "cache"))
    database, _notes = cache.mirror(Source("osv", str(SHARED)), time.time())
    found = Matches(cache, database).of(set(pins.items()))
    return {
        name: {frozenset([flaw.id, *flaw.aliases]): list(fixed) for flaw, fixed in match.flaws}
        for (name, _version), match in found.items()
    }


def test_the_production_pins_of_the_guide_have_equal_findings(pip_audit: Path, service: str, tmp_path: Path) -> None:
    found = ours(PRODUCTION, tmp_path)
    assert found == theirs(pip_audit, service, PRODUCTION, tmp_path)
    assert {name for name, flaws in found.items() if flaws} == {"black", "pillow"}


def test_older_pins_differ_in_one_thing_only(pip_audit: Path, service: str, tmp_path: Path) -> None:
    """pip-audit names the fixes of older branches too, to which one would go back: 2.2.24 for a Django 3.2.0."""
    found, other = ours(OLDER, tmp_path), theirs(pip_audit, service, OLDER, tmp_path)
    ahead = {
        name: {
            ids: [version for version in fixed if Version(version) > Version(OLDER[name])]
            for ids, fixed in flaws.items()
        }
        for name, flaws in other.items()
    }
    assert found == ahead
    assert sum(map(len, found.values())) == 89 and found != other
