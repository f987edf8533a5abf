-- The migrations that were applied to this database.
-- → of each, in order: version, name, checksum
select version, name, checksum
from testkase.schema_migrations
order by version;
