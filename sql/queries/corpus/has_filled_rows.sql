-- Whether any row of the user's own has its vector.
SELECT EXISTS (SELECT FROM {corpus}.filled_rows)
