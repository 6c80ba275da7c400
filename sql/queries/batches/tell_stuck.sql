-- Those of these batches of which no notice was sent yet: whoever asks sends it.
UPDATE {corpus}.batches SET stuck_told = true WHERE id = ANY(%(ids)s) AND NOT stuck_told RETURNING id
