"""Tasks that behave in every way a child must bear."""

import asyncio
import ctypes
import gc
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from workaday import App, Cancel, Context, Discard, Retry, Snooze
from workaday._core import Child

app = App("t")
log = logging.getLogger("shop.mail")


@app.task()
def noop() -> None:
    pass


@app.task()
def add(a: int, b: int) -> int:
    return a + b


@app.task(retry=Retry(attempts=3, never=(ValueError,)))
def fail(kind: str) -> None:
    raise {"value": ValueError, "runtime": RuntimeError, "exit": SystemExit, "interrupt": KeyboardInterrupt}[kind]("as asked")


@app.task()
def end(how: str) -> None:
    raise {"snooze": Snooze("10m"), "cancel": Cancel("no need"), "discard": Discard("no use")}[how]


@app.task()
def sleep(seconds: float) -> str:
    time.sleep(seconds)
    return "slept"


@app.task()
def stubborn(seconds: float) -> str:
    """Swallows what should stop it."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        try:
            time.sleep(left)
        except BaseException as error:
            print("swallowed", type(error).__name__)
    return "done anyway"


@app.task()
def pid() -> int:
    return os.getpid()


@app.task()
def hold_gil(seconds: int) -> None:
    """In C, with the GIL, all signals blocked."""
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
    print("holding the GIL")
    ctypes.PyDLL(None).sleep(seconds)


@app.task()
def speak() -> None:
    print("one", "line")
    print("two\nlines")
    sys.stdout.write("no end")
    print("to stderr", file=sys.stderr)
    sys.stdout.buffer.write(b"\xff bytes \xc3\xa9\n")
    sys.stdout.write("lone \udc80\n")
    log.warning("watch %s", "out")
    log.debug("unheard")
    log.info("heard")


@app.task()
def speak_in_thread() -> None:
    thread = threading.Thread(target=print, args=("from a thread",))
    thread.start()
    thread.join()


@app.task()
def speak_long(characters: int) -> None:
    print("é" * characters)


@app.task()
def flood(lines: int) -> None:
    for number in range(lines):
        print(f"{number:06} " + "x" * 100)


@app.task()
def exit_now(code: int) -> None:
    os._exit(code)


@app.task()
def fork_and_try() -> str:
    """What a fork can and cannot do."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        print("raw from the fork")
        child = next(thing for thing in gc.get_objects() if isinstance(thing, Child))
        try:
            child.progress(1, 0.5, "")
        except RuntimeError as error:
            said = str(error)
        else:
            said = "no error"
        fds = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if os.path.islink(f"/proc/self/fd/{fd}")]
        mapped = "memfd" in Path("/proc/self/maps").read_text()
        os.write(write, f"{said}|{[fd for fd in fds if 'socket' in fd or 'eventfd' in fd or 'lock' in fd]}|{mapped}".encode())
        os._exit(0)
    os.waitpid(pid, 0)
    return os.read(read, 4096).decode()


@app.task()
def fork_and_return() -> int:
    """The copy comes back from the task; the task waits for its end."""
    pid = os.fork()
    return 0 if pid == 0 else os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _square(number: int) -> int:
    print("squaring", number)
    return number * number


@app.task()
def in_processes() -> int:
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return sum(pool.map(_square, [1, 2, 3]))


@app.task()
def inherited() -> list[str]:
    """The descriptors of a program started with everything inheritable left open."""
    listing = "import os; print(*[os.readlink(f'/proc/self/fd/{fd}') for fd in range(3, 64) if os.path.lexists(f'/proc/self/fd/{fd}')])"
    return subprocess.run([sys.executable, "-c", listing], close_fds=False, capture_output=True, text=True, check=True).stdout.split()


@app.task()
def raw_output() -> None:
    subprocess.run(["echo", "from a program"], check=True)


@app.task(memory="64M")
def hog(megabytes: int) -> int:
    return len(b"x" * (megabytes << 20))


@app.task(memory="64M")
def hog_slowly() -> None:
    kept = []
    while True:
        kept.append([0] * 1000)


@app.task()
def report(ctx: Context) -> str:
    ctx.progress(0.5, "half way")
    ctx.log.info("logged by ctx")
    return f"{ctx.job_id} {ctx.attempt} {ctx.run_at.isoformat()}"


@app.task()
async def anoop() -> None:
    pass


@app.task()
async def asleep(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "slept"


@app.task()
async def asleep_in_the_loop(seconds: float) -> None:
    """Returns at once; then the loop takes its time, in its own code, before it ends."""
    loop = asyncio.get_running_loop()
    schedule = loop.call_soon

    def late(*args: object, **options: object) -> asyncio.Handle:
        loop.call_soon = schedule  # type: ignore[method-assign]
        print("the loop ends")
        time.sleep(seconds)
        return schedule(*args, **options)  # type: ignore[arg-type]

    loop.call_soon = late  # type: ignore[method-assign]


@app.task()
async def aspeak(name: str, turns: int) -> None:
    for turn in range(turns):
        print(name, end=" ")
        await asyncio.sleep(0)
        print(turn)
    await asyncio.to_thread(print, name, "in a thread")


@app.task()
async def astubborn(seconds: float) -> str:
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        return "finished in spite"
    return "slept"


@app.task()
async def atidy(ctx: Context) -> None:
    try:
        await asyncio.sleep(30)
    finally:
        print("cancelled" if ctx.cancelled else "not cancelled")


@app.task()
async def ablock(seconds: float) -> None:
    time.sleep(seconds)


@app.task()
async def aexit() -> None:
    """SystemExit here, and in a task that the job has started."""
    task = asyncio.create_task(_exits())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    sys.exit(f"out, {task.done()}")


async def _exits() -> None:
    sys.exit("background")


@app.task()
def speak_unended() -> None:
    print("no end", end="")


@app.task()
def fork_and_sleep() -> None:
    pid = os.fork()
    if pid == 0:
        time.sleep(60)
        os._exit(0)
    print(pid)
    os.waitpid(pid, 0)


@app.task()
def text(characters: int) -> str:
    return "x" * characters


@app.task()
def hold_gil_openly(seconds: int) -> None:
    """In C, with the GIL; signals may kill it."""
    ctypes.PyDLL(None).sleep(seconds)


@app.task()
def segfault() -> None:
    ctypes.string_at(0)


@app.task()
async def leave_a_thread(seconds: float) -> None:
    asyncio.get_running_loop().run_in_executor(None, time.sleep, seconds)


@app.task(memory="64M")
async def no_room_in_the_loop(after: float) -> str:
    """The next thing that the loop is to remember finds no room: what wakes the task, or what ends the loop."""
    loop = asyncio.get_running_loop()
    really = loop.call_soon

    def refuses(*_args: object, **_more: object) -> None:
        loop.call_soon = really  # type: ignore[method-assign]
        raise MemoryError

    loop.call_soon = refuses  # type: ignore[method-assign,assignment]
    if after:
        await asyncio.sleep(after)
    return "done"
