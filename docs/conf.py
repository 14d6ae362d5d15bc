# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How sphinx-build makes pages of this folder and of the reference that antsibull-docs writes beside them."""

project = "gpufleet.mlstack"
copyright = "gpufleet.mlstack contributors"  # noqa: A001 (Sphinx's own name for it)
extensions = ["myst_parser", "sphinx_antsibull_ext"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
html_theme = "alabaster"
html_theme_options = {"description": "From a bare machine to a pinned ML stack", "page_width": "1100px"}
highlight_language = "yaml"
# Titles of pages become targets for links from other pages.
myst_heading_anchors = 3
# Pages also link to files of the collection that are no pages, such as the README. That these exist is tested by
# tests/unit/test_house_docs.py. What the reference links to in the documentation of Ansible is not built here, and what
# it links to in itself is checked by antsibull-docs.
suppress_warnings = ["myst.xref_missing", "ref.ref"]
exclude_patterns = ["html"]
