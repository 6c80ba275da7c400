-- Which of these schemas there are.
SELECT nspname FROM pg_namespace WHERE nspname = ANY(%(schemas)s)
