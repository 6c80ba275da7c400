-- Note whether the view of the passages is ours.
UPDATE {corpus}.corpus SET made_view = %(made)s
