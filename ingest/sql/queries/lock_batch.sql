-- One load at a time of one batch; the state tells whether another was faster.
SELECT state FROM batches WHERE id = %(id)s FOR UPDATE
