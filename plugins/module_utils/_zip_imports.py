# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""Imports from the archive that Ansible sends, each file compiled once.

Python's zipimport compiles every source file twice: when a module is looked for, only to tell its file's name
(``zipimporter.get_filename``, asked by ``importlib``), and again to run it (CPython's issue 141276, open for 3.13 to
3.15; 3.9 is no better). Half of what a converged task costs a host is compiling, so here the name comes from the
archive's directory.

Actions put this file's text at the head of what Ansible sends (plugins/plugin_utils/_at_once.py): it runs before the
first import from the archive, so that Ansible's own files gain by it, too.
"""

import sys
import zipimport


class CompiledOnce(zipimport.zipimporter):
    """Python's own importer for archives that hold sources only, as Ansible's do."""

    def get_filename(self, fullname: str) -> str:
        """The file of a module, without compiling it. Raises ZipImportError where there is none."""
        kind = "/__init__.py" if self.is_package(fullname) else ".py"
        return "".join((self.archive, "/", self.prefix, fullname.rpartition(".")[2], kind))


def install() -> None:
    """Have every archive on the path imported that way from now on."""
    sys.path_hooks.insert(0, CompiledOnce)
