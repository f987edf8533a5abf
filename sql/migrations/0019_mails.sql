-- Mails to people: what the outbox has for them becomes notices, and open notices become mails, which the worker sends.
-- oldest-program: 14

-- --- the outbox is read once ---

alter table testkase.outbox add column routed_at timestamptz;
create index outbox_open_idx on testkase.outbox (sequence) where routed_at is null;
create index outbox_routed_idx on testkase.outbox (routed_at);

grant update (routed_at), delete on testkase.outbox to testkase_worker;

-- --- what people want ---

-- One row for each person who was sent a mail, or has said what it wants.
create table testkase.mail_wishes (
    user_id bigint primary key references testkase.users,
    -- Whoever knows it can only stop the reminders. It stands in each mail with them (RFC 8058), so it is kept as it is.
    unsubscribe_secret uuid not null unique default gen_random_uuid(),
    reminders boolean not null default true,
    changed_at timestamptz not null default now()
);

grant select on testkase.mail_wishes to testkase_server, testkase_worker;
grant insert (user_id, reminders), update (reminders, changed_at) on testkase.mail_wishes to testkase_server;
grant insert (user_id) on testkase.mail_wishes to testkase_worker;

-- --- mails ---

create table testkase.mails (
    id uuid primary key default gen_random_uuid(), -- the Message-ID has it, so it is the same in every attempt
    sequence bigint generated always as identity unique,
    created_at timestamptz not null default now(),
    organization_id bigint not null references testkase.organizations,
    user_id bigint not null references testkase.users,
    kind text not null check (kind in ('reminder', 'security')),
    subject text not null check (char_length(subject) between 1 and 200),
    state text not null default 'queued' check (state in ('queued', 'sent', 'parked')),
    attempts integer not null default 0,
    attempt_at timestamptz not null default now(), -- the next one
    leased_until timestamptz,                      -- a worker is at it
    status integer,                                -- of SMTP, at the last attempt
    error text check (char_length(error) <= 200),
    ended_at timestamptz,
    check ((state = 'queued') = (ended_at is null))
);

create index mails_due_idx on testkase.mails (attempt_at) where state = 'queued';
create index mails_user_idx on testkase.mails (user_id, kind, created_at desc);
create index mails_ended_idx on testkase.mails (ended_at);

-- What one mail says: a heading, sentences, and the part of the page where to go on.
create table testkase.mail_items (
    mail_id uuid not null references testkase.mails on delete cascade,
    position integer not null,
    heading text not null,
    sentences text[] not null,
    path text not null check (path ~ '^/'),
    primary key (mail_id, position)
);

grant select, delete on testkase.mails, testkase.mail_items to testkase_worker;
grant insert (organization_id, user_id, kind, subject),
      update (state, attempts, attempt_at, leased_until, status, error, ended_at)
    on testkase.mails to testkase_worker;
grant insert (mail_id, position, heading, sentences, path) on testkase.mail_items to testkase_worker;

-- --- notices ---

-- What one person is to be told, until it is in a mail.
create table testkase.notices (
    id bigint generated always as identity primary key,
    created_at timestamptz not null default now(),
    organization_id bigint not null references testkase.organizations,
    user_id bigint not null references testkase.users,
    kind text not null check (kind in ('reminder', 'security')),
    topic text not null,
    payload jsonb not null
);

create index notices_user_idx on testkase.notices (user_id, kind, id);

grant select, delete on testkase.notices to testkase_worker;
grant insert (organization_id, user_id, kind, topic, payload) on testkase.notices to testkase_worker;

-- Until when a person was told by mail of the stages of this reminder: one mail a day lists all of the day.
alter table testkase.rotation_reminders add column mailed_until timestamptz;
grant update (mailed_until) on testkase.rotation_reminders to testkase_worker;

-- Which topics of the outbox are mailed to people, as what.
create table testkase.mailed_topics (
    topic text primary key,
    kind text not null check (kind in ('reminder', 'security'))
);

