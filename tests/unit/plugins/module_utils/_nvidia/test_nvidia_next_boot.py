# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which kernel boots next, what may load there, and what its modules are built with."""

from __future__ import annotations

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia import findings, next_boot, secure_boot
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver import package_sets
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.observe import observe
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._nvidia.driver.model_host import (
    ROCKY9,
    target,
)
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._nvidia.gpu_host import GpuHost

OLD, NEW = "6.8.0-45-generic", "6.8.0-100-generic"

MENU = f"""
if [ "${{next_entry}}" ] ; then
   set default="${{next_entry}}"
fi
menuentry 'Ubuntu' --class ubuntu $menuentry_id_option 'gnulinux-simple-1' {{
    linux /boot/vmlinuz-{NEW} root=/dev/sda1 ro
}}
submenu 'Advanced options for Ubuntu' $menuentry_id_option 'gnulinux-advanced-1' {{
    menuentry 'Ubuntu, with Linux {NEW}' $menuentry_id_option 'gnulinux-{NEW}-advanced-1' {{
        if [ x$feature_platform_search_hint = xy ]; then
          search --no-floppy
        fi
        linux /boot/vmlinuz-{NEW} root=/dev/sda1 ro
    }}
    menuentry 'Ubuntu, with Linux {OLD}' $menuentry_id_option 'gnulinux-{OLD}-advanced-1' {{
        linux /boot/vmlinuz-{OLD} root=/dev/sda1 ro
    }}
}}
menuentry 'UEFI Firmware Settings' {{
    fwsetup
}}
"""


@pytest.mark.parametrize(
    ("default", "environment", "expected"),
    [
        ("", "", NEW),
        ("GRUB_DEFAULT=0\n", "", NEW),
        ('GRUB_DEFAULT="1>1"\n', "", OLD),
        ('GRUB_DEFAULT="1>0"\n', "", NEW),
        (f'GRUB_DEFAULT="gnulinux-advanced-1>gnulinux-{OLD}-advanced-1"\n', "", OLD),
        (f"GRUB_DEFAULT='Advanced options for Ubuntu>Ubuntu, with Linux {OLD}'\n", "", OLD),
        ("GRUB_DEFAULT=saved\n", "", NEW),
        ("GRUB_DEFAULT=saved\n", f"saved_entry=gnulinux-advanced-1>gnulinux-{OLD}-advanced-1\n", OLD),
        ("GRUB_DEFAULT=0\n", "next_entry=1>1\n", OLD),
        ("GRUB_DEFAULT=7\n", "", NEW),
    ],
)
def test_grub_menu(tmp_path, default, environment, expected):
    machine = GpuHost(tmp_path, kernel=OLD)
    machine.kernel(NEW)
    machine.write("/boot/grub/grub.cfg", MENU)
    machine.write("/etc/default/grub", default)
    machine.write("/boot/grub/grubenv", f"# GRUB Environment Block\n{environment}")
    assert next_boot.release(machine.host, [OLD, NEW], OLD) == expected


@pytest.mark.parametrize(
    ("saved", "default", "expected"),
    [
        ("", "", NEW),
        (f"saved_entry=1234-{OLD}\n", "", OLD),
        ("saved_entry=gone\n", "", NEW),
        ("saved_entry=1\n", "GRUB_DEFAULT=saved\n", OLD),  # grub2-set-default 1
        ("saved_entry=0\n", "", NEW),
        ("saved_entry=9\n", "", NEW),
        (f"saved_entry=Rocky Linux ({OLD}) 9.4\n", "", OLD),
        (f"saved_entry=1234-{NEW}\nnext_entry=1\n", "", OLD),
        (f"saved_entry=1234-{NEW}\n", "GRUB_DEFAULT=1\n", OLD),
    ],
)
def test_entries_of_the_boot_loader_specification(tmp_path, saved, default, expected):
    machine = GpuHost(tmp_path, family="RedHat", kernel=OLD)
    for release in (OLD, NEW):
        text = f"title Rocky Linux ({release}) 9.4\nlinux /vmlinuz-{release}\n"
        machine.write(f"/boot/loader/entries/1234-{release}.conf", text)
    machine.write("/boot/loader/entries/1234-0-rescue.conf", "title Rescue\nlinux /vmlinuz-0-rescue-1234\n")
    machine.write("/boot/grub2/grubenv", saved)
    machine.write("/etc/default/grub", default)
    assert next_boot.release(machine.host, [OLD, NEW], OLD) == expected


