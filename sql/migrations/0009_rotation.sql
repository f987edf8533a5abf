-- Rotation as a workflow: successors, where the old and the new token are used, and when the old one may go. Also what a token
-- says about itself: its purpose, who made it, who ended it, and why.

-- --- tokens ---

alter table testkase.api_tokens
    -- What the token is for and where it is used, in its maker's words.
    add column purpose text check (char_length(purpose) between 1 and 200),
    -- Pages show it as a link, so it can have no other scheme.
    add column link text check (char_length(link) <= 500 and link ~ '^https?://[!-~]+$'),
    -- The Idempotency-Key of the request that made the token: a request that is sent again makes no second one.
    add column idempotency_key text collate "C" check (idempotency_key ~ '^[ -~]{1,255}$'),
    -- The account that made it, and the token that the account used for that, if any; null when an operator made it.
    add column created_by bigint references testkase.users,
    add column created_by_token bigint references testkase.api_tokens,
    add column ended_note text check (char_length(ended_note) between 1 and 200),
    add constraint api_tokens_note_has_an_end check (ended_note is null or ended_at is not null);

-- A token has one successor at a time: whoever lost the new token ends it and makes another.
alter table testkase.api_tokens drop constraint api_tokens_predecessor_id_key;
create unique index api_tokens_live_successor_key on testkase.api_tokens (predecessor_id) where ended_at is null;
create index api_tokens_successor_idx on testkase.api_tokens (predecessor_id, id desc) where predecessor_id is not null;
create index api_tokens_made_by_token_idx on testkase.api_tokens (created_by_token) where created_by_token is not null;
create unique index api_tokens_idempotency_key on testkase.api_tokens (user_id, idempotency_key)
    where idempotency_key is not null;

create or replace function testkase.api_tokens_guard() returns trigger
    language plpgsql set search_path = testkase, pg_temp
as $$
begin
    if new.id <> old.id or new.user_id <> old.user_id or new.owner_generation <> old.owner_generation
       or new.lookup_id <> old.lookup_id or new.preview <> old.preview or new.name <> old.name
       or new.expires_in_days <> old.expires_in_days or new.created_at <> old.created_at
       or new.expires_at <> old.expires_at or new.rotate_at <> old.rotate_at
       or (new.predecessor_id, new.purpose, new.link, new.idempotency_key, new.created_by, new.created_by_token)
          is distinct from
          (old.predecessor_id, old.purpose, old.link, old.idempotency_key, old.created_by, old.created_by_token) then
        raise exception 'a token cannot be changed'
            using errcode = 'integrity_constraint_violation', constraint = 'api_tokens_immutable';
    end if;
    if old.ended_at is null and new.ended_at is not null and new.ended_reason <> 'expired' then
        new.secret_hash := null;
    end if;
    if new.secret_hash is distinct from old.secret_hash
       and not (new.secret_hash is null and new.ended_at is not null)
       and not (old.ended_at is null and new.ended_at is null
                and is_renewal('api_token ' || old.id, old.secret_hash, new.secret_hash)) then
        raise exception 'a token''s hash can only be renewed at another cost, or erased when the token ends'
            using errcode = 'integrity_constraint_violation', constraint = 'api_tokens_hash_immutable';
    end if;
    if old.ended_at is not null
       and (new.ended_at, new.ended_reason, new.ended_by, new.ended_note)
           is distinct from (old.ended_at, old.ended_reason, old.ended_by, old.ended_note) then
        raise exception 'a token that has ended stays so'
            using errcode = 'integrity_constraint_violation', constraint = 'api_tokens_end_is_final';
    end if;
    return new;
end
$$;

-- As before, but one deletion may end thousands. A session keeps the plan of its first call, which was for one row: a join of the
-- two would then compare each row with each.
create or replace function testkase.api_tokens_changed() returns trigger
    language plpgsql security definer set search_path = testkase, pg_temp
as $$
declare
    changed bigint[];
begin
    select array_agg(c.id) into changed
    from (select id, ended_at, rate_limit from after_rows
          except
          select id, ended_at, rate_limit from before_rows) c;
    if changed is not null then
        perform bump_auth_epoch(changed);
        perform notify_ids('testkase_tokens', 'tokenIds', changed);
    end if;
    return null;
end
$$;

grant insert (purpose, link, idempotency_key, created_by, created_by_token) on testkase.api_tokens to testkase_server;
grant update (ended_note) on testkase.api_tokens to testkase_server;

-- The name of a successor: the same with the next version ("GitHub Actions", "GitHub Actions v2", "GitHub Actions v3"), cut to
-- the 100 characters that a name may have.
create function testkase.successor_name(name text) returns text
    language sql immutable parallel safe
