-- Whether something of a batch was loaded: then its file was read, but for some lines.
SELECT loaded_count > 0 FROM {corpus}.batches WHERE id = %(batch_id)s
