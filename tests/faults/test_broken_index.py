# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An index that fails midway, or that serves something else than was wanted."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed import distributions
from ansible_collections.gpufleet.mlstack.tests.integration.python_site import Site

VERSION = "import step; print(step.__version__)"


@pytest.fixture(params=["uv", "pip"])
def running(site: Site, request: pytest.FixtureRequest) -> Site:
    """An environment in use, which the engine under test is to replace."""
    site.apply({"packages": ["step==1"]})
    if request.param == "pip":
        site.options.update(engine="pip", executable=None)
        # Without waiting for an index that is broken on purpose.
        site.env["PIP_RETRIES"] = "0"
    site.env["UV_HTTP_RETRIES"] = "0"
    site.env["UV_HTTP_TIMEOUT"] = "5"
    return site


def refused(site: Site, *lines: str, **more: object) -> dict[str, object]:
    """The result of a run that must fail, leave the old environment in use, and let the next run converge."""
    before = site.snapshot()
    ran = site.run({"packages": list(lines), **more})
    assert ran.result.get("failed"), ran.result
    assert ran.result["environments"][0]["failed"]
    assert not ran.result["changed"]
    after = {path: look for path, look in site.snapshot().items() if "/envs/.toolbox" not in path}
    left = {path for path in after if path not in before and path.startswith(str(site.root))}
    assert left == set()
    assert site.python(VERSION) == "1"
    return ran.result


def mended(site: Site) -> None:
    site.index.fault, site.index.cut_after = None, None
    site.apply({"packages": ["step==2"]})
    assert site.python(VERSION) == "2"
    assert site.leftovers() == []


def test_an_index_that_breaks_off_in_the_middle_of_a_file(running: Site) -> None:
    running.index.cut_after = 1000
    result = refused(running, "step==2")
    # pip does not notice that the file is short, but that it is not the one the index announced; uv sees a connection
    # or a file that ends too early.
    by_pip = running.options.get("engine") == "pip"
    expected = ("hash_mismatch",) if by_pip else ("index_unreachable", "download_broken")
    assert result["code"] in expected, result["msg"]
    assert "step" in str(result["msg"])
    mended(running)


@pytest.mark.parametrize("status", [503, 404])
def test_an_index_that_loses_its_files_midway(running: Site, status: int) -> None:
    running.index.fault = lambda path: status if path.startswith("/files/step-2") else None
    result = refused(running, "step==2")
    assert "step-2" in str(result["msg"]) or str(status) in str(result["msg"]), result["msg"]
    mended(running)


def test_an_index_that_goes_away_between_two_files(running: Site) -> None:
    seen = threading.Event()

    def fault(path: str) -> int | None:
        if path.startswith("/files/"):
            if seen.is_set():
                return 503
            seen.set()
        return None

    running.index.fault = fault
    refused(running, "step==2", "bulky==1")
    mended(running)


def test_a_wheel_with_another_hash_than_was_desired(running: Site) -> None:
    wrong = "0" * 64
    result = refused(running, f"step==2 --hash=sha256:{wrong}", require_hashes=True)
    assert result["code"] == "hash_mismatch", result["msg"]
    assert "step" in str(result["msg"])
    mended(running)


def test_a_wheel_that_was_swapped_on_the_index(running: Site, folder: Path, tmp_path: Path) -> None:
    """The lock was made from the honest file."""
    honest = distributions.sha256(folder / "step-3-py3-none-any.whl")
    kept = (folder / "step-3-py3-none-any.whl").read_bytes()
    try:
        distributions.wheel(folder, "step", "3", files={"step.py": "print('not what you locked')\n"})
        result = refused(running, f"step==3 --hash=sha256:{honest}", require_hashes=True)
        assert result["code"] == "hash_mismatch", result["msg"]
    finally:
        (folder / "step-3-py3-none-any.whl").write_bytes(kept)
    mended(running)


def test_a_wheel_that_does_not_import(running: Site, folder: Path) -> None:
    distributions.wheel(folder, "unloadable", "1", files={"unloadable.py": "raise ImportError('libgone.so.7')\n"})
    result = refused(running, "step==2", "unloadable==1", verify_imports=["unloadable"])
    assert "libgone.so.7" in str(result["msg"])
    mended(running)
