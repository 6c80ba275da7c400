"""Documents that are not text as they stand, such as PDF: their text as Markdown, made in worker processes."""
