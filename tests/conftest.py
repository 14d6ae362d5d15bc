# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings for all tests."""

from __future__ import annotations

import os

import hypothesis

# A shared machine may stall for seconds: a deadline would find the neighbours, not us.
hypothesis.settings.register_profile("work", deadline=None)
# The same examples in every run: what fails in CI fails at home.
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") == "true" else "work")
