# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs inside an environment: a framework says what it is and what it sees, and multiplies on each device.

These are the questions that one asks by hand after an installation (C(torch.__version__), C(torch.cuda.is_available()),
...), and a product of two matrices, which finds a driver, a library or a build that only fails once it computes.
"""

from __future__ import annotations

# Started as: python -I -c PROBE FRAMEWORK. Prints one JSON object; whatever the framework prints goes to stderr.
PROBE = r"""
import json, os, sys

out = os.dup(1)
os.dup2(2, 1)
facts = {"version": "", "cuda": "", "devices": [], "works": False, "error": ""}


def torch():
    import torch

    facts.update(version=str(torch.__version__), cuda=str(getattr(torch.version, "cuda", None) or ""))
    devices = ["cpu"] + ["cuda:%d" % number for number in range(torch.cuda.device_count())]
    if not torch.cuda.is_available():
        devices = devices[:1]
    for device in devices:
        name = torch.cuda.get_device_name(device) if device != "cpu" else ""
        facts["devices"].append({"device": device, "name": name})
        ones = torch.ones((64, 64), device=device)
        check(device, float((ones @ ones).sum()))


def tensorflow():
    import tensorflow

    facts.update(version=str(tensorflow.__version__))
    build = tensorflow.sysconfig.get_build_info()
    facts["cuda"] = str(build.get("cuda_version", "")) if build.get("is_cuda_build") else ""
    for found in tensorflow.config.list_physical_devices():
        device = found.name.replace("/physical_device:", "").lower()
        details = tensorflow.config.experimental.get_device_details(found) if device.startswith("gpu") else {}
        facts["devices"].append({"device": device, "name": str(details.get("device_name", ""))})
        with tensorflow.device("/" + device):
            ones = tensorflow.ones((64, 64))
            check(device, float(tensorflow.reduce_sum(tensorflow.matmul(ones, ones))))


def jax():
    import jax
    import jax.numpy

    facts.update(version=str(jax.__version__))
    for found in [*jax.devices("cpu"), *(device for device in jax.devices() if device.platform != "cpu")]:
        device = "%s:%d" % (found.platform, found.id)
        facts["devices"].append({"device": device, "name": str(found.device_kind) if found.platform != "cpu" else ""})
        if found.platform != "cpu":
            facts["cuda"] = facts["cuda"] or runtime(found)
        ones = jax.device_put(jax.numpy.ones((64, 64)), found)
        check(device, float((ones @ ones).sum()))


def runtime(device):
    # cuda 13020: what the plugin runs with
    words = str(device.client.platform_version).split()
    number = words[-1] if words[:1] == ["cuda"] else ""
    return "%d.%d" % (int(number) // 1000, int(number) % 1000 // 10) if number.isdigit() else ""


def check(device, total):
    if total != 64.0**3:
        raise ArithmeticError("a product of two matrices on %s came out as %r" % (device, total))


try:
    {"torch": torch, "tensorflow": tensorflow, "jax": jax}[sys.argv[1]]()
    facts["works"] = True
except BaseException as exc:
    words = str(exc).strip().splitlines()
    facts["error"] = "%s: %s" % (type(exc).__name__, words[0] if words else "")
os.write(out, json.dumps(facts).encode())
os._exit(0)
"""
