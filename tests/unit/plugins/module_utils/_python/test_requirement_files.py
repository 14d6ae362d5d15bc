# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files to lines to sets, as pip does it; held against pip's own reader where pip is installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import requirement_files
from hypothesis import given, settings
from hypothesis import strategies as st


def read(content, **options):
    """Read from a dictionary of path to text or bytes; the first is the one named."""
    files = {path: text.encode() if isinstance(text, str) else text for path, text in content.items()}

    def load(path):
        try:
            return files[path]
        except KeyError:
            raise FileNotFoundError(2, "No such file or directory") from None

    return requirement_files.read_leniently([next(iter(files))], load=load, **options)


def texts(found):
    return [item.text for item in found.requirements]


def codes(problems):
    return [(problem.code.removeprefix("requirement_"), problem.file, problem.line) for problem in problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a==1\nb==2\n", [(1, "a==1"), (2, "b==2")]),
        ("a==1\r\nb==2\rc==3", [(1, "a==1"), (2, "b==2"), (3, "c==3")]),
        ("# head\n\n  a==1  # why\n", [(3, "a==1")]),
        ("a==1 \\\n  --hash=x \\\n  --hash=y\nb", [(1, "a==1   --hash=x   --hash=y"), (4, "b")]),
        ("a==1 \\\n  # a comment ends it\nb", [(1, "a==1"), (3, "b")]),
        ("a==1 \\\n#not glued\nb", [(1, "a==1"), (3, "b")]),
        ("a==1 # swallowed \\\n  --hash=x\nb", [(1, "a==1"), (3, "b")]),
        ("a==1 \\", [(1, "a==1")]),
        ("\\\n\npandas", [(3, "pandas")]),
        ("url#egg=x", [(1, "url#egg=x")]),
        ("url #egg=x", [(1, "url")]),
        ("# \\\na==1", [(2, "a==1")]),
    ],
)
def test_logical_lines(text, expected):
    assert requirement_files.logical_lines(text) == expected


