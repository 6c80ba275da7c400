-- Whether the role may make a schema in the database, as a new version of a corpus asks for; and the names of both.
SELECT has_database_privilege(current_database(), 'CREATE'), quote_ident(current_database()), quote_ident(current_user)
