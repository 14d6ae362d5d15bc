# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What files tell of toolkits and of their default, and installers that fail."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils import _download
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._cuda import alternatives, observe, verify
from ansible_collections.gpufleet.mlstack.plugins.module_utils._cuda.model import Default, Desired, DesiredToolkit
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host

NOTES = "auto\n/usr/local/cuda\n\n/usr/local/cuda-11.8\n118\n/usr/local/cuda-12.4\n124\n\n"


def with_link(root: Path, target: str, middle: str = "") -> Host:
    (root / "usr/local").mkdir(parents=True, exist_ok=True)
    (root / "usr/local/cuda").symlink_to(target)
    if middle:
        (root / "etc/alternatives").mkdir(parents=True)
        (root / "etc/alternatives/cuda").symlink_to(middle)
    return Host(str(root))


@pytest.mark.parametrize("place", ["var/lib/dpkg/alternatives", "var/lib/alternatives"])
def test_the_default_is_read_without_a_program(tmp_path: Path, place: str) -> None:
    (tmp_path / place).mkdir(parents=True)
    (tmp_path / place / "cuda").write_text(NOTES)
    host = with_link(tmp_path, "/etc/alternatives/cuda", "/usr/local/cuda-12.4")
    choices = ("/usr/local/cuda-11.8", "/usr/local/cuda-12.4")
    assert alternatives.read(host) == Default("/usr/local/cuda-12.4", choices)


def test_a_link_or_folder_of_somebody_else_is_foreign(tmp_path: Path) -> None:
    assert alternatives.read(Host(str(tmp_path))) == Default()
    assert alternatives.read(with_link(tmp_path, "cuda-11.8")) == Default("/usr/local/cuda-11.8", (), foreign=True)
    (tmp_path / "usr/local/cuda").unlink()
    (tmp_path / "usr/local/cuda").mkdir()
    assert alternatives.read(Host(str(tmp_path))) == Default("", (), foreign=True)


def test_toolkits_are_found_by_their_files(tmp_path: Path) -> None:
    for name, files in {
        "cuda-11.8": ("bin/nvcc", "bin/cuda-uninstaller"),
        "cuda-12.4": ("bin/nvcc",),
        "cuda-12.9": (),
        "cuda-thing": ("bin/nvcc",),
    }.items():
        (tmp_path / "usr/local" / name).mkdir(parents=True)
        for file in files:
            (tmp_path / "usr/local" / name / file).parent.mkdir(exist_ok=True)
            (tmp_path / "usr/local" / name / file).touch()
    (tmp_path / "usr/local/cuda-12.4/version.json").write_text('{"cuda": {"version": "12.4.1"}}')
    wheels = tmp_path / "opt/x/lib/python3.11/site-packages/nvidia/cu13"
    (wheels / "bin").mkdir(parents=True)
    (wheels / "bin/nvcc").touch()
    desired = Desired((DesiredToolkit("12.4"), DesiredToolkit("13.0", method="wheels", environment="/opt/x")))
    # A pattern is looked up below the root, and tells where that is.
    found, paths = observe.toolkits_of(Host(str(tmp_path)), desired)
    told = {toolkit.release: (toolkit.version, toolkit.compiler, toolkit.source) for toolkit in found.values()}
    assert told["11.8"] == ("", True, "runfile") and told["12.4"] == ("12.4.1", True, "nvidia")
    assert told["13.0"] == ("", True, "wheels") and set(told) == {"11.8", "12.4", "13.0"}
    assert paths["12.4"] == "/usr/local/cuda-12.4"
    assert paths["13.0"] == "/opt/x/lib/python3.11/site-packages/nvidia/cu13"


def test_a_compiler_must_say_its_release(tmp_path: Path) -> None:
    program = tmp_path / "nvcc"
    program.write_text("#!/bin/sh\necho 'Cuda compilation tools, release 12.4, V12.4.131'\n")
    program.chmod(0o755)
    verify.compiler(Commands(), str(program), "12.4")
    with pytest.raises(MlstackError, match=r"it says it is of CUDA 12\.4"):
        verify.compiler(Commands(), str(program), "11.8")
    program.write_text("#!/bin/sh\necho 'libfoo.so: cannot open' >&2\nexit 127\n")
    with pytest.raises(MlstackError, match=r"it ended with 127: libfoo\.so"):
        verify.compiler(Commands(), str(program), "12.4")


CONTENT = b"an installer" * 1000


class _Server(http.server.BaseHTTPRequestHandler):
    broken = 0

    def do_GET(self) -> None:
        if self.path == "/absent":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        if type(self).broken:
            type(self).broken -= 1
            self.wfile.write(CONTENT[:100])  # and the connection ends
        else:
            self.wfile.write(CONTENT)

    do_HEAD = do_GET

    def log_message(self, *_arguments: object) -> None:
        """Be silent."""


@pytest.fixture
def url() -> Iterator[str]:
    _Server.broken = 0
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_download_appears_only_when_it_is_the_right_one(tmp_path: Path, url: str) -> None:
    target = tmp_path / "file.run"
    digest = hashlib.sha256(CONTENT).hexdigest()
    with pytest.raises(MlstackError) as refused:
        _download.fetch_file(f"{url}/file", str(target), "0" * 64, "have it")
    assert refused.value.code == "digest_mismatch" and list(tmp_path.iterdir()) == []
    _download.fetch_file(f"{url}/file", str(target), digest, "have it")
    assert target.read_bytes() == CONTENT and _download.sha256_of(str(target)) == digest
    assert _download.size_of(f"{url}/file", "know it") == len(CONTENT)


def test_a_broken_connection_is_tried_again_and_an_absent_file_is_not(tmp_path: Path, url: str) -> None:
    _Server.broken = 1
    _download.fetch_file(f"{url}/file", str(tmp_path / "x"), hashlib.sha256(CONTENT).hexdigest(), "have it")
    with pytest.raises(MlstackError, match="404"):
        _download.fetch_file(f"{url}/absent", str(tmp_path / "y"), "0" * 64, "have it")
    with pytest.raises(MlstackError, match="larger than"):
        _download.fetch(f"{url}/file", "have it", most_bytes=10)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
