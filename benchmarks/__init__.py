"""Measurements side by side, each a ratio in one run. See docs/performance.md."""
