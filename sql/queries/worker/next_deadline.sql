-- How long the worker may sleep, by PostgreSQL's clock: until a token expires, a reminder is due or an expired token's hash
-- must be erased. At most a minute; 0 when something is overdue.
-- → milliseconds, the schema's version, how full the queue of notifications is in percent, whether notifications are sent, and
--   the oldest schema version whose programs work with this schema
select ceil(1000 * extract(epoch from greatest(interval '0', least(
           now() + interval '1 minute',
           (select min(expires_at) from api_tokens where ended_at is null),
           (select min(due_at) from rotation_reminders where state <> 'closed'),
           (select min(ended_at) + interval '30 days' from hashes_to_erase)) - now())))::bigint,
       (select max(version) from schema_migrations),
       round(100 * notification_queue_usage())::integer, notifications_are_sent(),
       (select max(coalesce(oldest_program, version)) from schema_migrations);
