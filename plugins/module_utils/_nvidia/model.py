# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host is, as far as NVIDIA is concerned: hardware, what is loaded, what lies on disk, and who uses it.

Everything is read, nothing is guessed: what could not be found out is empty or None.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.smi_model import SmiReport

OPEN, PROPRIETARY = "open", "proprietary"

# Where a piece of the driver can come from.
DISTRIBUTION, NVIDIA_REPOSITORY, RUNFILE, UNKNOWN = "distribution", "nvidia", "runfile", "unknown"

# Who owns a GPU. A driver here serves those of HOST and NOBODY; programs here can use all but those of virtual
# machines.
HOST, NOBODY, VFIO, VIRTUAL_FUNCTION, OTHER = "host", "nobody", "vfio", "virtual_function", "other"
VGPU_HOST, VGPU_GUEST, DRIVER_CONTAINER = "vgpu_host", "vgpu_guest", "driver_container"
WSL, GUEST_CONTAINER = "wsl", "guest_container"
OURS = frozenset({HOST, NOBODY})
OF_VIRTUAL_MACHINES = frozenset({VFIO, VIRTUAL_FUNCTION, VGPU_HOST})

# Packages of the driver itself, and with them what must have its very version, see Piece. The persistence daemon need
# not: Debian has it at a version of its own.
DRIVER_PIECES = ("kernel_module", "libraries", "tools", "metapackage", "firmware")
BOUND_PIECES = (*DRIVER_PIECES, "fabric_manager", "imex", "nscq", "nvsdm")
# All that comes, changes and goes with a driver. What else is looked at (C(egl_platform), the container toolkit, ...)
# has makers and versions of its own, and is nobody's to touch here.
PARTS = (*BOUND_PIECES, "persistence_daemon", "beside", "pinning", "transitional")


@dataclass(frozen=True)
class Owner:
    """Who owns a GPU, or all of a host's (``kind``, one of the words above), and by what that is known."""

    kind: str = HOST
    evidence: str = ""


@dataclass(frozen=True)
class PciDevice:
    """One PCI function of NVIDIA. ``device`` and ``pci_class`` are four lower-case hex digits (C(20b2), C(0302)),
    ``bound_to`` the kernel driver that has it, or empty."""

    address: str
    device: str
    pci_class: str
    subsystem: str = ""
    bound_to: str = ""
    numa_node: int | None = None
    virtual_function: bool = False
    owner: Owner = Owner()


@dataclass(frozen=True)
class LoadedDriver:
    """The kernel modules that run now. ``modules`` are the names of NVIDIA's modules in the kernel."""

    version: str
    flavour: str = ""
    modules: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModuleOnDisk:
    """One C(nvidia.ko) of one kernel. ``origin`` is C(dkms), C(prebuilt) or C(runfile). ``signed`` is None where
    nobody looked; ``signer`` is the common name in the signature, where it can be told."""

    path: str
    version: str
    flavour: str = ""
    origin: str = ""
    signed: bool | None = None
    signer: str = ""


@dataclass(frozen=True)
class Kernel:
    """One installed kernel. ``module`` is the driver that it would load; ``registered`` the driver version that DKMS
    knows for it without having built it (added, but failed or not yet built). ``installed`` is false for a kernel that
    runs and is not on the disk: a container's, or one that was removed."""

    release: str
    installed: bool = True
    running: bool = False
    boots_next: bool = False
    headers: bool = False
    module: ModuleOnDisk | None = None
    registered: str = ""


@dataclass(frozen=True)
class Piece:
    """One installed part of the driver or of what must fit it.

    ``name`` is what it is (C(kernel_module), C(libraries), C(tools), C(fabric_manager), C(persistence_daemon), C(imex),
    C(nscq), C(nvsdm), C(container_toolkit), C(dcgm), C(firmware), C(metapackage), C(pinning), C(transitional),
    C(subnet_manager), C(egl_platform), and C(beside) for settings and the like); ``package`` is its real name here;
    ``version`` is the whole version of the package, and ``driver`` what of it names the driver, empty where it need not
    be that of the others. ``complete`` is false for a package that is half installed. ``vendor`` is who made it, as far
    as the package says; ``made_from`` is its source package. ``stands_for`` is the branch whose package of the same
    kind an empty one brings (C(transitional)).
    """

    name: str
    package: str
    version: str
    driver: str = ""
    source: str = UNKNOWN
    held: bool = False
    complete: bool = True
    vendor: str = ""
    made_from: str = ""
    stands_for: str = ""

    @property
    def maker(self) -> str:
        """Whose it is, in words: what is not NVIDIA's own need not be the distribution's."""
        return self.vendor if self.source == DISTRIBUTION and self.vendor else self.source