PIECES = st.sampled_from(["a==1", "b", " ", "#", " # c", "\\", "\n", "\r\n", "--hash=x", "$", "\t", "x#y", "é"])
PIP = subprocess.run([sys.executable, "-c", "import pip"], capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def pips_lines():
    """pip's own preprocessing, in a process of its own: its internals are not made to be imported with other code."""
    if not PIP:
        pytest.skip("pip is not installed beside this interpreter")
    program = (
        "import json, sys\n"
        "from pip._internal.req.req_file import preprocess\n"
        "for line in sys.stdin:\n"
        "    print(json.dumps(list(preprocess(json.loads(line)))), flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=-1, stdout=-1, text=True) as process:

        def ask(text):
            process.stdin.write(json.dumps(text) + "\n")
            process.stdin.flush()
            return [tuple(item) for item in json.loads(process.stdout.readline())]

        yield ask


@given(st.lists(PIECES, max_size=14).map("".join))
@settings(deadline=None)
def test_lines_are_those_of_pip(pips_lines, text):
    assert requirement_files.logical_lines(text) == pips_lines(text)


@pytest.mark.parametrize(
    "data",
    [
        "é==1\n".encode("utf-8-sig"),
        "é==1\n".encode("utf-16"),
        "\ufeffé==1\n".encode("utf-16-be"),
        "é==1\n".encode("utf-32"),
        "# -*- coding: latin-1 -*-\né==1\n".encode("latin-1"),
        "#!x\n# vim: set fileencoding=cp1252 :\né==1\n".encode("cp1252"),
    ],
)
def test_encodings(data):
    assert "é==1" in requirement_files.decode(data)
    assert "\ufeff" not in requirement_files.decode(data)


@pytest.mark.parametrize(("data", "reason"), [(b"a==1\n\xe9==1\n", "line 2"), (b"# coding: klingon\n", "klingon")])
def test_bytes_that_are_not_text_are_refused_instead_of_guessed(data, reason):
    found, problems = read({"/r.txt": data})
    assert found.requirements == ()
    assert [problem.code for problem in problems] == ["requirement_file_encoding"]
    assert reason in problems[0].reason


def test_variables_of_the_one_form_are_filled_in_and_not_quoted_in_messages():
    found, problems = read(
        {"/r.txt": "--index-url https://${USER_1}:${TOKEN}@h.example/\na==${V}\nb==1;os_name=='$HOME'\n"},
        variables={"USER_1": "me", "TOKEN": "s3cret", "V": "1.0"},
    )
    assert problems == []
    assert found.options.index_url == "https://me:s3cret@h.example/"
    assert found.requirements[0].version == "1.0"
    assert found.requirements[0].text == "a==${V}"


@pytest.mark.parametrize(
    ("value", "code"),
    [(None, "variable_unset"), ("1 --index-url=x", "variable_unsafe"), ("1\nb==2", "variable_unsafe"), ("", None)],
)
def test_variables_that_are_unset_or_carry_options_are_refused(value, code):
    _found, problems = read({"/r.txt": "a\na==1${V}\n"}, variables={} if value is None else {"V": value})
    assert codes(problems) == ([(code, "/r.txt", 2)] if code else [])


def test_includes_are_relative_to_the_file_that_names_them():
    found, problems = read(
        {
            "/etc/app/r.txt": "-r base/core.txt\n--requirement=../other.txt\n-c limits.txt\na==1\n",
            "/etc/app/base/core.txt": "-rdeep.txt\ncore==1\n",
            "/etc/app/base/deep.txt": "./deep-1-py3-none-any.whl\n",
            "/etc/other.txt": "other==1\n",
            "/etc/app/limits.txt": "-c more.txt\nnumpy==1.24.3\n",
            "/etc/app/more.txt": "six==1\n",
        }
    )
    assert problems == []
    assert texts(found) == ["./deep-1-py3-none-any.whl", "core==1", "other==1", "a==1"]
    assert [item.text for item in found.constraints] == ["six==1", "numpy==1.24.3"]
    assert found.requirements[0].url == "file:///etc/app/base/deep-1-py3-none-any.whl"
    assert found.sources == (
        "/etc/app/r.txt",
        "/etc/app/base/core.txt",
        "/etc/app/base/deep.txt",
        "/etc/other.txt",
        "/etc/app/limits.txt",
        "/etc/app/more.txt",
    )


def test_a_loop_is_named_and_a_file_named_twice_is_none():
    _found, problems = read({"/r.txt": "-r a.txt\n", "/a.txt": "-r b.txt\n", "/b.txt": "x==1\n-r ./a.txt\n"})
    assert codes(problems) == [("include_cycle", "/b.txt", 2)]
    assert "/r.txt -> /a.txt -> /b.txt -> /a.txt" in problems[0].reason
    found, problems = read(
        {"/r.txt": "-r a.txt\n-r b.txt\n", "/a.txt": "-r c.txt", "/b.txt": "-r c.txt", "/c.txt": "c==1"}
    )
    assert problems == [] and texts(found) == ["c==1", "c==1"]


def test_includes_that_go_too_deep_are_refused():
    files = {f"/{number}.txt": f"-r {number + 1}.txt\n" for number in range(30)}
    _found, problems = read(files)
    assert [problem.code for problem in problems] == ["requirement_include_depth"]


def test_an_included_url_is_refused_unless_the_caller_fetches():
    files = {"/r.txt": "-c 'https://h.example/x/c.txt'\na==1\n"}
    _found, problems = read(files)
    assert codes(problems) == [("include_url", "/r.txt", 1)]
    remote = {"https://h.example/x/c.txt": b"-c d.txt\na==1\n", "https://h.example/x/d.txt": b"b==2\n"}
    found, problems = read(files, fetch=remote.__getitem__)
    assert problems == []
    assert [item.text for item in found.constraints] == ["b==2", "a==1"]


OPTIONS = """-i https://one.example/simple
--index-url   "https://two.example/simple" # the last one counts
--extra-index-url=https://x.example --extra-index-url https://y.example
-f ./wheels
--find-links https://h.example/links
--no-binary Foo_Bar,baz
--only-binary=:all:
--no-binary lxml
--prefer-binary --pre
--trusted-host h.example:8443
--require-hashes
--use-feature=fast-deps
--no-index
"""


def test_options_are_typed():
    found, problems = read({"/srv/r.txt": OPTIONS})
    assert problems == []
    assert found.options.as_dict() == {
        "index_url": "https://two.example/simple",
        "extra_index_urls": ["https://x.example", "https://y.example"],
        "find_links": ["/srv/wheels", "https://h.example/links"],
        "no_index": True,
        "no_binary": ["lxml"],
        "only_binary": [":all:"],
        "prefer_binary": True,
        "pre": True,
        "trusted_hosts": ["h.example:8443"],
        "require_hashes": True,
        "use_features": ["fast-deps"],
    }


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("--unknown", "option_refused"),
        ("--no-use-wheel", "option_refused"),
        ("--pre numpy", "option_refused"),
        ("--index-url https://h.example trailing", "option_refused"),
        ("--hash=sha256:00", "option_refused"),
        ("--pre=yes", "option_refused"),
        ("-x", "option_refused"),
        ("-foo==1.0", None),  # pip and we: find links in 'oo==1.0'
        ("--index-url", "invalid"),
        ("-r", "invalid"),
        ("-i 'unclosed", "invalid"),
        ("-f ~/wheels", "invalid"),
        ("--no-binary ../x", "invalid"),
        ("-e ./here", "editable"),
        ("-e git+https://h.example/x@0123456789012345678901234567890123456789#egg=x", "editable"),
        ("--editable=.[dev] ; os_name == 'posix'", "editable"),
        ("numpy==1.0 --extra-index-url https://h.example", "option_refused"),
        ("numpy==1.0 -e .", "option_refused"),
        ("numpy==1.0\x0bevil==1.0", "invalid"),
        ("# hidden\u2028evil==1.0\nnumpy==1.0\u2028evil==1.0", "invalid"),
    ],
)
def test_lines_that_are_refused(line, code):
    _found, problems = read({"/r.txt": f"ok==1\n{line}\n"})
    assert [problem.code for problem in problems] == ([f"requirement_{code}"] if code else [])


