-- The migrations that this database has had.
-- → of each, in order: version, name, checksum
select version, name, checksum
from testkase.schema_migrations
order by version;
