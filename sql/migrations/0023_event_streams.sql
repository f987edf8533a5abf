-- Streams of events for people who are signed in: the servers read the outbox, and hear when sessions end.
-- oldest-program: 14

-- --- reading the outbox ---

-- The transaction that wrote the row. Sequences are given out before the commit, so a row may become visible after rows with
-- greater ones. A reader remembers a snapshot instead, and misses no row that its next snapshot sees.
alter table testkase.outbox add column written_by xid8 not null default pg_current_xact_id();
create index outbox_written_idx on testkase.outbox (written_by);

grant select (sequence, written_by, created_at, user_id, topic, payload) on testkase.outbox to testkase_server;

-- Which topics of the outbox are events of a stream.
create table testkase.streamed_topics (
    topic text primary key
);

insert into testkase.streamed_topics (topic) values
    ('api_key.created'),
    ('api_key.rotated'),
    ('api_key.revoked'),
    ('api_key.expired'),
    ('api_key.rotation_due'),
    ('api_key.expiring');
grant select on testkase.streamed_topics to testkase_server;

-- The rows of the outbox that the current snapshot sees and `since` did not. A database that was restored elsewhere has rows of
-- another history, whose transactions are still to come here: they are passed over.
create function testkase.streamed_since(since pg_snapshot)
    returns table (sequence bigint, written_by xid8, user_id bigint, topic text, data text)
    language sql stable
begin atomic
    select o.sequence, o.written_by, o.user_id, o.topic,
           (o.payload || jsonb_build_object('ownerId', o.user_id, 'at', testkase.rfc3339(o.created_at)))::text
    from testkase.outbox o
    join testkase.streamed_topics t on t.topic = o.topic
    where o.written_by >= pg_snapshot_xmin(streamed_since.since)
      and o.written_by < pg_snapshot_xmax(pg_current_snapshot())
      and not pg_visible_in_snapshot(o.written_by, streamed_since.since)
      and o.user_id is not null;
end;

grant execute on function testkase.streamed_since(pg_snapshot) to testkase_server;

-- --- sessions that end ---

-- What is left of a session in milliseconds; no row when it is not valid.
create function testkase.live_sessions(ids bigint[]) returns table (id bigint, user_id bigint, left_ms bigint)
    language sql stable
begin atomic
    select s.id, s.user_id,
           ceil(extract(epoch from least(s.expires_at, s.last_seen_at + interval '12 hours') - now()) * 1000)::bigint
    from testkase.sessions s
    join testkase.users u on u.id = s.user_id
    where s.id = any (live_sessions.ids) and s.expires_at > now() and s.last_seen_at > now() - interval '12 hours'
      and s.user_generation = u.session_generation and u.status = 'active';
end;

grant execute on function testkase.live_sessions(bigint[]) to testkase_server;

create trigger sessions_deleted after delete on testkase.sessions
    referencing old table as after_rows
    for each statement execute function testkase.notify_rows('testkase_sessions', 'sessionIds');

create function testkase.session_generations_moved() returns trigger
    language plpgsql security definer set search_path = testkase, pg_temp
as $$
begin
    perform notify_ids('testkase_sessions', 'userIds',
                       array(select a.id from after_rows a
                             join before_rows b on b.id = a.id and b.session_generation <> a.session_generation limit 50));
    return null;
end
$$;

create trigger session_generations_moved after update on testkase.users
    referencing old table as before_rows new table as after_rows
    for each statement execute function testkase.session_generations_moved();

create function testkase.listen_for_events() returns boolean
    language plpgsql volatile
as $$
begin
    listen testkase_outbox;
    listen testkase_sessions;
    return true;
end
$$;

grant execute on function testkase.listen_for_events() to testkase_server;
