"""Pick-up: from the enqueue call to the first line of the task, on an idle installation. Every enqueue is fsynced."""

from __future__ import annotations

from scratch import Project, scratch, spread

PRODUCER = """
    import json, os, random, sys, time
    import jobs

    task, count = getattr(jobs, sys.argv[1]), int(sys.argv[2])
    chance, effects = random.Random(1), os.environ["EFFECTS"]

    def seen():
        try:
            return open(effects).read().count("\\n")
        except FileNotFoundError:
            return 0

    called, returned = [], []
    for n in range(count):
        called.append(time.monotonic_ns())
        task.enqueue(n)
        returned.append(time.monotonic_ns())
        ends = time.monotonic() + 20
        while seen() <= n:
            assert time.monotonic() < ends, f"job {n} was not picked up within 20 s"
            time.sleep(0.002)
        time.sleep(chance.uniform(0.002, 0.02))  # idle again before the next
    print(json.dumps({"called": called, "returned": returned}))
"""


def pick_up(task: str, count: int) -> dict[str, object]:
    with scratch() as project:
        supervisor = project.up()
        project.enqueue("mark.enqueue(-1), mark_async.enqueue(-1)")
        project.wait_all_finished()
        project.effects_file.unlink()
        got = project.python(PRODUCER, task, str(count), within=300).json
        began = first_lines(project)
        supervisor.stop()
    waits = [(began[n] - called) / 1e6 for n, called in enumerate(got["called"])]
    calls = [(back - called) / 1e6 for called, back in zip(got["called"], got["returned"], strict=True)]
    return {"pick_up_ms": spread(waits), "enqueue_call_ms": spread(calls)}


def first_lines(project: Project) -> dict[int, int]:
    return {int(n): int(at) for n, at in (line.split() for line in project.effects_file.read_text().splitlines())}


def measure(quick: bool) -> dict[str, object]:
    count = 50 if quick else 300
    return {"sync": pick_up("mark", count), "async": pick_up("mark_async", count)}
