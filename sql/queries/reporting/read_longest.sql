-- The tokens of the longest chunk in use, or filled row.
SELECT greatest((SELECT max(token_count) FROM {corpus}.chunks WHERE NOT superseded),
                (SELECT max(token_count) FROM {corpus}.filled_rows))
