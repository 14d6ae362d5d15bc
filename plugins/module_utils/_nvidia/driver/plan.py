# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must change so that a host has the driver that is wanted. Pure: data in, data out."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia import findings
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver import desired_packages, kept_installer
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.model import (
    ABSENT,
    DKMS,
    DesiredDriver,
    DriverState,
    Target,
    WayBack,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import HOST, RUNFILE, Observed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.sources import driver_of, is_part, piece_of
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import version_matches
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Action, Plan

BLOCK_FILE = "/etc/modprobe.d/gpufleet-mlstack-nvidia.conf"
BLOCK_TEXT = (
    "# Written by gpufleet.mlstack: nouveau would take the GPU before NVIDIA's driver.\n"
    "blacklist nouveau\noptions nouveau modeset=0\n"
)
# Steps after which programs on the GPU would find another driver than the one they started with.
DISRUPTIVE = frozenset(
    {"install", "upgrade", "downgrade", "reinstall", "remove", "install_runfile", "uninstall_runfile"}
)
_PACKAGED = ("/usr/lib/modprobe.d/nvidia", "/lib/modprobe.d/nvidia")  # not where administrators write
SERVICES = {"persistence_daemon": "nvidia-persistenced.service", "fabric_manager": "nvidia-fabricmanager.service"}
# Steps of ours, in the order in which they are taken, after those of the package manager.
OURS = (
    *("uninstall_runfile", "install_runfile", "build", "block_nouveau", "unblock_nouveau", "rebuild", "enable"),
    "disable",
)
# What becomes of installers on the host, once nothing can fail any more.
LAST = ("keep_runfile", "delete_runfile")


def plan(desired: DesiredDriver, state: DriverState) -> Plan:
    """The steps from a host to a driver. Raises MlstackError for what must not be begun; see guards."""
    found, target = state.host, state.target
    if target is None and desired.state != ABSENT:
        _refuse_foreign(desired, found)
        return Plan(details={"skipped": _skipped(found), **_told(found, findings.reboot_reasons(found))})
    actions: list[Action] = []
    before: list[str] = []
    after: list[str] = []
    if _uninstalls(target, found):
        actions.append(
            Action("uninstall_runfile", "driver", f"remove what the installer left ({', '.join(found.leftovers)})")
        )
        before.append(f"driver of the installer {found.libraries}".rstrip())
    if state.desired_packages is not None and state.packages is not None:
        # Loaded for a change only, as the other guards below: a host that is as desired does without.
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver import guards
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import plan as packages_plan

        changes = packages_plan.forecast_changes(state.packages)
        guards.require_expected(desired, changes, state.desired_packages.names, found)
        work = packages_plan.plan(state.desired_packages, state.packages)
        if target is not None and desired.hold:
            work = desired_packages.with_holds(work, desired_packages.came_along(state.desired_packages, changes))
        actions += work.actions
        before += work.before
        after += work.after
    changes_driver = any(disrupts(action) for action in actions)
    by_packages = False
    if target is not None:
        by_packages = changes_driver and target.source != RUNFILE
        actions += _installation(target, found, changes_driver)
        changes_driver = changes_driver or any(action.verb == "install_runfile" for action in actions)
    actions += _nouveau(desired, state, by_packages)
    if target is None:
        actions += [Action("disable", name, f"let {name} start no more") for name in state.enabled]
    else:
        coming = {action.subject for action in actions if action.verb in ("install", "upgrade", "downgrade")}
        actions += _services(state, coming)
    actions += _installers(desired, state, changes_driver)
    if target is not None and any(disrupts(action) for action in actions):
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver import guards

        guards.require_one_source(desired, found)
        guards.require_buildable(desired, target, found)
        guards.require_space(desired, state.spaces)
        guards.require_rollback(desired, state.way_back)
    reasons = _reasons(target, found, actions)
    if actions and reasons:
        after.append(f"reboot required: {'; '.join(reasons)}")
    if changes_driver and state.way_back is not None:
        after.append(_way_back(state.way_back))
    if changes_driver:
        before += [f"in use by {holder}" for holder in found.holders if not holder.daemon]
    return Plan(tuple(actions), tuple(before), tuple(after), _told(found, reasons))


def _refuse_foreign(desired: DesiredDriver, found: Observed) -> None:
    if found.owner.kind != HOST and (desired.branch or desired.version):
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver import guards

        guards.require_own(desired, found.owner)


def _skipped(found: Observed) -> str:
    """Why a host gets no driver."""
    if found.owner.kind != HOST:
        return found.owner.evidence
    others = sorted({f"{gpu.address} is {gpu.owner.evidence}" for gpu in found.foreign_gpus})
    return f"this host has no NVIDIA GPU for itself: {'; '.join(others)}" if others else "this host has no NVIDIA GPU"


def disrupts(action: Action) -> bool:
    """Whether a step changes the driver itself, and not just something beside it."""
    return action.verb in DISRUPTIVE and (action.verb.endswith("_runfile") or is_part(action.subject))


def _uninstalls(target: Target | None, found: Observed) -> bool:
    """The installer replaces an older driver of its own by itself."""
    return bool(found.leftovers) and (target is None or target.source != RUNFILE)


def _installation(target: Target, found: Observed, changes_driver: bool) -> list[Action]:
    """The installer's run, or the modules that DKMS has still to build."""
    if target.source == RUNFILE:
        if kept_installer.as_desired(target, found):
            return []
        summary = f"install the driver {target.version} ({target.flavour}) by NVIDIA's installer"
        return [Action("install_runfile", "driver", summary, {"to": target.version})]
    if changes_driver or target.modules != DKMS:
        return []
    return [
        Action("build", kernel.release, f"build the kernel module for {kernel.release}")
        for kernel in desired_packages.kernels_to_serve(found)
        if kernel.headers and (kernel.module is None or not _fits(target, kernel.module.version))
    ]


def _installers(desired: DesiredDriver, state: DriverState, changes_driver: bool) -> list[Action]:
    """The installer of the driver that comes stays for the next change; one of another driver goes."""
    target = state.target
    by_runfile = target is not None and target.source == RUNFILE
    # With packages the last one stays: the driver from before can come back by it.
    steps = [
        Action("delete_runfile", kept.path, f"delete {kept.path} ({kept.size / 1e6:.0f} MB)")
        for kept in state.kept
        if target is None or not desired.keep_runfile or (by_runfile and kept.version != target.version)
    ]
    if target is not None and by_runfile and desired.keep_runfile and changes_driver:
        summary = f"keep the installer of {target.version} in {kept_installer.FOLDER}, to put its driver back by it"
        steps.insert(0, Action("keep_runfile", kept_installer.FOLDER, summary))
    return steps


def _way_back(way: WayBack) -> str:
    if not way.known:
        return f"no way back: the installer of {way.version} is not at hand; a failure leaves no driver"
    where = "is kept here" if way.kept else "is fetched before"
    return f"if this fails, {way.version} is put back by its installer, which {where}"


def _fits(target: Target, version: str) -> bool:
    return version_matches(target.pattern, f"{version}-1")


def _nouveau(desired: DesiredDriver, state: DriverState, by_packages: bool) -> list[Action]:
    """What keeps nouveau out. The packages of a driver bring a file of their own that does."""
    found = state.host
    if desired.state == ABSENT:
        if state.block_file is None:
            return []
        return [Action("unblock_nouveau", BLOCK_FILE, f"delete {BLOCK_FILE}")]
    steps = []
    if not by_packages and not _stays_blocked(state):
        steps.append(Action("block_nouveau", BLOCK_FILE, f"write {BLOCK_FILE} (nouveau must not take the GPU)"))
    steps += [
        Action("rebuild", release, f"rebuild the initial file system of {release}, which would still load nouveau")
        for release in found.nouveau.initramfs
    ]
    return steps


def _stays_blocked(state: DriverState) -> bool:
    """Whether nouveau is kept out by something that does not go with packages which make room for an installer."""
    nouveau = state.host.nouveau
    if state.target is None or state.target.source != RUNFILE or not state.host.pieces:
        return nouveau.blocked
    return any(not path.startswith(_PACKAGED) for path in nouveau.blocked_by)


def _services(state: DriverState, coming: t.Collection[str]) -> list[Action]:
    """The services that do not start at boot yet, of the packages that are here and of those that come."""
    present = {piece.name for piece in state.host.pieces}
    to_come = {piece_of(name) for name in coming}
    return [
        Action("enable", name, f"let {name} start at boot")
        for piece, name in SERVICES.items()
        if name not in state.enabled
        if (piece in to_come or (piece in present and name in state.offered_services))
    ]


def _reasons(target: Target | None, found: Observed, actions: t.Sequence[Action]) -> tuple[str, ...]:
    """Why a reboot will be needed, once the plan is carried out."""
    boots = found.next_boot.release if found.next_boot else ""
    if not any(disrupts(action) or (action.verb, action.subject) == ("build", boots) for action in actions):
        return findings.reboot_reasons(found)
    if target is None:
        return (f"the driver {found.loaded.version} stays loaded until then",) if found.loaded else ()
    version = target.version or _coming_version(actions, found)
    known = version and version_matches(target.pattern, f"{version}-1")
    # Debian has one driver for a release, so that a desired state of it names neither version nor branch.
    what = version if known else f"branch {target.branch}" if target.branch else f"of the {target.source}"
    what = f"{what} ({target.flavour})"
    if found.loaded is not None and f"{found.loaded.version} ({found.loaded.flavour})" == what:
        return ()
    if found.loaded is None:
        return (f"the new driver {what} is loaded by a boot",) if found.gpus else ()
    return (
        f"{found.loaded.version} {found.loaded.flavour} is loaded and {what} comes in its place".replace("  ", " "),
    )


def _coming_version(actions: t.Sequence[Action], found: Observed) -> str:
    """The driver version of what will be installed, where that is known; a module that is built has the libraries'."""
    coming = [action for action in actions if action.verb in ("install", "upgrade", "downgrade")]
    versions = {driver_of(str(action.details.get("to", ""))) for action in coming if is_part(action.subject)}
    return versions.pop() if len(versions) == 1 else "" if versions else found.libraries


def _told(found: Observed, reasons: t.Sequence[str]) -> dict[str, t.Any]:
    return {
        "reboot_required": bool(reasons),
        "reboot_reasons": list(reasons),
        "holders": [
            {"pid": h.pid, "user": h.user, "command": h.command, "unit": h.unit, "container": h.container, "job": h.job}
            for h in found.holders
            if not h.daemon
        ],
    }
