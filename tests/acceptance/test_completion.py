"""The shell completes the program's commands and options."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAMS = Path(sys.executable).parent


def bash(script: str, home: Path, *options: str) -> str:
    """What a real bash prints, with the program on its path."""
    environment = {"HOME": str(home), "PATH": f"{PROGRAMS}:{os.environ['PATH']}", "SHELL": "/bin/bash"}
    done = subprocess.run(
        ["bash", *options, "-c", script], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


def test_completion_is_installed_for_the_shell_that_asks(tmp_path: Path) -> None:
    bash("ingest --install-completion; true", tmp_path)  # with one command alone, bash would become the program

    assert "_ingest_completion" in bash("complete -p ingest", tmp_path, "-i")


def test_commands_and_options_are_completed(tmp_path: Path) -> None:
    script = """
        eval "$(ingest --show-completion; true)"
        COMP_WORDS=(ingest re); COMP_CWORD=1; _ingest_completion ingest; echo "${COMPREPLY[@]}"
        COMP_WORDS=(ingest run --prov); COMP_CWORD=2; _ingest_completion ingest; echo "${COMPREPLY[@]}"
    """

    commands, options = bash(script, tmp_path).splitlines()

    assert set(commands.split()) == {"retry", "reembed", "remove", "report"}
    assert options == "--provider"