as $$
    select rtrim(left(v.base, 100 - char_length(v.ending))) || v.ending
    from (
        select case when name ~ ' v[1-9][0-9]{0,3}$' then regexp_replace(name, ' v[0-9]+$', '') else name end as base,
               ' v' || coalesce(substring(name from ' v([1-9][0-9]{0,3})$')::integer, 1) + 1 as ending
    ) v
$$;

grant execute on function testkase.successor_name(text) to testkase_server;

-- The periods that a token may have, and on which day each is due: [{"days": 7, "rotateOn": 6}, ...]. Null allows all.
create function testkase.periods_up_to(max_days smallint) returns json
    language sql stable
as $$
    select json_agg(json_build_object('days', p.expires_in_days, 'rotateOn', p.rotate_on_day) order by p.expires_in_days)
    from testkase.rotation_policy p
    where max_days is null or p.expires_in_days <= max_days
$$;

grant execute on function testkase.periods_up_to(smallint) to testkase_server;

-- --- usage ---

-- When the entry was last counted: its hour alone is too coarse for "used the old token 20 minutes ago".
alter table testkase.api_token_usage add column last_at timestamptz;
update testkase.api_token_usage set last_at = hour;
alter table testkase.api_token_usage alter column last_at set not null;
grant insert (last_at), update (last_at) on testkase.api_token_usage to testkase_server;

-- Whether a call with this answer was let in: neither refused because of the token nor over its limit.
create function testkase.is_let_in(status smallint) returns boolean
    language sql immutable parallel safe
    return status not in (401, 429);

-- Whether a call with this answer was refused: the token is not valid, its owner lacks the right, or the limit was reached.
create function testkase.is_refused(status smallint) returns boolean
    language sql immutable parallel safe
    return status in (401, 403, 429);

grant execute on function testkase.is_let_in(smallint), testkase.is_refused(smallint) to testkase_server;

-- --- words for people ---

-- "2 hours ago", in whole units.
create function testkase.ago(moment timestamptz) returns text
    language sql stable parallel safe
as $$
    select case
               when s.seconds < 60 then 'just now'
               when s.seconds < 120 then '1 minute ago'
               when s.seconds < 7200 then floor(s.seconds / 60) || ' minutes ago'
               when s.seconds < 172800 then floor(s.seconds / 3600) || ' hours ago'
               else floor(s.seconds / 86400) || ' days ago'
           end
    from (select extract(epoch from now() - moment) as seconds) s
$$;

-- "27 Nov 2026", in UTC and in English, whatever the locale.
create function testkase.on_day(moment timestamptz) returns text
    language sql stable parallel safe
    return to_char(moment at time zone 'UTC', 'FMDD Mon YYYY');

-- "1 call", "2 calls".
create function testkase.counted(number bigint, one text) returns text
    language sql immutable parallel safe
    return number || ' ' || one || case when number = 1 then '' else 's' end;

-- Text in the form in which a search compares it: as email_key() does, by ASCII letters alone, so that no locale has a say.
create function testkase.folded(words text) returns text
    language sql immutable parallel safe
    return lower(words collate "C");

grant execute on function testkase.folded(text) to testkase_server;

-- "GitHub Actions at 10.0.0.7": a client without its version, and its address.
create function testkase.place_words(client text, address inet) returns text
    language sql immutable parallel safe
    return case
               when client = 'other' and address is null then 'one of many other clients'
               else coalesce(nullif(split_part(client, '/', 1), ''), 'an unnamed client') || coalesce(' at ' || host(address), '')
           end;

-- --- the verdict on a rotation ---

-- When an old token is safe to delete. They are data, like rotation_policy, so that a team can set its own.
create table testkase.rotation_verdict (
    only_row boolean primary key default true check (only_row),
    -- The new token must have been used wherever the old one was used in so many days,
    places_days smallint not null default 7 check (places_days between 1 and 90),
    -- and the old one must have been quiet for so many hours.
    quiet_hours smallint not null default 24 check (quiet_hours between 1 and 720)
);

insert into testkase.rotation_verdict default values;
grant select on testkase.rotation_verdict to testkase_server;

-- Where a token was used since `since`: by which clients, at which addresses, when last and how often. A client is told by its
-- product; a new version of a client is no other place.
create function testkase.places_of(of_token bigint, since timestamptz)
    returns table (client text, address inet, last_at timestamptz, calls bigint)
    language sql stable
as $$
    select split_part(u.client, '/', 1), u.address, max(u.last_at), sum(u.calls)::bigint
    from testkase.api_token_usage u
    where u.token_id = of_token and u.hour >= date_trunc('hour', since, 'UTC') and testkase.is_let_in(u.status)
    group by 1, 2
$$;