insert into testkase.mailed_topics (topic, kind) values
    ('api_key.rotation_due', 'reminder'),
    ('api_key.expiring', 'reminder'),
    ('api_key.expired', 'reminder'),
    ('api_key.created', 'security'),
    ('api_key.rotated', 'security'),
    ('api_key.revoked', 'security'),
    ('user.password_changed', 'security');
grant select on testkase.mailed_topics to testkase_worker;

-- --- words ---

-- "27 Nov 2026 at 09:00 UTC".
create function testkase.at_time(moment timestamptz) returns text
    language sql stable parallel safe
    return testkase.on_day(moment) || to_char(moment at time zone 'UTC', ' "at" HH24:MI "UTC"');

-- "in 10 days", "in 3 hours", in whole units, rounded down; "now" within the last minute before it.
create function testkase.until_then(moment timestamptz) returns text
    language sql stable parallel safe
as $$
    select case
               when s.seconds < 60 then 'now'
               when s.seconds < 7200 then 'in ' || floor(s.seconds / 60) || ' minutes'
               when s.seconds < 172800 then 'in ' || floor(s.seconds / 3600) || ' hours'
               else 'in ' || floor(s.seconds / 86400) || ' days'
           end
    from (select extract(epoch from moment - now()) as seconds) s
$$;

-- By what a token was last used, as a sentence.
create function testkase.last_use_of(token bigint) returns text
    language sql stable
as $$
    select coalesce('It was last used ' || testkase.ago(l.used_at) || coalesce(' by ' || nullif(l.client, ''), '')
                    || coalesce(' from ' || host(l.address), '') || '.',
                    'It was never used.')
    from (select) one
    left join testkase.api_token_last_used l on l.token_id = token
$$;

-- What one notice says in a mail to a reader: a heading, sentences, and where in the page to go on.
create function testkase.notice_item(topic text, payload jsonb, reader bigint)
    returns table (heading text, sentences text[], path text)
    language sql stable
as $$
    with about as (
        select t.id, t.name, t.preview, t.expires_at, t.user_id = notice_item.reader as is_own, u.name as owner_name,
               t.ended_at, t.ended_reason, t.ended_note, n.live_successor_id, m.name as maker_name,
               t.created_by is distinct from t.user_id as is_made_by_other, p.name as maker_token, e.name as ender_name
        from testkase.api_tokens t
        join testkase.users u on u.id = t.user_id
        join testkase.api_token_rotations n on n.id = t.id
        left join testkase.users m on m.id = t.created_by
        left join testkase.api_tokens p on p.id = t.created_by_token
        left join testkase.users e on e.id = t.ended_by
        where t.id = (notice_item.payload ->> 'apiKeyId')::bigint
    ), told as (
        select a.*, '/settings/api-keys/' || a.id as its_path,
               array['Token ' || a.preview || case when a.is_own then '' else ' of ' || a.owner_name end || '.'] as which,
               array[testkase.last_use_of(a.id)] as use
        from about a
    )
    select t.name || case notice_item.topic when 'api_key.expired' then ' has expired'
                                            when 'api_key.expiring' then ' expires ' || testkase.until_then(t.expires_at)
                                            else ' is due for rotation' end,
           t.which || array[case
               when t.expires_at > now()
                   then 'It expires on ' || testkase.at_time(t.expires_at) || ', ' || testkase.until_then(t.expires_at) || '.'
               else 'It expired on ' || testkase.at_time(t.expires_at) || '; whoever still presents it is refused.'
           end] || t.use || array[case
               when t.expires_at <= now() then 'Generate a new token, if something still needs one.'
               when t.live_successor_id is not null
                   then 'Its successor is waiting: put it in its place, see that it works, then delete the old one.'
               else 'Generate its successor, put it in its place, see that it works, then delete the old one.'
           end],
           t.its_path || case when t.expires_at > now() then '/rotate' else '' end
    from told t
    where notice_item.topic in ('api_key.rotation_due', 'api_key.expiring', 'api_key.expired')
    union all
    select t.name || ' was generated',
           t.which || array['It is valid until ' || testkase.at_time(t.expires_at) || '.', case
               when t.maker_token is not null then 'It was generated with the token ' || t.maker_token || '.'
               when t.is_made_by_other then 'It was generated by ' || coalesce(t.maker_name, 'an operator') || '.'
               else 'It was generated in a session of its owner.'
           end, case when t.ended_at is null then 'If you do not know of it, delete it, and change your password.'
                       else 'It has ended since.' end],
           t.its_path
    from told t
    where notice_item.topic in ('api_key.created', 'api_key.rotated')
    union all
    select t.name || case t.ended_reason when 'leaked' then ' was found elsewhere and revoked' else ' was revoked' end,
           t.which || array_remove(array[
               coalesce(t.ender_name, 'An operator') || ' ended it on ' || testkase.at_time(t.ended_at) || '.',
               'The reason given: ' || t.ended_note || '.'], null) || t.use
           || array['Whatever used it gets 401 now. It cannot be brought back; generate a new one, if something needs it.'],
           t.its_path
    from told t
    where notice_item.topic = 'api_key.revoked'
    union all
    select 'Your password was changed',
           array['All sessions but the one that changed it have ended. Your tokens are still valid.',
                 'If it was not you, ask an admin of your organization for a new one, and delete tokens that you do not know.'],
           '/account'
    where notice_item.topic = 'user.password_changed'
