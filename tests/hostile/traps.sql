-- Functions of PostgreSQL's and pgvector's that are named in trap.functions, and operators and types of ours, as traps: each notes that it was called.
DO $traps$
DECLARE
    body text;
    made integer := 0;
    types oid[] := (SELECT array_agg(t::regtype::oid) FROM unnest(string_to_array(current_setting('trap.types'), ' ')) t)
                   || (SELECT array_agg(oid) FROM pg_type WHERE typnamespace = '{vector}'::regnamespace AND typtype = 'b'
                       AND typname IN ('vector', 'halfvec'));
    names name[] := ARRAY( -- others could not be meant
        SELECT DISTINCT proname FROM pg_proc
        WHERE proname = ANY (string_to_array(current_setting('trap.functions'), ' '))
          AND pronamespace IN ('pg_catalog'::regnamespace, '{vector}'::regnamespace));
    f record;
BEGIN
    -- Functions and aggregates: those of the same arguments, and those that would match better than "any".
    FOR f IN
        SELECT proname AS name, pg_get_function_identity_arguments(p.oid) AS arguments, prokind = 'a' AS is_aggregate,
               prorettype::regtype AS result, proretset AS is_set
        FROM pg_proc p
        WHERE proname = ANY (names) AND provariadic = 0
          AND prokind IN ('f', 'a') AND pronamespace IN ('pg_catalog'::regnamespace, '{vector}'::regnamespace)
        UNION
        SELECT name, t::regtype::text, name IN ('count', 'max', 'min', 'sum', 'avg', 'array_agg'), t::regtype, false
        FROM unnest(names) name, unnest(types) t
        UNION
        SELECT name, format('%s, %s', t::regtype, u::regtype), false, t::regtype, false
        FROM unnest(names) name, unnest(types) t, unnest(types) u
        WHERE name IN ('set_config', 'to_regclass', 'hashtext', 'pg_advisory_lock', 'pg_notify', 'format_type')
    LOOP
        body := format('BEGIN PERFORM pg_catalog.nextval(''{traps}.calls''); INSERT INTO {traps}.caught VALUES (%L); %s END',
                       f.name || '(' || f.arguments || ')', CASE WHEN f.is_set THEN '' ELSE 'RETURN NULL;' END);
        BEGIN
            IF f.is_aggregate THEN
                EXECUTE format('CREATE FUNCTION {traps}.trap_of_%s(pg_catalog.int8, %s) RETURNS pg_catalog.int8 LANGUAGE '
                               'plpgsql AS %L', f.name, f.arguments, body);
                EXECUTE format('CREATE AGGREGATE {traps}.%I(%s) (sfunc = {traps}.trap_of_%s, stype = pg_catalog.int8)',
                               f.name, f.arguments, f.name);
            ELSE
                EXECUTE format('CREATE FUNCTION {traps}.%I(%s) RETURNS %s %s LANGUAGE plpgsql AS %L', f.name, f.arguments,
                               CASE WHEN f.is_set THEN 'SETOF' ELSE '' END, f.result, body);
            END IF;
            made := made + 1;
        EXCEPTION WHEN OTHERS THEN NULL; -- of pseudo-types, or there already
        END;
    END LOOP;
    -- Operators on the types that we use.
    FOR f IN
        SELECT oprname AS name, oprleft::regtype AS left, oprright::regtype AS right, oprresult::regtype AS result
        FROM pg_operator
        WHERE oprleft <> 0 AND (oprleft = ANY (types) OR oprleft::regtype::text LIKE 'any%')
          AND oprnamespace IN ('pg_catalog'::regnamespace, '{vector}'::regnamespace)
    LOOP
        body := format('BEGIN PERFORM pg_catalog.nextval(''{traps}.calls''); INSERT INTO {traps}.caught VALUES (%L); RETURN NULL; '
                       'END', format('%s %s %s', f.left, f.name, f.right));
        BEGIN
            EXECUTE format('CREATE FUNCTION {traps}.trap_%s(%s, %s) RETURNS %s LANGUAGE plpgsql AS %L', made, f.left, f.right,
                           f.result, body);
            EXECUTE format('CREATE OPERATOR {traps}.%s (leftarg = %s, rightarg = %s, function = {traps}.trap_%s)', f.name, f.left,
                           f.right, made);
            made := made + 1;
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
    END LOOP;
    -- Types, last: from here on `text` is another's, where {traps} comes first.
    FOR f IN SELECT unnest(string_to_array('text bytea jsonb uuid name oid regclass timestamptz int8 vector halfvec', ' ')) AS name LOOP
        EXECUTE format('CREATE DOMAIN {traps}.%I AS pg_catalog.inet', f.name);
    END LOOP;
    IF made < 500 THEN
        RAISE EXCEPTION 'only % traps were set', made;
    END IF;
END $traps$
