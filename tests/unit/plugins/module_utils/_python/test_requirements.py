# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single requirements: PEP 508 agrees with the 'packaging' library, and what pip adds to it is read as pip reads it."""

from __future__ import annotations

import packaging.requirements
import packaging.utils
import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names, requirements, versions
from hypothesis import example, given
from hypothesis import strategies as st

HERE = requirements.Source("requirements.txt", 7)
COMMIT = "0123456789abcdef0123456789abcdef01234567"
SHA256 = "ab" * 32


def parse(text, **options):
    return requirements.parse(text, HERE, **options)


blanks = st.sampled_from(["", " ", "  "])
project_names = st.sampled_from(["numpy", "Ruamel.YAML", "a", "x_y-z", "zope.interface", "A1"])
version_lists = st.lists(
    st.sampled_from(["==1.0", ">=1.2", "<2", "~=1.4.2", "!=1.5.*", "== 2.0.1+cu118", ">= 1!0"]), max_size=3
)
marker_texts = st.sampled_from(
    ["", "python_version < '3.12'", "os_name=='posix' and extra == 'x'", "sys_platform != ''"]
)


@st.composite
def lines(draw):
    text = draw(project_names) + draw(blanks)
    if draw(st.booleans()):
        text += "[" + draw(st.sampled_from(["", " av ", "a,b", "b , A_c"])) + "]" + draw(blanks)
    if draw(st.booleans()):
        text += "@ " + draw(st.sampled_from(["https://host.example/a-1.0.tar.gz", "file:///srv/a-1.0.tar.gz"])) + " "
    else:
        specifiers = (draw(blanks) + "," + draw(blanks)).join(draw(version_lists))
        text += f"({specifiers})" if specifiers and draw(st.booleans()) else specifiers
    marker = draw(marker_texts)
    return text + (draw(blanks) + ";" + draw(blanks) + marker if marker else "")


@given(lines())
@example("name [extra] (>=1,<2) ; python_version < '3'")
@example("name@https://host.example/x.zip ; os_name == 'posix'")
@example("name>=1,")
@example("name===1.0-arbitrary")
@example("name===1.0,")
def test_a_line_reads_as_packaging_reads_it(text):
    try:
        theirs = packaging.requirements.Requirement(text)
    except packaging.requirements.InvalidRequirement:
        with pytest.raises(requirements.InvalidRequirement):
            parse(text)
        return
    ours = parse(text)
    assert ours.name == packaging.utils.canonicalize_name(theirs.name)
    assert ours.written_name == theirs.name
    assert set(ours.extras) == {packaging.utils.canonicalize_name(extra) for extra in theirs.extras}
    assert {str(item) for item in ours.specifiers} == {str(item) for item in theirs.specifier}
    assert ours.url == theirs.url
    assert str(ours.marker or "") == str(theirs.marker or "")


@given(st.text(alphabet="ab1 .-_[](),;@=<>~!'\"/:#", max_size=14))
def test_any_text_is_read_or_refused_with_a_reason(text):
    try:
        found = parse(text)
    except requirements.InvalidRequirement as error:
        assert error.code.startswith("requirement_") and error.reason and error.to_fix
        assert not error.reason.endswith(".") and not error.to_fix.endswith(".")
    else:
        assert found.name is None or names.is_valid(found.name)
        assert found.url is not None or found.name


@given(project_names)
def test_names_are_normalised_as_packaging_does(name):
    assert names.normalize(name) == packaging.utils.canonicalize_name(name)


PINS = {
    "numpy==1.24.3": "version",
    "numpy == 1.24.3": "version",
    "numpy===1.24.3": "version",
    "numpy==1.24.3,!=1.24.4": "version",
    "torch[opt-einsum]==2.0.1+cu118 ; python_version < '3.12'": "version",
    f"numpy==1.24.3 --hash=sha256:{SHA256}": "version",
    "numpy==1.24.*": None,
    "numpy": None,
    "numpy>=1.24.3,<=1.24.3": None,  # a range of one is still not what pip takes for a pin
    f"numpy --hash=sha256:{SHA256}": None,
    f"numpy>=1 --hash=sha256:{SHA256}": None,
    f"clip @ git+https://host.example/clip.git@{COMMIT}": "commit",
    f"git+ssh://git@host.example/clip.git@{COMMIT.upper()}#egg=clip&subdirectory=py": "commit",
    f"git+https://user:word@host.example/clip@{COMMIT}": "commit",
    f"hg+https://host.example/clip@{COMMIT}": "commit",
    "clip @ git+https://host.example/clip.git@v1.0": None,
    "clip @ git+https://host.example/clip.git@0123456": None,
    "clip @ git+https://user@host.example/clip.git": None,
    f"clip @ git+https://host.example/{COMMIT}": None,
    "clip @ svn+https://host.example/clip/trunk@2019": None,
    f"https://host.example/torch-2.0.1-cp311-cp311-linux_x86_64.whl#sha256={SHA256}": "hash",
    f"clip @ https://host.example/clip.zip --hash=sha512:{'cd' * 64}": "hash",
    "https://host.example/torch-2.0.1-cp311-cp311-linux_x86_64.whl": None,
    "./wheels/torch-2.0.1-cp311-cp311-linux_x86_64.whl": "wheel",
    "/srv/wheels/torch-2.0.1-cp311-cp311-linux_x86_64.whl": "wheel",
    "torch-2.0.1-cp311-cp311-linux_x86_64.whl": "wheel",
    "torch @ file:///srv/wheels/torch-2.0.1-cp311-cp311-linux_x86_64.whl": "wheel",
    "./torch-2.0.1.tar.gz": None,
    f"./torch-2.0.1.tar.gz#sha256={SHA256}": "hash",
    "./project": None,
    "../project[dev]": None,
}


