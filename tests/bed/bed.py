# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command line of the test bed.

python3 tests/bed/bed.py up      build what is missing, start the repository server
python3 tests/bed/bed.py env     print the exports that make molecule use the bed
python3 tests/bed/bed.py down    remove the bed's containers and network (--images: the images too)
python3 tests/bed/bed.py hash    print the hash that the images' tags end in
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shlex
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
# In place of this directory, whose file names must not shadow the standard library's or a package's.
sys.path[0] = str(TESTS)

from bed import conda_channel, galaxy_collections, images, service
from bed.conda_python import Interpreter
from bed.docker import NETWORK
from bed.host import BedError
from bed.nvidia_stand_in import repositories as nvidia


def molecule_environment() -> dict[str, str]:
    """The variables by which molecule's platforms become the bed's images."""
    variables = {
        f"MOLECULE_{key.upper()}_IMAGE": images.IMAGES[key].tag
        for key in ("ubuntu2204", "ubuntu2404", "debian12", "rocky9")
    }
    collections = str(galaxy_collections.ensure())
    return {
        **variables,
        "MOLECULE_PREBUILT": "true",
        "MOLECULE_PULL": "false",
        "MOLECULE_NETWORK": NETWORK,
        "MOLECULE_RUN_ID": os.environ.get("MOLECULE_RUN_ID") or hashlib.sha256(str(TESTS).encode()).hexdigest()[:6],
        "MOLECULE_COLLECTIONS": collections,
        "MOLECULE_CONDA_CHANNEL": str(_conda_channel()),
        "MOLECULE_NVIDIA_STAND_IN": str(nvidia.ensure()),
        "MOLECULE_NVIDIA_FINGERPRINT": nvidia.fingerprint(),
        # For molecule itself, which looks whether its driver's collections are there.
        "ANSIBLE_COLLECTIONS_PATH": f"{TESTS.parent / '.tree'}:{collections}",
    }


def _conda_channel() -> Path:
    """The channel with the Python of each platform of the scenario conda: none runs on all of them."""
    platforms = ("ubuntu2204", "ubuntu2404", "rocky9")
    return conda_channel.basic([Interpreter.of_image(images.IMAGES[key].tag) for key in platforms]).folder


def main() -> int:
    """Run one command; EX_UNAVAILABLE, with the reason on standard error, when the bed cannot be had."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("up", "env", "down", "hash"))
    parser.add_argument("--images", action="store_true", help="with down: remove the images too")
    arguments = parser.parse_args()
    try:
        if arguments.command == "up":
            service.up()
        elif arguments.command == "env":
            for name, value in molecule_environment().items():
                print(f"export {name}={shlex.quote(value)}")
        elif arguments.command == "down":
            service.down(remove_images=arguments.images)
        else:
            print(images.content_hash())
    except BedError as error:
        print(f"bed: {error}", file=sys.stderr)
        return os.EX_UNAVAILABLE
    return 0


if __name__ == "__main__":
    sys.exit(main())
