-- Passages whose document is gone, as no foreign key leaves them: it may have been put out of force for a while.
DELETE FROM {corpus}.chunks WHERE NOT EXISTS (SELECT FROM {corpus}.documents WHERE documents.id = chunks.document_id)
