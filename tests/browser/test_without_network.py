"""The studio on a machine that reaches no other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from browser.studio import chromium
from network import without_network

LOOPBACK_UP = """
import fcntl, os, socket, struct, sys
name, up_and_running = b"lo", 0x1 | 0x40
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", name, up_and_running))  # SIOCSIFFLAGS
    any_socket.settimeout(5)
    try:
        any_socket.connect(("192.0.2.1", 53))
    except OSError:
        os.execv(sys.executable, [sys.executable, "-m", "pytest", *sys.argv[1:]])
sys.exit("There is a network.")
"""


@pytest.mark.skipif(chromium() is None, reason="no Chromium on this machine")
def test_the_example_runs_without_a_network() -> None:
    prefix = without_network()
    if not prefix:
        pytest.skip("this user may not take the network away from a process (unshare --net)")
    test = Path(__file__).parent / "test_main_job.py"
    done = subprocess.run(
        [*prefix, sys.executable, "-c", LOOPBACK_UP, "-q", "-n", "0", "-p", "no:cacheprovider",
         f"{test}::test_the_example_runs_within_three_clicks"],
        check=False, capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