@dataclass(frozen=True)
class Nouveau:
    """The free driver that stands in the way. ``blocked_by`` are the files that keep it from loading; ``initramfs`` the
    kernels whose initial file system does not know of them yet."""

    loaded: bool = False
    blocked: bool = False
    blocked_by: tuple[str, ...] = ()
    initramfs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Holder:
    """A process that has a GPU open.

    ``devices`` are device files such as C(/dev/nvidia0), ``job`` is a Slurm job; ``daemon`` marks NVIDIA's own services
    (persistence daemon, Fabric Manager, DCGM), which a driver change restarts and which are no user's work.
    """

    pid: int
    user: str
    command: str
    devices: tuple[str, ...] = ()
    unit: str = ""
    container: str = ""
    job: str = ""
    daemon: bool = False

    def __str__(self) -> str:
        places = (("unit", self.unit), ("container", self.container), ("Slurm job", self.job))
        where = "".join(f", {word} {value}" for word, value in places if value)
        return f"pid {self.pid} ({self.command}) of {self.user}{where}"


@dataclass(frozen=True)
class Toolkit:
    """An installed CUDA toolkit. ``version`` is C(major.minor[.patch]) as far as its files tell, ``source`` as for
    pieces; ``compiler`` tells that it has nvcc, ``default`` that C(/usr/local/cuda) leads to it."""

    path: str
    version: str
    compiler: bool = False
    default: bool = False
    source: str = UNKNOWN


@dataclass(frozen=True)
class Problem:
    """Something on this host that does not fit together. ``code`` is stable; ``text`` is for people; ``reboot`` tells
    that a reboot mends it."""

    code: str
    text: str
    reboot: bool = False


@dataclass(frozen=True)
class Observed:
    """One host.

    ``gpus`` are those that a driver of this host serves, ``foreign_gpus`` those of other owners; ``owner`` is whose the
    driver of this host is at all.
    ``libraries`` is the version of C(libnvidia-ml.so.1) and C(libcuda.so.1) on disk; ``secure_boot`` None where the
    firmware does not say, ``enforced`` by what else unsigned modules are refused, ``key_enrolled`` whether the key of
    modules that are built here is known. ``leftovers`` are files that only NVIDIA's own installer (C(.run)) leaves
    behind. ``container_specifications`` pairs each CDI file with the driver for which it was written. ``smi`` is None
    where nvidia-smi is absent or was not asked.
    """

    gpus: tuple[PciDevice, ...] = ()
    foreign_gpus: tuple[PciDevice, ...] = ()
    owner: Owner = Owner()
    nvswitches: tuple[PciDevice, ...] = ()
    loaded: LoadedDriver | None = None
    kernels: tuple[Kernel, ...] = ()
    libraries: str = ""
    pieces: tuple[Piece, ...] = ()
    leftovers: tuple[str, ...] = ()
    nouveau: Nouveau = field(default_factory=Nouveau)
    secure_boot: bool | None = None
    enforced: str = ""
    key_enrolled: bool | None = None
    container_specifications: tuple[tuple[str, str], ...] = ()
    smi: SmiReport | None = None
    holders: tuple[Holder, ...] = ()
    toolkits: tuple[Toolkit, ...] = ()

    @property
    def usable_gpus(self) -> tuple[PciDevice, ...]:
        """The GPUs that programs on this host can use, whoever brings their driver."""
        guests = (gpu for gpu in self.foreign_gpus if gpu.owner.kind not in (*OF_VIRTUAL_MACHINES, OTHER))
        return tuple(sorted((*self.gpus, *guests), key=lambda gpu: gpu.address))

    @property
    def must_be_signed(self) -> str:
        """Why a module has to be signed by a key that is known here, in words; empty where it need not."""
        return "secure boot is on" if self.secure_boot else self.enforced

    @property
    def running(self) -> Kernel | None:
        return next((kernel for kernel in self.kernels if kernel.running), None)

    @property
    def next_boot(self) -> Kernel | None:
        return next((kernel for kernel in self.kernels if kernel.boots_next), None)

    @property
    def on_disk(self) -> str:
        """The driver that the next boot would load, or empty."""
        kernel = self.next_boot or self.running
        return kernel.module.version if kernel is not None and kernel.module is not None else ""

    @property
    def driver_pieces(self) -> tuple[Piece, ...]:
        """The packages that make up the driver itself."""
        return tuple(piece for piece in self.pieces if piece.name in DRIVER_PIECES)

    @property
    def driver_parts(self) -> tuple[str, ...]:
        """What the driver is made of, each part with whose it is, in words."""
        packages = (f"{piece.package} {piece.version} ({piece.maker})" for piece in self.driver_pieces)
        return (*packages, *(f"{path} ({RUNFILE})" for path in self.leftovers))

    @property
    def sources(self) -> tuple[str, ...]:
        """Where the installed driver comes from; more than one is a mixture."""
        found = {piece.source for piece in self.driver_pieces if piece.source != UNKNOWN}
        return tuple(sorted(found | ({RUNFILE} if self.leftovers else set())))
