-- Whether the operating system sorts texts as it did when the indexes were made.
-- → finding
select format('the database''s collation has version %s, the operating system''s has %s', d.datcollversion,
              pg_database_collation_actual_version(d.oid)) as finding
from pg_database d
where d.datname = current_database() and d.datcollversion is distinct from pg_database_collation_actual_version(d.oid);
