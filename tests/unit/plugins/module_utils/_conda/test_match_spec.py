# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Match specifications in all their spellings. What is expected was compared with rattler's reading."""

from __future__ import annotations

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import match_spec
from hypothesis import given
from hypothesis import strategies as st

# as written -> as every engine reads it
SPELLINGS = {
    "numpy": "numpy",
    " numpy ": "numpy",
    "PyYAML==5.4.1": "pyyaml==5.4.1",
    "python=3.11": "python=3.11",
    "python =3.11": "python=3.11",
    "python=3.11.*": "python=3.11",
    "python 3.11.*": "python=3.11",
    "python 3.11": "python==3.11",
    "python==3.11": "python==3.11",
    "python > 3.11": "python>3.11",
    "scipy   >=    1.5.0,  < 2.0.0": "scipy>=1.5.0,<2.0.0",
    "pyproj >=3.0,<3.3  # tests fail": "pyproj>=3.0,<3.3",
    "x ~=1.4.2": "x~=1.4.2",
    "x !=1.2.*,>=1": "x!=1.2.*,>=1",
    "libarchive>=3.8 lgpl_*": "libarchive[version='>=3.8',build='lgpl_*']",
    "jaxlib>=0.4.31=cuda12*": "jaxlib[version='>=0.4.31',build='cuda12*']",
    "pytorch=2.1=cuda*": "pytorch[version='==2.1',build='cuda*']",
    "python=3.9.7=h60c2a47_0_cpython": "python=3.9.7=h60c2a47_0_cpython",
    "python 3.9.7 h60c2a47_0_cpython": "python=3.9.7=h60c2a47_0_cpython",
    "cuda-runtime=11.8.0=0": "cuda-runtime=11.8.0=0",
    "a=1.2=*": "a==1.2",
    "telemetry[version='>=0.2.0']": "telemetry>=0.2.0",
    'telemetry[version=">=0.2.0,<3", build=py*]': "telemetry[version='>=0.2.0,<3',build='py*']",
    "six[sha256=%s]" % ("a" * 64): "six[sha256='%s']" % ("a" * 64),
    "bioconda::hmmer==3.3.2": "bioconda::hmmer==3.3.2",
    "conda-forge/linux-64::numpy": "conda-forge/linux-64::numpy",
    "numpy[channel=conda-forge, subdir=linux-64]": "conda-forge/linux-64::numpy",
    "bed-tool[subdir=noarch]": "bed-tool[subdir='noarch']",
    "six >=1.15 [subdir=noarch]": "six>=1.15[subdir='noarch']",
    "six=1.15=py_0[subdir=noarch,build_number=1]": "six=1.15=py_0[build_number='1',subdir='noarch']",
    "https://conda.example/main::six 1.15 py_0": "https://conda.example/main::six=1.15=py_0",
    "nvidia/label/cuda-11.8.0::cuda": "nvidia/label/cuda-11.8.0::cuda",
    "python.app": "python.app",
    "_libgcc_mutex=0.1=conda_forge": "_libgcc_mutex=0.1=conda_forge",
    "__cuda>=12": "__cuda>=12",
    "https://conda.example/main/noarch/six-1.15.0-py_0.conda#d7c89558ba9fa0495403155b64376d81": (
        "six=1.15.0=py_0[md5='d7c89558ba9fa0495403155b64376d81',"
        "url='https://conda.example/main/noarch/six-1.15.0-py_0.conda']"
    ),
}

REFUSED = {
    "": "empty",
    "   ": "empty",
    "-e .": "option",
    "--help": "option",
    "=1.0": "names no package",
    "numpy*": "many packages",
    "*": "many packages",
    "requests[security]": "extras",
    "requests[version='1',": "brackets",
    "six[colour=red]": "colour",
    "x=>1": "condition",
    "x >": "no version",
    "x 1.2 py_0 more": "more than",
    "x=1.2=a=b": "condition",
    "conda-forge:numpy": "one ':'",
    "conda-forge:space:numpy": "namespace",
    "::numpy": "empty channel",
    "-c::numpy": "option",
    "num/py": "no name",
    "naïve": "no name",
    "x\x00y": "control",
    "x\ny": "control",
    "x=1.0=`id`": "build",
    "six-1.0.conda": "URL",
}


@pytest.mark.parametrize("text", SPELLINGS)
def test_every_spelling_has_one_form(text):
    spec = match_spec.parse(text)
    assert str(spec) == SPELLINGS[text]
    assert match_spec.parse(str(spec)) == spec


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_specification_is_refused_with_the_reason(text):
    with pytest.raises(match_spec.BadSpec, match=REFUSED[text]):
        match_spec.parse(text)


@given(
    st.text(max_size=40) | st.from_regex(r"[a-z-]{1,5}[ =<>!~|,]{0,3}[0-9.*a-z]{0,6}[ =\[\]:#']{0,3}", fullmatch=True)
)
def test_any_text_is_read_or_refused(text):
    try:
        spec = match_spec.parse(text)
    except match_spec.BadSpec as exc:
        assert str(exc)
    else:
        assert match_spec.parse(str(spec)) == spec
        assert not str(spec).startswith("-")


def test_which_packages_a_specification_allows():
    spec = match_spec.parse("conda-forge::PyTorch>=2.1,<3=cuda12*")
    assert (spec.name, spec.channel, spec.build) == ("pytorch", "conda-forge", "cuda12*")
    assert spec.allows(name="pytorch", version="2.4.0", build="cuda121_py311")
    assert not spec.allows(name="pytorch", version="3.0", build="cuda121_py311")
    assert not spec.allows(name="pytorch", version="2.4.0", build="cpu_py311")
    assert not spec.allows(name="torch", version="2.4.0", build="cuda121_py311")
    assert not spec.allows(name="pytorch", version="not a version", build="cuda121_py311")
    assert match_spec.parse("numpy").allows(name="NumPy", version="1")
