# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for nvidia-ctk: the few answers that container_toolkit needs, from this host's files.

Written after nvidia-ctk 1.20.0 (cmd/nvidia-ctk of NVIDIA/nvidia-container-toolkit, which was built and run beside it):
words, outputs, exit statuses, and both layouts of CDI files. It finds the driver by its library's link and GPUs by
their device nodes; the real one asks the driver. VERSION is put in when its package is made.
"""

import glob
import os
import re
import sys

VERSION = "0"
ROOT = os.environ.get("BED_ROOT", "")
LIBRARIES = ("/usr/lib64", "/usr/lib/x86_64-linux-gnu")
NEW = tuple(map(int, VERSION.split("."))) >= (1, 19, 1)
FLAG = "no-additional-gids-for-device-nodes"


def log(level, message):
    print(f'time="2026-01-01T00:00:00Z" level={level} msg="{message}"', file=sys.stderr)


def fail(message):
    log("error", message)
    sys.exit(1)


def option(words, name, default=""):
    for number, word in enumerate(words):
        key, equals, value = word.lstrip("-").partition("=")
        if word.startswith("--") and key == name:
            return value if equals else words[number + 1]
    return default


def driver():
    """The folder and version of the driver's library."""
    for folder in LIBRARIES:
        link = f"{ROOT}{folder}/libnvidia-ml.so.1"
        if os.path.islink(link):
            return folder, os.readlink(link).rpartition(".so.")[2]
    raise SystemExit(fail("failed to generate CDI spec: failed to initialize NVML: ERROR_LIBRARY_NOT_FOUND"))


def generate(words):
    folder, version = driver()
    nodes = sorted(glob.glob(f"{ROOT}/dev/nvidia[0-9]*"))
    if not nodes:
        fail("failed to generate CDI spec: no NVIDIA device nodes found")
    flags = (option(words, "feature-flag"), os.environ.get("NVIDIA_CTK_CDI_GENERATE_FEATURE_FLAGS", ""))
    groups = NEW and FLAG not in flags
    names = [(str(number), [node]) for number, node in enumerate(nodes)] + [("all", nodes)]
    text = new_layout(names, folder, version, groups) if NEW else old_layout(names, folder, version)
    output = option(words, "output") or os.environ.get("NVIDIA_CTK_CDI_OUTPUT_FILE_PATH", "")
    if not output:
        sys.stdout.write(text)
        return
    output = output if option(words, "output") else ROOT + output
    os.makedirs(os.path.dirname(output), exist_ok=True)
    with open(output, "w") as stream:
        stream.write(text)
    log("info", f"Generated CDI spec with version {'0.7.0' if groups else '0.5.0'}")


def new_layout(names, folder, version, groups):
    lines = ["---", f"cdiVersion: {'0.7.0' if groups else '0.5.0'}", "kind: nvidia.com/gpu", "devices:"]
    for name, nodes in names:
        lines += [f'    - name: "{name}"' if name.isdigit() else f"    - name: {name}"]
        lines += ["      containerEdits:", "        deviceNodes:"]
        for node in nodes:
            path = node[len(ROOT) :]
            lines += [f"            - path: {path}", f"              hostPath: {path}"]
        if groups:
            lines += ["        additionalGids:", "            - 44"]
    lines += ["containerEdits:", "    mounts:"]
    for library in ("libcuda", "libnvidia-ml"):
        path = f"{folder}/{library}.so.{version}"
        lines += [f"        - hostPath: {path}", f"          containerPath: {path}"]
    return "".join(f"{line}\n" for line in lines)


def old_layout(names, folder, version):
    lines = ["---", "cdiVersion: 0.5.0", "containerEdits:", "  mounts:"]
    for library in ("libcuda", "libnvidia-ml"):
        path = f"{folder}/{library}.so.{version}"
        lines += [f"  - containerPath: {path}", f"    hostPath: {path}"]
    lines.append("devices:")
    for name, nodes in names:
        lines += ["- containerEdits:", "    deviceNodes:"]
        lines += [f"    - path: {node[len(ROOT) :]}" for node in nodes]
        lines += [f'  name: "{name}"' if name.isdigit() else f"  name: {name}"]
    lines.append("kind: nvidia.com/gpu")
    return "".join(f"{line}\n" for line in lines)


def list_devices():
    names = set()
    for file in sorted(glob.glob(f"{ROOT}/etc/cdi/*.yaml") + glob.glob(f"{ROOT}/run/cdi/*.yaml")):
        with open(file) as stream:
            text = stream.read()
        kind = re.search(r"(?m)^kind: (\S+)", text)
        if not kind:
            log("warning", f"{file}: failed to parse")
            continue
        names |= {f"{kind.group(1)}={name}" for name in re.findall(r'(?m)^(?:    - |  )name: "?([^"\n]+)', text)}
    log("info", f"Found {len(names)} CDI devices")
    sys.stdout.write("".join(f"{name}\n" for name in sorted(names)))


def settings(words):
    path = ROOT + option(words, "config-file", "/etc/nvidia-container-runtime/config.toml")
    if "--in-place" in words and not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as stream:
            stream.write('[nvidia-container-cli]\n#no-cgroups = false\n\n[nvidia-container-runtime]\nmode = "auto"\n')


def main(words):
    words = [word for word in words if word != "--quiet"]
    if words == ["--version"]:
        print(f"NVIDIA Container Toolkit CLI version {VERSION}\nstand-in of the gpufleet test bed, not NVIDIA's")
    elif words[:2] == ["cdi", "generate"]:
        generate(words[2:])
    elif words[:2] == ["cdi", "list"]:
        list_devices()
    elif words[:1] == ["config"]:
        settings(words[1:])
    else:
        fail(f"the stand-in does not know {' '.join(words)}")


main(sys.argv[1:])
