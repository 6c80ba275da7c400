-- Runs that began before this send nothing more; it waits for those that are just about to say that they send.
UPDATE {corpus}.corpus SET cancels = cancels + 1
