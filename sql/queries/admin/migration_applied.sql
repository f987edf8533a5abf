-- Records a migration, in the transaction of that migration.
-- takes: version, name, checksum, oldest
-- oldest: the oldest schema version whose programs work with the schema that this migration makes
-- → version
insert into testkase.schema_migrations (version, name, checksum, oldest_program)
values (:version::integer, :name, :checksum, :oldest::integer)
returning version;
