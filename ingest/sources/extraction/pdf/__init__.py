"""PDF to Markdown: pages by pypdfium2, their layout by our own rules. Runs in worker processes."""
