-- The version of the database's schema: the number of the last migration.
-- → version
select coalesce(max(version), 0) as version
from testkase.schema_migrations;
