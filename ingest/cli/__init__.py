"""The command line: parse, call one verb of the pipeline, render. No logic; a module for each group of commands."""

from ingest.cli.program import app, main

__all__ = ["app", "main"]
