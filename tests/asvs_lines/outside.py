"""What leaves the house and what came into it: webhooks, and the crates it is built from."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

from harness import Project
from house import House
from receiver import http_receiver

from asvs_lines.common import TREE, line

INNER = [
    "127.0.0.1",
    "localhost",
    "LOCALHOST",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "127.0.0.2",
    "0.0.0.0",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "user:pass@127.0.0.1",
    "good.example@127.0.0.1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "100.64.0.1",
    "[fd12::1]",
    "169.254.169.254",
    "[::ffff:169.254.169.254]",
    "[fd00:ec2::254]",
    "[fe80::1]",
]


@line(
    "1.3.6, 13.2.4, 15.3.2",
    "A webhook reaches no inner address in any spelling, follows no redirect, and goes out by https unless told otherwise",
)
def webhooks_stay_outside(house: House) -> str:
    root = house.project.root / "webhooks"
    root.mkdir()
    project = Project(root)

    def told(url: str, allowed: str, code: int) -> str:
        project.write("workaday.toml", f'app = "jobs:app"\n[alerts]\n{allowed}\n[alerts.ops]\nwebhook = "env:HOOK"\n')
        return project.workaday("alert", "test", "ops", code=code, HOOK=url).out

    with http_receiver(status=302, location="http://169.254.169.254/latest/meta-data") as receiver:
        for host in INNER:
            said = told(f"http://{host}:{receiver.port}/s3cret-path", "allow_http = true", 1)
            assert "alert.not_sent" in said and "answered" not in said and "s3cret-path" not in said, (host, said)
        assert "only https:// is sent to" in told(f"{receiver.url}/s3cret-path", "", 1)
        assert receiver.got == [], "nobody came"
        both = "allow_http = true\nallow_private = true"
        assert "redirects are not followed" in told(f"{receiver.url}/s3cret-path", both, 1)
        for metadata in ("169.254.169.254", "[fd00:ec2::254]"):
            assert "refused" in told(f"http://{metadata}/", both, 1), "allowing private addresses does not open the metadata of a cloud"
        assert len(receiver.got) == 1
        receiver.status, receiver.location = 204, None
        assert "answered 204" in told(f"{receiver.url}/s3cret-path", both, 0), "the receiver is there: it was the guard that refused"
    return f"{len(INNER)} spellings of loopback, private and metadata addresses refused by `workaday alert test`; a redirect to metadata ended there"


FLOORS = {"pyo3": (0, 29, 0), "tracing-subscriber": (0, 3, 20), "libsqlite3-sys": (0, 39, 1)}
"""Below these, a weakness was published."""


@line(
    "15.1.2, 15.2.1, 15.2.4",
    "What is built in is known: each crate from crates.io with its checksum and an allowed licence, and no Python package",
)
def what_is_built_in_is_known(house: House) -> str:
    lock = tomllib.loads((TREE / "Cargo.lock").read_text(encoding="utf-8"))["package"]
    foreign = [package for package in lock if "source" in package]
    for package in foreign:
        assert package["source"] == "registry+https://github.com/rust-lang/crates.io-index", package
        assert re.fullmatch(r"[0-9a-f]{64}", package["checksum"]), package
    versions = {package["name"]: tuple(int(part) for part in re.findall(r"\d+", package["version"])[:3]) for package in foreign}
    for name, floor in FLOORS.items():
        assert versions[name] >= floor, (name, versions[name])
    ours = {package["name"] for package in lock if "source" not in package}
    assert all(name.startswith("workaday") or name == "xtask" for name in ours), ours
    licences = subprocess.run([sys.executable, ".ci/licences.py"], cwd=TREE, capture_output=True, text=True, check=False)
    assert licences.returncode == 0 and "all from crates.io" in licences.stdout, licences.stdout + licences.stderr
    assert tomllib.loads((TREE / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"] == []
    return f"{len(foreign)} crates of Cargo.lock with checksums; {len(FLOORS)} above the version of a published weakness; the wheel requires nothing"
