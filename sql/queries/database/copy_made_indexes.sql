-- The indexes of the next version are made like those in use: what was the user's own there is so here.
UPDATE {corpus}.corpus SET made_indexes = (SELECT used.made_indexes FROM {used}.corpus used)
