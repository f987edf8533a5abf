-- The migrations that were applied to this database.
-- → of each, in order: version, name, checksum, and the oldest schema version whose programs work with it
select version, name, checksum, coalesce(oldest_program, version) as oldest_program
from testkase.schema_migrations
order by version;
