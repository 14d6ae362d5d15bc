# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold for a set: pins, no contradictions, hashes for all or none; and the text that engines are given."""

from __future__ import annotations

import random

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import (
    requirement_checks,
    requirement_files,
    requirement_problems,
    requirement_text,
)
from hypothesis import given
from hypothesis import strategies as st

SHA256 = "ab" * 32
OTHER = "cd" * 32
COMMIT = "0123456789abcdef0123456789abcdef01234567"
LINUX = {"sys_platform": "linux", "python_version": "3.11", "platform_machine": "x86_64"}


def read(text, constraints="", **options):
    files = {"/r.txt": text.encode(), "/c.txt": constraints.encode()}
    return requirement_files.read(["/r.txt"], load=files.__getitem__, constraint_files=["/c.txt"], **options)


def told(problems):
    return [(problem.code.removeprefix("requirement_"), problem.file, problem.line) for problem in problems]


@pytest.mark.parametrize(
    ("text", "constraints", "expected"),
    [
        ("numpy==1.24.3", "", []),
        ("numpy", "", [("unpinned", "/r.txt", 1)]),
        ("numpy", "numpy==1.24.3", []),
        ("numpy", "NumPy==1.24.3", []),
        ("numpy>=1,<2", "numpy==1.24.3", []),
        ("numpy", "numpy<2", [("unpinned", "/r.txt", 1)]),
        ("numpy", f"numpy @ https://h.example/numpy-1.24.3.zip#sha256={SHA256}", []),
        ("numpy", "numpy==1.24.3 ; python_version < '3.12'", [("unpinned", "/r.txt", 1)]),
        ("numpy ; python_version<'3.12'", "numpy==1.24.3 ; python_version < '3.12'", []),
        ("ray[tune]\nray==2.7.0", "", []),
        ("numpy>=2", "numpy==1.24.3", [("conflict", "/c.txt", 1)]),
        ("numpy==1.24.3\nnumpy==1.24.3", "", []),
        ("numpy==1.24\nnumpy==1.24.0", "", []),
        ("numpy==1.24.3\nnumpy==1.24.4", "", [("conflict", "/r.txt", 2)]),
        ("numpy==1.24.3\nnumpy==1.24.4\nnumpy==1.24.5", "", [("conflict", "/r.txt", 3)]),
        ("torch==2.0.1\ntorch==2.0.1+cu118", "", []),  # the local build is a 2.0.1
        ("torch==2.0.1+cpu\ntorch==2.0.1+cu118", "", [("conflict", "/r.txt", 2)]),
        ("a==1;python_version<'3.12'\na==2;python_version>='3.12'", "", []),
        ("a==1;python_version<'3.12'\na==2;python_version < '3.12'", "", [("conflict", "/r.txt", 2)]),
        ("a<1,==2", "", [("conflict", "/r.txt", 1)]),
        ("a==1", "b==1\nb==2", []),  # nobody asks for b
        (
            f"a @ git+https://h.example/a@{COMMIT}\na @ git+https://h.example/b@{COMMIT}",
            "",
            [("conflict", "/r.txt", 2)],
        ),
        (f"a @ git+https://h.example/a@{COMMIT}", "a>=1", []),  # only its build can tell the version
        ("./a-1.0-py3-none-any.whl", "a==2.0", [("conflict", "/c.txt", 1)]),
        (f"https://h.example/x.zip#sha256={SHA256}", "", []),
        ("b\na==1\nc>=1", "", [("unpinned", "/r.txt", 1), ("unpinned", "/r.txt", 3)]),
        ("", "", []),
    ],
)
def test_pinned(text, constraints, expected):
    assert told(requirement_checks.check_pinned(read(text, constraints))) == expected


@pytest.mark.parametrize(
    ("text", "constraints", "expected"),
    [
        ("numpy ; sys_platform == 'win32'", "", []),
        ("numpy", "numpy==1.24.3 ; python_version < '3.12'", []),
        ("numpy", "numpy==1.24.3 ; python_version >= '3.12'", [("unpinned", "/r.txt", 1)]),
        ("a==1\na==2 ; sys_platform == 'linux'", "", [("conflict", "/r.txt", 2)]),
        ("a==1\na==2 ; sys_platform == 'win32'", "", []),
    ],
)
def test_pinned_on_one_host(text, constraints, expected):
    assert told(requirement_checks.check_pinned(read(text, constraints), LINUX)) == expected


def test_a_problem_names_the_requirement_both_places_and_the_remedy():
    problems = requirement_checks.check_pinned(read("NumPy==1.24.3\npandas>=2\nnumpy==1.26.0"))
    error = requirement_problems.refusal(problems)
    assert error.code == "requirement_unpinned"
    assert "/r.txt:2: 'pandas>=2': it allows more than one version" in error.found
    assert "/r.txt:3: 'numpy==1.26.0': it cannot be met together with /r.txt:1 (NumPy==1.24.3)" in error.found
    assert "write pandas==VERSION" in error.to_fix
    assert [item["name"] for item in error.details["problems"]] == ["pandas", "numpy"]


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("a @ git+https://h.example/a@main", "full commit"),
        ("a @ svn+https://h.example/a@12", "svn"),
        ("./a", "wheel"),
        ("https://h.example/a-1.0.tar.gz", "no hash"),
        (f"a --hash=sha256:{SHA256}", "uv ignores the hashes"),
        ("a", "names no version"),
    ],
)
def test_every_kind_of_unpinned_line_has_its_own_reason(line, part):
    (problem,) = requirement_checks.check_pinned(read(line))
    assert part in problem.reason


