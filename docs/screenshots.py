"""`make screenshots`: play the demo, run commands on its store, and draw what they print into docs/images/*.svg.

Nothing here is written by hand: each command runs on a terminal of its own (a pty), and the picture is what came out of
it, colours included. The only words this file adds are the prompts. Ids, times and figures differ from run to run.
"""

from __future__ import annotations

import fcntl
import html
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from dataclasses import dataclass
from pathlib import Path

TREE = Path(__file__).parents[1]
IMAGES = TREE / "docs" / "images"
COLUMNS = 112
COLUMN, ROW, MARGIN = 8.0, 20, 20
"""Pixels of one character, one line, and around all."""

ESCAPE = re.compile(r"\x1b\[([0-9;]*)m")
OTHER_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-ln-z]")
TONES = {"1": "strong", "2": "soft", "31": "bad", "32": "good", "33": "wait", "34": "work"}

STYLE = """
.paper { fill: #FBFAF7; stroke: #E4E0D8 }
text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #1D2733; white-space: pre }
.prompt { fill: #0B5F8A; font-weight: 600 } .strong { font-weight: 600 } .soft { fill: #5B6673 }
.good { fill: #1F7A4D } .work { fill: #1F6FB2 } .wait { fill: #8A6A1F } .bad { fill: #B3261E }
@media (prefers-color-scheme: dark) {
  .paper { fill: #12161B; stroke: #2A313A } text { fill: #E6E3DB }
  .prompt { fill: #6FB7DD } .soft { fill: #9AA5B1 } .good { fill: #6CC79A } .work { fill: #7DB4E8 } .wait { fill: #D9B65C } .bad { fill: #F08A80 }
}
"""


@dataclass(frozen=True)
class Ran:
    """A command and all that it printed, escape codes included."""

    command: str
    output: str


def on_terminal(command: str, folder: Path) -> Ran:
    """Runs the command as a person would see it: standard output is a terminal of `COLUMNS` columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 60, COLUMNS, 0, 0))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(["sh", "-c", command], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
    os.close(theirs)
    printed = bytearray()
    while piece := read_some(ours):
        printed += piece
    os.close(ours)
    if (code := process.wait(30)) != 0:
        raise SystemExit(f"`{command}` ended with {code}\n{printed.decode()}")
    return Ran(command, printed.decode())


def read_some(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # Linux says EIO when the last writer has left
        return b""


# ---- drawing ----------------------------------------------------------------------------------------------------


def wrapped(line: str) -> list[list[tuple[str, str]]]:
    """A printed line as rows of (tone, text), broken where the terminal's edge is."""
    rows: list[list[tuple[str, str]]] = [[]]
    tone, room = "", COLUMNS
    for place, piece in enumerate(ESCAPE.split(OTHER_ESCAPE.sub("", line))):
        if place % 2:
            tone = TONES.get(piece, "")
            continue
        rest = piece
        while len(rest) > room:
            rows[-1].append((tone, rest[:room]))
            rows.append([])
            rest, room = rest[room:], COLUMNS
        rows[-1].append((tone, rest))
        room -= len(rest)
    return rows


def rows_of(session: list[Ran]) -> list[list[tuple[str, str]]]:
    rows: list[list[tuple[str, str]]] = []
    for ran in session:
        if rows:
            rows.append([])
        rows.append([("prompt", "$ "), ("strong", ran.command)])
        for line in ran.output.replace("\r\n", "\n").rstrip("\n").split("\n"):
            rows += wrapped(line)
    return rows


def svg(session: list[Ran], title: str) -> str:
    rows = rows_of(session)
    width, height = round(COLUMNS * COLUMN) + 2 * MARGIN, len(rows) * ROW + 2 * MARGIN
    spans = "\n".join(filter(None, (text_of(row, MARGIN + ROW * place + 14) for place, row in enumerate(rows))))
    commands = html.escape("; ".join(ran.command for ran in session))
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">
<title>{html.escape(title)}</title>
<desc>Output of: {commands}</desc>
<style>{STYLE}</style>
<rect class="paper" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="3"/>
{spans}
</svg>
"""


def text_of(row: list[tuple[str, str]], y: int) -> str:
    """Each piece at its own column: a font with other widths cannot push a table out of line."""
    parts, column = [], 0
    for tone, text in row:
        if text.strip():
            lead = len(text) - len(text.lstrip())
            body = html.escape(text.strip(), quote=False)
            x = MARGIN + COLUMN * (column + lead)
            length = f' textLength="{COLUMN * len(text.strip()):g}"'
            kind = f' class="{tone}"' if tone else ""
            parts.append(f'<tspan x="{x:g}"{length}{kind}>{body}</tspan>')
        column += len(text)
    return f'<text y="{y}" xml:space="preserve">{"".join(parts)}</text>' if parts else ""


# ---- the sessions -----------------------------------------------------------------------------------------------


def play_demo(shop: Path) -> tuple[subprocess.Popen[str], Ran]:
    """The demo, left open; what it printed up to the end of its proof."""
    demo = subprocess.Popen(
        [sys.executable, "demo.py"],
        cwd=shop,
        env={**os.environ, "KEEP": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert demo.stdout is not None
    printed = []
    for line in demo.stdout:
        if line.startswith("Look yourself"):
            return demo, Ran("python demo.py", "".join(printed))
        printed.append(line)
    raise SystemExit(f"the demo ended with {demo.wait()}\n{''.join(printed)}")


def held_job(shop: Path) -> str:
    program = Path(sys.executable).parent / "workaday"
    listed = subprocess.run([program, "job", "list", "--held", "--json"], cwd=shop, capture_output=True, check=True).stdout
    return json.loads(listed)[0]["id"]


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="shop-") as scratch:
        shop = Path(scratch) / "shop"
        shutil.copytree(TREE / "examples" / "shop", shop, ignore=shutil.ignore_patterns(".run", "__pycache__"))
        demo, told = play_demo(shop)
        try:
            job = held_job(shop)
            asked = ("workaday status", f"workaday job why {job}", f"workaday job logs {job} | grep -m 1 jobs.py")
            session = [on_terminal(command, shop) for command in asked]
        finally:
            demo.send_signal(signal.SIGINT)
            demo.wait(30)
    pictures = {
        "demo.svg": svg([told], "The demo and its proof"),
        "held-job.svg": svg(session, "A job that crashed its process three times: status, why, and the line of code"),
    }
    for name, picture in pictures.items():
        (IMAGES / name).write_text(picture, encoding="utf-8")
    print(f"docs/images: {', '.join(pictures)} ({time.monotonic() - began:.0f} s)")


if __name__ == "__main__":
    main()
