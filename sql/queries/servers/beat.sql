-- Records that the server is alive and which others it knows, and deletes the rows of servers that have been silent for a minute.
-- takes: server, version, known
-- known: an array of servers, as text
-- → each other server that lives, 200 at most, and whether it knows this one, or is silent and not worth waiting for. Binary
--   result.
with beaten as (
    insert into server_heartbeats (server, version, known) values (:server, :version, :known::text::bigint[])
    on conflict (server) do update set beat_at = now(), known = excluded.known
), gone as (
    delete from server_heartbeats
    where server in (select h.server from server_heartbeats h
                     where h.server <> :server and h.beat_at < now() - interval '1 minute'
                     limit 100 for update skip locked)
)
select h.server, (:server = any (h.known) or h.beat_at < now() - interval '1 second')::integer
from server_heartbeats h
where h.server <> :server and h.beat_at > now() - server_silence_max()
order by h.server
limit 200;
