"""Faults of the machine and of the jobs themselves, on the real program: the acceptance tests that are about them, counted.

Stopped processes, no descriptors, floods of output, poison jobs, C code that keeps the GIL, memory hogs, crashes, full
disks, half-written configurations, second supervisors, copies, forks. A fault is tried once for each test that passed.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys

from chaos.frame import ROOT, Run, main

TESTS: dict[str, str] = {
    "process stopped (SIGSTOP)": "test_faults.py::test_a_stopped_child_is_killed_at_its_jobs_deadline test_faults.py::test_a_stopped_supervisor_that_comes_back_settles_each_job_once test_commands.py::test_a_stopped_supervisor_does_not_keep_a_command_past_its_deadline",
    "no descriptors": "test_faults.py::test_a_supervisor_without_descriptors_goes_on_when_it_has_some_again",
    "half-written configuration": "test_faults.py::test_a_half_written_configuration_changes_nothing_and_is_told",
    "log flood": "test_output.py::test_a_flood_is_bounded_and_counted_and_the_job_completes test_output.py::test_a_line_without_end_is_cut test_commands.py::test_a_flood_of_output_is_bounded_and_its_end_is_kept",
    "poison job": "test_poison.py",
    "over time, also in C with the GIL": "test_limits.py::test_a_job_over_its_time_is_stopped_and_says_so test_commands.py::test_a_command_and_a_child_that_ignore_term_end_at_their_timeout",
    "out of memory": "test_limits.py::test_a_memory_hog_is_stopped_and_good_jobs_go_on test_commands.py::test_a_command_over_its_memory_is_ended_with_its_children_counted",
    "processes that flee": "test_limits.py::test_a_grandchild_in_its_own_session_ends_with_the_killed_child test_limits.py::test_a_daemon_that_left_every_group_ends_with_its_supervisor",
    "disk full": "test_disk_full.py",
    "second supervisor, copied store": "test_one_supervisor.py",
    "forks, threads, cancelled coroutines": "test_enqueuers.py",
    "deploy with other code": "test_deploys.py",
}


def body(run: Run, _arguments: argparse.Namespace) -> None:
    for fault, tests in TESTS.items():
        if run.is_over():
            break
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(f"tests/acceptance/{test}" for test in tests.split())]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        passed = re.search(r"(\d+) passed", ended.stdout)
        if passed:
            run.tried(fault, int(passed[1]))
        if ended.returncode:
            run.broke(
                fault,
                [f"broken: {line}" for line in ended.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
                or [f"broken: {ended.stdout[-500:]}"],
            )


if __name__ == "__main__":
    sys.exit(main("faults", "tests", body, n=0))
