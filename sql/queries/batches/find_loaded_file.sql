-- Whether a file with this content was loaded already.
SELECT loaded_count FROM {corpus}.loaded_files WHERE sha256 = %(sha256)s
