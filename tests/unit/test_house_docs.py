# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages agree with the code: links lead somewhere, tables are those of the code, named commands exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Distribution
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import names
from ansible_collections.gpufleet.mlstack.tests.unit.test_house_modules import MODULES, text_constant

CHECKOUT = Path(__file__).resolve().parents[2]
PAGES = sorted([*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").glob("*.md"), *(CHECKOUT / "roles").glob("*/README.md")])


def words(cell: str) -> tuple[str, ...]:
    return tuple(re.findall(r"`([^`]+)`", cell))


def options_of(module: Path) -> set[str]:
    """All option names of a module, those of its fragments and suboptions included."""
    documentation = yaml.safe_load(text_constant(module, "DOCUMENTATION"))
    options = dict(documentation.get("options") or {})
    for fragment in documentation["extends_documentation_fragment"]:
        path = CHECKOUT / "plugins" / "doc_fragments" / (fragment.split(".")[2] + ".py")
        found = re.search(r'DOCUMENTATION = r"""(.*?)"""', path.read_text(encoding="utf-8"), re.DOTALL)
        options.update((yaml.safe_load(found.group(1)).get("options") if found else None) or {})
    found_names = set()
    for name, option in options.items():
        found_names |= {name, *(option.get("suboptions") or {})}
    return found_names


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_links_lead_to_files_that_exist(page):
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_table_of_package_names_is_that_of_the_code():
    text = (CHECKOUT / "docs" / "system-packages.md").read_text(encoding="utf-8")
    rows = [line.strip("|").split("|") for line in text.splitlines() if re.match(r"\| `[^|]+` \| `", line)]
    written = {words(name)[0]: (words(debian), words(redhat)) for name, debian, redhat in rows}
    debian = Distribution(id="debian", version="12", codename="bookworm", name="Debian 12", family="Debian")
    rocky = Distribution(id="rocky", version="9.4", codename="", name="Rocky 9", family="RedHat")
    meant = {name: (names.real_names(name, debian), names.real_names(name, rocky)) for name in names.canonical_names()}
    assert written == meant


def test_every_module_and_role_has_a_place_in_the_guide_map():
    text = (CHECKOUT / "docs" / "guide-map.md").read_text(encoding="utf-8")
    roles = [path.name for path in (CHECKOUT / "roles").iterdir()]
    assert [name for name in [*(path.stem for path in MODULES), *roles] if f"`{name}`" not in text] == []


def test_what_the_guide_map_names_exists():
    text = (CHECKOUT / "docs" / "guide-map.md").read_text(encoding="utf-8")
    here = " ".join(line.split("|")[3] for line in text.splitlines() if line.count("|") == 4)
    named = {word.split(":")[0] for word in words(here) if re.fullmatch(r"[a-z_]+(: \S+)?", word)}
    known = {path.stem for path in MODULES} | {path.name for path in (CHECKOUT / "roles").iterdir()}
    for module in MODULES:
        known |= options_of(module) | set(yaml.safe_load(text_constant(module, "RETURN")))
        # Keys of an option that takes names or mappings are only described.
        known |= set(re.findall(r"C\((\w+)\) ", text_constant(module, "DOCUMENTATION")))
        known |= set(re.findall(r"^    (?:  )*([a-z_]+):$", text_constant(module, "RETURN"), re.MULTILINE))
    assert named - known == set()


def test_every_layer_of_tests_is_explained():
    from testing import layers

    text = (CHECKOUT / "docs" / "development.md").read_text(encoding="utf-8")
    assert [name for name in layers.NAMES if f"| `{name}` |" not in text] == []


def test_the_layers_of_tests_are_those_of_the_code():
    text = (CHECKOUT / "docs" / "development.md").read_text(encoding="utf-8")
    layers = (CHECKOUT / "tools" / "testing" / "layers.py").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE) == re.findall(r'\bLayer\(\s*"([\w-]+)"', layers)


def test_the_design_knows_every_place_of_host_code():
    text = (CHECKOUT / "docs" / "design.md").read_text(encoding="utf-8")
    places = [f"{path.name}/" for path in (CHECKOUT / "plugins" / "module_utils").iterdir() if path.is_dir()]
    places += [path.name for path in (CHECKOUT / "plugins" / "module_utils").glob("_[a-z]*.py")]
    assert [place for place in places if f"`{place}`" not in text and place != "__pycache__/"] == []


def test_the_workflow_for_users_asks_for_no_variable_of_the_test_bed():
    workflow = yaml.safe_load((CHECKOUT / ".github" / "workflows" / "molecule.yml").read_text(encoding="utf-8"))
    commands = [step.get("run", "") for job in workflow["jobs"].values() for step in job["steps"]]
    assert [command for command in commands if "molecule test" in command] == ["molecule test"]
    shared = (CHECKOUT / ".config" / "molecule" / "config.yml").read_text(encoding="utf-8")
    default = (CHECKOUT / "molecule" / "default" / "molecule.yml").read_text(encoding="utf-8")
    given_by_molecule = ("MOLECULE_PROJECT_DIRECTORY", "MOLECULE_EPHEMERAL_DIRECTORY")
    needed = [name for name in re.findall(r"\$\{(\w+)\}", shared + default) if name not in given_by_molecule]
    assert needed == []
