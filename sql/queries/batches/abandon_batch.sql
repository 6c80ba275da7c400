-- A batch that is waited for no longer: its requests will be settled as this code and these words say.
UPDATE {corpus}.batches SET state = 'finished', finished_at = now(), provider_status = %(status)s, message = %(message)s,
                   output_file_id = NULL, error_file_id = NULL, faults = NULL, tries = 0, not_before = NULL
WHERE id = %(id)s AND state IN ('submitted', 'finished')