_LOADER = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"


def tell(machine, name, text):
    """A variable of the Boot Loader Interface."""
    machine.write(f"/sys/firmware/efi/efivars/{name}-{_LOADER}", b"\6\0\0\0" + f"{text}\0".encode("utf-16-le"))


@pytest.mark.parametrize("images", [False, True], ids=["entries", "unified-images"])
@pytest.mark.parametrize(
    ("variables", "default", "expected"),
    [
        ({}, "", NEW),
        ({}, f"default *{OLD}*\n", OLD),
        ({}, "timeout 3\ndefault gone*\n", NEW),
        ({"LoaderEntryDefault": f"abcd-{OLD}"}, f"default *{NEW}*\n", OLD),
        ({"LoaderEntryOneShot": f"abcd-{OLD}", "LoaderEntryDefault": f"abcd-{NEW}"}, "", OLD),
    ],
)
def test_systemd_boot(tmp_path, images, variables, default, expected):
    machine = GpuHost(tmp_path, kernel=OLD)
    machine.kernel(NEW)
    tell(machine, "LoaderInfo", "systemd-boot 255.4-1ubuntu8")
    suffix = ".efi" if images else ".conf"
    for release, tries in ((OLD, ""), (NEW, "+3-1")):
        if images:
            machine.write(f"/boot/efi/EFI/Linux/abcd-{release}{tries}.efi", b"MZ")
        else:
            text = f"title Ubuntu\nversion {release}\nlinux /abcd/{release}/linux\n"
            machine.write(f"/boot/efi/loader/entries/abcd-{release}{tries}.conf", text)
    machine.write("/boot/efi/loader/loader.conf", default)
    for name, value in variables.items():
        tell(machine, name, f"{value}{suffix}")
    # Files of a grub that was here before say nothing any more.
    machine.write("/boot/grub/grub.cfg", MENU)
    machine.write("/etc/default/grub", f'GRUB_DEFAULT="1>{0 if expected == OLD else 1}"\n')
    assert next_boot.release(machine.host, [OLD, NEW], OLD) == expected


def test_an_entry_without_tries_left_comes_last_and_what_was_booted_last_can_be_the_default(tmp_path):
    machine = GpuHost(tmp_path, kernel=OLD)
    machine.kernel(NEW)
    tell(machine, "LoaderInfo", "systemd-boot 255.4-1ubuntu8")
    machine.write(f"/boot/efi/EFI/Linux/abcd-{OLD}.efi", b"MZ")
    machine.write(f"/boot/efi/EFI/Linux/abcd-{NEW}+0-3.efi", b"MZ")
    machine.write("/boot/efi/loader/loader.conf", "")
    assert next_boot.release(machine.host, [OLD, NEW], OLD) == OLD
    machine.write("/boot/efi/loader/loader.conf", "default @saved\n")
    tell(machine, "LoaderEntryLastBooted", f"abcd-{NEW}.efi")
    assert next_boot.release(machine.host, [OLD, NEW], OLD) == NEW


def test_files_of_systemd_boot_where_another_loader_says_that_it_boots(tmp_path):
    machine = GpuHost(tmp_path, kernel=OLD)
    machine.kernel(NEW)
    tell(machine, "LoaderInfo", "GRUB 2.12")
    machine.write(f"/boot/efi/EFI/Linux/abcd-{OLD}.efi", b"MZ")
    machine.write("/boot/efi/loader/loader.conf", f"default *{OLD}*\n")
    assert next_boot.release(machine.host, [OLD, NEW], OLD) == NEW


