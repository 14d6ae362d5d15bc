# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""Whether the firmware lets only signed modules load, and whether it knows the key of those that are built here."""

from __future__ import annotations

from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host

_EFI = "/sys/firmware/efi"
# The GUIDs are EFI's global variables' and shim's (U(https://github.com/rhboot/shim/blob/main/MokVars.txt)).
_SECURE_BOOT = f"{_EFI}/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
_MOK_STATE = f"{_EFI}/efivars/MokSBStateRT-605dab50-e046-4300-abb6-3dd810dd8b23"
_MOK_LIST = f"{_EFI}/efivars/MokListRT-605dab50-e046-4300-abb6-3dd810dd8b23"
# Where DKMS keeps the key it signs with: upstream's place, then Ubuntu's and Debian's.
_CERTIFICATES = ("/var/lib/dkms/mok.pub", "/var/lib/shim-signed/mok/MOK.der")
_ATTRIBUTES = 4  # every variable begins with so many bytes about itself


def enabled(host: Host) -> bool | None:
    """Whether unsigned modules are refused. None where the firmware has EFI but does not say."""
    if not host.exists(_EFI):
        return False  # a BIOS, or no firmware at all
    value = _read(host, _SECURE_BOOT)
    if len(value) <= _ATTRIBUTES:
        return None
    if value[_ATTRIBUTES] != 1:
        return False
    switched_off = _read(host, _MOK_STATE)  # shim can be told not to validate
    return not (len(switched_off) > _ATTRIBUTES and switched_off[_ATTRIBUTES] == 1)


def key_enrolled(host: Host) -> bool | None:
    """Whether the certificate with which DKMS signs is among the machine owner's keys. None without a certificate."""
    certificate = next(filter(None, (_read(host, path) for path in _CERTIFICATES)), b"")
    return certificate in _read(host, _MOK_LIST) if certificate else None


def _read(host: Host, path: str) -> bytes:
    try:
        with open(host.path(path), "rb") as stream:
            return stream.read()
    except OSError:
        return b""