HASHED = f"a==1 --hash=sha256:{SHA256}\n"


@pytest.mark.parametrize(
    ("text", "constraints", "required", "expected"),
    [
        (HASHED, "", False, []),
        (HASHED + "b==2\n", "", False, [("hash_missing", "/r.txt", 2)]),
        (HASHED + "b==2\n", f"b==2 --hash=sha256:{OTHER}", False, []),
        ("a==1\n", "", False, []),
        ("a==1\n", "", True, [("hash_missing", "/r.txt", 1)]),
        ("--require-hashes\na==1\n", "", False, [("hash_missing", "/r.txt", 2)]),
        (HASHED + f"b @ https://h.example/b.zip#sha256={OTHER}\n", "", True, []),
        (f"b @ https://h.example/b.zip#sha256={OTHER}\na==1\n", "", False, []),
        (
            f"b @ https://h.example/b.zip --hash=sha256:{OTHER} --hash=sha256:{SHA256}\na==1\n",
            "",
            False,
            [("hash_missing", "/r.txt", 2)],
        ),
        (HASHED + f"b @ git+https://h.example/b@{COMMIT}\n", "", False, [("hash_missing", "/r.txt", 2)]),
    ],
)
def test_hashes(text, constraints, required, expected):
    assert told(requirement_checks.check_hashes(read(text, constraints), required=required)) == expected


def test_the_text_for_engines_is_flat_canonical_and_carries_pins_of_constraints():
    found = read(
        "--index-url https://h.example\n# c\nZope.Interface [B,a] == 5.0 ; python_version<'3.12' # x\nnumpy\nnumpy\n"
        f"./w/my_pkg-1.0-py3-none-any.whl\nx @ https://h.example/x.zip --hash=sha256:{SHA256}\n"
        f"six==1 --hash=sha256:{OTHER} --hash=sha256:{SHA256} -C k='v w'\n",
        f"NumPy==1.24.3 --hash=sha256:{SHA256}\nunused<2\n",
    )
    assert requirement_text.lines(requirement_text.pinned(found)) == [
        "my-pkg @ file:///w/my_pkg-1.0-py3-none-any.whl",
        f"numpy==1.24.3 --hash=sha256:{SHA256}",
        f"six==1 --hash=sha256:{SHA256} --hash=sha256:{OTHER}",
        f"x @ https://h.example/x.zip#sha256={SHA256}",
        'zope-interface[a,b]==5.0 ; python_version < "3.12"',
    ]
    assert requirement_text.lines(found.constraints) == [f"numpy==1.24.3 --hash=sha256:{SHA256}", "unused<2"]
    six = next(item for item in found.requirements if item.name == "six")
    assert requirement_text.line(six, build_options=True).endswith(' --config-settings="k=v w"')


LINES = [
    "numpy==1.24.3",
    f"six==1.16.0 --hash=sha256:{SHA256} --hash=sha256:{OTHER}",
    "ray[tune,rllib]==2.7.0 ; python_version < '3.12'",
    f"clip @ git+https://h.example/clip@{COMMIT}",
    "./w/my_pkg-1.0-py3-none-any.whl",
    "pandas>=2,<3,!=2.1",
]
RESPELLED = [
    "NumPy == 1.24.3.0  # why",
    f"SIX==1.16 \\\n  --hash=sha256:{OTHER} \\\r\n  --hash sha256:{SHA256}",
    'Ray [rllib , tune]==2.7.0;python_version<"3.12"',
    f"git+https://me:token@h.example/clip@{COMMIT.upper()}#egg=clip".replace(COMMIT.upper(), COMMIT),
    "/w/my_pkg-1.0-py3-none-any.whl",
    "pandas!=2.1,  <3,>=2",
]


@given(st.permutations(range(len(LINES))), st.randoms(use_true_random=False))
def test_the_digest_knows_what_is_asked_for_and_not_how_it_is_written(order, chance: random.Random):
    lines = [chance.choice((LINES, RESPELLED))[index] for index in order]
    end = chance.choice(["\n", "\r\n", "\n\n# comment\n"])
    assert requirement_text.digest(read(end.join(lines))) == requirement_text.digest(read("\n".join(LINES)))


@pytest.mark.parametrize("index", range(len(LINES)))
def test_the_digest_changes_with_every_line(index):
    rest = LINES[:index] + LINES[index + 1 :]
    assert requirement_text.digest(read("\n".join(rest))) != requirement_text.digest(read("\n".join(LINES)))


@pytest.mark.parametrize("option", ["--pre", "--no-binary numpy", "--only-binary :all:", "--require-hashes"])
def test_options_that_change_what_is_installed_change_the_digest(option):
    assert requirement_text.digest(read(option + "\na==1")) != requirement_text.digest(read("a==1"))


@pytest.mark.parametrize("option", ["--index-url https://h.example", "--find-links /w", "--trusted-host h"])
def test_where_things_come_from_does_not(option):
    assert requirement_text.digest(read(option + "\na==1")) == requirement_text.digest(read("a==1"))


def rendered(found):
    return requirement_text.text(requirement_text.pinned(found)), requirement_text.text(found.constraints)


def test_what_is_rendered_reads_as_the_same_set():
    found = read("\n".join(LINES), "numpy==1.24.3\n")
    again = read(*rendered(found))
    assert requirement_text.digest(again) == requirement_text.digest(found)
    assert rendered(again) == rendered(found)