def test_a_hidden_line_end_in_a_comment_smuggles_nothing():
    found, problems = read({"/r.txt": "ok==1\n# comment\u2028evil==1.0\x0cevil==2\n"})
    assert problems == [] and texts(found) == ["ok==1"]


@pytest.mark.parametrize("line", ["a[x]==1", "https://h.example/tarball/master", "-r other.txt"])
def test_constraints_must_be_named_plain_and_of_constraint_files(line):
    _found, problems = read({"/r.txt": "-c c.txt\n", "/c.txt": line + "\n", "/other.txt": "a==1\n"})
    assert [(problem.file, problem.line) for problem in problems] == [("/c.txt", 1)]


def test_every_bad_line_of_every_file_is_reported_at_once():
    files = {"/r.txt": b"a=1\n-r b.txt\nc==1\n-r gone.txt\n", "/b.txt": b"--what\nok==1\nb[==2\n"}

    def load(path):
        if path not in files:
            raise FileNotFoundError(2, "No such file or directory")
        return files[path]

    with pytest.raises(InvalidArguments) as caught:
        requirement_files.read(["/r.txt"], load=load, packages=["fine==1", "-e ."])
    problems = caught.value.details["problems"]
    assert [(problem["file"], problem["line"], problem["code"]) for problem in problems] == [
        ("packages", 2, "requirement_option_refused"),
        ("/r.txt", 1, "requirement_invalid"),
        ("/b.txt", 1, "requirement_option_refused"),
        ("/b.txt", 3, "requirement_invalid"),
        ("/r.txt", 4, "requirement_file_unreadable"),
    ]
    assert caught.value.code == "requirement_option_refused"
    for part in ("packages:2", "/r.txt:1", "/b.txt:3", "/gone.txt cannot be read: No such file or directory"):
        assert part in caught.value.found


def test_many_problems_are_counted_and_long_lines_cut_in_the_sentence_only():
    with pytest.raises(InvalidArguments) as caught:
        requirement_files.read(load=bytes, packages=[f"a{number}=1" for number in range(9)] + ["b " + "x" * 500])
    assert "and 5 more" in caught.value.found
    assert len(caught.value.details["problems"]) == 10
    assert len(caught.value.details["problems"][-1]["text"]) == 502


@pytest.mark.parametrize(
    ("item", "code"),
    [
        ("a==1\nb==2", "invalid"),
        ("a==1\n--index-url x", "invalid"),
        ("-r /etc/passwd", "option_refused"),
        ("  --pre", "option_refused"),
        ("", "invalid"),
        ("# nothing", "invalid"),
    ],
)
def test_inline_items_are_single_requirements(item, code):
    _found, problems = requirement_files.read_leniently(load=bytes, packages=["ok==1", item])
    assert codes(problems) == [(code, "packages", 2)]


def test_inline_paths_start_at_the_base():
    found = requirement_files.read(load=bytes, packages=["./a-1-py3-none-any.whl  # why"], base="/srv/app")
    assert found.requirements[0].url == "file:///srv/app/a-1-py3-none-any.whl"


def test_the_host_and_the_controller_read_alike(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "r.txt").write_bytes(b"\xef\xbb\xbf-r sub/s.txt\r\na==1\r\n")
    (tmp_path / "sub" / "s.txt").write_text("b==2")

    def from_disk(path):
        with open(path, "rb") as file:
            return file.read()

    found = requirement_files.read([os.fspath(tmp_path / "r.txt")], load=from_disk)
    assert texts(found) == ["b==2", "a==1"]
