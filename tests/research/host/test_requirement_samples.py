# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirement files of real projects: each is accepted as pinned, or refused for a reason that is stated here.

The table was written by reading the files. A row names, for every code that the file is refused with, how many lines
and which one first. A file of the collection of samples that has no row here fails the test.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import (
    names,
    requirement_checks,
    requirement_files,
    requirements,
)

SAMPLES = Path(__file__).resolve().parents[4] / "shared" / "data" / "requirements"
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"the sample files are not beside the checkout: {SAMPLES}")

PARSER = "aboutcode-org+pip-requirements-parser/tests/pip_requirements_parser_tests/data/"
DEPENDABOT = "dependabot+dependabot-core/python/spec/fixtures/requirements/"
UV = "astral-sh+uv/crates/uv-requirements-txt/test-data/requirements-txt/"

# path -> (requirements that can be read, {code: (lines, first line)}), with the reason where it needs one
VERDICTS = {
    # Research and framework code. Ranges and bare names are development desired states: they must be locked first.
    "NVIDIA+Megatron-LM/docker/lts/requirements.txt": (15, {"unpinned": (1, 22)}),  # a tag of git
    "NVIDIA+Megatron-LM/examples/post_training/modelopt/requirements.txt": (6, {"unpinned": (6, 1)}),
    "NVIDIA+Megatron-LM/examples/post_training/modelopt/requirements_ssm.txt": (2, {"unpinned": (2, 1)}),
    "Stability-AI+generative-models/requirements/pt2.txt": (45, {"unpinned": (33, 3)}),
    "coqui-ai+TTS/requirements.ja.txt": (3, {"unpinned": (1, 5)}),
    "coqui-ai+TTS/requirements.txt": (42, {"unpinned": (38, 3)}),  # numpy's pin holds up to Python 3.10 only
    "facebookresearch+detectron2/docs/requirements.txt": (21, {"unpinned": (18, 5)}),  # two wheels' URLs have no hash
    "facebookresearch+esm/examples/lm-design/additional_requirements.txt": (3, {"unpinned": (3, 1)}),
    "facebookresearch+fairseq/examples/emotion_conversion/requirements.txt": (11, {"unpinned": (11, 1)}),
    "facebookresearch+fairseq/examples/speech_to_speech/asr_bleu/requirements.txt": (7, {}),
    "google-deepmind+alphafold/docker/requirements.txt": (2, {}),
    "google-deepmind+alphafold/requirements.txt": (13, {"unpinned": (2, 11)}),
    "jax-ml+jax/build/nonfreethreading-requirements.txt": (5, {"unpinned": (5, 1)}),
    "jax-ml+jax/build/nvidia-requirements.txt": (26, {"unpinned": (26, 1)}),
    "jax-ml+jax/build/requirements.in": (15, {"unpinned": (15, 4)}),
    "jax-ml+jax/build/requirements_lock_3_12.txt": (102, {}),  # two pins of numpy, for Pythons that exclude each other
    "jax-ml+jax/build/requirements_lock_3_14_ft.txt": (80, {}),
    "jax-ml+jax/build/test-requirements.txt": (14, {"unpinned": (14, 1)}),
    "microsoft+DeepSpeed/requirements/requirements-dev.txt": (21, {"unpinned": (19, 1)}),
    "microsoft+DeepSpeed/requirements/requirements.txt": (11, {"unpinned": (11, 1)}),
    "pytorch+test-infra/aws/lambda/usage-log-aggregator/requirements.txt": (9, {"unpinned": (9, 9)}),
    "pytorch+test-infra/tools/torchci/requirements.txt": (8, {"unpinned": (4, 2)}),
    # Whole applications.
    "astral-sh+uv/test/requirements/airflow2-constraints.txt": (299, {}),
    "astral-sh+uv/test/requirements/airflow2-req.in": (3, {"unpinned": (2, 6)}),
    # 22 ranges, of which pubnub's and pyOpenSSL's are pinned by other lines
    "astral-sh+uv/test/requirements/home-assistant.in": (1010, {"unpinned": (20, 18)}),
    "astral-sh+uv/test/requirements/pydantic.in": (39, {"unpinned": (35, 4)}),
    "astral-sh+uv/test/requirements/transformers-extras.in": (270, {"unpinned": (250, 5)}),
    "madpah+requirements-parser/tests/reqfiles/crateio_requirements.txt": (56, {"editable": (7, 41)}),
    # a repository without a commit, and a shortened commit
    "madpah+requirements-parser/tests/reqfiles/rtfd_requirements.txt": (31, {"unpinned": (2, 55)}),
    # Cases of other tools' tests: forms rather than projects.
    "pypa+pip/tests/data/reqfiles/supported_options2.txt": (0, {}),  # options alone
    UV + "bare-url.txt": (6, {"unpinned": (6, 1)}),  # folders
    UV + "basic.txt": (6, {}),
    UV + "constraints-a.txt": (1, {"unpinned": (1, 2)}),
    UV + "constraints-b.txt": (2, {}),
    UV + "editable.txt": (0, {"editable": (8, 2)}),
    UV + "empty.txt": (0, {}),
    UV + "for-poetry.txt": (4, {"unpinned": (2, 5)}),
    UV + "hash.txt": (0, {"editable": (1, 2)}),
    UV + "include-a.txt": (2, {"unpinned": (1, 1)}),  # in the file that it includes
    UV + "include-b.txt": (1, {"unpinned": (1, 1)}),
    UV + "poetry-with-hashes.txt": (5, {}),
    UV + "semicolon.txt": (0, {"editable": (1, 2)}),
    UV + "small.txt": (2, {}),
    UV + "whitespace.txt": (2, {"unpinned": (2, 15)}),
    DEPENDABOT + "custom_index.txt": (2, {}),
    DEPENDABOT + "custom_index_quotes.txt": (2, {}),
    DEPENDABOT + "extra_index.txt": (2, {}),
    DEPENDABOT + "hashes_512.txt": (1, {}),
    DEPENDABOT + "hashes_single_to_multiple.txt": (1, {}),
    DEPENDABOT + "malformed_markers.txt": (0, {"invalid": (1, 1)}),  # no Python is compatible with 'fred'
    DEPENDABOT + "markers_2.txt": (2, {"unpinned": (1, 1)}),  # a range on every machine but x86_64
    DEPENDABOT + "pip_compile_editable.txt": (3, {"editable": (2, 7)}),
    DEPENDABOT + "pip_compile_met_marker.txt": (13, {}),
    DEPENDABOT + "prefix_match.txt": (2, {"unpinned": (1, 1)}),  # ==2.6.* is a range
    DEPENDABOT + "remote_constraints.txt": (0, {"include_url": (1, 1)}),
    DEPENDABOT + "with_git_dependency.txt": (2, {"unpinned": (1, 2)}),
    DEPENDABOT + "with_local_model_archive.txt": (2, {"unpinned": (1, 3)}),  # a source archive without a hash
    PARSER + "more-requirements/CyrilPeponnet-Unify-whisper-requirements.txt": (
        5,
        {"editable": (1, 1), "unpinned": (5, 2)},
    ),
    PARSER + "more-requirements/Elchi3-kuma-requirements-dev.txt": (10, {"file_unreadable": (1, 2)}),
    PARSER + "more-requirements/andymckay-olympia-requirements-prod.txt": (3, {"file_unreadable": (1, 1)}),
    PARSER + "more-requirements/brutus-templator-requirements.txt": (1, {"unpinned": (1, 1)}),
    # a version condition behind #egg=, which pip refuses as well
    PARSER + "more-requirements/buildtimetrend-python-client-requirements-native.txt": (0, {"invalid": (1, 1)}),
    # its five git URLs name full commits
    PARSER + "more-requirements/freedomsponsors-www.freedomsponsors.org-requirements.txt": (27, {}),
    PARSER + "more-requirements/freeekanayaka-systemfixtures-requirements.txt": (7, {"unpinned": (7, 1)}),
    PARSER + "more-requirements/indodutch-sim-city-webservice-requirements.txt": (20, {"editable": (1, 21)}),
    PARSER + "more-requirements/jonaqp-django_mongo-requirements-req.txt": (60, {}),
    PARSER + "more-requirements/jorismathijssen-ProjectLipa-James-requirements.txt": (6, {"unpinned": (6, 1)}),
    PARSER + "more-requirements/mbertrand-cga-worldmap-shared-dev-requirements.txt": (12, {"unpinned": (10, 1)}),
    # scp's way of writing an address is no URL
    PARSER + "more-requirements/ministryofjustice-elasticsearch-formula-formula-requirements.txt": (
        0,
        {"invalid": (7, 1)},
    ),
    PARSER + "more-requirements/pamfilos-invenio-requirements.txt": (28, {"unpinned": (3, 5)}),
    PARSER + "more-requirements/rthieledesy-invenio-requirements-devel.txt": (0, {"editable": (22, 25)}),
    PARSER + "more-requirements/ryansb-bookmarkd-requirements.txt": (4, {"unpinned": (4, 1)}),
    PARSER + "more-requirements/theatlantic-django-cache-machine-requirements.txt": (
        5,
        {"editable": (3, 4), "unpinned": (5, 2)},
    ),
    PARSER + "more-requirements/vladikoff-loop-server-loadtests-requirements.txt": (3, {"unpinned": (3, 1)}),
    # SomeProject is both ==1.4 and the archive of line 34
    PARSER + "requirements/packaging-docs-examples.txt": (
        18,
        {
            "file_unreadable": (1, 13),
            "editable": (6, 16),
            "option_refused": (1, 56),
            "unpinned": (5, 3),
            "conflict": (1, 60),
        },
    ),
    # examples that were never meant to be one set: two wheels of one package, hashes for some lines only
    PARSER + "requirements/pip-docs-examples3.txt": (
        27,
        {
            "option_refused": (2, 55),
            "editable": (2, 74),
            "file_unreadable": (1, 87),
            "unpinned": (11, 12),
            "conflict": (2, 25),
            "hash_missing": (25, 3),
        },
    ),
    PARSER + "requirements/pip-upgrader-example.txt": (2, {"file_unreadable": (2, 4), "unpinned": (1, 10)}),
    PARSER + "requirements/req-detector-requirements.txt": (34, {"unpinned": (33, 2)}),
    PARSER + "requirements/serverless-python-requirements-tests.txt": (5, {"editable": (1, 4)}),
    PARSER + "requirements/unsupported_options.txt": (0, {"option_refused": (3, 4)}),
    PARSER + "sc-requirements/dev-requirements-dev.txt": (3, {"unpinned": (2, 1)}),
    # a file URL whose '..' would be a host
    PARSER + "sc-requirements/local_paths_and_files-requirements.txt": (
        2,
        {"invalid": (1, 2), "editable": (1, 4), "unpinned": (2, 1)},
    ),
    PARSER + "sc-requirements/many_specs-requirements.txt": (1, {"conflict": (1, 1)}),  # ==2.4c1 is not <1.6
    PARSER + "sc-requirements/mixed-requirements.txt": (3, {"editable": (1, 1), "unpinned": (3, 2)}),
    PARSER + "sc-requirements/simple-requirements.txt": (2, {}),
    PARSER + "sc-requirements/vcs_editable-requirements.txt": (
        6,
        {"editable": (6, 1), "unpinned": (6, 8), "conflict": (1, 13)},
    ),
    PARSER + "sc-requirements/vcs_extras_require-requirements.txt": (1, {"unpinned": (1, 1)}),
}
EXPECTED = {path for path in VERDICTS if path.startswith(PARSER)}


