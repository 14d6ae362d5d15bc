# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for CUDA's installer, the `.run` file: the real one's options, and a toolkit of a few bytes.

With `BED_INSTALLER_FAILS` in its environment it fails when half of the toolkit is written.
"""

from __future__ import annotations

from .cuda_packages import Release


def installer(release: Release) -> str:
    """The file's text. Like the real one it wants `--silent`, and knows nothing of options that it never had."""
    return f"""#!/bin/sh
# Stand-in for the installer of CUDA {release.version}.
set -eu
silent= toolkit= path={release.path}
for option; do
    case $option in
        --silent) silent=1 ;;
        --toolkit) toolkit=1 ;;
        --installpath=* | --toolkitpath=*) path=${{option#*=}} ;;
        --override | --no-man-page | --no-opengl-libs | --no-drm) ;;
        --tmpdir=*) [ -d "${{option#*=}}" ] || {{ echo "no such directory: ${{option#*=}}" >&2; exit 1; }} ;;
        *) echo "Unknown option: $option" >&2; exit 1 ;;
    esac
done
[ "$silent" ] || {{ echo 'the installer asks questions on a terminal without --silent' >&2; exit 1; }}
[ "$toolkit" ] || {{ echo 'only the toolkit is in this stand-in' >&2; exit 1; }}
mkdir -p "$path/bin" "$path/targets/x86_64-linux/lib" "$path/include"
cat >"$path/bin/nvcc" <<'NVCC'
{release.nvcc}NVCC
cat >"$path/version.json" <<'JSON'
{release.version_json}JSON
if [ "${{BED_INSTALLER_FAILS:-}}" ]; then
    ln -sfn "$path" /usr/local/cuda
    echo '[ERROR]: Install of toolkit failed, quitting' >&2
    exit 255
fi
ln -sfn targets/x86_64-linux/lib "$path/lib64"
echo stand-in >"$path/targets/x86_64-linux/lib/libcudart.so.{release.major}"
printf '#!/bin/sh\\nrm -rf "%s"\\n' "$path" >"$path/bin/cuda-uninstaller"
chmod 755 "$path/bin/nvcc" "$path/bin/cuda-uninstaller"
# The real one takes the default for itself.
ln -sfn "$path" /usr/local/cuda
"""
