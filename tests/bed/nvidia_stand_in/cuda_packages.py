# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins for the packages of CUDA: NVIDIA's names, versions and relations around a few bytes.

Edges as in NVIDIA's repository: `cuda-toolkit-X-Y` brings no driver, `cuda` and `cuda-runtime-X-Y` do; the packages'
own scripts register the toolkit with the alternatives system. The nvcc prints what the real one prints, and compiles
nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..package_specs import Package


@dataclass(frozen=True)
class Release:
    """One release of the toolkit: `version` and what its nvcc says of itself."""

    version: str
    compiler: str
    year: int
    built: str
    build: str

    @property
    def dotted(self) -> str:
        return self.version.rpartition(".")[0]

    @property
    def dashed(self) -> str:
        return self.dotted.replace(".", "-")

    @property
    def major(self) -> str:
        return self.version.partition(".")[0]

    @property
    def path(self) -> str:
        return f"/usr/local/cuda-{self.dotted}"

    @property
    def nvcc(self) -> str:
        """The stand-in compiler."""
        return (
            "#!/bin/sh\n# Stand-in for nvcc: it says its version and compiles nothing.\n"
            "case \"$1\" in\n--version | -V) cat <<'TEXT'\n"
            "nvcc: NVIDIA (R) Cuda compiler driver\n"
            f"Copyright (c) 2005-{self.year} NVIDIA Corporation\nBuilt on {self.built}\n"
            f"Cuda compilation tools, release {self.dotted}, V{self.compiler}\nBuild {self.build}\nTEXT\n;;\n"
            "*) echo 'nvcc fatal   : No input files specified; use option --help for more information' >&2; exit 1 ;;\n"
            "esac\n"
        )

    @property
    def version_json(self) -> str:
        """The file by which a toolkit tells its version."""
        parts = {"cuda": ("CUDA SDK", self.version), "cuda_nvcc": ("CUDA NVCC", self.compiler)}
        return (
            json.dumps({key: {"name": name, "version": text} for key, (name, text) in parts.items()}, indent=3) + "\n"
        )


RELEASES = (
    Release("11.8.0", "11.8.89", 2022, "Wed_Sep_21_10:33:58_PDT_2022", "cuda_11.8.r11.8/compiler.31833905_0"),
    Release("12.4.0", "12.4.99", 2024, "Tue_Feb_27_16:19:38_PST_2024", "cuda_12.4.r12.4/compiler.33961263_0"),
    Release("12.4.1", "12.4.131", 2024, "Thu_Mar_28_02:18:24_PDT_2024", "cuda_12.4.r12.4/compiler.34097967_0"),
    Release("13.0.1", "13.0.88", 2025, "Wed_Aug_20_01:58:59_PM_PDT_2025", "cuda_13.0.r13.0/compiler.36424714_0"),
)
# What each of the dnf repositories has: Enterprise Linux 10 is younger than the others.
DNF_RELEASES = {"el9": RELEASES, "el10": RELEASES[-1:]}


def packages(manager: str, releases: Sequence[Release] = RELEASES) -> Iterator[Package]:
    """Everything of CUDA but drivers, for apt or dnf."""
    newest = releases[-1]
    for release in releases:
        yield from _toolkit(release, manager)
    majors = {release.major: release for release in releases}
    yield _stand_in(
        "cuda-toolkit-config-common",
        newest.compiler,
        files={"/etc/ld.so.conf.d/000_cuda.conf": "/usr/local/cuda/targets/x86_64-linux/lib\n"},
    )
    for major, release in majors.items():
        yield _stand_in(
            f"cuda-toolkit-{major}-config-common",
            release.compiler,
            requires=("cuda-toolkit-config-common",),
            files={f"/etc/ld.so.conf.d/988_cuda-{major}.conf": f"/usr/local/cuda-{major}/targets/x86_64-linux/lib\n"},
        )
        yield _stand_in(f"cuda-toolkit-{major}", release.version, requires=(f"cuda-toolkit-{release.dashed}",))
        yield from _libraries(major, release, manager)
    yield _stand_in("cuda-toolkit", newest.version, requires=(f"cuda-toolkit-{newest.dashed}",))
    yield _stand_in("cuda", newest.version, requires=(f"cuda-{newest.dashed}",))