$$;

-- --- from the outbox to notices ---

-- Reads up to `most` rows of the outbox, each once and in their order: makes notices for the people whom they concern. Returns
-- how many rows it read.
create function testkase.route_outbox(most integer) returns integer
    language plpgsql volatile security definer
    set search_path = testkase, pg_temp
as $$
declare
    read_rows integer;
begin
    with batch as (
        select o.id, o.organization_id, o.user_id, o.topic, o.payload, o.sequence
        from outbox o
        where o.routed_at is null
        order by o.sequence
        limit most
        for update of o skip locked
    ), read as (
        update outbox o set routed_at = now() from batch b where o.id = b.id
        returning o.id
    ), noticed as (
        insert into notices (organization_id, user_id, kind, topic, payload)
        select b.organization_id, p.id, m.kind, b.topic, b.payload
        from batch b
        join mailed_topics m on m.topic = b.topic
        cross join lateral told_about(b.user_id) t
        join users p on p.id = t.user_id and p.status = 'active'
        left join mail_wishes w on w.user_id = p.id
        where case
                  when m.kind = 'reminder' then
                      coalesce(w.reminders, true)
                      and not is_replaced((b.payload ->> 'apiKeyId')::bigint)
                      and not exists (select from rotation_reminders r
                                      where r.token_id = (b.payload ->> 'apiKeyId')::bigint
                                        and r.mailed_until
                                            >= coalesce(b.payload ->> 'dueAt', b.payload ->> 'expiresAt')::timestamptz)
                  -- Who ended a token need not be told.
                  when b.topic = 'api_key.revoked' then (b.payload ->> 'byUserId')::bigint is distinct from p.id
                  else true
              end
        order by b.sequence
    )
    select count(*) into read_rows from read;
    return read_rows;
end
$$;

revoke execute on function testkase.route_outbox(integer) from public;
grant execute on function testkase.route_outbox(integer) to testkase_worker;

-- --- from notices to mails ---

-- The notices of one kind that a person can be told of now, in one mail: reminders once a day (in UTC), everything else at once,
-- but not more than one mail in a minute after the fifth of an hour.
create function testkase.may_be_mailed(reader bigint, of_kind text) returns boolean
    language sql stable
as $$
    select case of_kind
               when 'reminder' then count(*) filter (where m.created_at >= date_trunc('day', now(), 'UTC')) = 0
               else count(*) filter (where m.created_at > now() - interval '1 minute') = 0
                    or count(*) filter (where m.created_at > now() - interval '1 hour') < 5
           end
    from testkase.mails m
    where m.user_id = reader and m.kind = of_kind and m.created_at > now() - interval '1 day'
$$;