-- The places of an old token in the last days, and when its successor (null: none) was used there. The entry "other", under no
-- address, is not one place but many: that both tokens have it says nothing.
create function testkase.rotation_places(old_token bigint, new_token bigint)
    returns table (client text, address inet, old_at timestamptz, old_calls bigint, new_at timestamptz, new_calls bigint)
    language sql stable
as $$
    select o.client, o.address, o.last_at, o.calls, n.last_at, coalesce(n.calls, 0)
    from testkase.rotation_verdict v
    cross join testkase.places_of(old_token, now() - v.places_days * interval '1 day') o
    left join testkase.places_of(new_token, '-infinity') n
        on n.client = o.client and n.address is not distinct from o.address and not (o.client = 'other' and o.address is null)
$$;

-- Why an old token is not safe to delete, in a sentence that its owner can act on; null when it is safe. A place has switched
-- when it used the new token later than the old one; of the places that share the entry "other" nobody knows which have.
create function testkase.rotation_obstacle(old_token bigint, new_token bigint) returns text
    language sql stable
as $$
    select case
               when n.used_at is null then 'The new token has not been used yet.'
               when m.places > 0 then
                   'The old token was used ' || testkase.ago(m.old_at) || ' by ' || testkase.place_words(m.client, m.address)
                   || ', which has not used the new one' || case when m.new_at is not null then ' since' else '' end
                   || case when m.places = 2 then '; nor has 1 other place'
                           when m.places > 2 then '; nor have ' || m.places - 1 || ' other places'
                           else '' end
                   || '.'
               when o.used_at > now() - v.quiet_hours * interval '1 hour' then
                   'The old token was used ' || testkase.ago(o.used_at) || ' by ' || testkase.place_words(o.client, o.address)
                   || '; it must be quiet for ' || testkase.counted(v.quiet_hours, 'hour') || '.'
           end
    from testkase.rotation_verdict v
    left join testkase.api_token_last_used o on o.token_id = old_token
    left join testkase.api_token_last_used n on n.token_id = new_token
    left join lateral (
        select p.client, p.address, p.old_at, p.new_at, count(*) over () as places
        from testkase.rotation_places(old_token, new_token) p
        where p.new_at is null or p.new_at < p.old_at
        order by p.old_at desc
        limit 1
    ) m on true
$$;

grant execute on function testkase.ago(timestamptz), testkase.on_day(timestamptz), testkase.counted(bigint, text),
    testkase.place_words(text, inet), testkase.places_of(bigint, timestamptz),
    testkase.rotation_places(bigint, bigint), testkase.rotation_obstacle(bigint, bigint)
    to testkase_server;

-- --- tokens as they are shown ---

drop view testkase.shown_tokens;

-- The rotation of each token. A successor or predecessor is live here while it is valid; between tokens of one owner, the older
-- one always expires first. A token is overdue when more than half of the time between its day and its expiry is gone.
create view testkase.api_token_rotations as
    select t.id, n.id as successor_id, case when n.ended_at is null then n.id end as live_successor_id,
           case when p.ended_at is null and p.expires_at > now() then p.id end as live_predecessor_id,
           case
               when s.status <> 'active' then 'none'
               when n.ended_at is null and n.id is not null then 'overlap'
               when now() >= t.rotate_at + (t.expires_at - t.rotate_at) / 2 then 'overdue'
               when now() >= t.rotate_at then 'due'
               else 'none'
           end as state
    from testkase.api_tokens t
    join testkase.api_token_states s on s.id = t.id
    left join testkase.api_tokens p on p.id = t.predecessor_id
    left join lateral (
        select n.id, n.ended_at
        from testkase.api_tokens n
        where n.predecessor_id = t.id
        order by n.id desc
        limit 1
    ) n on true;

grant select on testkase.api_token_rotations to testkase_server;

