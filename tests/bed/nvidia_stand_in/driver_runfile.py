# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for NVIDIA's driver installer, the `.run` file: the real one's options and traces, a driver of no code.

Like the real one it wants `--silent` where nobody answers, needs the kernel's headers, replaces a driver that it has
installed before, refuses to work beside packages, and leaves `nvidia-uninstall` behind, which takes everything away but
its log. `BED_INSTALLER_FAILS=<version>` lets the one of that version fail once the old driver is gone, with `-half`
behind it only when half of the new one is there. With `-mute` it then says that all went well.
"""

from __future__ import annotations

import base64

from .driver_packages import nvidia_smi
from .kernel_module import module_file

# One before the option `--kernel-module-type`, one after.
VERSIONS = ("550.54.15", "580.65.06")


def installer(version: str) -> str:
    """The file's text."""
    modules = {kind: base64.b64encode(module_file(version, kind)).decode() for kind in ("open", "proprietary")}
    before_types = int(version.partition(".")[0]) < 560
    by_type = "" if before_types else "--kernel-module-type=open) kind=open ;; --kernel-module-type=proprietary) ;;"
    by_name = "-m=kernel-open) kind=open ;; -m=kernel) ;;" if before_types else ""
    return f"""#!/bin/sh
# Stand-in for the installer of the driver {version}.
set -eu
kernel=$(uname -r) kind=proprietary silent= dkms=
log=/var/log/nvidia-installer.log
fail() {{ echo "ERROR: $*" | tee -a $log >&2; exit 1; }}
for option; do
    case $option in
        --silent | -s) silent=1 ;;
        --dkms) dkms=1 ;;
        --kernel-name=*) kernel=${{option#*=}} ;;
        {by_type}{by_name}
        --no-x-check | --no-nouveau-check | --skip-module-load) ;;
        --tmpdir=*) [ -d "${{option#*=}}" ] || fail "no such directory: ${{option#*=}}" ;;
        *) fail "unrecognized option: '$option'" ;;
    esac
done
[ "$silent" ] || fail 'the installer asks questions on a terminal without --silent'
if [ -e /usr/bin/nvidia-uninstall ]; then
    sh /usr/bin/nvidia-uninstall --silent
elif [ -e /usr/bin/nvidia-smi ]; then
    fail 'The NVIDIA driver appears to have been installed previously using a different installer.'
fi
[ -e "/lib/modules/$kernel/build/Makefile" ] || fail "Unable to find the kernel source tree for the kernel $kernel."
if [ "${{BED_INSTALLER_FAILS:-}}" = {version} ]; then
    fail 'An error occurred while performing the step: "Building kernel modules".'
fi
libraries=/usr/lib64
[ ! -d /usr/lib/x86_64-linux-gnu ] || [ -d /etc/yum.repos.d ] || libraries=/usr/lib/x86_64-linux-gnu
if [ "$dkms" ]; then
    folder=/lib/modules/$kernel/updates/dkms
    mkdir -p "/var/lib/dkms/nvidia/{version}/$kernel/x86_64/module"
    ln -sfn "{version}/$kernel/x86_64" "/var/lib/dkms/nvidia/kernel-$kernel-x86_64"
else
    folder=/lib/modules/$kernel/kernel/drivers/video
fi
mkdir -p "$folder" /var/lib/nvidia "$libraries"
echo stand-in >"$libraries/libnvidia-ml.so.{version}"
ln -sfn libnvidia-ml.so.{version} "$libraries/libnvidia-ml.so.1"
cat >/usr/bin/nvidia-uninstall <<PROGRAM
#!/bin/sh
# Stand-in for nvidia-uninstall of {version}.
set -eu
[ "\\${{1:-}}" = --silent ] || {{ echo 'it asks questions on a terminal without --silent' >&2; exit 1; }}
rm -rf "$folder/nvidia.ko" $libraries/libnvidia-ml.so.* /usr/bin/nvidia-smi /var/lib/nvidia /var/lib/dkms/nvidia
rm -f /usr/bin/nvidia-installer /usr/bin/nvidia-uninstall
PROGRAM
chmod 755 /usr/bin/nvidia-uninstall
[ "${{BED_INSTALLER_FAILS:-}}" != {version}-mute ] || exit 0
[ "${{BED_INSTALLER_FAILS:-}}" != {version}-half ] || fail 'Unable to create the kernel module.'
case $kind in
    open) echo {modules["open"]} ;;
    proprietary) echo {modules["proprietary"]} ;;
esac | base64 -d >"$folder/nvidia.ko"
cat >/usr/bin/nvidia-smi <<'PROGRAM'
{nvidia_smi(version)}PROGRAM
ln -sf nvidia-uninstall /usr/bin/nvidia-installer
echo '{version}' >/var/lib/nvidia/log
chmod 755 /usr/bin/nvidia-smi
echo 'Installation of the NVIDIA driver is now complete.' | tee -a $log
"""
