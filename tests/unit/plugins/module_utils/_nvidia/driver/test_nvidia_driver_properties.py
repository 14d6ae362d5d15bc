# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan, apply to a host made of data, plan again: nothing is left to do, from any driver to any other."""

from __future__ import annotations

import hypothesis
import pytest
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._nvidia.driver.model_host import (
    DEBIAN,
    ROCKY9,
    ROCKY10,
    SWITCH,
    desired_for,
    empty_host,
    installed,
    planned,
    summaries,
    target,
)
from hypothesis import strategies as st

ARCHIVE = {"source": "distribution"}
RUN = {"source": "runfile"}
TARGETS = (
    [
        target(branch=b, flavour=f, libraries=kind)
        for b in ("535", "550", "580", "590")
        for f in ("open", "proprietary")
        for kind in ("full", "compute")
    ]
    + [target(branch=b, flavour=f, **ARCHIVE) for b in ("535", "580") for f in ("open", "proprietary")]
    + [target(branch="580", flavour=f, modules="prebuilt", **ARCHIVE) for f in ("open", "proprietary")]
    + [target(version="550.54.15"), target(version="590.44.01", flavour="proprietary")]
    + [target(version=v, flavour=f, **RUN) for v, f in (("550.54.15", "open"), ("580.95.05", "proprietary"))]
)
DEBIAN_TARGETS = [
    target(DEBIAN, branch="", flavour=f, libraries=kind, **ARCHIVE)
    for f in ("open", "proprietary")
    for kind in ("full", "compute")
]
DEBIAN_TARGETS += [target(DEBIAN, branch=b, flavour=f) for b in ("550", "590") for f in ("open", "proprietary")]
DEBIAN_TARGETS += [target(DEBIAN, version="550.54.15", **RUN)]
ROCKY_TARGETS = [target(ROCKY9, branch=b, flavour=f) for b in ("550", "580") for f in ("open", "proprietary")]
ROCKY_TARGETS += [target(ROCKY10, branch="580"), target(ROCKY9, version="550.54.15")]
ROCKY_TARGETS += [target(ROCKY9, branch="580", libraries="compute"), target(ROCKY9, version="580.65.06", **RUN)]


@pytest.mark.parametrize("wanted", TARGETS + DEBIAN_TARGETS + ROCKY_TARGETS)
def test_a_driver_that_was_installed_is_left_alone(wanted):
    found = installed(empty_host(), wanted)
    assert planned(empty_host(), wanted).changed
    assert summaries(planned(found, wanted)) == []


@hypothesis.given(
    st.sampled_from([*TARGETS, None]),
    st.sampled_from([*TARGETS, None]),
    st.booleans(),
    st.sampled_from([(), (SWITCH,)]),
)
def test_from_any_driver_to_any_other_on_apt(first, second, hold, switches):
    _from_one_to_another(first, second, hold, switches)


@hypothesis.given(
    st.sampled_from([*DEBIAN_TARGETS, None]), st.sampled_from([*DEBIAN_TARGETS, None]), st.booleans(), st.just(())
)
def test_from_any_driver_to_any_other_on_debian(first, second, hold, switches):
    _from_one_to_another(first, second, hold, switches)


@hypothesis.given(
    st.sampled_from([*ROCKY_TARGETS, None]),
    st.sampled_from([*ROCKY_TARGETS, None]),
    st.booleans(),
    st.sampled_from([(), (SWITCH,)]),
)
def test_from_any_driver_to_any_other_on_dnf(first, second, hold, switches):
    _from_one_to_another(first, second, hold, switches)


def _from_one_to_another(first, second, hold, switches):
    """Plan, apply to the model, plan again: nothing is left, and nothing of the first driver is."""
    host = empty_host(nvswitches=switches)
    before = installed(host, first, hold=hold) if first else host
    after = installed(before, second, hold=hold)
    desired = desired_for(second, hold=hold)
    assert summaries(planned(after, second, desired)) == []
    drivers = {piece.driver for piece in after.pieces if piece.driver}
    by_packages = second is not None and second.source != "runfile"
    assert len(drivers) == by_packages, after.pieces
    assert bool(after.leftovers) == (second is not None and not by_packages)
    assert all(piece.held == hold for piece in after.pieces)
    if by_packages and second.ubuntu:
        flavoured = [
            p.package for p in after.pieces if p.package.startswith(("nvidia-dkms", "nvidia-driver", "nvidia-open"))
        ]
        assert all(("-open" in name) == (second.flavour == "open") for name in flavoured)
    assert len([p for p in after.pieces if p.name == "fabric_manager"]) == bool(by_packages and switches)
