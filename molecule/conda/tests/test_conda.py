# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After converge, drift and repair the host has the conda environments that the variables ask for."""

from __future__ import annotations

import typing as t

ENVIRONMENTS = "/opt/mlstack/envs"


def test_environments_run_on_this_platform(host: t.Any) -> None:
    script = "import bed_tool, six, ssl, sqlite3; print(bed_tool.__version__, six.__version__)"
    assert host.check_output(f'{ENVIRONMENTS}/base/bin/python -c "{script}"') == "1.0 1.16.0"
    script = "import six; from importlib.metadata import version; print(six.__version__, version('packaging'))"
    assert host.check_output(f'{ENVIRONMENTS}/hybrid/bin/python -c "{script}"') == "1.15.0 24.1"


def test_entry_points_and_link_scripts_work(host: t.Any) -> None:
    assert host.check_output(f"{ENVIRONMENTS}/base/bin/bed-tool") == "bed-tool 1.0"
    linked = host.file(f"{ENVIRONMENTS}/base/bed-scripts.linked").content_string.strip()
    assert linked.startswith(f"{ENVIRONMENTS}/.generations/base/") and linked.endswith("/prefix")


def test_drift_was_repaired_by_new_generations(host: t.Any) -> None:
    assert host.run(f"ls {ENVIRONMENTS}/base/conda-meta/six-1.16.0-*.json").rc == 0
    assert host.run(f"ls -d {ENVIRONMENTS}/hybrid/lib/python3.*/site-packages/byhand*").rc != 0
    for name in ("base", "hybrid"):
        generations = host.check_output(f"ls {ENVIRONMENTS}/.generations/{name}").split()
        assert len(generations) == 2


def test_the_export_lists_what_is_there(host: t.Any) -> None:
    text = host.file("/root/hybrid.lock").content_string
    assert "@EXPLICIT" in text and "six-1.15.0" in text and "# packaging==24.1 is pip's" in text


def test_a_unit_that_was_running_stays_on_its_generation(host: t.Any) -> None:
    """It was started before the drift was repaired, and imports after."""
    host.run_expect([0], "touch /run/go-on")
    host.run_expect([0], "while systemctl is-active --quiet late; do sleep 0.1; done")
    old, new = sorted(host.check_output(f"ls {ENVIRONMENTS}/.generations/base").split())
    assert host.file("/run/said").content_string.startswith(f"{ENVIRONMENTS}/.generations/base/{old}/prefix/lib/")
    assert host.check_output(f"readlink {ENVIRONMENTS}/base").endswith(new)


def test_a_conda_for_people_is_there_and_login_shells_know_it_no_longer(host: t.Any) -> None:
    assert host.check_output("/opt/miniforge3/bin/conda --version") == "conda 0.0 stand-in"
    assert host.run("bash -lc 'conda --version'").rc == 127
    assert not [path for path in host.file("/etc/profile.d").listdir() if "miniforge" in path]