@pytest.mark.parametrize(
    ("menu", "settings", "expected"),
    [
        ('else\n   set default="1>1"\nfi\n', {"/etc/default/grub": "GRUB_DEFAULT=0\n"}, OLD),  # not made anew yet
        ('   set default="${next_entry}"\nelse\n   set default="${saved_entry}"\nfi\n', {}, OLD),
        (
            "",
            {"/etc/default/grub": "GRUB_DEFAULT=0\n", "/etc/default/grub.d/50.cfg": 'GRUB_DEFAULT="1>1"\n'},
            OLD,
        ),
        ("", {"/etc/default/grub": 'GRUB_DEFAULT="1>1"\n', "/etc/default/grub.d/note.txt": "GRUB_DEFAULT=0\n"}, OLD),
    ],
)
def test_the_menu_says_what_boots_and_settings_where_it_says_nothing(tmp_path, menu, settings, expected):
    machine = GpuHost(tmp_path, kernel=OLD)
    machine.kernel(NEW)
    machine.write("/boot/grub/grub.cfg", menu + MENU)
    machine.write("/boot/grub/grubenv", f"saved_entry=gnulinux-advanced-1>gnulinux-{OLD}-advanced-1\n")
    for path, text in settings.items():
        machine.write(path, text)
    assert next_boot.release(machine.host, [OLD, NEW], OLD) == expected


def test_files_of_systemd_boot_beside_a_grub_that_boots(tmp_path):
    machine = GpuHost(tmp_path, kernel=OLD)
    machine.kernel(NEW)
    machine.write("/boot/efi/loader/loader.conf", f"default *{NEW}*\n")
    machine.write(f"/boot/efi/EFI/Linux/abcd-{NEW}.efi", b"MZ")
    machine.write("/boot/grub/grub.cfg", MENU)
    machine.write("/etc/default/grub", 'GRUB_DEFAULT="1>1"\n')
    assert next_boot.release(machine.host, [OLD, NEW], OLD) == OLD


@pytest.mark.parametrize(
    ("release", "package", "version"),
    [
        ("5.14.0-427.13.1.el9_4.x86_64", "kernel-devel", "5.14.0-427.13.1.el9_4"),
        ("5.14.0-427.13.1.el9_4.aarch64+64k", "kernel-64k-devel", "5.14.0-427.13.1.el9_4"),
        ("5.14.0-427.13.1.el9_4.aarch64+64k-debug", "kernel-64k-debug-devel", "5.14.0-427.13.1.el9_4"),
        ("5.14.0-427.13.1.el9_4.x86_64+rt", "kernel-rt-devel", "5.14.0-427.13.1.el9_4"),
        ("5.14.0-427.13.1.el9_4.x86_64+debug", "kernel-debug-devel", "5.14.0-427.13.1.el9_4"),
        ("5.15.0-306.177.4.el9uek.x86_64", "kernel-uek-devel", "5.15.0-306.177.4.el9uek"),
        ("5.15.0-306.177.4.el9uek.aarch64+64k", "kernel-uek64k-devel", "5.15.0-306.177.4.el9uek"),
    ],
)
def test_headers_of_kernels_of_enterprise_linux(release, package, version):
    assert package_sets.header_packages(target(ROCKY9), release) == (package, version)


@pytest.mark.parametrize(
    ("secure", "shim", "expected"),
    [
        (None, None, False),
        (b"", None, None),
        (b"\6\0\0\0\0", None, False),
        (b"\6\0\0\0\1", None, True),
        (b"\6\0\0\0\1", b"\6\0\0\0\1", False),
    ],
)
def test_secure_boot(tmp_path, secure, shim, expected):
    machine = GpuHost(tmp_path)
    variables = "/sys/firmware/efi/efivars"
    if secure is not None:
        machine.write(f"{variables}/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", secure)
    if shim is not None:
        machine.write(f"{variables}/MokSBStateRT-605dab50-e046-4300-abb6-3dd810dd8b23", shim)
    assert secure_boot.enabled(machine.host) is expected


