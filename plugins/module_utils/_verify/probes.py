# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs inside an environment. Pure text: these programs know nothing of us.

Both answer by lines of JSON, as things are done: what is missing at the end is what took the process down.
"""

from __future__ import annotations

# Started as: python -I -c IMPORTS NAME... Tells where Python is at home, then of each import how it ended.
IMPORTS = r"""
import importlib, json, os, sys

out = os.dup(1)
os.dup2(2, 1)


def say(**told):
    os.write(out, (json.dumps(told) + "\n").encode())


say(prefix=sys.prefix, version="%d.%d.%d" % sys.version_info[:3])
for name in sys.argv[1:]:
    say(begun=name)
    try:
        importlib.import_module(name)
        say(done=name, failure="")
    except BaseException as exc:
        words = str(exc).strip().splitlines()
        say(done=name, failure="%s: %s" % (type(exc).__name__, words[0] if words else ""))
say(ended=True)
os._exit(0)
"""

# Started as: python -I -c FRAMEWORK NAME SIZE. The right product comes from the CPU, by another way where there is one.
FRAMEWORK = r"""
import json, os, sys

out = os.dup(1)
os.dup2(2, 1)
name, size = sys.argv[1], int(sys.argv[2])
rows = [[((row * 31 + column * 17) % 13 - 6) / 8.0 for column in range(size)] for row in range(size)]


def say(**told):
    os.write(out, (json.dumps(told) + "\n").encode())


def product():
    columns = list(zip(*rows))
    return [[sum(map(float.__mul__, row, column)) for column in columns] for row in rows]


def compare(device, found, label=""):
    # Relative to the largest element, as single precision is.
    most = max(abs(value) for row in right for value in row) or 1.0
    pairs = ((a, b) for found_row, row in zip(found, right) for a, b in zip(found_row, row))
    say(device=device, name=label, difference=max(abs(a - b) if a == a else float("inf") for a, b in pairs) / most)


def torch():
    import torch

    cuda = torch.version.cuda or ""
    told = {"nccl": ""}
    if cuda and torch.cuda.is_available():
        import torch.distributed

        told["nccl"] = "yes" if torch.distributed.is_available() and torch.distributed.is_nccl_available() else "no"
    say(version=str(torch.__version__), cuda=str(cuda), hip=str(getattr(torch.version, "hip", None) or ""), **told)
    compare("cpu", (torch.tensor(rows) @ torch.tensor(rows)).tolist())
    for number in range(torch.cuda.device_count() if cuda else 0):
        device = "cuda:%d" % number
        capability = "%d.%d" % torch.cuda.get_device_capability(number)
        say(begun=device, capability=capability, built_for=list(torch.cuda.get_arch_list()))
        matrix = torch.tensor(rows, device=device)
        compare(device, (matrix @ matrix).cpu().tolist(), torch.cuda.get_device_name(number))


def tensorflow():
    import tensorflow

    build = tensorflow.sysconfig.get_build_info()
    cuda = str(build.get("cuda_version", "")) if build.get("is_cuda_build") else ""
    say(version=str(tensorflow.__version__), cuda=cuda)
    for found in tensorflow.config.list_physical_devices():
        device = found.name.replace("/physical_device:", "").lower()
        say(begun=device)
        with tensorflow.device("/" + device):
            matrix = tensorflow.constant(rows, dtype=tensorflow.float32)
            compare(device, tensorflow.matmul(matrix, matrix).numpy().tolist())


def jax():
    import jax
    import jax.numpy

    devices = [*jax.devices("cpu"), *(device for device in jax.devices() if device.platform != "cpu")]
    say(version=str(jax.__version__), cuda="plugin" if len(devices) > len(jax.devices("cpu")) else "")
    for found in devices:
        device = "%s:%d" % (found.platform, found.id)
        say(begun=device)
        matrix = jax.device_put(jax.numpy.asarray(rows, dtype="float32"), found)
        compare(device, jax.numpy.matmul(matrix, matrix, precision="highest").tolist(), str(found.device_kind))


def cupy():
    import cupy

    say(version=str(cupy.__version__), cuda=str(cupy.cuda.runtime.runtimeGetVersion()))
    for number in range(cupy.cuda.runtime.getDeviceCount()):
        say(begun="cuda:%d" % number)
        with cupy.cuda.Device(number):
            matrix = cupy.asarray(rows, dtype="float32")
            compare("cuda:%d" % number, (matrix @ matrix).tolist())


try:
    right = product()
    {"torch": torch, "tensorflow": tensorflow, "jax": jax, "cupy": cupy}[name]()
    say(ended=True)
except BaseException as exc:
    words = str(exc).strip().splitlines()
    say(error="%s: %s" % (type(exc).__name__, words[0] if words else ""))
os._exit(0)
"""