-- A token as the API shows it, under the API's names, with its owner's id and its own rate limit. Like any view, it does not see
-- rows that the same statement inserts.
create view testkase.shown_tokens as
    select t.id, t.user_id, t.name, t.preview as "tokenPreview", testkase.rfc3339(t.created_at) as "createdAt",
           testkase.rfc3339(t.expires_at) as "expiresAt", t.expires_in_days as "expiresInDays",
           testkase.rfc3339(t.rotate_at) as "rotateAt", testkase.rfc3339(l.used_at) as "lastUsedAt",
           host(l.address) as "lastUsedIp", l.client as "lastUsedClient", s.status, testkase.rfc3339(s.ended_at) as "endedAt",
           s.ended_reason as "endedReason",
           case when e.id is not null then json_build_object('userId', e.id, 'name', e.name) end as "endedBy",
           t.ended_note as "endedNote", t.purpose, t.link,
           case when t.created_by is not null then json_build_object('userId', t.created_by, 'apiKeyId', t.created_by_token) end
               as "createdBy",
           t.predecessor_id as "predecessorId", r.successor_id as "successorId",
           json_build_object(
               'state', case when r.state = 'overlap' and o.obstacle is null then 'safe_to_delete' else r.state end,
               'rotateAt', testkase.rfc3339(t.rotate_at), 'successorId', r.live_successor_id,
               'predecessorId', r.live_predecessor_id,
               'because', case
                   when o.obstacle is not null then o.obstacle
                   when r.state = 'overlap' then
                       'The new token is in use, also wherever the old one was used in the last '
                       || testkase.counted(v.places_days, 'day') || ', and the old one has been quiet for '
                       || testkase.counted(v.quiet_hours, 'hour') || '.'
                   when r.state in ('due', 'overdue') then
                       'It expires on ' || testkase.on_day(t.expires_at) || ' and has no successor.'
               end) as rotation,
           t.rate_limit
    from testkase.api_tokens t
    join testkase.api_token_states s on s.id = t.id
    join testkase.api_token_rotations r on r.id = t.id
    cross join testkase.rotation_verdict v
    left join testkase.api_token_last_used l on l.token_id = t.id
    left join testkase.users e on e.id = t.ended_by
    cross join lateral (
        select case when r.state = 'overlap' then testkase.rotation_obstacle(t.id, r.live_successor_id) end as obstacle
        offset 0
    ) o;

grant select on testkase.shown_tokens to testkase_server;

-- The live tokens that a token made, directly or by tokens that it made, of any owner.
create function testkase.descendants_of(of_token bigint)
    returns table (id bigint)
    language sql stable
as $$
    with recursive made (id) as (
        select t.id from testkase.api_tokens t where t.created_by_token = of_token
        union
        -- By the index in every step: a chain may have thousands.
        select t.id
        from made m
        cross join lateral (select n.id from testkase.api_tokens n where n.created_by_token = m.id offset 0) t
    )
    select m.id from made m join testkase.api_token_states s on s.id = m.id where s.status = 'active'
$$;

grant execute on function testkase.descendants_of(bigint) to testkase_server;

-- Ends the live ones among some tokens, and on request the live tokens that they made: erases their hashes and closes their
-- reminders. The order matters: each step of a volatile function reads what is there by then. A token that makes another at the
-- same moment has to be waited for, and what it made is no part of what the calling statement sees; so descendants are looked for
-- until there are none. A token that has ended makes no more.
-- A plan for one token is a bad one for thousands, so none is kept.
-- of_user: their owner, or null for any
create function testkase.end_tokens(of_user bigint, chosen bigint[], with_descendants boolean, by_user bigint, reason text,
                                    note text)
    returns table (id bigint, user_id bigint, organization_id bigint, name text, preview text)
    language plpgsql volatile
    set search_path = testkase, pg_temp
    set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
    roots bigint[];
    doomed bigint[] := chosen;
begin
    loop
        return query
        with ended as (
            update api_tokens t
            set ended_at = now(), ended_reason = reason, ended_by = by_user, ended_note = note
            from unnest(doomed) d (id), users u
            where t.id = d.id and u.id = t.user_id and (of_user is null or t.user_id = of_user)
              and t.ended_at is null and t.expires_at > now() and t.owner_generation = u.credential_generation
            returning t.id, t.user_id, u.organization_id, t.name, t.preview
        ), closed as (
            update rotation_reminders r set state = 'closed', state_changed_at = now()
            from ended e
            where r.token_id = e.id and r.state <> 'closed'
        )
        select e.id, e.user_id, e.organization_id, e.name, e.preview from ended e;
        if roots is null then
            exit when not found or with_descendants is not true;
            roots := chosen;
        end if;
        doomed := array(select d.id
                        from unnest(roots) r (id)
                        cross join descendants_of(r.id) d
                        join api_tokens t on t.id = d.id
                        where of_user is null or t.user_id = of_user);
        exit when cardinality(doomed) = 0;
    end loop;
end
$$;

-- The live tokens of an account, locked. Volatile, so that it sees what was made while the calling statement waited in acting().
create function testkase.live_tokens_of(of_user bigint)
    returns table (id bigint, user_id bigint, organization_id bigint, name text, preview text)
    language sql volatile
as $$
    select t.id, t.user_id, u.organization_id, t.name, t.preview
    from testkase.api_tokens t
    join testkase.users u on u.id = t.user_id
    where t.user_id = of_user and t.ended_at is null and t.expires_at > now() and t.owner_generation = u.credential_generation
    order by t.id
    for no key update of t
$$;

grant execute on function testkase.end_tokens(bigint, bigint[], boolean, bigint, text, text), testkase.live_tokens_of(bigint)
    to testkase_server;