def read(path):
    def load(name):
        return Path(name).read_bytes()

    return requirement_files.read_leniently([str(SAMPLES / path)], load=load)


def test_every_sample_has_a_verdict():
    on_disk = {str(path.relative_to(SAMPLES)) for path in SAMPLES.rglob("*") if path.is_file()}
    assert {path for path in on_disk if not path.endswith("-expected.json")} == set(VERDICTS)
    assert {path[: -len("-expected.json")] for path in on_disk if path.endswith("-expected.json")} == EXPECTED


@pytest.mark.parametrize("path", VERDICTS)
def test_verdict(path):
    found, problems = read(path)
    problems += requirement_checks.check_pinned(found) + requirement_checks.check_hashes(found)
    verdict = {}
    for problem in problems:
        code = problem.code.removeprefix("requirement_")
        lines, first = verdict.get(code, (0, problem.line))
        verdict[code] = (lines + 1, first)
        assert problem.reason and problem.to_fix and problem.file.startswith(str(SAMPLES))
    assert (len(found.requirements), verdict) == VERDICTS[path]


def test_a_host_is_judged_by_its_own_markers():
    path = DEPENDABOT + "markers_2.txt"
    found, _problems = read(path)
    assert requirement_checks.check_pinned(found, {"platform_machine": "x86_64"}) == []
    assert [item.line for item in requirement_checks.check_pinned(found, {"platform_machine": "aarch64"})] == [1]