-- Makes mails of the open notices of up to `most` people. A mail of reminders lists what becomes due later on the same day as
-- well, since there is none before the next day. Returns how many mails it made.
create function testkase.compose_mails(most integer) returns integer
    language plpgsql volatile security definer
    set search_path = testkase, pg_temp
as $$
declare
    reader record;
    mail uuid;
    listed integer;
    first_heading text;
    made integer := 0;
    day_end timestamptz := date_trunc('day', now(), 'UTC') + interval '1 day';
    listed_most constant integer := 50;
begin
    for reader in
        select n.user_id, n.kind, min(n.organization_id) as organization_id
        from notices n
        group by n.user_id, n.kind
        having may_be_mailed(n.user_id, n.kind)
        order by min(n.id)
        limit most
    loop
        insert into mail_wishes (user_id) values (reader.user_id) on conflict do nothing;
        -- One worker at a time composes for a person.
        perform from mail_wishes w where w.user_id = reader.user_id for update skip locked;
        continue when not found or not may_be_mailed(reader.user_id, reader.kind);
        insert into mails (organization_id, user_id, kind, subject)
        values (reader.organization_id, reader.user_id, reader.kind, 'to be set')
        returning id into mail;
        with taken as (
            delete from notices n where n.user_id = reader.user_id and n.kind = reader.kind
            returning n.id, n.topic, n.payload
        ), soon as (
            -- The rest of the day. Of the reader's own tokens only: those of a service account have several readers, of whom
            -- one mail says nothing.
            select r.id, s.at, s.stage, r.token_id
            from rotation_reminders r
            join users u on u.id = r.user_id
            join api_tokens t on t.id = r.token_id and t.ended_at is null and t.owner_generation = u.credential_generation
            cross join lateral reminder_stages(t.rotate_at, t.expires_at) s
            where reader.kind = 'reminder' and r.state <> 'closed' and r.due_at < day_end and s.at >= r.due_at and s.at < day_end
              and r.user_id = reader.user_id
        ), told as (
            select distinct on (a.about) a.topic, a.payload, a.at
            from (
                select t.topic, t.payload, coalesce((t.payload ->> 'apiKeyId')::bigint, -t.id) as about,
                       (t.payload ->> 'expiresAt')::timestamptz as at, t.id
                from taken t
                union all
                select case s.stage when 'rotation' then 'api_key.rotation_due' else 'api_key.expiring' end,
                       jsonb_build_object('apiKeyId', s.token_id), s.token_id, s.at, null
                from soon s
            ) a
            order by a.about, a.id desc nulls last
        ), marked as (
            update rotation_reminders r set mailed_until = day_end - interval '1 microsecond'
            where reader.kind = 'reminder' and r.user_id = reader.user_id
              and r.token_id in (select (t.payload ->> 'apiKeyId')::bigint from told t)
        ), items as (
            select row_number() over (order by t.at nulls last, i.heading) as position, i.heading, i.sentences, i.path
            from told t
            cross join lateral notice_item(t.topic, t.payload, reader.user_id) i
        ), written as (
            insert into mail_items (mail_id, position, heading, sentences, path)
            select mail, i.position, i.heading, i.sentences, i.path from items i where i.position <= listed_most
        )
        select count(*), max(i.heading) filter (where i.position = 1) into listed, first_heading from items i;
        if listed = 0 then
            delete from mails where id = mail; -- the tokens do not exist any more
            continue;
        end if;
        if listed > listed_most then
            insert into mail_items (mail_id, position, heading, sentences, path)
            values (mail, listed_most + 1, 'And ' || listed - listed_most || ' more',
                    array['The page lists all of them.'], '/settings/api-keys');
        end if;
        update mails
        set subject = left(case
                when listed = 1 then first_heading
                when reader.kind = 'reminder' then listed || ' tokens need your attention'
                else listed || ' changes to your account and tokens'
            end, 200)
        where id = mail;
        made := made + 1;
    end loop;
    return made;
end
$$;

revoke execute on function testkase.compose_mails(integer) from public;
grant execute on function testkase.compose_mails(integer) to testkase_worker;
