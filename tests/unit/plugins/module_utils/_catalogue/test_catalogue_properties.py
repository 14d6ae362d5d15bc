# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every host and desired state: sets violate no row, refusals are minimal, newer drivers take nothing
away.
"""

from __future__ import annotations

from dataclasses import replace

import hypothesis
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.catalogue import load
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.model import (
    DesiredStack,
    Gpu,
    HostFacts,
    PresentDriver,
    Refusal,
    Stack,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.solve import only, solve
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.table import branch_of, minor_of, number
from hypothesis import strategies as st

CATALOGUE = load()
TABLES = CATALOGUE.tables
IDS = sorted(row["id"] for row in TABLES["gpus"])
# GPUs that no driver branch has dropped.
LIVING = [row["id"] for row in TABLES["gpus"] if not CATALOGUE.capability(row["capability"])["last_branch"]]
BRANCHES = [row["branch"] for row in TABLES["branches"]]
VERSIONS = sorted({row["driver"] for row in TABLES["cuda"] if "." in row["driver"]})


def minors(framework: str) -> list[str]:
    return list(dict.fromkeys(row["version"] for row in CATALOGUE.frameworks(framework)))


present = st.builds(PresentDriver, st.sampled_from(VERSIONS), st.sampled_from(["open", "proprietary", ""]))
gpus = st.lists(
    st.builds(Gpu, st.sampled_from([*IDS, "ffff", "1d99", "06d1", "118f", "13d8", "179c"]), mig=st.booleans()),
    max_size=3,
).map(tuple)
hosts = st.builds(
    HostFacts,
    gpus=gpus,
    nvswitches=st.sampled_from([0, 4]),
    distribution=st.just("ubuntu"),
    version=st.just("24.04"),
    architecture=st.sampled_from(["x86_64", "aarch64"]),
    gcc=st.sampled_from(["", "11", "14"]),
    pythons=st.lists(st.sampled_from(["3.9", "3.10", "3.11", "3.12", "3.13"]), max_size=2, unique=True).map(tuple),
    managed_pythons=st.booleans(),
    driver=st.none() | present,
    today=st.just("2026-11-23"),
)
releases = [minor_of(row["version"]) for row in TABLES["cuda"]]
all_desired = st.builds(
    DesiredStack,
    driver=st.sampled_from(["", "", "present", "640", *BRANCHES, *VERSIONS]),
    flavour=st.sampled_from(["auto", "auto", "open", "proprietary"]),
    cuda=st.sampled_from(["", "", "auto", "13.9", "12.7", *releases]),
    torch=st.sampled_from(["", "", "2.x", "2.99", "<2.5", *minors("torch")]),
    tensorflow=st.sampled_from(["", "", "2.x", *minors("tensorflow")]),
    jax=st.sampled_from(["", "", "", "0.x", *minors("jax")]),
    wheel=st.sampled_from(["auto", "auto", "cpu", "cu118", "cu126", "cu130"]),
    python=st.sampled_from(["", "", "3.9", "3.11", "3.14"]),
    compat=st.booleans(),
)


def at_least(stack: Stack, minimum: str) -> bool:
    """Whether a set's driver is at least this one, by its version or by what it asks of its branch."""
    driver = stack.driver
    if driver.version:
        return number(driver.version) >= number(minimum)
    if branch_of(minimum) == driver.branch:
        return "." not in minimum or number(driver.minimum) >= number(minimum)
    return number(driver.branch) > number(minimum)


def check_driver(facts: HostFacts, stack: Stack) -> None:
    driver = stack.driver
    branch = CATALOGUE.branch(driver.branch)
    assert branch is None or branch["flavours"] in ("both", driver.flavour)
    for gpu in facts.gpus:
        row = CATALOGUE.gpu(gpu.pci_id) or CATALOGUE.family(gpu.pci_id)
        if row is None:
            continue
        generation = CATALOGUE.capability(row["capability"])
        assert row.get("modules", generation["modules"]) in ("both", driver.flavour)
        assert not generation["last_branch"] or int(driver.branch) <= int(generation["last_branch"])
        if row.get("drivers"):
            assert at_least(stack, row["drivers"].split()[0])
    if facts.nvswitches:
        assert driver.fabric_manager


def check_toolkit(facts: HostFacts, stack: Stack) -> None:
    version = stack.toolkit.version
    for gpu in facts.gpus:
        row = CATALOGUE.gpu(gpu.pci_id) or CATALOGUE.family(gpu.pci_id)
        if row is not None:
            generation = CATALOGUE.capability(row["capability"])
            assert number(generation["first_cuda"]) <= number(minor_of(version))
            assert not generation["last_cuda"] or number(minor_of(version)) <= number(generation["last_cuda"])
    row = next((row for row in TABLES["cuda"] if row["version"] == version), None)
    if stack.driver is None or row is None:
        return
    if stack.toolkit.compat_package:
        forward = CATALOGUE.forward(number(version)[0])
        assert stack.driver.branch in forward["base_branches"].split()
        assert all(CATALOGUE.gpu(gpu.pci_id)["class"] == "datacenter" for gpu in facts.gpus)
    else:
        least = min(filter(None, (row["driver"], row["minor_driver"])), key=number)
        assert at_least(stack, least)


