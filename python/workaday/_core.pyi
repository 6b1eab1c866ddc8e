"""The Rust half of a worker child (crate workaday-py): frames to and from the supervisor. It opens no database.

Only a process that the supervisor has started can use `Child`. In a fork of such a process its every call raises
`RuntimeError`. `judge_schedule` is for any process.
"""

from typing import TypeAlias

def judge_schedule(declared: str, task: str, now_us: int, tz: str | None = None) -> str:
    """Judges a schedule to be added, as JSON: `{"declared": …}` as it is to be stored, or `{"problem": …}`. Pure."""

VERSION: str
PROTOCOL: int

Job: TypeAlias = tuple[int, str, str, int, bytes, int, int, str]
"""seq, task, args (JSON), attempt, id, run_at (µs), memory_bytes (0 none), meta (JSON or empty)"""

class Child:
    """The worker's end of the wire: one a process, made on the main thread.

    Making it starts the post thread, which reads and writes the socket without the GIL and kills this process and its
    group when the supervisor is gone. The descriptors become its own, and no program started from here inherits them.
    """

    def __new__(cls, wire_fd: int, page_fd: int, children_lock_fd: int, kind: str) -> Child: ...
    @property
    def interrupt_signal(self) -> int:
        """The signal by which the post thread asks the main thread of a sync or solo child to stop its job."""
    @property
    def wake_fd(self) -> int:
        """Readable when `arrivals` has something to tell."""
    def hello(self, json: str) -> None: ...
    def wait_ready(self) -> str | None:
        """The supervisor's settings, JSON; `None` when told to drain before."""
    def configure(self, kill_after_us: int, log_line_bytes: int) -> None:
        """Before the first job: when the kernel timer fires after a timeout (twice `kill_after`), where lines are cut."""
    def bye(self, json: str, exit_within_us: int) -> None:
        """The last word. The kernel kills this process if its exit takes longer than that."""
    def wait_next(self) -> Job | None:
        """Begins the next job, waiting for one without the GIL; `None` once drained. Sync and solo children."""
    def next(self) -> Job | None:
        """Begins the next job; `None` if none waits. Async children."""
    def arrivals(self) -> tuple[int, list[tuple[int, int]], bool]:
        """Jobs received since the last call, (seq, why) of running jobs to stop, whether to drain."""
    def finish(self, seq: int, kind: int, payload: str, retry: bool = False, until_us: int = 0, mark: str = "", cpu_us: int = 0, /) -> None:
        """Writes the outcome of a running job; from then on nothing interrupts it. `cpu_us` 0: what the process took, if the job was alone. Sync children send it when no job waits."""
    def flush(self) -> None:
        """Sends what is batched; async children call it once for all that ended in one turn of the loop."""
    def current(self) -> int:
        """Seq of the running job of a sync or solo child; 0 between jobs and in an async child."""
    def interrupt(self) -> int:
        """In the handler of `interrupt_signal`: why the running job must stop (1 by hand, 2 timeout, 3 drain), 0 if it need not.

        A reason is handed out once a job, so the code that handles the first exception meets no second.
        """
    def progress(self, seq: int, share: float, note: str) -> None: ...
    def evidence(self, seq: int, json: str) -> None: ...
    def heartbeat(self, loop_lag_us: int) -> None: ...
    def log(self, seq: int, stream: int, level: int, logger: str, text: str) -> None:
        """Sends a line; seq 0 means the running job of a sync or solo child. Lone surrogates are replaced, long lines cut into several.

        While the supervisor does not read, it waits for room up to a second, then drops and counts.
        """
    def limit_memory(self, memory_bytes: int) -> int:
        """Lets this process grow to so many bytes resident, then allocations fail; returns the limit to restore."""
    def restore_memory(self, limit: int) -> None: ...
    def forked(self) -> None:
        """In a user's fork: closes wire, bells and children lock, and makes every other call raise."""