def test_the_key_of_modules_that_are_built_here(tmp_path):
    machine = GpuHost(tmp_path)
    assert secure_boot.key_enrolled(machine.host) is None
    machine.write("/var/lib/shim-signed/mok/MOK.der", b"certificate")
    assert secure_boot.key_enrolled(machine.host) is False
    machine.write("/sys/firmware/efi/efivars/MokListRT-605dab50-e046-4300-abb6-3dd810dd8b23", b"..certificate..")
    assert secure_boot.key_enrolled(machine.host) is True


MOK = "/sys/firmware/efi/efivars/MokListRT-605dab50-e046-4300-abb6-3dd810dd8b23"
DB = "/sys/firmware/efi/efivars/db-d719b2cb-3d3a-4596-a3bc-dad00e67656f"
PEM = b"-----BEGIN CERTIFICATE-----\nY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n"  # the word certificate


@pytest.mark.parametrize("keys", [MOK, MOK.replace("RT-", "RT1-"), DB])
@pytest.mark.parametrize("content", [b"certificate", PEM])
@pytest.mark.parametrize(
    ("configuration", "place"),
    [
        ({"framework.conf": 'mok_certificate="/root/fleet/MOK.der"\n'}, "/root/fleet/MOK.der"),
        ({"framework.conf.d/fleet.conf": "mok_certificate=/root/fleet/MOK.der\n"}, "/root/fleet/MOK.der"),
        (
            {
                "framework.conf": "mok_certificate=/old\n",
                "framework.conf.d/a.conf": "mok_certificate=$dkms_tree/a.der\n",
            },
            "/var/lib/dkms/a.der",
        ),
        ({"framework.conf": "# mok_certificate=/nowhere\n"}, "/var/lib/shim-signed/mok/MOK.der"),
    ],
)
def test_dkms_signs_by_the_key_that_it_is_told(tmp_path, configuration, place, content, keys):
    machine = GpuHost(tmp_path)
    for name, text in configuration.items():
        machine.write(f"/etc/dkms/{name}", text)
    machine.write("/var/lib/dkms/mok.pub", b"an old one that nobody enrolled")
    machine.write(place, content)
    assert secure_boot.key_enrolled(machine.host) is False
    machine.write(keys, b"..certificate..")
    assert secure_boot.key_enrolled(machine.host) is True


def test_a_distribution_other_than_ubuntu_signs_by_the_key_of_dkms(tmp_path):
    machine = GpuHost(tmp_path, family="RedHat")
    machine.write("/var/lib/dkms/mok.pub", b"certificate")
    machine.write("/var/lib/shim-signed/mok/MOK.der", b"another")
    machine.write(MOK, b"..another..")
    assert secure_boot.key_enrolled(machine.host) is False


@pytest.mark.parametrize(
    ("path", "text", "reason"),
    [
        ("/sys/module/module/parameters/sig_enforce", "Y\n", "module.sig_enforce"),
        ("/sys/module/module/parameters/sig_enforce", "N\n", ""),
        ("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n", "locked down (integrity)"),
        ("/sys/kernel/security/lockdown", "[none] integrity confidentiality\n", ""),
    ],
)
def test_a_kernel_that_takes_signed_modules_alone_without_secure_boot(tmp_path, path, text, reason):
    machine = GpuHost(tmp_path)
    machine.gpu()
    machine.module(OLD, "580.95.05")
    machine.packages("nvidia-dkms-580-open 580.95.05-0ubuntu1")
    machine.write(path, text)
    found = observe(machine.host, Commands(), ask_driver=False)
    assert reason in found.must_be_signed and bool(reason) == bool(found.must_be_signed)
    assert findings.next_boot(found)["would_load"] is not bool(reason)
    unsigned = [problem.text for problem in findings.problems(found) if problem.code == "next_boot_unsigned"]
    assert [reason in text for text in unsigned] == ([True] if reason else [])