# Where we differ from the parser that wrote the expectations, by line, and why.
CONTRADICTS_ITSELF = PARSER + "sc-requirements/many_specs-requirements.txt"


@pytest.mark.parametrize("path", sorted(EXPECTED))
def test_lines_read_as_another_parser_read_them(path):
    """Every line that it reads, we read the same or refuse; what we refuse is an editable, or is in VERDICTS."""
    expected = json.loads((SAMPLES / (path + "-expected.json")).read_text())
    found, problems = read(path)
    ours = {item.source.line: item for item in found.requirements}
    refused = {problem.line: problem.code for problem in problems}
    lines = [item["requirement_line"]["line_number"] for item in expected["requirements"]]
    assert set(ours) <= set(lines)
    for theirs in expected["requirements"]:
        line = theirs["requirement_line"]["line_number"]
        if theirs["is_editable"]:
            assert refused[line] == "requirement_editable"
        elif line in refused:
            assert refused[line].removeprefix("requirement_") in VERDICTS[path][1]
        else:
            agree(path, ours[line], theirs)


def agree(path, ours, theirs):
    # They have no name for an archive or folder; we take an archive's from its file name.
    if theirs["name"] is not None:
        assert ours.name == names.normalize(theirs["name"])
    assert ours.extras == tuple(sorted(theirs["extras"]))
    assert list(ours.hashes) == sorted(theirs["hash_options"])
    assert str(ours.marker or "") == (theirs["marker"] or "")
    if theirs["link"] is None:
        assert {str(item) for item in ours.specifiers} == set(theirs["specifier"])
        # '==' beside other conditions pins as well; that those contradict it is for the check of the set to say.
        assert (requirements.pin_of(ours) is not None) == (theirs["is_pinned"] or path == CONTRADICTS_ITSELF)
    elif theirs["is_wheel"]:
        assert ["==" + ours.version] == theirs["specifier"]
        assert requirements.pin_of(ours) == "wheel"
    else:
        assert ours.url is not None
        # A full commit is a pin to us; they know none for URLs.
        assert not theirs["is_pinned"]
        assert (requirements.pin_of(ours) is not None) == (ours.commit is not None)


def test_global_options_read_as_another_parser_read_them():
    path = PARSER + "requirements/packaging-docs-examples.txt"
    options = read(path)[0].options
    folder = str((SAMPLES / path).parent)
    assert options.index_url == "http://my.package.repo/simple/"
    assert options.extra_index_urls == ["http://my.package.repo/simple", "http://localhost:7777"]
    assert options.no_index
    assert options.find_links == ["file:///local/dir/", "/local/dir", folder + "/relative/dir"]
    assert options.pre  # of line 59; line 56 has it beside a name and is refused
