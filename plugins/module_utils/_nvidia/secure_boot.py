# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether only signed modules load here, and whether the key of those that are built here is known.

Sources: the kernel's documentation of module signing (C(module.sig_enforce)) and of lockdown; shim's variables;
dkms(8), C(mok_certificate), and dkms' own script, which on Ubuntu takes the key of shim-signed.
"""

from __future__ import annotations

import base64
import binascii
import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host

_EFI = "/sys/firmware/efi"
_VARIABLES = f"{_EFI}/efivars"
_SECURE_BOOT = f"{_VARIABLES}/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
_SHIM = "605dab50-e046-4300-abb6-3dd810dd8b23"
_MOK_STATE = f"{_VARIABLES}/MokSBStateRT-{_SHIM}"
_FIRMWARE_KEYS = f"{_VARIABLES}/db-d719b2cb-3d3a-4596-a3bc-dad00e67656f"
_OF_DKMS, _OF_SHIM = "/var/lib/dkms/mok.pub", "/var/lib/shim-signed/mok/MOK.der"
_FRAMEWORK = "/etc/dkms/framework.conf"
_ATTRIBUTES = 4  # every variable begins with so many bytes about itself


def enabled(host: Host) -> bool | None:
    """Whether unsigned modules are refused. None where the firmware has EFI but does not say."""
    if not host.exists(_EFI):
        return False  # a BIOS, or no firmware at all
    value = host.read_bytes(_SECURE_BOOT)
    if len(value) <= _ATTRIBUTES:
        return None
    if value[_ATTRIBUTES] != 1:
        return False
    switched_off = host.read_bytes(_MOK_STATE)  # shim can be told not to validate
    return not (len(switched_off) > _ATTRIBUTES and switched_off[_ATTRIBUTES] == 1)


def enforced(host: Host) -> str:
    """By what else than the firmware the kernel refuses unsigned modules, in words; empty for nothing."""
    if (host.read_text("/sys/module/module/parameters/sig_enforce") or "").strip() == "Y":
        return "the kernel runs with module.sig_enforce"
    lockdown = re.search(r"\[(\w+)\]", host.read_text("/sys/kernel/security/lockdown") or "")
    if lockdown and lockdown.group(1) in ("integrity", "confidentiality"):
        return f"the kernel is locked down ({lockdown.group(1)})"
    return ""


def key_enrolled(host: Host) -> bool | None:
    """Whether the certificate with which DKMS signs is among the keys of the machine's owner or of its firmware. None
    without a certificate."""
    certificate = next(filter(None, (_der(host.read_bytes(path)) for path in _certificates(host))), b"")
    return any(certificate in keys for keys in _keys(host)) if certificate else None


def _certificates(host: Host) -> list[str]:
    """Where the certificate lies, by what comes first. A path that an administrator gave is the only one."""
    said = ""
    for path in (_FRAMEWORK, *(f"{_FRAMEWORK}.d/{name}" for name in host.names(f"{_FRAMEWORK}.d"))):
        found = re.findall(r"(?m)^\s*mok_certificate=[\"']?([^\s\"'#]+)", host.read_text(path) or "")
        said = found[-1] if found else said
    if said:
        return [re.sub(r"\$\{?dkms_tree\}?", "/var/lib/dkms", said)]
    return [_OF_SHIM, _OF_DKMS] if host.distribution().id == "ubuntu" else [_OF_DKMS, _OF_SHIM]


def _der(data: bytes) -> bytes:
    """A certificate in the form of the firmware, where it is one in text."""
    block = re.search(rb"-----BEGIN CERTIFICATE-----(.*?)-----END", data, re.DOTALL)
    try:
        return base64.b64decode(block.group(1)) if block else data
    except binascii.Error:
        return b""


def _keys(host: Host) -> t.Iterator[bytes]:
    # A long list of shim's is spread over several variables.
    for name in host.names(_VARIABLES):
        if re.fullmatch(rf"MokListRT\d*-{_SHIM}", name):
            yield host.read_bytes(f"{_VARIABLES}/{name}")
    yield host.read_bytes(_FIRMWARE_KEYS)
