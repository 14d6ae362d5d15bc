# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of one's own for the catalogue, from a file on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
name: catalogue
short_description: Rows of your own for the catalogue from a file, held against the forms of its tables
version_added: 0.1.0
author:
  - gpufleet.mlstack contributors (@gpufleet)
description:
  - Reads tables that are newer than those of the collection, or know what only you know, from YAML or JSON. Each row
    is held against its table, and what cannot be is told with its file, table, row and column.
  - What it returns goes into the option C(catalogue) of M(gpufleet.mlstack.stack_plan),
    M(gpufleet.mlstack.gpu_info) and M(gpufleet.mlstack.nvidia_driver), into the variables of the roles that end with
    C(_catalogue), and into the
    argument C(rows) of the filters.
options:
  _terms:
    description:
      - The files, looked for as the lookup C(ansible.builtin.file) does. Tables of the same name are joined, and rows
        of a later file stand in for those of an earlier one.
      - Beside the tables a file may say its C(date), the day to which it brings the catalogue. The newest one counts.
    required: true
    type: list
    elements: path
seealso:
  - module: gpufleet.mlstack.stack_plan
"""

EXAMPLES = r"""
- name: Plan with the tables of the fleet, from a file beside the playbook
  gpufleet.mlstack.stack_plan:
    torch: "2.x"
    catalogue: "{{ lookup('gpufleet.mlstack.catalogue', 'catalogue.yml') }}"
"""

RETURN = r"""
_raw:
  description: The tables by their names, with C(date) where a file says it.
  type: list
  elements: dict
"""

import typing as t

import yaml
from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue import day
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.catalogue import load
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError


class LookupModule(LookupBase):
    """The lookup of this file."""

    def run(self, terms: list[str], variables: t.Any = None, **kwargs: t.Any) -> list[dict[str, t.Any]]:
        whole: dict[str, t.Any] = {}
        for term in terms:
            path = self.find_file_in_search_path(variables, "files", term)
            if not path:
                raise AnsibleLookupError(f"catalogue: there is no file {term}")
            for name, value in _read(path).items():
                if name == day.OWN_DAY:
                    whole[name] = max(str(value), str(whole.get(name, "")))
                else:
                    whole[name] = [*whole.get(name, []), *value]
        return [whole]


def _read(path: str) -> dict[str, t.Any]:
    try:
        with open(path, encoding="utf-8") as stream:
            # Every value stays the text that it is: 13.10 is no number, and 2027-01-31 no date.
            found = yaml.load(stream, Loader=yaml.BaseLoader)
        if not isinstance(found, dict):
            raise AnsibleLookupError(f"catalogue: {path} has no tables in it")
        load(found)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, MlstackError) as error:
        raise AnsibleLookupError(f"catalogue: {path}: {error}") from error
    return found
