# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gates that are programs of others: linters and documentation tools."""

from __future__ import annotations

import os
import shutil
import subprocess

from testing.workplace import Failed, Workplace

SHELL_SCRIPTS = ("converge", "test", ".ci/run")


def lint(work: Workplace) -> None:
    plugins = os.path.join(".tree", "ansible_collections", "gpufleet", "mlstack", "plugins")
    work.check("ruff check", [work.tool("ruff"), "check", "."])
    work.check("ruff format", [work.tool("ruff"), "format", "--check", "."])
    work.check("mypy", [work.tool("mypy"), "--cache-dir", os.path.join(work.cache, "mypy"), plugins])
    work.check("mypy of tools", [work.tool("mypy"), "--cache-dir", os.path.join(work.cache, "mypy"), "tools"])
    work.check("tables of the GPU catalogue", [work.tool("python"), "-B", "tools/catalogue_check.py"])
    work.check("shellcheck", [work.tool("shellcheck"), *SHELL_SCRIPTS])
    work.check("yamllint", [work.tool("yamllint"), "--strict", "."])
    work.check("ansible-lint", [work.tool("ansible-lint"), "--strict"])
    work.conclude()


def docs(work: Workplace) -> None:
    lint_docs = ["lint-collection-docs", "--plugin-docs", "--skip-rstcheck", "--validate-collection-refs=self", "."]
    work.check("antsibull-docs lint", [work.tool("antsibull-docs"), *lint_docs])
    work.check("antsibull-changelog lint", [work.tool("antsibull-changelog"), "lint"])
    _build(work)
    work.conclude()


def _build(work: Workplace) -> None:
    """The reference and the pages as HTML in the cache; a warning is an error."""
    source = os.path.join(work.cache, "docs", "source")
    shutil.rmtree(os.path.dirname(source), ignore_errors=True)
    shutil.copytree(os.path.join(work.checkout, "docs"), source)
    reference = os.path.join(source, "reference")
    os.makedirs(reference, mode=0o700)
    options = ["--use-current", "--squash-hierarchy", "--fail-on-error", "--dest-dir", reference]
    work.check("reference", [work.tool("antsibull-docs"), "collection", *options, "gpufleet.mlstack"])
    page = os.path.join(work.cache, "docs", "html")
    work.check("pages", [work.tool("sphinx-build"), "-q", "-W", "--keep-going", source, page])


def bed_variables(work: Workplace) -> dict[str, str]:
    """The variables by which molecule takes its hosts from the test bed."""
    argv = [work.tool("python"), "tests/bed/bed.py", "env"]
    script = subprocess.run(argv, cwd=work.checkout, env=work.environ(), capture_output=True, text=True, check=False)
    if script.returncode != 0:
        raise Failed(f"the test bed gave no variables: {script.stderr.strip()}")
    # The lines are quoted for a shell, so a shell reads them.
    shell = ["sh", "-c", script.stdout + "\nenv -0"]
    printed = subprocess.run(shell, env={"PATH": os.defpath}, capture_output=True, text=True, check=True).stdout
    pairs = dict(entry.split("=", 1) for entry in printed.split("\0") if "=" in entry)
    return {name: value for name, value in pairs.items() if name.startswith(("MOLECULE_", "ANSIBLE_", "BED_"))}
