-- One load at a time of one batch; the state tells whether another was faster, the faults what did not validate.
SELECT state, faults FROM {corpus}.batches WHERE id = %(id)s FOR UPDATE
