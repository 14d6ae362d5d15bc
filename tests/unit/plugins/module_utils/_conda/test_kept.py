# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of an environment stays where a solver was only told the desired state."""

from __future__ import annotations

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import kept, relations
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import (
    Package,
    SolveRequest,
    Sources,
    VirtualPackage,
)
from hypothesis import given
from hypothesis import strategies as st


def package(name: str, version: str, *depends: str, **more: object) -> Package:
    return Package(name, version, "0", depends=depends, **more)  # type: ignore[arg-type]


def request(*specs: str, locked: tuple[Package, ...] = (), **more: object) -> SolveRequest:
    return SolveRequest(specs, Sources(), "linux-64", locked=locked, **more)  # type: ignore[arg-type]


def versions(packages: tuple[Package, ...]) -> dict[str, str]:
    return {item.name: item.version for item in packages}


SIX, OLD_SIX = package("six", "1.16"), package("six", "1.14")
TOOL = package("tool", "2.0", "six >=1.15")


@pytest.mark.parametrize(
    ("specs", "fresh", "locked", "found"),
    [
        (["six"], [SIX], [OLD_SIX], {"six": "1.14"}),
        (["six>=1.15"], [SIX], [OLD_SIX], {"six": "1.16"}),  # the desired state speaks against it
        (["six"], [SIX], [OLD_SIX, package("numpy", "1")], {"six": "1.14"}),  # nobody asks for numpy any more
        (["tool", "six"], [TOOL, SIX], [OLD_SIX], {"tool": "2.0", "six": "1.16"}),  # a new package does
        (["tool"], [TOOL, SIX], [package("tool", "1.0", "six <1.15"), OLD_SIX], {"tool": "1.0", "six": "1.14"}),
        # What is kept brings what it needs, which the new solution lacks; what only the new one needs does not come.
        (
            ["app"],
            [package("app", "2", "extra"), package("extra", "1")],
            [package("app", "1", "parser >=2"), package("parser", "2")],
            {"app": "1", "parser": "2"},
        ),
        # One gives way, and then what leaned on it.
        (
            ["a", "b", "tool"],
            [package("a", "2", "b >=1"), package("b", "2", "six >=1.15"), SIX, TOOL],
            [package("a", "1", "b <2"), package("b", "1", "six <1.15"), OLD_SIX],
            {"a": "2", "b": "2", "six": "1.16", "tool": "2.0"},
        ),
        (
            ["a", "six"],
            [package("a", "1", constrains=("six >1.15",)), SIX],
            [OLD_SIX],
            {"a": "1", "six": "1.16"},
        ),
    ],
)
def test_as_much_stays_as_holds_together(specs, fresh, locked, found):
    assert versions(kept.overlaid(fresh, request(*specs, locked=tuple(locked)))) == found


def test_what_the_host_cannot_run_does_not_stay():
    old, new = package("torch", "1", "__cuda >=13"), package("torch", "2", "__cuda >=11")
    driver = (VirtualPackage("__cuda", "12.2"),)
    assert versions(kept.overlaid([new], request("torch", locked=(old,), virtual_packages=driver))) == {"torch": "2"}
    # Where the engine looks itself, nothing is known that would speak against it.
    assert versions(kept.overlaid([new], request("torch", locked=(old,)))) == {"torch": "1"}


@pytest.mark.parametrize(
    ("spec", "stays"),
    [
        ("six", True),
        ("conda-forge::six", True),
        ("https://conda.example/conda-forge::six", True),
        ("bioconda::six", False),
        ("six[subdir=noarch]", True),
        ("six[subdir=linux-64]", False),
        ("six[md5=" + "b" * 32 + "]", False),
    ],
)
def test_a_desired_state_speaks_by_channel_folder_and_hash_too(spec, stays):
    here = package("six", "1.14", channel="https://conda.example/conda-forge", subdir="noarch", md5="a" * 32)
    assert kept.allowed(request(spec, locked=(here,))) == ((here,) if stays else ())


def test_a_constraint_and_a_pin_speak_too():
    assert kept.allowed(request("six", locked=(OLD_SIX,), constraints=("six >1.15",))) == ()
    assert kept.allowed(request("six", locked=(OLD_SIX,), pinned=(SIX,))) == ()


def test_what_a_solver_brings_and_nobody_needs_is_left_out():
    assert versions(kept.needed(["tool"], [TOOL, SIX, package("python_abi", "3.11")])) == {"tool": "2.0", "six": "1.16"}


NAMES = "abcde"


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Package], list[Package], list[str]]:
    """A solution that holds together, an environment that does, and a desired state."""

    def whole(version: str) -> list[Package]:
        found = []
        for number, name in enumerate(NAMES):
            needs = draw(st.lists(st.sampled_from(NAMES[:number] or "a"), max_size=2)) if number else []
            texts = [
                f"{need} {draw(st.sampled_from(['', f'=={version}', '>=1', f'<={version}']))}".strip() for need in needs
            ]
            found.append(package(name, version, *texts))
        return found

    desired = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True))
    bound = draw(st.sampled_from(["", ">=2"]))
    return whole("2"), whole("1"), [f"{name}{bound if name == desired[0] else ''}" for name in desired]


@given(worlds())
def test_the_result_holds_together_and_has_nothing_beside(world):
    fresh, locked, specs = world
    found = relations.by_name(kept.overlaid(fresh, request(*specs, locked=tuple(locked))))
    assert list(relations.broken(found.values(), found)) == []
    assert all(relations.fits(found.get(relations.name_of(text)), text) for text in specs)
    wanted, seen = [relations.name_of(text) for text in specs], set()
    while wanted:
        name = wanted.pop()
        if name not in seen:
            seen.add(name)
            wanted += [relations.name_of(text) for text in found[name].depends]
    assert seen == set(found)
    if all(relations.fits(relations.by_name(locked)[relations.name_of(text)], text) for text in specs):
        assert {item.version for item in found.values()} == {"1"}  # nothing spoke against all that was there
