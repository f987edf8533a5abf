-- Which history of PostgreSQL the connection goes by: a standby that takes over begins the next timeline of the same system.
-- → system (its identifier) and timeline, or no row from a standby
select s.system_identifier as system,
       ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint as timeline
from pg_control_system() s
where not pg_is_in_recovery();
