"""Where pipelines live: a corpus as a task of a scheduler, which waits for batches and holds no worker meanwhile."""
