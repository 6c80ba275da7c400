-- A corpus as those know it who search it: its model, how many documents it has, and the fields to filter by.
SELECT model, (SELECT count(*) FROM {corpus}.documents), filters FROM {corpus}.corpus
