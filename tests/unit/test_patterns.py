from __future__ import annotations

import signal
import subprocess
import sys

from patterns import PACKAGE, uses


def trying(*patterns: str) -> subprocess.Popen[str]:
    """A process that tries these patterns, or those of the package, on their worst cases."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.patterns", *patterns],
        cwd=PACKAGE.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_every_pattern_takes_linear_time() -> None:
    with trying() as process:
        out, err = process.communicate()

    print(out)  # noqa: T201 - shown by -s
    lines = out.splitlines()
    assert process.returncode == 0, f"{process.returncode}: {lines[-1:]} {err[-500:]}"
    assert len(lines) == len(uses()) > 40


def test_a_pattern_that_takes_quadratic_time_is_found_out() -> None:
    quadratic = [r"^[ ]{0,3}#[ \t]+(.+?)[ \t]*#*[ \t]*$", r"(\d+(?:\.\d+)?)(ms|s|m|h|d)"]

    processes = [trying(pattern) for pattern in quadratic]
    for process in processes:
        process.communicate()

    assert [process.returncode for process in processes] == [-signal.SIGPROF] * 2
