"""`python -m ingest`: the same as the program `ingest`."""

from ingest.cli import main

main()