def check_frameworks(facts: HostFacts, stack: Stack) -> None:
    for choice in stack.frameworks:
        assert number(choice.pythons[0]) <= number(stack.python)
        newer = number(choice.version) > number(CATALOGUE.frameworks(choice.name)[0]["newest"])
        assert newer or number(stack.python) <= number(choice.pythons[1])
        if choice.name == "torch":
            assert choice.index.endswith(f"/{choice.tag}")
            assert choice.requirement == f"torch=={choice.version}+{choice.tag}"
        if choice.tag == "cpu" or not facts.gpus:
            continue
        needed = CATALOGUE.toolkit_minimum(choice.cuda)
        assert at_least(stack, min(filter(None, (needed["driver"], needed["minor_driver"])), key=number))
        wheel = CATALOGUE.wheel(choice.name, choice.tag, facts.architecture, choice.version)
        for gpu in facts.gpus:
            row = CATALOGUE.gpu(gpu.pci_id) or CATALOGUE.family(gpu.pci_id)
            if row is not None:
                have = number(row["capability"])
                codes = [number(code) for code in wheel["capabilities"].split()]
                runs = any(code[0] == have[0] and code <= have for code in codes)
                assert runs or (wheel["ptx"] and have >= number(wheel["ptx"]) and at_least(stack, needed["driver"]))
                assert not wheel["up_to"] or have <= number(wheel["up_to"])


@hypothesis.given(hosts, all_desired)
@hypothesis.settings(max_examples=300)
def test_a_set_violates_no_row(facts, wanted):
    answer = solve(facts, wanted, CATALOGUE)
    if isinstance(answer, Refusal):
        return
    if answer.driver is not None:
        check_driver(facts, answer)
    if answer.toolkit is not None:
        check_toolkit(facts, answer)
    check_frameworks(facts, answer)
    kept = wanted.driver in ("", "present") or answer.driver is None
    assert kept or wanted.driver in (answer.driver.branch, answer.driver.version)
    assert wanted.flavour == "auto" or answer.driver is None or answer.driver.flavour == wanted.flavour
    for name in ("torch", "tensorflow", "jax"):
        assert bool(getattr(wanted, name)) == (answer.framework(name) is not None)
    assert bool(wanted.cuda) == (answer.toolkit is not None)


@hypothesis.given(hosts, all_desired)
@hypothesis.settings(max_examples=120)
def test_a_refusal_is_minimal_and_its_ways_out_are_some(facts, wanted):
    answer = solve(facts, wanted, CATALOGUE)
    if isinstance(answer, Stack):
        return
    assert set(answer.all_desired.items()) <= set(wanted.given().items())
    assert isinstance(solve(facts, only(wanted, answer.all_desired), CATALOGUE), Refusal)
    for name in answer.all_desired:
        fewer = only(wanted, [other for other in answer.all_desired if other != name])
        assert isinstance(solve(facts, fewer, CATALOGUE), Stack)
    assert answer.reasons
    for choice in answer.alternatives:
        if choice.stack.driver is not None and choice.instead_of in wanted.given():
            check_driver(facts, choice.stack)
    assert str(answer.error("a host")).startswith("Wanted: a host. Found: ")


@hypothesis.given(
    st.sampled_from(
        [row["id"] for row in TABLES["gpus"] if not CATALOGUE.capability(row["capability"])["last_branch"]]
    ),
    st.sampled_from(list(dict.fromkeys(releases))),
    st.sampled_from([*BRANCHES, "640"]),
    st.sampled_from([*BRANCHES, "640", "999"]),
)
@hypothesis.settings(max_examples=300)
def test_a_newer_driver_never_makes_a_cuda_impossible(pci_id, cuda, branch, other):
    older, newer = sorted((branch, other), key=number)
    facts = HostFacts(gpus=(Gpu(pci_id),), today="2026-11-23")
    if isinstance(solve(facts, DesiredStack(driver=older, cuda=cuda), CATALOGUE), Stack):
        assert isinstance(solve(facts, DesiredStack(driver=newer, cuda=cuda), CATALOGUE), Stack)


@hypothesis.given(hosts, all_desired)
@hypothesis.settings(max_examples=150)
def test_a_host_that_was_given_its_set_keeps_it(facts, wanted):
    answer = solve(facts, wanted, CATALOGUE)
    if isinstance(answer, Refusal) or answer.driver is None:
        return
    driver = answer.driver
    version = driver.version or driver.minimum or f"{driver.branch}.999"
    later = replace(facts, driver=PresentDriver(version, driver.flavour, "nvidia"))
    again = solve(later, wanted, CATALOGUE)
    assert isinstance(again, Stack)
    assert again.driver.kept
    assert again.driver.version == version


@hypothesis.given(hosts, all_desired)
@hypothesis.settings(max_examples=40)
def test_the_same_question_has_the_same_answer(facts, wanted):
    assert solve(facts, wanted, CATALOGUE) == solve(facts, wanted, load())