def _toolkit(release: Release, manager: str) -> Iterator[Package]:
    short, major, path = release.dashed, release.major, release.path
    alternatives = {"apt": "update-alternatives", "dnf": "alternatives"}[manager]
    priority = short.replace("-", "")
    pairs = (("/usr/local/cuda", "cuda"), (f"/usr/local/cuda-{major}", f"cuda-{major}"))
    yield _stand_in(
        f"cuda-toolkit-{short}-config-common",
        release.compiler,
        requires=(f"cuda-toolkit-{major}-config-common", "cuda-toolkit-config-common"),
        files={f"{path}/EULA.txt": "stand-in\n"},
        after_install="\n".join(f"{alternatives} --install {link} {name} {path} {priority}" for link, name in pairs),
        before_removal="\n".join(f"{alternatives} --remove {name} {path}" for _link, name in pairs),
    )
    cudart = f"cuda-cudart-{short}"
    headers = f"cuda-cudart-{'dev' if manager == 'apt' else 'devel'}-{short}"
    library = f"{path}/targets/x86_64-linux/lib/libcudart.so.{major}"
    define = f"#define CUDART_VERSION {int(major) * 1000 + int(release.dotted.partition('.')[2]) * 10}\n"
    compilers = "build-essential" if manager == "apt" else "gcc-c++"
    yield _stand_in(
        cudart,
        release.compiler,
        requires=(f"cuda-toolkit-{short}-config-common",),
        files={library: "stand-in\n"},
        links={f"{path}/lib64": "targets/x86_64-linux/lib"},
    )
    yield _stand_in(headers, release.compiler, requires=(cudart,), files={f"{path}/include/cuda_runtime.h": define})
    yield _stand_in(
        f"cuda-nvcc-{short}",
        release.compiler,
        requires=(compilers, headers),
        files={f"{path}/bin/nvcc": release.nvcc},
    )
    yield _stand_in(f"cuda-compiler-{short}", release.version, requires=(f"cuda-nvcc-{short}",))
    yield _stand_in(
        f"cuda-documentation-{short}", release.compiler, files={f"{path}/version.json": release.version_json}
    )
    yield _stand_in(f"cuda-libraries-{short}", release.version, requires=(cudart,))
    yield _stand_in(f"cuda-tools-{short}", release.version)
    yield _stand_in(
        f"cuda-toolkit-{short}",
        release.version,
        requires=tuple(f"cuda-{part}-{short}" for part in ("compiler", "libraries", "tools", "documentation")),
    )
    # What must not be taken for the toolkit: these bring a driver.
    yield _stand_in(
        f"cuda-runtime-{short}", release.version, requires=(f"cuda-libraries-{short}", "cuda-drivers >= 535")
    )
    yield _stand_in(f"cuda-{short}", release.version, requires=(f"cuda-toolkit-{short}", f"cuda-runtime-{short}"))
    compat = {f"{path}/compat/libcuda.so.1": "stand-in\n"}
    yield _stand_in(f"cuda-compat-{short}", release.version, files=compat)


def _libraries(major: str, release: Release, manager: str) -> Iterator[Package]:
    headers = "dev" if manager == "apt" else "devel"
    for version in ("9.3.0.75", "9.10.2.21"):
        library = f"libcudnn9-cuda-{major}"
        where = {"apt": "/usr/lib/x86_64-linux-gnu", "dnf": "/usr/lib64"}[manager]
        others = tuple(f"libcudnn9-cuda-{other.major}" for other in RELEASES if other.major != major)
        file = {f"{where}/libcudnn.so.{version}": "stand-in\n"}
        yield _stand_in(library, version, files=file, conflicts=tuple(dict.fromkeys(others)))
        yield _stand_in(f"libcudnn9-{headers}-cuda-{major}", version, requires=(f"{library} = {version}-1",))
    nccl, nccl_headers = {"apt": ("libnccl2", "libnccl-dev"), "dnf": ("libnccl", "libnccl-devel")}[manager]
    mark = f"1+cuda{release.dotted}"
    yield Package(nccl, "2.27.5", mark, stand_in_for=nccl)
    yield Package(nccl_headers, "2.27.5", mark, requires=(f"{nccl} = 2.27.5-{mark}",), stand_in_for=nccl_headers)


def _stand_in(name: str, version: str, **fields: object) -> Package:
    return Package(name, version, stand_in_for=name, **fields)  # type: ignore[arg-type]
