-- From now on all passages have their terms.
UPDATE {corpus}.corpus SET terms_filled = true