@pytest.mark.parametrize(("text", "expected"), PINS.items())
def test_pins(text, expected):
    assert requirements.pin_of(parse(text, base="/srv/app")) == expected


@pytest.mark.parametrize(
    ("text", "name", "version", "extras", "url"),
    [
        (
            "./wheels/My_Pkg-1.0-py3-none-any.whl",
            "my-pkg",
            "1.0",
            (),
            "file:///srv/app/wheels/My_Pkg-1.0-py3-none-any.whl",
        ),
        ("../a-1.0-py3-none-any.whl[Dev]", "a", "1.0", ("dev",), "file:///srv/a-1.0-py3-none-any.whl"),
        ("/a b/c-1-py3-none-any.whl", "c", "1", (), "file:///a%20b/c-1-py3-none-any.whl"),
        ("a @ ./a-1.0-py3-none-any.whl", "a", "1.0", (), "file:///srv/app/a-1.0-py3-none-any.whl"),
        (
            f"https://h.example/torch-2.0.1%2Bcu118-cp311-cp311-linux_x86_64.whl#sha256={SHA256}",
            "torch",
            "2.0.1+cu118",
            (),
            "https://h.example/torch-2.0.1%2Bcu118-cp311-cp311-linux_x86_64.whl",
        ),
        ("git+https://h.example/x@main#egg=X_y[B,a]", "x-y", None, ("a", "b"), "git+https://h.example/x@main"),
        (
            "git+https://h.example/x#subdirectory=py&egg=x",
            "x",
            None,
            (),
            "git+https://h.example/x#subdirectory=py",
        ),
        ("https://h.example/tarball/master", None, None, (), "https://h.example/tarball/master"),
        ("./my-proj-1.0.tar.gz", "my-proj", None, (), "file:///srv/app/my-proj-1.0.tar.gz"),
        ("./dir with blanks ; python_version >= '3.9'", None, None, (), "file:///srv/app/dir%20with%20blanks"),
    ],
)
def test_urls_and_paths(text, name, version, extras, url):
    found = parse(text, base="/srv/app")
    assert (found.name, found.version, found.extras, found.url) == (name, version, extras, url)


def test_options_of_a_requirement():
    found = parse(
        f"a==1 ; os_name == 'posix' --hash sha256:{SHA256} --hash=SHA384:{'0A' * 48} --config-settings=\"k=v w\" -C x=y"
    )
    assert found.hashes == (f"sha256:{SHA256}", f"sha384:{'0a' * 48}")
    assert found.build_options == ("k=v w", "x=y")
    assert str(found.marker) == 'os_name == "posix"'


REFUSED = {
    f"a==1 --hash=md5:{'0' * 32}": "requirement_hash_weak",
    f"a==1 --hash=sha1:{'0' * 40}": "requirement_hash_weak",
    f"a @ https://h.example/a.whl#md5={'0' * 32}": "requirement_hash_weak",
    "a==1 --hash=sha256:1234": "requirement_invalid",
    f"a==1 --hash=sha256:{'g' * 64}": "requirement_invalid",
    "a==1 --hash=blake9:00": "requirement_invalid",
    "a==1 --hash": "requirement_invalid",
    "a==1 --index-url https://evil.example": "requirement_option_refused",
    "a==1 -r other.txt": "requirement_option_refused",
    "a==1 --global-option=build": "requirement_option_refused",
    f"a==1 --hash=sha256:{SHA256} b==2": "requirement_option_refused",
    "a==1 --hash='sha256:": "requirement_invalid",
    "a=1": "requirement_invalid",
    "a b": "requirement_invalid",
    "a==1 b==2": "requirement_invalid",
    "a==1;": "requirement_invalid",
    "a==not a version": "requirement_invalid",
    "a[b==1": "requirement_invalid",
    "a[b c]==1": "requirement_invalid",
    "a===": "requirement_invalid",
    "a==1; python_version ~= 'fred'": "requirement_invalid",
    "a @ ": "requirement_invalid",
    "a @ b": "requirement_invalid",
    "a @ ftp://h.example/a.whl": "requirement_invalid",
    "git@h.example:org/a.git": "requirement_invalid",
    "a @ file://../a": "requirement_invalid",
    "~/a-1.0-py3-none-any.whl": "requirement_invalid",
    "~user/a": "requirement_invalid",
    "b @ https://h.example/a-1.0-py3-none-any.whl": "requirement_invalid",
    "b @ git+https://h.example/a#egg=a": "requirement_invalid",
    "git+https://h.example/a#egg=a>=1": "requirement_invalid",
    "a @ https://h.example/a.whl#size=4": "requirement_invalid",
    "é==1": "requirement_invalid",
    "_a==1": "requirement_invalid",
    "a-==1": "requirement_invalid",
    "": "requirement_invalid",
    "==1": "requirement_invalid",
}


@pytest.mark.parametrize(("text", "code"), REFUSED.items())
def test_refused(text, code):
    with pytest.raises(requirements.InvalidRequirement) as caught:
        parse(text)
    assert caught.value.code == code


def test_the_source_and_the_text_as_written_are_kept():
    found = parse("a==1", written="a==${V}")
    assert (found.source.file, found.source.line, str(found.source)) == ("requirements.txt", 7, "requirements.txt:7")
    assert found.text == str(found) == "a==${V}"
    assert found.specifiers == (versions.Specifier("==", "1"),)


def test_a_marker_decides_where_a_requirement_applies():
    found = parse("a==1 ; os_name == 'nt'")
    assert found.applies(None)
    assert not found.applies({"os_name": "posix"})
    assert parse("a==1").applies({})
