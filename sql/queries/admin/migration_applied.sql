-- Records a migration, in its own transaction.
-- $1 version, $2 name, $3 checksum
-- → version
insert into testkase.schema_migrations (version, name, checksum)
values ($1::integer, $2, $3)
returning version;
