-- Records a migration, in the transaction of that migration.
-- takes: version, name, checksum
-- → version
insert into testkase.schema_migrations (version, name, checksum)
values (:version::integer, :name, :checksum)
returning version;
