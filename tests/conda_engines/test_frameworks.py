# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment files of docs/frameworks.md: which build each gets follows from the host's virtual packages.

The channel's frameworks are stand-ins, built for the CPU and for two CUDAs as conda-forge's are.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._conda.environment_yaml import read_environment_yaml
from ansible_collections.gpufleet.mlstack.tests.conda_engines.work import PLATFORM, Work, python

PAGE = Path(__file__).resolve().parents[2] / "docs" / "frameworks.md"


def examples() -> dict[str, list[str]]:
    """The page's environment files by name: their specifications, but for Python, of which the channel has its own."""
    found = {}
    for block in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        plain = yaml.safe_load(block)
        if isinstance(plain, dict) and "dependencies" in plain:
            read = read_environment_yaml(block, str(PAGE), PLATFORM)
            assert read.channels == ("conda-forge",) and read.nodefaults and not read.warnings
            found[read.name] = [item.text for item in read.specs if not item.text.startswith("python=")]
    return found


def test_the_page_has_the_examples() -> None:
    assert sorted(examples()) == ["pytorch-cpu", "pytorch-cuda", "tensorflow"]


@pytest.mark.parametrize(
    ("name", "cuda", "package", "build"),
    [
        ("pytorch-cpu", "", "pytorch", "cpu_"),
        ("pytorch-cpu", "12.4", "pytorch", "cpu_"),
        ("pytorch-cuda", "12.4", "pytorch", "cuda121"),
        ("tensorflow", "", "tensorflow", "cpu_"),
        ("tensorflow", "12.4", "tensorflow", "cuda121"),
        ("tensorflow", "11.8", "tensorflow", "cuda118"),
    ],
)
def test_the_build_follows_from_the_host(newest: Work, name: str, cuda: str, package: str, build: str) -> None:
    solution = newest.solve(*examples()[name], cuda=cuda or "", **({} if cuda else {"virtual_packages": ()}))
    (chosen,) = (item for item in solution.packages if item.name == package)
    assert chosen.build.startswith(build)


def test_cuda_without_a_driver_is_refused_with_the_reason(newest: Work) -> None:
    with pytest.raises(MlstackError, match="__cuda"):
        newest.solve(*examples()["pytorch-cuda"])


def test_the_commands_of_the_guide(newest: Work) -> None:
    newest.create("python", *examples()["pytorch-cpu"], "tensorflow=2.16.*=cpu*")
    say = "import torch; print(f'PyTorch: {torch.__version__}', f'CUDA available: {torch.cuda.is_available()}')"
    assert python(newest.prefix, say) == "PyTorch: 2.4.0 CUDA available: False"
    say = "import tensorflow as tf; print(f'TensorFlow: {tf.__version__}')"
    assert python(newest.prefix, say) == "TensorFlow: 2.16.1"
