-- pgvector's types as they are in this database: their names, their numbers, and those of their arrays.
SELECT typname, oid::int, typarray::int FROM pg_type
WHERE oid IN (pg_typeof(NULL::{vector}.vector), pg_typeof(NULL::{vector}.halfvec), pg_typeof(NULL::{vector}.sparsevec))
