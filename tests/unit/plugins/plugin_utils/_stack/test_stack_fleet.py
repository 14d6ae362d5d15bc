# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of environments that ask for frameworks, and the table of a fleet."""

from __future__ import annotations

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.catalogue import load
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.data import (
    desired_stack_of,
    facts_of,
    shown_answer,
    shown_facts,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.solve import solve
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._stack import asking, environments, fleet_table

TORCH = "https://download.pytorch.org/whl"


def plan(*gpus: str, all_desired: dict | None = None, **facts: object) -> dict:
    """A result of stack_plan."""
    given = {"gpus": list(gpus), "distribution": "ubuntu", "version": "24.04", "pythons": ["3.12"], **facts}
    host = facts_of({"today": "2026-11-23", **given})
    return {
        "facts": shown_facts(host, load()),
        **shown_answer(solve(host, desired_stack_of(all_desired or {}), load())),
    }


class TestFrameworks:
    def test_a_host_with_a_gpu_gets_the_build_for_it_and_its_driver(self):
        driver = {"version": "535.129.03", "flavour": "open"}
        made = environments.resolved([{"name": "ml", "torch": "2.x", "cuda": "auto"}], plan("10de:20b2", driver=driver))
        assert made.environments == ({"name": "ml", "packages": ["torch==2.14.1+cu126"]},)
        assert made.indexes == (f"{TORCH}/cu126",)

    def test_a_host_without_a_gpu_gets_the_build_for_cpus(self):
        made = environments.resolved([{"name": "ml", "torch": "2.8", "packages": ["six==1.16.0"]}], plan())
        assert made.environments[0]["packages"] == ["six==1.16.0", "torch==2.8.0+cpu"]
        assert made.indexes == (f"{TORCH}/cpu",)

    def test_a_gpu_without_a_driver_yet_gets_what_its_coming_driver_runs(self):
        made = environments.resolved([{"name": "ml", "torch": "2.x"}], plan("10de:1db6"))
        assert made.environments[0]["packages"] == ["torch==2.14.1+cu126"]

    @pytest.mark.parametrize(("cuda", "tag"), [("12.6", "cu126"), ("cu126", "cu126"), ("cpu", "cpu"), (12.6, "cu126")])
    def test_a_build_can_be_named(self, cuda, tag):
        made = environments.resolved([{"name": "ml", "torch": "2.8", "cuda": cuda}], plan("10de:20b2"))
        assert made.environments[0]["packages"] == [f"torch==2.8.0+{tag}"]

    def test_the_indexes_can_be_mirrored(self):
        made = environments.resolved([{"name": "ml", "torch": "2.x"}], plan(), index="https://mirror.example/torch/")
        assert made.indexes == ("https://mirror.example/torch/cpu",)

    def test_a_python_is_named_only_where_the_hosts_own_has_no_wheel(self):
        desired = [{"name": "ml", "torch": "2.14"}]
        assert "python" not in environments.resolved(desired, plan()).environments[0]
        assert environments.resolved(desired, plan(pythons=["3.9", "3.11"])).environments[0]["python"] == "3.11"
        path = [{"name": "ml", "torch": "2.14", "python": "/opt/python"}]
        assert environments.resolved(path, plan(pythons=["3.9"])).environments[0]["python"] == "/opt/python"

    def test_tensorflow_comes_from_the_usual_index(self):
        made = environments.resolved([{"name": "tf", "tensorflow": "2.21"}], plan("10de:20b2"))
        assert made.environments[0]["packages"] == ["tensorflow[and-cuda]==2.21.0"]
        assert made.indexes == ()
        assert environments.resolved([{"name": "tf", "tensorflow": "2.21"}], plan()).environments[0]["packages"] == [
            "tensorflow==2.21.0"
        ]

    @pytest.mark.parametrize(
        ("gpus", "driver", "cuda", "package"),
        [
            (["10de:20b2"], "580.95.05", "auto", "jax[cuda13]==0.12.0"),
            (["10de:20b2"], "580.95.05", "12.6", "jax[cuda12]==0.12.0"),
            (["10de:20b2"], "550.54.15", "auto", "jax[cuda12]==0.12.0"),
            (["10de:1db6"], "580.95.05", "auto", "jax[cuda12]==0.12.0"),
            ([], "", "auto", "jax==0.12.0"),
        ],
    )
    def test_jax_brings_the_plugin_for_driver_and_gpu(self, gpus, driver, cuda, package):
        present = {"driver": {"version": driver, "flavour": "proprietary"}} if driver else {}
        made = environments.resolved([{"name": "j", "jax": "0.x", "cuda": cuda}], plan(*gpus, **present))
        assert made.environments == ({"name": "j", "packages": [package]},)
        assert made.indexes == ()

    def test_jax_is_refused_where_the_driver_is_too_old(self):
        driver = {"version": "470.82.01", "flavour": "proprietary"}
        with pytest.raises(MlstackError, match="jax"):
            environments.resolved([{"name": "j", "jax": "0.x"}], plan("10de:20b2", driver=driver))

    def test_an_environment_without_frameworks_stays_as_it_is(self):
        plain = {"name": "ml", "packages": ["six==1.16.0"], "keep": 3}
        assert environments.resolved([plain], plan()).environments == (plain,)

    @pytest.mark.parametrize(
        ("packages", "expected"),
        [
            (["numpy=1.26"], ["python=3.14", "numpy=1.26"]),  # none is named: the newest that the wheel is there for
            (["python=3.11"], ["python=3.11"]),
            (["conda-forge::python ==3.12.4"], ["conda-forge::python ==3.12.4"]),
            (["python>=3.10,<3.13"], ["python>=3.10,<3.13"]),
            (["python-dateutil"], ["python=3.14", "python-dateutil"]),
            (None, ["python=3.14"]),
        ],
    )
    def test_pip_brings_it_into_environments_of_conda(self, packages, expected):
        desired = [{"name": "ml", "packages": packages, "pip_packages": ["six==1.16.0"], "torch": "2.14"}]
        made = environments.resolved(desired, plan("10de:1db6", pythons=["3.9"]), conda=True)
        assert made.environments == (
            {"name": "ml", "packages": expected, "pip_packages": ["six==1.16.0", "torch==2.14.1+cu126"]},
        )
        assert made.indexes == (f"{TORCH}/cu126",)

    def test_a_file_of_conda_names_its_python_itself(self):
        made = environments.resolved([{"name": "ml", "file": "a.yml", "torch": "2.14"}], plan(), conda=True)
        assert made.environments == ({"name": "ml", "file": "a.yml", "pip_packages": ["torch==2.14.1+cpu"]},)

    def test_a_python_of_conda_without_a_wheel_is_refused(self):
        with pytest.raises(MlstackError, match=r"wheels for Python 3\.10 to 3\.14, not 3\.9"):
            environments.resolved([{"name": "ml", "packages": ["python=3.9"], "torch": "2.14"}], plan(), conda=True)

    def test_a_driver_that_is_too_old_is_not_replaced_behind_ones_back(self):
        found = plan("10de:20b2", driver={"version": "450.80.02", "flavour": "proprietary"})
        with pytest.raises(MlstackError, match=r"torch 2\.14 in the environment ml.*driver 450\.80\.02 is older"):
            environments.resolved([{"name": "ml", "torch": "2.14"}], found)


class TestFleetTable:
    def test_it_tells_what_hosts_are_get_and_cannot_have(self):
        shown = fleet_table.lines(
            {
                "new": plan("10de:2330", "10de:2330", all_desired={"cuda": "13.0"}),
                "old": plan("10de:1db6", all_desired={"cuda": "13.0"}),
                "away": {"unreachable": True},
                "failed": None,
            }
        )
        text = "\n".join(shown)
        assert shown[0].split() == ["host", "is", "would", "get", "to", "know"]
        assert "2x H100 80GB HBM3" in text
        assert "CUDA 13.0.3" in text
        assert "IMPOSSIBLE" in text
        assert text.index("IMPOSSIBLE") > text.index("CUDA 13.0.3")
        assert shown[-1] == "4 hosts: 1 possible, 1 impossible, 2 unknown"
        assert max(map(len, shown)) <= 124

    def test_a_host_without_a_gpu_needs_no_driver(self):
        assert fleet_table.described(plan()["facts"]) == "no GPU; ubuntu 24.04 x86_64"


class TestAsking:
    def test_the_least_driver_of_a_release(self):
        assert asking.minimum_driver("12.4") == "550.54.14"
        assert asking.minimum_driver("12.4.1") == "550.54.15"
        assert asking.minimum_driver("12.4", True) == "525.60.13"
        assert asking.minimum_driver("13.5.0", rows={"cuda": [{"version": "13.5.0", "driver": "620.1"}]}) == "620.1"

    @pytest.mark.parametrize("release", ["12.7", "99.0", "x"])
    def test_a_release_that_no_table_has(self, release):
        with pytest.raises(MlstackError, match="the tables have releases"):
            asking.minimum_driver(release)

    def test_a_result_goes_out_and_back_in(self):
        found = plan("10de:20b2", driver={"version": "580.95.05", "flavour": "open"}, nvswitches=4)
        assert asking.facts_in(found) == facts_of(found["facts"])
        assert asking.asked(found, {"torch": "2.x"}).framework("torch").tag == "cu132"

    def test_names_that_do_not_exist_are_refused(self):
        with pytest.raises(MlstackError, match="the desired state colour"):
            desired_stack_of({"colour": "red"})
        with pytest.raises(MlstackError, match="the fact colour"):
            facts_of({"colour": "red"})
        with pytest.raises(ValueError, match="no result"):
            asking.facts_in("text")

    def test_gpus_are_understood_as_gpu_info_tells_them(self):
        seen = {"pci_id": "10de:20b2", "mig": {"current": "Enabled", "pending": "Enabled"}, "index": 0}
        (gpu,) = facts_of({"gpus": [seen]}).gpus
        assert (gpu.pci_id, gpu.mig) == ("20b2", True)
