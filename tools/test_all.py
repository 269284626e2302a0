#!/usr/bin/python3
"""test_all.py [lint] [build] [unit] [boot] [soak]: runs these groups, two jobs at a time.

Closes with the line `N passed, N failed, N skipped` over single test cases and ends with 1 if any failed.
A job that breaks without naming a failed case counts as one failed.
"""
import concurrent.futures
import dataclasses
import itertools
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree

TOP = pathlib.Path(__file__).resolve().parent.parent
OUT = TOP / "build/test"
WORKERS = 2
PYTEST = ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
PRESETS = ["release", "debug", "release-clang", "debug-clang"]
COMPILERS = ["gcc", "clang"]
LIMIT = 1200  # seconds for one job
TAIL = 80  # lines of a failed job's output


@dataclasses.dataclass
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other):
        return Count(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def count_program(_, status, output):
    """One case: it ends well or not."""
    return Count(passed=int(status == 0), failed=int(status != 0))


def count_ctest(_, status, output):
    """`ctest -V` over cmocka programs that talk TAP: a line for each case."""
    count, failed = Count(), set()
    for number, bad, skip in re.findall(r"^(\d+): (not )?ok \d+.*?(# SKIP.*)?$", output, re.M | re.I):
        count += Count(failed=1) if bad else Count(skipped=1) if skip else Count(passed=1)
        if bad:
            failed.add(number)
    # A program that crashed, or was not built, names no case.
    for number in re.findall(r"Test +#(\d+): .*\*\*\*", output):
        if number not in failed:
            count += Count(failed=1)
    return whole(count, status)


def count_junit(job, status, output):
    """pytest's JUnit file."""
    count = Count()
    if job.report.exists():
        for suite in xml.etree.ElementTree.parse(job.report).iter("testsuite"):
            total, failed, errors, skipped = (int(suite.get(key)) for key in
                                              ("tests", "failures", "errors", "skipped"))
            count += Count(total - failed - errors - skipped, failed + errors, skipped)
    return whole(count, status)


def whole(count, status):
    """A broken job, and one that ran nothing, is a failure even if no case says so."""
    if (status and not count.failed) or count == Count():
        return count + Count(failed=1)
    return count


@dataclasses.dataclass
class Job:
    name: str
    command: list
    counter: object  # (job, exit status, output) -> Count
    env: dict = dataclasses.field(default_factory=dict)

    def file(self, kind):
        return OUT / (re.sub(r"[^\w.-]+", "_", self.name) + kind)

    @property
    def report(self):
        return self.file(".xml")

    def run(self):
        """(count, seconds, output)"""
        began = time.monotonic()
        self.report.unlink(missing_ok=True)
        with subprocess.Popen(self.command, cwd=TOP, env={**os.environ, **self.env},
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, start_new_session=True) as process:
            try:
                output, _ = process.communicate(timeout=LIMIT)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)  # with the emulators and compilers it started
                output, _ = process.communicate()
                output += b"\n(took too long)\n"
            status = process.returncode
        output = output.decode(errors="replace")
        self.file(".log").write_text(output)
        return self.counter(self, status, output), time.monotonic() - began, output


def pytest_job(name, *args):
    job = Job(name, [*PYTEST, *args], count_junit)
    job.command.append(f"--junitxml={job.report}")
    return job


def collect(folder, *args):
    """The ids of the tests in a folder, in the order that its conftest.py wants."""
    done = subprocess.run([*PYTEST, "--collect-only", *args, folder], cwd=TOP, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    ids = [line for line in done.stdout.splitlines() if "::" in line]
    return ids if done.returncode == 0 and ids else []


def lint_jobs():
    return [pytest_job("lint", "tests/lint")]


def build_jobs():
    return [Job(f"build {preset}", ["sh", "-c", f"cmake --preset {preset} && cmake --build build/{preset}"],
                count_program) for preset in PRESETS]


def unit_jobs():
    """Builds the unit tests with each compiler and runs them; what does not build fails, the rest runs."""
    jobs = []
    for compiler in COMPILERS:
        folder = f"build/unit-{compiler}"
        script = (f"cmake -S tests/unit -B {folder} -G Ninja -DCMAKE_C_COMPILER={compiler} && "
                  f"{{ ninja -k 0 -j 1 -C {folder}; built=$?; ctest -V --test-dir {folder} && exit $built; }}")
        jobs.append(Job(f"unit-{compiler}", ["sh", "-c", script], count_ctest,
                        {"CMOCKA_MESSAGE_OUTPUT": "TAP"}))
    return jobs


def decoder_job():
    """The decoder against Zydis, over more strings than `make test` has time for."""
    folder = "build/unit-gcc"
    script = (f"cmake -S tests/unit -B {folder} -G Ninja -DCMAKE_C_COMPILER=gcc && "
              f"ninja -C {folder} test_insn_zydis && {folder}/test_insn_zydis")
    return Job("insn_zydis", ["sh", "-c", script], count_program, {"PXHV_ZYDIS_COUNT": "60000000"})


def boot_jobs(*args):
    """A job for each boot test: whichever worker is free takes the next."""
    ids = collect("tests/boot", *args)
    return [pytest_job(test, *args, test) for test in ids] or [pytest_job("boot", *args, "tests/boot")]


GROUPS = {
    "lint": lint_jobs,
    "build": build_jobs,
    "unit": unit_jobs,
    "boot": boot_jobs,
    "soak": lambda: [decoder_job(), *boot_jobs("-m", "soak")],
}
lock = threading.Lock()


def run(job, done, total):
    """done counts the jobs that have ended."""
    count, seconds, output = job.run()
    with lock:
        print(f"[{next(done):>{len(str(total))}}/{total}] {'FAIL' if count.failed else 'ok':<4} {seconds:6.1f} s  "
              f"{job.name}  ({count})", flush=True)
        if count.failed:
            print("    | " + "\n    | ".join(output.splitlines()[-TAIL:]))
            print(f"    all of it: {job.file('.log').relative_to(TOP)}", flush=True)
    return count


def main():
    names = sys.argv[1:] or ["lint", "build", "unit", "boot"]
    if unknown := set(names) - set(GROUPS):
        sys.exit(f"unknown group: {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    OUT.mkdir(parents=True, exist_ok=True)
    jobs = [job for name in names for job in GROUPS[name]()]
    done = itertools.count(1)
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        total = sum(pool.map(lambda job: run(job, done, len(jobs)), jobs), Count())
    print(total)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
