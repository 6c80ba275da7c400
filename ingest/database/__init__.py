"""The database: connections, the embedded server, the statements, the binary forms, the indexes."""
