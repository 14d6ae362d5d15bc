# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is planned and refused for toolkits, and that a plan carried out by a model host leaves nothing to plan."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils import _managed_files as managed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._cuda import environment_files, facts, names
from ansible_collections.gpufleet.mlstack.plugins.module_utils._cuda import plan as planner
from ansible_collections.gpufleet.mlstack.plugins.module_utils._cuda.model import (
    Default,
    Desired,
    DesiredToolkit,
    Found,
    Observed,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import model as packages
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Plan
from hypothesis import given
from hypothesis import strategies as st

PATH = "/usr/local/cuda-{}"
OFFERED = ("11.8.0", "12.4.1", "13.0.1")
DRIVERS = ("", "470.57.02", "535.183.01", "580.65.06", "620.10.01")


def found(version: str, source: str = "runfile") -> Found:
    release = version.rpartition(".")[0]
    return Found(release, PATH.format(release), version, True, source)


NO_DEFAULT = Default()


def seen(desired: Desired, *toolkits: Found, default: Default = NO_DEFAULT, texts=None, **fields) -> Observed:
    chosen = desired.chosen
    remaining = planner.remaining(desired, toolkits)
    files = (
        environment_files.files(bool(desired.present), compiler=chosen is not None)
        if desired.present or not remaining
        else ()
    )
    return Observed(
        toolkits={toolkit.path: toolkit for toolkit in toolkits},
        paths={toolkit.release: toolkit.path for toolkit in desired.toolkits},
        default=default,
        files=files,
        texts={file.path: None for file in files} if texts is None else texts,
        **fields,
    )


def carried_out(desired: Desired, observed: Observed, plan: Plan) -> Observed:
    """A host that does what a plan says."""
    toolkits = dict(observed.toolkits)
    default, texts = observed.default, dict(observed.texts)
    wanted = {file.path: file.text for file in observed.files}
    for step in plan.actions:
        if step.verb == "install_runfile":
            toolkit = next(toolkit for toolkit in desired.present if toolkit.path == step.subject)
            toolkits[step.subject] = found(toolkit.version)
        elif step.verb == "delete_toolkit":
            del toolkits[step.subject]
        elif step.verb == "unregister":
            left = tuple(path for path in default.choices if path != step.subject)
            default = Default((left or ("",))[-1] if default.path == step.subject else default.path, left)
        elif step.verb == "default":
            path = step.details["path"]
            default = Default(path, tuple(dict.fromkeys((*default.choices, path))))
        else:
            assert step.verb in ("write", "delete"), step
            texts[step.subject] = wanted[step.subject]
    return replace(observed, toolkits=toolkits, default=default, texts=texts)


states = st.dictionaries(st.sampled_from(OFFERED), st.sampled_from(["present", "absent"]), min_size=1)


@given(states, st.sets(st.sampled_from(OFFERED)), st.sampled_from(DRIVERS), st.booleans())
def test_a_plan_carried_out_leaves_nothing_to_plan(wanted, there, driver, foreign):
    desired = Desired(
        tuple(DesiredToolkit(v.rpartition(".")[0], v, "runfile", state) for v, state in wanted.items()), driver="ignore"
    )
    choices = tuple(PATH.format(version.rpartition(".")[0]) for version in sorted(there))
    default = Default(choices[-1] if choices else "", choices, foreign and bool(choices))
    before = seen(desired, *map(found, there), default=default, driver=driver)
    after = carried_out(desired, before, planner.plan(desired, before))
    assert planner.plan(desired, after).actions == ()
    present = {toolkit.path for toolkit in desired.present}
    assert present <= set(after.toolkits)
    assert not {toolkit.path for toolkit in desired.absent} & set(after.toolkits)
    if desired.present:
        assert after.default.path == desired.chosen.path and all(after.texts.values())
    elif not after.toolkits:
        assert not any(after.texts.values())


@pytest.mark.parametrize(
    ("release", "driver", "rule", "code"),
    [
        ("12.4", "", "check", ""),
        ("12.4", "550.54.15", "check", ""),
        ("12.4", "525.60.13", "check", ""),
        ("12.4", "525.60.12", "check", "driver_too_old"),
        ("12.4", "470.57.02", "check", "driver_too_old"),
        ("12.4", "470.57.02", "ignore", ""),
        ("12.4", "470.57.02", "compat", ""),
        ("12.4", "460.32.03", "compat", "driver_too_old"),
        ("11.8", "450.80.02", "check", ""),
        ("11.8", "440.33", "check", "driver_too_old"),
        ("13.0", "575.57.08", "check", "driver_too_old"),
        ("13.0", "580.65.06", "check", ""),
        ("11.8", "620.10.01", "check", ""),
        ("19.0", "470.57.02", "check", ""),
    ],
)
def test_a_driver_is_held_against_the_catalogue(release, driver, rule, code):
    desired = Desired((DesiredToolkit(release),), driver=rule)
    observed = seen(desired, found(f"{release}.0", "nvidia"), driver=driver)
    if not code:
        planner.refuse_driver(desired, observed)
        return
    with pytest.raises(MlstackError) as refused:
        planner.refuse_driver(desired, observed)
    assert refused.value.code == code
    assert facts.needs(release).minor in refused.value.to_fix


def test_forward_compatibility_is_for_data_centres_alone():
    desired = Desired((DesiredToolkit("12.4"),), driver="compat")
    assert facts.not_for_data_centres(["20b2", "2204", "2204", "ffff"]) == ("GeForce RTX 3090",)
    planner.refuse_driver(desired, seen(desired, driver="470.57.02"))
    with pytest.raises(MlstackError, match="forward compatibility is not for GeForce RTX 3090"):
        planner.refuse_driver(desired, seen(desired, driver="470.57.02", consumer=("GeForce RTX 3090",)))
    planner.refuse_driver(desired, seen(desired, driver="550.54.15", consumer=("GeForce RTX 3090",)))


@given(st.sampled_from(["11.8", "12.0", "12.4", "12.9", "13.0"]), st.integers(440, 620), st.integers(440, 620))
def test_a_newer_driver_never_makes_a_toolkit_impossible(release, one, other):
    desired = Desired((DesiredToolkit(release),))

    def refused(branch: int) -> bool:
        try:
            planner.refuse_driver(desired, seen(desired, driver=f"{branch}.10.01"))
        except MlstackError:
            return True
        return False

    assert refused(min(one, other)) or not refused(max(one, other))


def test_notes_say_what_a_driver_does_in_part():
    desired = Desired((DesiredToolkit("12.4"), DesiredToolkit("19.0")))
    partly, unknown = planner.driver_warnings(desired, seen(desired, driver="535.183.01"))
    assert "550.54.14" in partly and "was not checked" in unknown
    assert (
        planner.driver_warnings(replace(desired, toolkits=(DesiredToolkit("12.4"),)), seen(desired, driver="550.54.15"))
        == []
    )


def test_a_package_that_brings_a_driver_is_refused():
    desired = Desired((DesiredToolkit("12.4"),))
    wanted = packages.Desired(
        tuple(names.wanted(desired, [])), unwanted=names.DRIVER, unwanted_why=names.WHY_NO_DRIVER, update_cache=False
    )
    brought = tuple(packages.Change("install", name, "", "1") for name in ("cuda-toolkit-12-4", "cuda-drivers"))
    forecast = packages.Observed(forecast=packages.Forecast(brought))
    with pytest.raises(MlstackError) as refused:
        planner.plan(desired, seen(desired, wanted=wanted, packages=forecast))
    assert refused.value.code == "unwanted_package" and refused.value.details["would_install"] == ["cuda-drivers"]
    harmless = packages.Observed(forecast=packages.Forecast(brought[:1]))
    assert planner.plan(desired, seen(desired, wanted=wanted, packages=harmless)).changed


@pytest.mark.parametrize(
    ("name", "is_driver"),
    [
        ("cuda-drivers-550", True),
        ("nvidia-driver-580-open", True),
        ("nvidia-open", True),
        ("nvidia-open-580", True),
        ("nvidia-opencl-dev", False),
        ("kmod-nvidia-latest-dkms", True),
        ("nvidia-kernel-dkms", True),
        ("cuda-runtime-12-4", True),
        ("cuda-toolkit-12-4", False),
        ("libcudnn9-cuda-12", False),
        ("libcuda1", False),
        ("nvidia-cuda-toolkit", False),
        ("nvidia-cuda-dev", False),
        ("nvidia-settings", False),
    ],
)
def test_which_packages_are_drivers(name, is_driver):
    assert names.driver_needs_repository([name]) == is_driver


def test_a_folder_in_the_links_place_is_not_touched():
    desired = Desired((DesiredToolkit("12.4"),))
    with pytest.raises(MlstackError, match="is a folder"):
        planner.plan(desired, seen(desired, default=Default("", (), foreign=True)))


def test_a_runfile_does_not_write_over_packages():
    desired = Desired((DesiredToolkit("12.4", "12.4.1", "runfile"),))
    with pytest.raises(MlstackError) as refused:
        planner.plan(desired, seen(desired, found("12.4.0", "nvidia")))
    assert refused.value.code == "mixed_methods"


def test_missing_wheels_are_named():
    desired = Desired((DesiredToolkit("13.0", method="wheels", environment="/opt/x"),))
    with pytest.raises(MlstackError) as refused:
        planner.plan(desired, replace(seen(desired), paths={"13.0": ""}))
    assert refused.value.code == "wheels_missing"


INSTALLED = [
    *("cuda-toolkit-config-common", "cuda-toolkit-11-config-common", "cuda-toolkit-12-config-common"),
    *("cuda-toolkit-11-8", "cuda-nvcc-11-8", "libcublas-11-8", "cuda-toolkit-12-4", "libcublas-dev-12-4"),
    *(
        "libcudnn9-cuda-12",
        "libcudnn9-dev-cuda-12",
        "libnccl2",
        "nvidia-driver-550",
        "cuda-drivers",
        "python3",
        "libc6",
    ),
]


@pytest.mark.parametrize(
    ("absent", "present", "gone"),
    [
        (["12.1"], [], set()),
        (["11.8"], [], {"cuda-toolkit-11-8", "cuda-nvcc-11-8", "libcublas-11-8", "cuda-toolkit-11-config-common"}),
        (
            ["12.4"],
            [],
            {"cuda-toolkit-12-4", "libcublas-dev-12-4", "cuda-toolkit-12-config-common", "libcudnn9-cuda-12"}
            | {"libcudnn9-dev-cuda-12"},
        ),
        (["12.4"], ["12.9"], {"cuda-toolkit-12-4", "libcublas-dev-12-4"}),
        (["11.8", "12.4"], [], set(INSTALLED) - {"nvidia-driver-550", "cuda-drivers", "python3", "libc6"}),
    ],
)
def test_what_goes_with_a_release(absent, present, gone):
    toolkits = [DesiredToolkit(release, state="absent") for release in absent] + [DesiredToolkit(r) for r in present]
    assert set(names.unwanted(Desired(tuple(toolkits)), INSTALLED)) == gone


@pytest.mark.parametrize(
    ("cudnn", "nccl", "manager", "expected"),
    [
        ("9", "", "apt", [("libcudnn9-cuda-12", "9.*"), ("libcudnn9-dev-cuda-12", "9.*")]),
        ("9.10.*", "", "dnf", [("libcudnn9-cuda-12", "9.10.*"), ("libcudnn9-devel-cuda-12", "9.10.*")]),
        ("8.9.*", "", "apt", [("libcudnn8", "8.9.*+cuda12.*"), ("libcudnn8-dev", "8.9.*+cuda12.*")]),
        ("", "2.27.5", "dnf", [("libnccl", "2.27.5*+cuda12.*"), ("libnccl-devel", "2.27.5*+cuda12.*")]),
    ],
)
def test_libraries_fit_the_default(cudnn, nccl, manager, expected):
    desired = Desired((DesiredToolkit("12.4"), DesiredToolkit("11.8")), cudnn=cudnn, nccl=nccl, manager=manager)
    assert names.of_libraries(desired) == expected


def test_cudnn_of_other_majors_goes():
    desired = Desired((DesiredToolkit("12.4"),), cudnn="9")
    states = {entry.requested: entry.state for entry in names.wanted(desired, [])}
    assert states["libcudnn9-cuda-12"] == "present" and states["libcudnn9-dev-cuda-12"] == "present"
    assert states["libcudnn9-cuda-11"] == "absent" and states["libcudnn9-dev-cuda-13"] == "absent"


def test_an_installer_is_known_by_its_exact_version():
    known = facts.installer("11.8.0", "x86_64")
    assert known is not None and known.url.endswith("/11.8.0/local_installers/cuda_11.8.0_520.61.05_linux.run")
    assert len(known.sha256) == 64
    assert facts.installer("11.8", "x86_64") is None and facts.installer("11.8.0", "s390x") is None
    arm = facts.installer("12.4.1", "aarch64")
    assert arm is not None and arm.url.endswith("_linux_sbsa.run")


def test_the_environment_does_not_depend_on_the_release():
    files = environment_files.files(True, compiler=True)
    assert managed.texts(files) == managed.texts(environment_files.files(True, compiler=True))
    assert not any(str(number) in (file.text or "") for file in files for number in (11, 12, 13))
    assert [file.text for file in environment_files.files(False, compiler=True)] == [None, None, None]


def test_a_toolkit_without_its_compiler_is_installed_anew():
    toolkit = DesiredToolkit("12.4", "12.4.1", "runfile")
    desired = Desired((toolkit,), driver="ignore")
    whole = found("12.4.1")
    assert planner.missing_runfiles(desired, seen(desired, whole)) == []
    assert planner.missing_runfiles(desired, seen(desired, replace(whole, compiler=False))) == [toolkit]


@pytest.mark.parametrize(("method", "taken"), [("runfile", True), ("distribution", True), ("nvidia", False)])
def test_the_packages_of_nvidia_take_their_choice_away_themselves(method, taken):
    toolkit = DesiredToolkit("12.4", "12.4.1", method, "absent")
    desired = Desired((toolkit,), driver="ignore")
    observed = seen(desired, default=Default(toolkit.path, (toolkit.path,)))
    assert planner.unregistered(desired, observed) == ([toolkit.path] if taken else [])
