-- The schema as the migrations leave it, for reading only: no program runs this file. The reasons stand in sql/migrations.
-- Written by tests/schema.py; a test compares the two. Owners and the partitions of single months are left out.

CREATE SCHEMA ops;

CREATE SCHEMA testkase;

CREATE TYPE testkase.actor AS (
	kind text,
	user_id bigint,
	token_id bigint,
	session_id bigint,
	needs text,
	request_id text,
	address inet
);

CREATE TYPE testkase.lost_event AS (
	action text,
	organization_id bigint,
	target_id bigint,
	occurred_at timestamp with time zone,
	made_at timestamp with time zone,
	preview text,
	owner_id bigint,
	reason text,
	org_role text,
	member_id bigint,
	role text
);

CREATE FUNCTION testkase.acting(actor testkase.actor) RETURNS TABLE(organization_id bigint, kind text, user_id bigint, token_id bigint, request_id text, address inet, outcome text)
    LANGUAGE plpgsql ROWS 1
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
declare
    account record;
    token record;
    expires timestamptz;
    is_live boolean;
begin
    outcome := 'allowed';
    kind := actor.kind;
    user_id := actor.user_id;
    token_id := actor.token_id;
    request_id := actor.request_id;
    address := actor.address;
    if actor.kind = 'user' then
        select u.organization_id, u.status, u.org_role, u.credential_generation, u.session_generation into account
        from users u
        where u.id = actor.user_id
        for no key update;
        organization_id := account.organization_id;
        is_live := account.status = 'active';
        if actor.token_id is not null then
            select t.ended_at, t.expires_at, t.owner_generation into token
            from api_tokens t
            where t.id = actor.token_id and t.user_id = actor.user_id
            for no key update;
            expires := token.expires_at;
            is_live := is_live and found and token.ended_at is null and token.owner_generation = account.credential_generation;
        else
            perform from sessions s
            where s.id = actor.session_id and s.user_id = actor.user_id and s.expires_at > clock_timestamp()
              and s.user_generation = account.session_generation
            for no key update;
            is_live := is_live and found;
        end if;
        if is_live is not true then
            outcome := 'actor_gone';
        elsif expires <= clock_timestamp() then
            outcome := 'actor_expired';
        elsif actor.needs <> 'member' and account.org_role not in ('owner', 'admin') then
            outcome := 'actor_lacks_role';
        end if;
    end if;
    return next;
end
$$;

CREATE FUNCTION testkase.ago(moment timestamp with time zone) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
    select case
               when s.seconds < 60 then 'just now'
               when s.seconds < 120 then '1 minute ago'
               when s.seconds < 7200 then floor(s.seconds / 60) || ' minutes ago'
               when s.seconds < 172800 then floor(s.seconds / 3600) || ' hours ago'
               else floor(s.seconds / 86400) || ' days ago'
           end
    from (select extract(epoch from now() - moment) as seconds) s
$$;

CREATE FUNCTION testkase.answer_password_requests(most integer) RETURNS TABLE(read integer, of_person integer, of_organization integer, of_network integer)
    LANGUAGE plpgsql SECURITY DEFINER ROWS 1
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
declare
    request record;
    made record;
begin
    read := 0;
    of_person := 0;
    of_organization := 0;
    of_network := 0;
    for request in
        delete from password_requests r
        where r.id in (select p.id from password_requests p order by p.id limit most for update skip locked)
        returning r.email, r.created_at, r.request_id, r.address
    loop
        read := read + 1;
        continue when request.created_at < now() - interval '1 hour';
        for made in
            select u.id, u.organization_id, l.outcome, l.purpose
            from users u
            cross join lateral make_password_link(u.id, true, null, null, requesting_network(request.address)) l
            where email_key(u.email) = email_key(request.email) and u.status = 'active' and u.kind = 'person'
        loop
            of_person := of_person + (made.outcome = 'too_many_mails')::integer;
            of_organization := of_organization + (made.outcome = 'too_many_mails_of_organization')::integer;
            of_network := of_network + (made.outcome = 'too_many_mails_for_network')::integer;
            continue when made.outcome <> 'made';
            insert into audit_events (organization_id, actor_kind, action, target_kind, target_id, request_id, address, detail)
            values (made.organization_id, 'system', 'user.password_link_requested', 'user', made.id, request.request_id,
                    request.address, jsonb_build_object('purpose', made.purpose));
        end loop;
    end loop;
    return next;
end
$$;

CREATE FUNCTION testkase.api_tokens_changed() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
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

CREATE FUNCTION testkase.api_tokens_guard() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
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

CREATE FUNCTION testkase.api_tokens_stamp() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
begin
    select u.credential_generation into new.owner_generation
    from users u where u.id = new.user_id and u.status = 'active'
    for share;
    if not found then
        raise exception 'only an active account gets tokens'
            using errcode = 'integrity_constraint_violation', constraint = 'api_tokens_of_active_accounts';
    end if;
    if new.predecessor_id is not null
       and not exists (select from api_tokens p where p.id = new.predecessor_id and p.user_id = new.user_id) then
        raise exception 'a token succeeds one of the same owner'
            using errcode = 'integrity_constraint_violation', constraint = 'api_tokens_successor_of_own';
    end if;
    new.created_at := now();
    new.expires_at := new.created_at + new.expires_in_days * interval '86400 seconds';
    select new.created_at + p.rotate_on_day * interval '86400 seconds' into new.rotate_at
    from rotation_policy p where p.expires_in_days = new.expires_in_days;
    if new.rotate_at is null then
        raise exception 'a token lives 7, 30, 60, 90, 180 or 365 days'
            using errcode = 'check_violation', constraint = 'api_tokens_expires_in_days_check';
    end if;
    return new;
end
$$;

CREATE FUNCTION testkase.on_day(moment timestamp with time zone) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN to_char((moment AT TIME ZONE 'UTC'::text), 'FMDD Mon YYYY'::text);

CREATE FUNCTION testkase.at_time(moment timestamp with time zone) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (testkase.on_day(moment) || to_char((moment AT TIME ZONE 'UTC'::text), ' "at" HH24:MI "UTC"'::text));

CREATE FUNCTION testkase.audit_events_guard() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
begin
    if not is_operator() then
        raise exception 'only an operator''s role records what an operator did' using errcode = 'insufficient_privilege';
    end if;
    return new;
end
$$;

CREATE FUNCTION testkase.auth_changes_max() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN 1000;

CREATE TABLE testkase.auth_changes (
    epoch bigint NOT NULL,
    token_ids bigint[]
);

CREATE TABLE testkase.auth_epoch (
    only_row boolean DEFAULT true NOT NULL,
    epoch bigint NOT NULL,
    CONSTRAINT auth_epoch_only_row_check CHECK (only_row)
)
WITH (fillfactor='10');

CREATE FUNCTION testkase.bump_auth_epoch(changed_tokens bigint[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'testkase', 'pg_temp'
    BEGIN ATOMIC
 WITH bumped AS (
          UPDATE testkase.auth_epoch SET epoch = (auth_epoch.epoch + 1)
           RETURNING auth_epoch.epoch
         ), trimmed AS (
          DELETE FROM testkase.auth_changes c
            USING bumped b
           WHERE (((b.epoch % (100)::bigint) = 0) AND (c.epoch <= (b.epoch - testkase.auth_changes_max())))
         )
  INSERT INTO testkase.auth_changes (epoch, token_ids)  SELECT b.epoch,
                 CASE
                     WHEN (cardinality(bump_auth_epoch.changed_tokens) <= testkase.auth_changes_max()) THEN bump_auth_epoch.changed_tokens
                     ELSE NULL::bigint[]
                 END AS "case"
            FROM bumped b;
END;

CREATE FUNCTION testkase.calendar_feeds_stamp() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
begin
    select u.credential_generation into new.user_generation from users u where u.id = new.user_id;
    new.created_at := now();
    return new;
end
$$;

CREATE FUNCTION testkase.compose_mails(most integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
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
        select n.user_id, n.kind, min(n.organization_id) as organization_id, min(n.id) as oldest
        from notices n
        group by n.user_id, n.kind
        having may_be_mailed(n.user_id, n.kind)
        order by min(n.id)
        limit most
    loop
        -- One worker at a time composes for a person: the one that has the oldest notice.
        perform from notices n where n.id = reader.oldest for update skip locked;
        continue when not found;
        insert into mail_wishes (user_id) values (reader.user_id) on conflict do nothing;
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
            -- Of one token, the latest reminder; of what concerns security, each kind of event, and each network.
            select distinct on (a.about, a.kind_of_event) a.about, a.topic, a.payload, a.at
            from (
                select t.topic, t.payload, coalesce((t.payload ->> 'apiKeyId')::bigint, -t.id) as about,
                       (t.payload ->> 'expiresAt')::timestamptz as at, t.id,
                       case when reader.kind = 'security' then t.topic || ' ' || coalesce(t.payload ->> 'network', '') end
                           as kind_of_event
                from taken t
                union all
                select case s.stage when 'rotation' then 'api_key.rotation_due' else 'api_key.expiring' end,
                       jsonb_build_object('apiKeyId', s.token_id), s.token_id, s.at, null, null
                from soon s
            ) a
            order by a.about, a.kind_of_event, a.id desc nulls last
        ), marked as (
            update rotation_reminders r set mailed_until = day_end - interval '1 microsecond'
            where reader.kind = 'reminder' and r.user_id = reader.user_id
              and r.token_id in (select (t.payload ->> 'apiKeyId')::bigint from told t)
        ), chosen as (
            -- After an outage there may be thousands: words are made for those alone that are listed.
            select t.topic, t.payload, t.at, count(*) over () as all_told
            from told t
            order by t.at nulls last, t.about
            limit listed_most
        ), items as (
            select row_number() over (order by t.at nulls last, case when reader.kind = 'digest' then i.place end, i.heading)
                       as position, i.heading, i.sentences, i.path, t.all_told
            from chosen t
            cross join lateral notice_item(t.topic, t.payload, reader.user_id)
                with ordinality as i (heading, sentences, path, place)
        ), written as (
            insert into mail_items (mail_id, position, heading, sentences, path)
            select mail, i.position, i.heading, i.sentences, i.path from items i where i.position <= listed_most
        )
        select greatest(count(*), max(i.all_told) filter (where i.all_told > listed_most)),
               max(i.heading) filter (where i.position = 1)
        into listed, first_heading
        from items i;
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
                when reader.kind = 'digest' then 'The week in the tokens of ' || (select o.name from organizations o
                                                                                   where o.id = reader.organization_id)
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

CREATE FUNCTION testkase.counted(number bigint, one text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (((number || ' '::text) || one) || CASE WHEN (number = 1) THEN ''::text ELSE 's'::text END);

CREATE FUNCTION testkase.custodians_guard() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
begin
    if (select kind from users where id = new.service_id) <> 'service'
       or (select kind from users where id = new.user_id) <> 'person' then
        raise exception 'a custodian is a person who looks after a service account'
            using errcode = 'integrity_constraint_violation', constraint = 'custodians_kinds';
    end if;
    return new;
end
$$;

CREATE FUNCTION testkase.delivery_is_wanted() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
begin
    perform notify_ids('testkase_outbox', 'deliveryIds', array[new.id]);
    return null;
end
$$;

CREATE FUNCTION testkase.descendants_of(of_token bigint) RETURNS TABLE(id bigint)
    LANGUAGE sql STABLE
    AS $$
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

CREATE FUNCTION testkase.digest_items(organization bigint) RETURNS TABLE(heading text, sentences text[], path text)
    LANGUAGE sql STABLE
    AS $$
    with token as materialized (
        select t.id, t.name, t.preview, t.created_at, t.rotate_at, t.expires_at, u.name as owner_name, t.user_id, s.status,
               s.ended_at, s.ended_reason, l.used_at,
               s.status = 'active' and t.rotate_at <= now() and not testkase.is_replaced(t.id) as is_due
        from testkase.users u
        join testkase.api_tokens t on t.user_id = u.id
        join testkase.api_token_states s on s.id = t.id
        left join testkase.api_token_last_used l on l.token_id = t.id
        where u.organization_id = organization and (t.ended_at is null or t.ended_at > now() - interval '7 days')
    ), chosen as (
        select 1 as part, t.id, t.name || ' of ' || t.owner_name || ' (' || t.preview || ') expires on '
               || testkase.on_day(t.expires_at) || '.' as sentence, t.expires_at as at
        from token t where t.is_due and t.expires_at > now() + interval '7 days'
        union all
        select 2, t.id, t.name || ' of ' || t.owner_name || ' (' || t.preview || ') expires '
               || testkase.until_then(t.expires_at) || '.', t.expires_at
        from token t where t.status = 'active' and t.expires_at <= now() + interval '7 days'
        union all
        select 3, t.id, t.name || ' of ' || t.owner_name || ' (' || t.preview || ') expired on '
               || testkase.on_day(t.ended_at) || '.', t.ended_at
        from token t where t.status = 'expired'
        union all
        select 4, t.id, t.name || ' of ' || t.owner_name || ' (' || t.preview || ') was generated on '
               || testkase.on_day(t.created_at) || '.', t.created_at
        from token t where t.status = 'active' and t.used_at is null and t.created_at < now() - interval '7 days'
        union all
        select 5, t.id, t.name || ' of ' || t.owner_name || ' (' || t.preview || ') ended on '
               || testkase.on_day(t.ended_at) || '.', t.ended_at
        from token t where t.ended_reason in ('owner_deactivated', 'owner_deleted')
        union all
        select 6, p.user_id, p.owner_name || ': ' || p.tokens || '.', to_timestamp(-p.tokens)
        from (select t.user_id, t.owner_name, count(*) as tokens from token t where t.status = 'active' group by 1, 2) p
    ), placed as (
        select c.part, c.sentence, row_number() over w as place, count(*) over (partition by c.part) as number
        from chosen c
        window w as (partition by c.part order by c.at, c.id)
    ), item as (
        select p.part, max(p.number) as number,
               array_agg(p.sentence order by p.place) || array_remove(array[case when max(p.number) > 10
                   then 'And ' || max(p.number) - 10 || ' more.' end], null) as sentences
        from (select * from placed where place <= 10) p
        group by p.part
    )
    select case i.part
               when 1 then testkase.counted(i.number, 'token') || ' due for rotation'
               when 2 then testkase.counted(i.number, 'token') || ' within 7 days of expiry'
               when 3 then testkase.counted(i.number, 'token') || ' expired in the last 7 days'
               when 4 then testkase.counted(i.number, 'token') || ' never used'
               when 5 then testkase.counted(i.number, 'token') || ' ended in the last 7 days with the accounts of people who left'
               when 6 then testkase.counted(i.number, 'account') || ' with valid tokens'
           end,
           i.sentences, '/'
    from item i
    union all
    select 'No account has a valid token', array['There is nothing to look after.'], '/'
    where not exists (select from item)
$$;

CREATE FUNCTION testkase.digest_of(words text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN to_hex(hashtextextended(words, (0)::bigint));

CREATE FUNCTION testkase.draw_automation_id(of_project bigint) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
declare
    least_id integer := 10000;
    drawn integer;
begin
    loop
        for attempt in 1..20 loop
            drawn := least_id + floor(random() * 9 * least_id)::integer;
            if not exists (select from test_cases c where c.project_id = of_project and c.automation_id = drawn) then
                return drawn;
            end if;
        end loop;
        -- Most are used: look for those that are left.
        select f.id into drawn
        from generate_series(least_id, 10 * least_id - 1) f (id)
        where not exists (select from test_cases c where c.project_id = of_project and c.automation_id = f.id)
        order by random()
        limit 1;
        if found then
            return drawn;
        end if;
        if least_id = 100000 then
            raise exception 'the project has used all automation ids'
                using errcode = 'program_limit_exceeded', constraint = 'test_cases_automation_ids_used_up';
        end if;
        least_id := 100000;
    end loop;
end
$$;

CREATE FUNCTION testkase.email_key(email text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN lower((email COLLATE "C"));

CREATE FUNCTION testkase.end_account_again(event testkase.lost_event, OUT name text, OUT outcome text) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
declare
    account record;
begin
    select u.id, u.email, u.organization_id, u.org_role, u.status, u.status_changed_at, u.created_at into account
    from users u
    where u.id = event.target_id
    for no key update;
    if not found or not is_of_event(account.created_at, event) then
        outcome := 'unknown';
        return;
    end if;
    name := account.email;
    outcome := 'already';
    if account.organization_id <> event.organization_id then
        outcome := 'mismatch';
    elsif account.status = 'deleted' or is_decided(event, case
              when event.action = 'user.updated' then array['user.updated']
              when event.action like 'user.password%' then array['user.password_changed', 'user.password_set']
              else array['user.deactivated', 'user.deleted', 'user.reactivated']
          end) then
        null;
    elsif event.action like 'user.password%' then
        -- The password that was replaced must not count again; the new one is lost.
        update users u set password_hash = null where u.id = account.id and u.password_hash is not null;
        outcome := case when found then 'ended' else 'already' end;
    elsif event.action = 'user.updated' then
        update users u set org_role = event.org_role
        where u.id = account.id and u.org_role = 'admin' and event.org_role = 'member';
        outcome := case when found then 'ended' else 'already' end;
    elsif event.action = 'user.reactivated' then
        -- Only after a deactivation that this transaction made again: it ended the account's tokens, and ends no more.
        update users u set status = 'active'
        where u.id = account.id and u.status = 'deactivated' and u.status_changed_at = now();
    elsif account.org_role = 'owner' then
        outcome := 'is_owner';
    elsif event.action = 'user.deleted' or account.status = 'active' then
        update users u set status = split_part(event.action, '.', 2) where u.id = account.id;
        outcome := 'ended';
    end if;
    if outcome = 'ended' then
        delete from sessions s where s.user_id = account.id and event.action <> 'user.updated';
    end if;
end
$$;

CREATE FUNCTION testkase.end_again(events json) RETURNS TABLE(action text, id bigint, name text, outcome text)
    LANGUAGE plpgsql
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
declare
    event testkase.lost_event;
begin
    for event in
        with told as (
            select distinct e.action, split_part(e.action, '.', 1) as kind, e."organizationId" as organization_id,
                   e."targetId" as target_id, e."occurredAt" as occurred_at, e.preview, e."ownerId" as owner_id, e.reason,
                   e."orgRole" as org_role, e."memberId" as member_id, e.role,
                   e.action like 'project.member%' or (e.action = 'user.updated' and e."orgRole" is not null) as is_role
            from json_to_recordset(events) as e (action text, "organizationId" bigint, "targetId" bigint,
                                                 "occurredAt" timestamptz, preview text, "ownerId" bigint, reason text,
                                                 "orgRole" text, "memberId" bigint, role text)
        ), seen as (
            select t.action, t.organization_id, t.target_id, t.occurred_at,
                   max(t.occurred_at) filter (where t.action in ('api_key.created', 'user.created'))
                       over (partition by t.kind, t.target_id order by t.occurred_at) as made_at,
                   t.preview, t.owner_id, t.reason, t.org_role, t.member_id, t.role, t.is_role,
                   max(t.occurred_at) filter (where t.is_role)
                       over (partition by t.kind, t.target_id, t.member_id) as last_role_at
            from told t
        )
        select s.action, s.organization_id, s.target_id, s.occurred_at, s.made_at, s.preview, s.owner_id, s.reason, s.org_role,
               s.member_id, s.role
        from seen s
        where s.action in ('api_key.revoked', 'api_key.expired', 'user.deactivated', 'user.deleted', 'user.reactivated',
                           'user.password_changed', 'user.password_set')
           or (s.is_role and s.occurred_at = s.last_role_at) -- the last role counts, whatever was between
        order by s.occurred_at, s.action, s.target_id
    loop
        action := event.action;
        id := coalesce(event.member_id, event.target_id);
        if event.action like 'api\_key.%' then
            select a.name, a.outcome into name, outcome from end_token_again(event) a;
        elsif event.action like 'user.%' then
            select a.name, a.outcome into name, outcome from end_account_again(event) a;
        else
            select a.name, a.outcome into name, outcome from end_member_again(event) a;
        end if;
        if outcome = 'ended' then
            insert into audit_events (organization_id, actor_kind, action, target_kind, target_id, detail)
            values (event.organization_id, 'operator', event.action, split_part(event.action, '.', 1), event.target_id,
                    jsonb_strip_nulls(jsonb_build_object(
                        'endedBeforeRestore', rfc3339(event.occurred_at), 'ownerId', event.owner_id, 'reason', event.reason,
                        'orgRole', case when event.action = 'user.updated' then jsonb_build_array('admin', event.org_role) end,
                        'userId', event.member_id, 'role', event.role)));
        end if;
        return next;
    end loop;
end
$$;

CREATE FUNCTION testkase.end_member_again(event testkase.lost_event, OUT name text, OUT outcome text) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
declare
    member record;
    roles constant text[] := array['guest', 'user', 'project_admin'];
begin
    select m.project_id, m.user_id, m.role, m.organization_id, m.created_at, u.email into member
    from project_members m join users u on u.id = m.user_id
    where m.project_id = event.target_id and m.user_id = event.member_id
    for update of m;
    if not found or not is_of_event(member.created_at, event) then
        outcome := 'unknown';
        return;
    end if;
    name := member.email;
    outcome := 'already';
    if member.organization_id <> event.organization_id then
        outcome := 'mismatch';
    elsif is_decided(event, array['project.member_set', 'project.member_removed']) then
        null;
    elsif event.action = 'project.member_removed' then
        delete from project_members m where m.project_id = member.project_id and m.user_id = member.user_id;
        outcome := 'ended';
    elsif array_position(roles, event.role) < array_position(roles, member.role) then
        update project_members m set role = event.role where m.project_id = member.project_id and m.user_id = member.user_id;
        outcome := 'ended';
    end if;
end
$$;

CREATE FUNCTION testkase.end_token_again(event testkase.lost_event, OUT name text, OUT outcome text) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
declare
    token record;
begin
    select t.id, t.name, t.preview, t.user_id, t.created_at, t.ended_at, u.organization_id into token
    from api_tokens t join users u on u.id = t.user_id
    where t.id = event.target_id
    for no key update of t;
    if not found or not is_of_event(token.created_at, event) then
        outcome := 'unknown';
        return;
    end if;
    name := token.name;
    if token.organization_id <> event.organization_id or token.preview <> event.preview or token.user_id <> event.owner_id then
        outcome := 'mismatch';
    elsif token.ended_at is not null then
        outcome := 'already';
    else
        update api_tokens t
        set ended_at = case event.action when 'api_key.expired' then least(t.expires_at, now()) else now() end,
            ended_reason = case
                when event.action = 'api_key.expired' then 'expired'
                when event.reason in ('leaked', 'owner_deactivated', 'owner_deleted') then event.reason
                else 'revoked'
            end,
            ended_note = 'It had ended at ' || rfc3339(event.occurred_at) || ', before the database was restored.'
        where t.id = token.id;
        update rotation_reminders r set state = 'closed', state_changed_at = now()
        where r.token_id = token.id and r.state <> 'closed';
        outcome := 'ended';
    end if;
end
$$;

CREATE FUNCTION testkase.end_tokens(of_user bigint, chosen bigint[], with_descendants boolean, by_user bigint, reason text, note text) RETURNS TABLE(id bigint, user_id bigint, organization_id bigint, name text, preview text)
    LANGUAGE plpgsql
    SET search_path TO 'testkase', 'pg_temp'
    SET plan_cache_mode TO 'force_custom_plan'
    AS $$
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
            where t.id = d.id and u.id = t.user_id and (roots is not null or of_user is null or t.user_id = of_user)
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
        doomed := array(select d.id from unnest(roots) r (id) cross join descendants_of(r.id) d);
        exit when cardinality(doomed) = 0;
    end loop;
end
$$;

CREATE FUNCTION testkase.erase_expired_hashes(most integer) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
    with batch as (
        select t.id
        from api_tokens t
        where t.ended_reason = 'expired' and t.secret_hash is not null and t.ended_at <= now() - interval '30 days'
        order by t.ended_at
        limit most
        for update skip locked
    ), erased as (
        update api_tokens t set secret_hash = null
        from batch b
        where t.id = b.id
        returning t.id
    )
    select count(*) from erased
$$;

CREATE FUNCTION testkase.finding_id(practice text, token_id bigint, evidence_key text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((((practice || '-'::text) || token_id) || '-'::text) || testkase.digest_of(evidence_key));

CREATE FUNCTION testkase.findings_of(of_user bigint) RETURNS TABLE(rank integer, practice text, token_id bigint, token_name text, evidence_key text, evidence text, remedy text)
    LANGUAGE sql STABLE
    AS $$
    with live as materialized (
        select t.id, t.name, t.created_at, t.expires_at, t.expires_in_days, r.state, l.used_at, u.kind, u.org_role,
               w.clients, w.pipeline, w.writes, w.calls
        from testkase.api_tokens t
        join testkase.api_token_rotations r on r.id = t.id
        join testkase.api_token_states s on s.id = t.id
        join testkase.users u on u.id = t.user_id
        left join testkase.api_token_last_used l on l.token_id = t.id
        left join testkase.recent_use(of_user) w on w.token_id = t.id
        where t.user_id = of_user and s.status = 'active'
    )
    select 1, 'ended_still_presented', t.id, t.name, p.evidence_key,
           'It was presented ' || testkase.counted(p.calls, 'time') || ' since ' || testkase.on_day(p.first_at) || ', last '
           || testkase.ago(p.last_at) || ', by ' || testkase.place_words(p.client, p.address)
           || case when p.clients > 1 then ' and ' || testkase.counted(p.clients - 1, 'other client') else '' end || '.',
           'Give that client a token that is valid, or find out who has the old one.'
    from testkase.still_presented(of_user) p
    join testkase.api_tokens t on t.id = p.token_id
    where p.calls >= 3 -- a call or two is somebody who tries whether the token is really gone
    union all
    select 2, 'rotation_due', id, name, state,
           'It expires on ' || testkase.on_day(expires_at) || ' and has no successor.', 'Rotate it before it expires.'
    from live where state in ('due', 'overdue')
    union all
    -- A few names and a digest: clients choose their names, and a token may have seen thousands of them.
    select 3, 'shared', id, name, testkase.digest_of(array_to_string(clients, ', ')),
           case when cardinality(clients) = 2 then clients[1] || ' and ' || clients[2] || ' both'
                when cardinality(clients) > 5
                then array_to_string(clients[:5], ', ') || ' and ' || testkase.counted(cardinality(clients) - 5, 'other client')
                     || ' all'
                else array_to_string(clients, ', ') || ' all' end || ' used it in the last 7 days.',
           'Make one token for each of them, so that one can end without the others.'
    from live where cardinality(clients) > 1
    union all
    select 4, 'personal_token_in_ci', id, name, pipeline,
           pipeline || ' uses it, and it ends when you leave.',
           'Have an admin make a service account, and give the pipeline a token of that account.'
    from live where kind = 'person' and pipeline is not null
    union all
    select 5, 'read_only_admin', id, name, org_role,
           'It can do all that you can as ' || org_role || ', and in 30 days it only read.',
           'Make it a token of an account that may only read.'
    from live
    where org_role in ('owner', 'admin') and not writes and calls >= 10 and created_at < now() - interval '7 days'
    union all
    select 6, 'longer_than_needed', l.id, l.name, testkase.rfc3339(l.used_at),
           'All its calls came within ' || testkase.counted(greatest(1, n.days), 'day') || ', and it is valid for '
           || l.expires_in_days || ' days.',
           'Delete it; next time, ' || case when n.days < 7 then 7 else 30 end || ' days are enough.'
    from live l
    cross join lateral (
        select ceil(extract(epoch from l.used_at - min(u.hour)) / 86400)::integer as days
        from testkase.api_token_usage u
        where u.token_id = l.id and testkase.is_let_in(u.status)
    ) n
    where l.expires_in_days >= 60 and l.state <> 'overlap' and l.used_at < now() - interval '14 days'
      and l.used_at >= now() - interval '30 days' and n.days < 30 and l.created_at < now() - interval '14 days'
    union all
    select 7, 'unused', id, name, testkase.rfc3339(used_at), 'It was last used ' || testkase.ago(used_at) || '.',
           'Delete it, if nothing needs it any more.'
    from live where used_at < now() - interval '30 days' and state <> 'overlap'
    union all
    select 8, 'never_used', id, name, '',
           'It was made ' || testkase.ago(created_at) || ' and never used.', 'Put it to use, or delete it.'
    from live where used_at is null and created_at <= now() - interval '7 days' and state <> 'overlap'
    union all
    select 9, 'poor_name', id, name, name, 'Its name does not tell what breaks when it is deleted.',
           'Generate one that is named after its pipeline and environment, switch to it, and delete this one.'
    from live where testkase.says_nothing(name)
$$;

CREATE FUNCTION testkase.folded(words text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN lower((words COLLATE "C"));

CREATE UNLOGGED TABLE testkase.rate_budgets (
    token_id bigint NOT NULL,
    window_us bigint NOT NULL,
    granted bigint NOT NULL,
    whole_at_us bigint NOT NULL
)
WITH (fillfactor='50');

CREATE FUNCTION testkase.forget_rate_budgets(most integer) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'testkase', 'pg_temp'
    BEGIN ATOMIC
 WITH gone AS (
          DELETE FROM testkase.rate_budgets b
           WHERE (b.token_id IN ( SELECT c.token_id
                    FROM testkase.rate_budgets c
                   WHERE ((GREATEST(c.window_us, c.whole_at_us))::numeric < ((EXTRACT(epoch FROM now()) - (120)::numeric) * (1000000)::numeric))
                  LIMIT forget_rate_budgets.most
                  FOR UPDATE OF c SKIP LOCKED))
           RETURNING b.token_id
         )
  SELECT count(*) AS count
    FROM gone;
END;

CREATE FUNCTION testkase.forget_uploads(most integer) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
    with batch as (
        select u.user_id, u.idempotency_key
        from result_uploads u
        where u.uploaded_at < now() - interval '7 days'
        order by u.uploaded_at
        limit most
        for update skip locked
    ), gone as (
        delete from result_uploads u
        using batch b
        where u.user_id = b.user_id and u.idempotency_key = b.idempotency_key
        returning u.user_id
    )
    select count(*) from gone
$$;

CREATE FUNCTION testkase.has_working_address(account bigint) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
    select count(*) < 2 or not bool_and(l.state = 'parked' and l.status between 500 and 599)
    from (
        select m.state, m.status
        from mails m
        where m.user_id = account and m.ended_at > now() - interval '30 days'
          and (m.state = 'sent' or (m.state = 'parked' and m.status is not null))
        order by m.ended_at desc
        limit 2
    ) l
$$;

CREATE FUNCTION testkase.hold_project(organization bigint, caller bigint, project_number integer, least_role text, hold text) RETURNS TABLE(id bigint, number integer, name text, role text, outcome text)
    LANGUAGE plpgsql ROWS 1
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
declare
    held bigint;
begin
    select f.id into held from project_for(organization, caller, project_number, least_role) f;
    if held is not null then
        if hold = 'alone' then
            perform from projects p where p.id = held for no key update;
        elsif hold = 'shared' then
            perform from projects p where p.id = held for share;
        end if;
        perform from project_members m where m.project_id = held and m.user_id = caller for share;
    end if;
    return query select f.id, f.number, f.name, f.role, f.outcome
                 from project_for(organization, caller, project_number, least_role) f;
end
$$;

CREATE FUNCTION testkase.identity_columns() RETURNS TABLE(table_name text, column_name text, sequence_name regclass, next_number bigint, greatest_number bigint)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
declare
    identity record;
begin
    for identity in
        select c.relname::text as table_name, a.attname::text as column_name, d.objid::regclass as sequence_name,
               coalesce(pg_sequence_last_value(d.objid) + s.seqincrement, s.seqstart) as next_number
        from pg_class c
        join pg_attribute a on a.attrelid = c.oid and a.attidentity <> ''
        join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = c.oid and d.refobjsubid = a.attnum
                            and d.classid = 'pg_class'::regclass and d.deptype = 'i'
        join pg_sequence s on s.seqrelid = d.objid
        where c.relnamespace = 'testkase'::regnamespace and not c.relispartition
        order by c.relname
    loop
        table_name := identity.table_name;
        column_name := identity.column_name;
        sequence_name := identity.sequence_name;
        next_number := identity.next_number;
        execute format('select max(%I) from testkase.%I', column_name, table_name) into greatest_number;
        return next;
    end loop;
end
$$;

CREATE FUNCTION testkase.is_decided(event testkase.lost_event, by_actions text[]) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
    select exists (select from audit_events a
                   where a.target_kind = split_part((event).action, '.', 1) and a.target_id = (event).target_id
                     and a.action = any (by_actions) and a.occurred_at >= (event).occurred_at
                     and a.occurred_at <> now() -- this transaction's own
                     and ((event).action <> 'user.updated' or a.detail ? 'orgRole')
                     and ((event).member_id is null or a.detail ->> 'userId' = (event).member_id::text))
$$;

CREATE FUNCTION testkase.is_let_in(status smallint) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (status <> ALL (ARRAY[401, 429]));

CREATE FUNCTION testkase.latest(told timestamp with time zone) RETURNS timestamp with time zone
    LANGUAGE sql IMMUTABLE
    RETURN (told + CASE WHEN (date_trunc('second'::text, told) = told) THEN '00:00:01'::interval ELSE '00:00:00'::interval END);

CREATE FUNCTION testkase.is_of_event(made timestamp with time zone, event testkase.lost_event) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    RETURN ((made <= testkase.latest((event).occurred_at)) AND COALESCE(((made >= (event).made_at) AND (made <= testkase.latest((event).made_at))), true));

CREATE FUNCTION testkase.is_operator() RETURNS boolean
    LANGUAGE sql STABLE
    RETURN pg_has_role('testkase_owner'::name, 'member'::text);

CREATE FUNCTION testkase.is_pipeline(client text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((client COLLATE "C") ~ '(?i)^(testkase-reporter|github|gitlab|jenkins|azure|vsts|circleci|buildkite|teamcity|bamboo|drone|travis)'::text);

CREATE FUNCTION testkase.is_refused(status smallint) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (status = ANY (ARRAY[401, 403, 429]));

CREATE FUNCTION testkase.is_renewal(of_what text, old_hash text, new_hash text) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN (testkase.is_operator() AND (NOT (current_setting('testkase.renewal'::text, true) IS DISTINCT FROM of_what)) AND COALESCE((split_part(new_hash, '$'::text, 4) <> split_part(old_hash, '$'::text, 4)), false));

CREATE FUNCTION testkase.is_replaced(token bigint) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
    select exists (
        select from testkase.api_tokens n
        join testkase.users u on u.id = n.user_id and u.credential_generation = n.owner_generation
        join testkase.api_token_last_used l on l.token_id = n.id
        where n.predecessor_id = token and n.ended_at is null and n.expires_at > now())
$$;

CREATE FUNCTION testkase.last_use_of(token bigint) RETURNS text
    LANGUAGE sql STABLE
    AS $$
    select coalesce('It was last used ' || testkase.ago(l.used_at) || coalesce(' by ' || nullif(l.client, ''), '')
                    || coalesce(' from ' || host(l.address), '') || '.',
                    'It was never used.')
    from (select) one
    left join testkase.api_token_last_used l on l.token_id = token
$$;

CREATE FUNCTION testkase.lease_rates(tokens bigint[], wanted bigint[], returned bigint[], windows bigint[], used bigint[], ages bigint[], debts bigint[], default_quota bigint, default_burst bigint, servers bigint) RETURNS TABLE(token bigint, taken bigint, pool bigint, window_us bigint, window_left_us bigint, wait_us bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'testkase', 'pg_temp'
    SET enable_seqscan TO 'off'
    AS $$
#variable_conflict use_column
declare
    minute constant bigint := 60000000;
    now_us constant bigint := extract(epoch from now()) * 1000000;
begin
    insert into rate_budgets (token_id, window_us, granted, whole_at_us)
    select t.id, 0, 0, 0
    from unnest(tokens) as a (token)
    join api_tokens t on t.id = a.token
    order by t.id
    on conflict (token_id) do nothing;
    return query
    with asked as materialized (
        select a.token, greatest(a.wanted, 0) as wanted, greatest(a.returned, 0) as returned, a.of_window,
               greatest(a.used, 0) as used, least(greatest(a.age, 0), minute - 1) as age, greatest(a.debt, 0) as debt,
               q.quota, minute / q.quota as interval_us, greatest(q.quota * default_burst / default_quota, 1) as burst
        from unnest(tokens, wanted, returned, windows, used, ages, debts)
             as a (token, wanted, returned, of_window, used, age, debt)
        join api_tokens t on t.id = a.token
        join users u on u.id = t.user_id
        join organizations o on o.id = u.organization_id
        cross join lateral (select coalesce(t.rate_limit, o.default_rate_limit, default_quota) as quota) q
    ), held as materialized (
        select b.token_id, b.window_us, b.granted, b.whole_at_us
        from rate_budgets b
        where b.token_id in (select a.token from asked a)
        order by b.token_id
        for no key update
    ), settled as materialized (
        -- A window that seems to begin in the future is one that another server began while this statement waited for its row,
        -- or one from before the clock was set back.
        select a.token, a.wanted, a.quota, a.interval_us, a.burst, s.window_us, s.granted,
               least(greatest(w.whole_at_us, now_us), now_us + a.burst * a.interval_us) as whole_at_us
        from asked a
        join held h on h.token_id = a.token
        cross join lateral (select h.window_us > now_us - minute and h.window_us < now_us + 5000000 as is_open) o
        cross join lateral (select case when o.is_open and h.window_us = a.of_window then a.returned else 0 end as back) r
        cross join lateral (
            select case when o.is_open then h.window_us else now_us - a.age end as window_us,
                   greatest(case when o.is_open then h.granted else 0 end + a.used - r.back, 0) as granted
        ) s
        cross join lateral (
            select least(greatest(h.whole_at_us, now_us), now_us + a.burst * a.interval_us) + a.debt - r.back * a.interval_us
                   as whole_at_us
        ) w
    ), shared as materialized (
        select s.token, s.quota, s.interval_us, s.burst, s.window_us, s.granted + t.taken as granted,
               s.whole_at_us + t.taken * s.interval_us as whole_at_us, t.taken
        from settled s
        cross join lateral (
            select greatest(least(s.quota - s.granted,
                                  (now_us + s.burst * s.interval_us - s.whole_at_us) / s.interval_us), 0) as pool
        ) p
        cross join lateral (
            select least(s.wanted, p.pool, greatest(p.pool / greatest(servers, 1), 1)) as taken
        ) t
    ), written as (
        update rate_budgets b
        set window_us = s.window_us, granted = s.granted, whole_at_us = s.whole_at_us
        from shared s
        where b.token_id = s.token
    )
    select s.token, s.taken, greatest(s.quota - s.granted, 0), s.window_us, s.window_us + minute - now_us,
           case
               when s.granted >= s.quota then s.window_us + minute - now_us
               else greatest(s.whole_at_us - (s.burst - 1) * s.interval_us - now_us, 0)
           end
    from shared s;
end
$$;

CREATE FUNCTION testkase.link_refusal(reader bigint, of_user bigint) RETURNS text
    LANGUAGE sql
    AS $$
    select case
               when u.org_role = 'owner' then 'is_owner'
               when r.org_role = 'owner' then null
               when r.org_role <> 'admin' then 'is_no_admin'
               when u.id = r.id then 'is_oneself'
               when u.password_hash is null and u.created_by = r.id then null
               when u.org_role = 'admin' then 'is_admin'
               when u.was_admin_at > now() - interval '7 days' then 'was_admin'
           end
    from testkase.users r
    join testkase.users u on u.organization_id = r.organization_id
    where r.id = reader and u.id = of_user
$$;

CREATE FUNCTION testkase.listen_for_events() RETURNS boolean
    LANGUAGE plpgsql
    AS $$
begin
    listen testkase_outbox;
    listen testkase_sessions;
    return true;
end
$$;

CREATE FUNCTION testkase.session_lifetime() RETURNS interval
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN '168:00:00'::interval;

CREATE TABLE testkase.sessions (
    id bigint NOT NULL,
    digest bytea NOT NULL,
    user_id bigint NOT NULL,
    user_generation integer NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone DEFAULT (now() + testkase.session_lifetime()) NOT NULL,
    address inet,
    client text,
    confirmed_at timestamp with time zone DEFAULT now() NOT NULL,
    wrong_passwords smallint DEFAULT 0 NOT NULL,
    CONSTRAINT sessions_client_check CHECK ((char_length(client) <= 200)),
    CONSTRAINT sessions_digest_check CHECK ((octet_length(digest) = 32)),
    CONSTRAINT sessions_end_in_time CHECK ((expires_at <= (created_at + testkase.session_lifetime()))),
    CONSTRAINT sessions_wrong_passwords_check CHECK ((wrong_passwords >= 0))
);

CREATE TABLE testkase.users (
    id bigint NOT NULL,
    organization_id bigint NOT NULL,
    email text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL,
    kind text DEFAULT 'person'::text NOT NULL,
    org_role text DEFAULT 'member'::text NOT NULL,
    status text DEFAULT 'active'::text NOT NULL,
    password_hash text,
    credential_generation integer DEFAULT 1 NOT NULL,
    session_generation integer DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    status_changed_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by bigint,
    was_admin_at timestamp with time zone,
    CONSTRAINT users_email_check CHECK (((char_length(email) >= 3) AND (char_length(email) <= 254))),
    CONSTRAINT users_email_is_ascii CHECK ((email ~ '^[!-~]+@[!-~]+$'::text)),
    CONSTRAINT users_kind_check CHECK ((kind = ANY (ARRAY['person'::text, 'service'::text]))),
    CONSTRAINT users_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 100))),
    CONSTRAINT users_org_role_check CHECK ((org_role = ANY (ARRAY['owner'::text, 'admin'::text, 'member'::text]))),
    CONSTRAINT users_owner_is_active_person CHECK (((org_role <> 'owner'::text) OR ((kind = 'person'::text) AND (status = 'active'::text)))),
    CONSTRAINT users_password_hash_check CHECK ((password_hash ~~ '$argon2id$%'::text)),
    CONSTRAINT users_service_has_no_password CHECK (((kind = 'person'::text) OR (password_hash IS NULL))),
    CONSTRAINT users_status_check CHECK ((status = ANY (ARRAY['active'::text, 'deactivated'::text, 'deleted'::text])))
);

CREATE FUNCTION testkase.live_sessions(ids bigint[]) RETURNS TABLE(id bigint, user_id bigint, left_ms bigint)
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 SELECT s.id,
     s.user_id,
     (ceil((EXTRACT(epoch FROM (LEAST(s.expires_at, (s.last_seen_at + '12:00:00'::interval)) - now())) * (1000)::numeric)))::bigint AS ceil
    FROM (testkase.sessions s
      JOIN testkase.users u ON ((u.id = s.user_id)))
   WHERE ((s.id = ANY (live_sessions.ids)) AND (s.expires_at > now()) AND (s.last_seen_at > (now() - '12:00:00'::interval)) AND (s.user_generation = u.session_generation) AND (u.status = 'active'::text));
END;

CREATE FUNCTION testkase.live_tokens_of(of_user bigint) RETURNS TABLE(id bigint, user_id bigint, organization_id bigint, name text, preview text)
    LANGUAGE sql
    AS $$
    select t.id, t.user_id, u.organization_id, t.name, t.preview
    from testkase.api_tokens t
    join testkase.users u on u.id = t.user_id
    where t.user_id = of_user and t.ended_at is null and t.expires_at > now() and t.owner_generation = u.credential_generation
    order by t.id
    for no key update of t
$$;

CREATE FUNCTION testkase.mail_is_sent() RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
    select exists (select from worker_heartbeats where sends_mail and beat_at > now() - interval '1 minute')
$$;

CREATE FUNCTION testkase.make_partitions(ahead integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'testkase', 'pg_temp'
    AS $_$
declare
    table_of record;
    first_day timestamptz;
    next_first timestamptz;
    partition_name text;
    is_begun boolean;
    made integer := 0;
begin
    lock table partitioned_tables in share row exclusive mode; -- unlike an advisory lock, other roles cannot take it
    for table_of in select * from partitioned_tables order by name loop
        for month in 0..least(ahead, 24) loop
            first_day := (date_trunc('month', now() at time zone 'UTC') + month * interval '1 month') at time zone 'UTC';
            next_first := (date_trunc('month', now() at time zone 'UTC') + (month + 1) * interval '1 month') at time zone 'UTC';
            partition_name := table_of.name || '_' || to_char(first_day at time zone 'UTC', 'YYYY_MM');
            continue when to_regclass('testkase.' || partition_name) is not null;
            execute format('select exists (select from testkase.%I where %I >= $1 and %I < $2)',
                           table_of.name || '_default', table_of.by_column, table_of.by_column)
                into is_begun using first_day, next_first;
            continue when is_begun;
            execute format('create table testkase.%I partition of testkase.%I for values from (%L) to (%L)',
                           partition_name, table_of.name, first_day, next_first);
            made := made + 1;
        end loop;
    end loop;
    return made;
end
$_$;

CREATE FUNCTION testkase.make_password_link(of_user bigint, requested boolean, made_by bigint, secret_digest bytea, requested_from cidr) RETURNS TABLE(outcome text, id bigint, purpose text, expires_at timestamp with time zone)
    LANGUAGE plpgsql SECURITY DEFINER ROWS 1
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
    person record;
    tells boolean; -- the person of the link
    told integer := 0; -- mails of the last hour that told the person of one
    is_over boolean := false; -- the organization's cap is reached
    maker text;
    until_when text;
    mail uuid;
begin
    select u.organization_id, u.session_generation, u.password_hash is null as is_new, o.name as organization into person
    from users u
    join organizations o on o.id = u.organization_id
    where u.id = of_user and u.kind = 'person' and u.status = 'active'
    for no key update of u;
    if not found then
        outcome := 'not_possible';
        return next;
        return;
    end if;
    tells := secret_digest is not null and not person.is_new and mail_is_sent();
    if tells then
        select count(*) into told
        from mails m
        where m.user_id = of_user and m.kind = 'security' and m.created_at > now() - interval '1 hour' and m.tells_of_link;
        tells := told < 3;
    end if;
    if tells and made_by is not null or secret_digest is null then
        select count(*) >= 100 into is_over
        from mails m
        where m.organization_id = person.organization_id and (m.carries_link or m.tells_of_link) and m.is_requested = requested
          and m.created_at > now() - interval '1 hour';
    end if;
    if secret_digest is null
       and (select count(*) from mails m
            where m.user_id = of_user and m.kind = 'security' and m.created_at > now() - interval '1 hour'
              and m.carries_link and m.is_requested = requested) >= 3 then
        outcome := 'too_many_mails';
    elsif is_over and told = 0 then
        outcome := 'too_many_mails_of_organization';
    elsif (select count(*) from mails m
           where m.organization_id = person.organization_id and m.requested_from = requested_from
             and m.created_at > now() - interval '1 hour') >= 20 then
        outcome := 'too_many_mails_for_network';
    end if;
    if outcome is not null then
        return next;
        return;
    end if;
    outcome := 'made';
    purpose := case when person.is_new then 'invitation' else 'reset' end;
    expires_at := now() + password_link_lifetime(purpose, requested);
    until_when := at_time(expires_at);
    select u.name into maker from users u where u.id = made_by;
    maker := coalesce(maker, 'An operator');
    if secret_digest is null then
        mail := queue_mail(person.organization_id, of_user,
            case purpose when 'invitation' then 'Your account at ' || person.organization else 'Set a new password' end,
            array[
                case when requested then 'Somebody, probably you, asked for it on the sign-in page.'
                     when purpose = 'invitation' then maker || ' made an account for you with this e-mail address.'
                     else maker || ' sends you this link so that you can set a new password.' end,
                'The link below sets the password. It works once, until ' || until_when || '.',
                case purpose when 'invitation' then 'If you do not know of an account here, ignore this mail.'
                     else 'All your sessions end when you use it; your tokens stay valid. If you do not want a new password, '
                          || 'ignore this mail: the one that you have stays.' end],
            '/set-password', true, requested, requested_from);
    elsif tells and not is_over then
        perform queue_mail(person.organization_id, of_user, 'A link that sets your password was given out',
            array[maker || ' made it on ' || at_time(now()) || ', to pass it on to you. It works once, until ' || until_when
                  || '.',
                  'If you did not ask for it, sign in and change your password: that ends the link. Then talk to them.'],
            '/account', false, false, null);
    end if;
    delete from password_links l where l.user_id = of_user and l.purpose = purpose and l.is_requested = requested;
    insert into password_links (user_id, purpose, is_requested, user_generation, created_by, expires_at, mail_id)
    values (of_user, purpose, requested, person.session_generation, made_by, expires_at, mail)
    returning password_links.id into id;
    if secret_digest is not null then
        insert into password_link_secrets (digest, link_id) values (secret_digest, id);
    else
        perform notify_ids('testkase_outbox', 'mailIds', array[mail]);
    end if;
    return next;
end
$$;

CREATE FUNCTION testkase.mark_renewal(renewed text) RETURNS void
    LANGUAGE sql
    AS $$
    select set_config('testkase.renewal', renewed, true)
$$;

CREATE FUNCTION testkase.may_alert(topic text, told_at timestamp with time zone, told integer) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE topic WHEN 'api_key.rate_limited'::text THEN (told_at <= (now() - '01:00:00'::interval)) ELSE ((told_at <= (now() - '1 day'::interval)) AND (told < 5)) END;

CREATE FUNCTION testkase.may_be_mailed(reader bigint, of_kind text) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
    select case of_kind
               when 'reminder' then count(*) filter (where m.created_at >= date_trunc('day', now(), 'UTC')) = 0
               else count(*) filter (where m.created_at > now() - interval '1 minute') = 0
                    or count(*) filter (where m.created_at > now() - interval '1 hour') < 5
           end
    from testkase.mails m
    where m.user_id = reader and m.kind = of_kind and m.created_at > now() - interval '1 day'
$$;

CREATE FUNCTION testkase.may_still_be_used(link bigint) RETURNS boolean
    LANGUAGE sql
    AS $$
    select l.mail_id is not null or l.created_by is null or exists (
        select from testkase.users m
        join testkase.users u on u.id = l.user_id and u.organization_id = m.organization_id
        where m.id = l.created_by and m.status = 'active' and testkase.link_refusal(m.id, u.id) is null)
    from testkase.password_links l
    where l.id = may_still_be_used.link
$$;

CREATE FUNCTION testkase.met(payload jsonb) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN ((testkase.at_time(((payload ->> 'at'::text))::timestamp with time zone) || COALESCE((' by '::text || NULLIF((payload ->> 'client'::text), ''::text)), ''::text)) || COALESCE((' from '::text || (payload ->> 'address'::text)), ''::text));

CREATE FUNCTION testkase.network_of(address inet) RETURNS cidr
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN network(set_masklen(address, CASE family(address) WHEN 4 THEN 24 ELSE 48 END));

CREATE FUNCTION testkase.notice_item(topic text, payload jsonb, reader bigint) RETURNS TABLE(heading text, sentences text[], path text)
    LANGUAGE sql STABLE
    AS $$
    with about as (
        select t.id, t.user_id, t.name, t.preview, t.expires_at, u.name as owner_name, t.user_id = notice_item.reader as is_own,
               t.ended_at, t.ended_reason, t.ended_note, s.status, s.ended_at as over_at,
               n.live_successor_id, m.name as maker_name,
               t.created_by is distinct from t.user_id as is_made_by_other, p.name as maker_token, e.name as ender_name
        from testkase.api_tokens t
        join testkase.users u on u.id = t.user_id
        join testkase.api_token_rotations n on n.id = t.id
        join testkase.api_token_states s on s.id = t.id
        left join testkase.users m on m.id = t.created_by
        left join testkase.api_tokens p on p.id = t.created_by_token
        left join testkase.users e on e.id = t.ended_by
        where t.id = (notice_item.payload ->> 'apiKeyId')::bigint
    ), told as (
        select a.*, testkase.token_path(a.id, a.user_id, notice_item.reader) as its_path,
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
           t.its_path || case when t.is_own and t.expires_at > now() then '/rotate' else '' end
    from told t
    where notice_item.topic in ('api_key.rotation_due', 'api_key.expiring', 'api_key.expired')
    union all
    select t.name || ' was generated',
           t.which || array['It is valid until ' || testkase.at_time(t.expires_at) || '.', case
               when t.maker_token is not null then 'It was generated with the token ' || t.maker_token || '.'
               when t.is_made_by_other then 'It was generated by ' || coalesce(t.maker_name, 'an operator') || '.'
               else 'It was generated in a session of its owner.'
           end, case
               when t.ended_at is not null then 'It has ended since.'
               when t.is_own then 'If you do not know of it, delete it, and change your password.'
               else 'If nobody knows of it, an admin of the organization should revoke it, in Settings, People.'
           end],
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
    select t.name || ' has leaked and is revoked',
           t.which || array_remove(array[
               'Somebody who had found it reported it; it was revoked at once, on ' || testkase.at_time(t.ended_at) || '.',
               t.use[1],
               (select case count(*)
                           when 0 then null
                           when 1 then 'A token that it made is still valid: delete it, unless you know it.'
                           else 'It made ' || count(*) || ' tokens that are still valid: delete those that you do not know.'
                       end
                from testkase.descendants_of(t.id)),
               'Whatever used it gets 401 now. Generate a new one, if something needs it, and keep that out of the place where '
               || 'the old one was found.'], null),
           t.its_path
    from told t
    where notice_item.topic = 'api_key.leaked'
    union all
    select t.name || ' is still presented, but ' || case t.status when 'expired' then 'has expired' else 'was revoked' end,
           t.which || array_remove(array[
               'It ' || case t.status when 'expired' then 'expired' else 'was revoked' end || ' on '
               || testkase.at_time(t.over_at) || '.',
               'It was presented on ' || testkase.met(notice_item.payload) || ', and refused.',
               (select 'Calls that were refused in the last 24 hours: ' || sum(u.calls) || '.'
                from testkase.api_token_usage u
                where u.token_id = t.id and u.hour >= now() - interval '1 day' and u.status = 401),
               'If that is a program of yours, give it another token. If not, somebody has a copy of a token that opens nothing '
               || 'any more.'], null),
           t.its_path
    from told t
    where notice_item.topic = 'api_key.presented_after_end' and t.status <> 'active'
    union all
    select t.name || ' was used from a new network',
           t.which || array['It was used on ' || testkase.met(notice_item.payload) || '. It had not been used from that network ('
                            || (notice_item.payload ->> 'network') || ') before.',
                            case when t.status = 'active' then 'If you do not know of it, delete the token.'
                                 else 'It has ended since.' end],
           t.its_path
    from told t
    where notice_item.topic = 'api_key.new_network'
    union all
    select 'A sign-in from a new network',
           array['Somebody signed in to your account with your password on ' || testkase.met(notice_item.payload)
                 || '. There had been no sign-in from that network (' || (notice_item.payload ->> 'network') || ') before.',
                 'If it was not you, end that session, and change your password at once.'],
           '/account'
    where notice_item.topic = 'user.signed_in' and (notice_item.payload ->> 'userId')::bigint = notice_item.reader
    union all
    select d.heading, d.sentences, d.path
    from testkase.users r
    cross join lateral testkase.digest_items(r.organization_id) d
    where notice_item.topic = 'tokens.digest' and r.id = notice_item.reader
    union all
    select 'Your password was ' || case notice_item.payload ->> 'by' when 'invitation' then 'set' else 'changed' end,
           array[case notice_item.payload ->> 'by'
                     when 'invitation' then 'It was set by the link of your invitation.'
                     when 'reset' then 'It was set by a link for a new password. All your sessions have ended. Your tokens are '
                                       || 'still valid.'
                     else 'All sessions but the one that changed it have ended. Your tokens are still valid.'
                 end,
                 'If it was not you, ask an admin of your organization for a new one, and delete tokens that you do not know.'],
           '/account'
    where notice_item.topic = 'user.password_changed' and (notice_item.payload ->> 'userId')::bigint = notice_item.reader
$$;

CREATE FUNCTION testkase.notification_queue_usage() RETURNS double precision
    LANGUAGE sql PARALLEL SAFE
    RETURN pg_notification_queue_usage();

CREATE FUNCTION testkase.notifications_are_sent() RETURNS boolean
    LANGUAGE sql PARALLEL SAFE
    RETURN (testkase.notification_queue_usage() < (0.5)::double precision);

CREATE FUNCTION testkase.notify_ids(channel text, key text, ids anyarray) RETURNS void
    LANGUAGE sql
    AS $$
    select pg_notify(channel, json_build_object(key, ids[1:50])::text)
    where cardinality(ids) > 0 and testkase.notifications_are_sent()
$$;

CREATE FUNCTION testkase.notify_rows() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
begin
    perform notify_ids(tg_argv[0], tg_argv[1], array(select id from after_rows limit 50));
    return null;
end
$$;

CREATE FUNCTION testkase.organizations_changed() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
begin
    if exists (select from after_rows a join before_rows b on b.id = a.id
               where (a.name, a.tokens_may_create_tokens, a.default_rate_limit)
                     is distinct from (b.name, b.tokens_may_create_tokens, b.default_rate_limit)) then
        perform bump_auth_epoch(null);
    end if;
    return null;
end
$$;

CREATE FUNCTION testkase.password_link_lifetime(purpose text, is_requested boolean) RETURNS interval
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN (purpose = 'invitation'::text) THEN '7 days'::interval WHEN is_requested THEN '01:00:00'::interval ELSE '1 day'::interval END;

CREATE FUNCTION testkase.people_without_mail(organization bigint) RETURNS TABLE(user_id bigint)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
    select r.user_id
    from (select distinct m.user_id from mails m
          where m.organization_id = organization and m.state = 'parked' and m.status between 500 and 599) r
    where not has_working_address(r.user_id)
$$;

CREATE FUNCTION testkase.periods_up_to(max_days smallint) RETURNS json
    LANGUAGE sql STABLE
    AS $$
    select json_agg(json_build_object('days', p.expires_in_days, 'rotateOn', p.rotate_on_day) order by p.expires_in_days)
    from testkase.rotation_policy p
    where max_days is null or p.expires_in_days <= max_days
$$;

CREATE FUNCTION testkase.place_words(client text, address inet) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN ((client = 'other'::text) AND (address IS NULL)) THEN 'one of many other clients'::text ELSE (COALESCE(NULLIF(split_part(client, '/'::text, 1), ''::text), 'an unnamed client'::text) || COALESCE((' at '::text || host(address)), ''::text)) END;

CREATE FUNCTION testkase.places_of(of_token bigint, since timestamp with time zone) RETURNS TABLE(client text, address inet, last_at timestamp with time zone, calls bigint)
    LANGUAGE sql STABLE
    AS $$
    select split_part(u.client, '/', 1), u.address, max(u.last_at), sum(u.calls)::bigint
    from testkase.api_token_usage u
    where u.token_id = of_token and u.hour >= date_trunc('hour', since, 'UTC') and testkase.is_let_in(u.status)
    group by 1, 2
$$;

CREATE FUNCTION testkase.present_history(OUT cluster text, OUT timeline text, OUT database text) RETURNS record
    LANGUAGE plpgsql STABLE
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
begin
    begin
        select s.system_identifier::text into cluster from pg_control_system() s;
    exception
        when insufficient_privilege or undefined_function or feature_not_supported then cluster := 'unknown';
    end;
    begin
        timeline := left(pg_walfile_name(pg_current_wal_insert_lsn()), 8);
    exception
        when insufficient_privilege or undefined_function or feature_not_supported then timeline := 'unknown';
    end;
    select d.oid || '/' || 'testkase.auth_epoch'::regclass::oid into database
    from pg_database d where d.datname = current_database();
end
$$;

CREATE TABLE testkase.project_members (
    project_id bigint NOT NULL,
    user_id bigint NOT NULL,
    organization_id bigint NOT NULL,
    role text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT project_members_role_check CHECK ((role = ANY (ARRAY['project_admin'::text, 'user'::text, 'guest'::text])))
);

CREATE TABLE testkase.projects (
    id bigint NOT NULL,
    organization_id bigint NOT NULL,
    number integer NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    next_case_number integer DEFAULT 1 NOT NULL,
    next_cycle_number integer DEFAULT 1 NOT NULL,
    active_cases integer DEFAULT 0 NOT NULL,
    CONSTRAINT projects_active_cases_check CHECK ((active_cases >= 0)),
    CONSTRAINT projects_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 100))),
    CONSTRAINT projects_next_case_number_check CHECK ((next_case_number > 0)),
    CONSTRAINT projects_next_cycle_number_check CHECK ((next_cycle_number > 0)),
    CONSTRAINT projects_number_check CHECK ((number > 0))
);

CREATE FUNCTION testkase.project_for(organization bigint, caller bigint, project_number integer, least_role text) RETURNS TABLE(id bigint, number integer, name text, role text, outcome text)
    LANGUAGE sql STABLE ROWS 1 PARALLEL SAFE
    BEGIN ATOMIC
 SELECT
         CASE
             WHEN access.is_enough THEN p.id
             ELSE NULL::bigint
         END AS "case",
     p.number,
     p.name,
     access.role,
         CASE
             WHEN access.is_enough THEN 'allowed'::text
             ELSE 'forbidden'::text
         END AS "case"
    FROM (((testkase.users u
      JOIN testkase.projects p ON (((p.organization_id = u.organization_id) AND (p.number = project_for.project_number))))
      LEFT JOIN testkase.project_members m ON (((m.project_id = p.id) AND (m.user_id = u.id))))
      CROSS JOIN LATERAL ( SELECT r.role,
             (array_position(r.ranks, r.role) >= array_position(r.ranks, project_for.least_role)) AS is_enough
            FROM ( SELECT
                         CASE
                             WHEN (u.org_role = ANY (ARRAY['owner'::text, 'admin'::text])) THEN 'project_admin'::text
                             ELSE m.role
                         END AS role,
                     ARRAY['guest'::text, 'user'::text, 'project_admin'::text] AS ranks) r) access)
   WHERE ((u.id = project_for.caller) AND (u.organization_id = project_for.organization) AND (u.status = 'active'::text) AND (access.role IS NOT NULL));
END;

CREATE FUNCTION testkase.projects_begin() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
begin
    insert into test_cycles (project_id, number, name)
    select p.id, 1, 'Master cycle' from after_rows p;
    update projects p set next_cycle_number = 2 from after_rows a where p.id = a.id;
    return null;
end
$$;

CREATE FUNCTION testkase.prune_executions(executions integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'testkase', 'pg_temp'
    AS $_$
declare
    pruned bigint;
    partition_name text;
    is_empty boolean;
begin
    with due as (
        select r.id, r.reported_at, r.received
        from organizations o
        join projects p on p.organization_id = o.id
        cross join lateral (
            select r.id, r.reported_at, r.received
            from test_runs r
            where r.project_id = p.id and r.pruned_at is null
              and r.reported_at < now() - o.execution_months * interval '1 month'
            order by r.reported_at
            limit 100
            for no key update of r skip locked
        ) r
        where o.execution_months is not null
        limit 100
    ), batch as (
        select s.id, s.reported_at
        from (select d.id, d.reported_at, sum(d.received) over (order by d.id) - d.received as before from due d) s
        where s.before < greatest(executions, 1)
    ), deleted as (
        delete from test_executions e using batch b where e.executed_at = b.reported_at and e.run_id = b.id
    ), marked as (
        update test_runs r set pruned_at = now() from batch b where r.id = b.id
        returning r.id
    )
    select count(*) into pruned from marked;
    if pruned > 0 then
        return pruned;
    end if;
    lock table partitioned_tables in share row exclusive mode; -- as make_partitions() does
    for partition_name in
        select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'testkase.test_executions'::regclass and c.relname ~ '^test_executions_[0-9]{4}_[0-9]{2}$'
          and to_date(right(c.relname, 7), 'YYYY_MM') < date_trunc('month', now() at time zone 'UTC') - interval '1 month'
    loop
        execute format('select not exists (select from testkase.%I)', partition_name) into is_empty;
        continue when not is_empty;
        execute format('drop table testkase.%I', partition_name);
        pruned := pruned + 1;
    end loop;
    return pruned;
end
$_$;

CREATE FUNCTION testkase.prune_usage(months integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'testkase', 'pg_temp'
    AS $_$
declare
    oldest timestamptz := (date_trunc('month', now() at time zone 'UTC') - greatest(months, 1) * interval '1 month')
                          at time zone 'UTC';
    partition_name text;
    dropped integer := 0;
begin
    lock table partitioned_tables in share row exclusive mode; -- as make_partitions() does
    for partition_name in
        select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'testkase.api_token_usage'::regclass and c.relname ~ '^api_token_usage_[0-9]{4}_[0-9]{2}$'
          and to_date(right(c.relname, 7), 'YYYY_MM') < oldest at time zone 'UTC'
    loop
        execute format('drop table testkase.%I', partition_name);
        dropped := dropped + 1;
    end loop;
    delete from api_token_usage_default where hour < oldest;
    delete from api_token_usage_pairs where hour < date_trunc('hour', now(), 'UTC') - interval '1 hour';
    return dropped;
end
$_$;

CREATE FUNCTION testkase.queue_mail(organization bigint, reader bigint, heading text, sentences text[], path text, carries_link boolean, is_requested boolean, requested_from cidr) RETURNS uuid
    LANGUAGE plpgsql
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
declare
    mail uuid;
begin
    insert into mail_wishes (user_id) values (reader) on conflict do nothing;
    insert into mails (organization_id, user_id, kind, subject, carries_link, tells_of_link, is_requested, requested_from)
    values (organization, reader, 'security', left(heading, 200), carries_link, not carries_link, is_requested, requested_from)
    returning id into mail;
    insert into mail_items (mail_id, position, heading, sentences, path) values (mail, 1, heading, sentences, path);
    return mail;
end
$$;

CREATE FUNCTION testkase.recent_sign_in() RETURNS interval
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN '00:15:00'::interval;

CREATE FUNCTION testkase.recent_use(of_user bigint) RETURNS TABLE(token_id bigint, clients text[], pipeline text, writes boolean, calls bigint)
    LANGUAGE sql STABLE
    AS $$
    select p.id,
           array_agg(p.client order by p.client)
               filter (where p.last_hour > now() - interval '7 days' and p.client not in ('', 'other')),
           min(p.client) filter (where testkase.is_pipeline(p.client)),
           bool_or(p.writes),
           sum(p.calls)::bigint
    from (
        select t.id, split_part(u.client, '/', 1) as client, bool_or(u.method not in ('GET', 'HEAD', 'OPTIONS')) as writes,
               sum(u.calls) as calls, max(u.hour) as last_hour
        from testkase.api_tokens t
        join testkase.api_token_usage u on u.token_id = t.id and u.hour > now() - interval '30 days'
        where t.user_id = of_user and t.ended_at is null and testkase.is_let_in(u.status)
        group by 1, 2
    ) p
    group by p.id
$$;

CREATE FUNCTION testkase.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end
$$;

CREATE FUNCTION testkase.reminded_of(caller bigint) RETURNS TABLE(account bigint)
    LANGUAGE sql STABLE
    AS $$
    with reader as (
        select u.id, u.organization_id, u.org_role in ('owner', 'admin') as is_admin from testkase.users u where u.id = caller
    ), candidate as (
        select c.service_id as id from testkase.custodians c where c.user_id = caller
        union
        select s.id
        from reader r
        join testkase.users s on s.organization_id = r.organization_id and s.kind = 'service' and s.status = 'active'
        where r.is_admin
        union
        select p.user_id
        from reader r
        cross join lateral testkase.people_without_mail(r.organization_id) p
        where r.is_admin
    )
    select r.id from reader r
    union
    select c.id from candidate c cross join lateral testkase.told_about(c.id) t where t.user_id = caller
$$;

CREATE FUNCTION testkase.reminder_stages(rotate_at timestamp with time zone, expires_at timestamp with time zone) RETURNS TABLE(rank bigint, stage text, at timestamp with time zone)
    LANGUAGE sql STABLE
    AS $$
    select row_number() over (order by s.at), s.stage, s.at
    from (
        select 'rotation' as stage, reminder_stages.rotate_at as at
        union all
        select p.stage, reminder_stages.expires_at - p.days_before * interval '86400 seconds'
        from testkase.reminder_policy p
        where reminder_stages.expires_at - p.days_before * interval '86400 seconds' > reminder_stages.rotate_at
    ) s
$$;

CREATE FUNCTION testkase.renew_password_hash(of_user bigint, old_hash text, new_hash text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'testkase', 'pg_temp'
    AS $_$
declare
    organization bigint;
begin
    perform mark_renewal('user ' || of_user);
    update users set password_hash = new_hash
    where id = of_user and password_hash = old_hash and status = 'active'
      and split_part(new_hash, '$', 4) <> split_part(old_hash, '$', 4)
    returning organization_id into organization;
    perform mark_renewal('');
    if organization is null then
        return false;
    end if;
    insert into audit_events (organization_id, actor_kind, action, target_kind, target_id, detail)
    values (organization, 'system', 'user.hash_renewed', 'user', of_user,
            jsonb_build_object('cost', jsonb_build_array(split_part(old_hash, '$', 4), split_part(new_hash, '$', 4))));
    return true;
end
$_$;

CREATE FUNCTION testkase.renew_token_hash(of_token bigint, old_hash text, new_hash text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'testkase', 'pg_temp'
    AS $_$
declare
    owner_id bigint;
begin
    perform mark_renewal('api_token ' || of_token);
    update api_tokens set secret_hash = new_hash
    where id = of_token and secret_hash = old_hash and ended_at is null
      and split_part(new_hash, '$', 4) <> split_part(old_hash, '$', 4)
    returning user_id into owner_id;
    perform mark_renewal('');
    if owner_id is null then
        return false;
    end if;
    insert into audit_events (organization_id, actor_kind, action, target_kind, target_id, detail)
    select u.organization_id, 'system', 'api_key.hash_renewed', 'api_key', of_token,
           jsonb_build_object('cost', jsonb_build_array(split_part(old_hash, '$', 4), split_part(new_hash, '$', 4)))
    from users u where u.id = owner_id;
    return true;
end
$_$;

CREATE FUNCTION testkase.report_results(actor testkase.actor, organization bigint, caller bigint, project_number integer, cycle_number integer, upload_key text, upload_digest bytea, build jsonb, automation_ids integer[], statuses text[], names text[], durations bigint[], messages text[], rehearse boolean) RETURNS TABLE(outcome text, answer json)
    LANGUAGE plpgsql ROWS 1
    SET search_path TO 'testkase', 'pg_temp'
    SET work_mem TO '64MB'
    AS $$
declare
    acts record;
    project record;
    cycle record;
    earlier record;
    run bigint;
    reported timestamptz := now();
    counted record;
    missing_before integer;
    missing_after integer;
    counts json;
begin
    select a.* into acts from acting(actor) a;
    if acts.outcome <> 'allowed' then
        outcome := acts.outcome;
        return next;
        return;
    end if;
    if upload_key is not null and not rehearse then
        select u.digest, u.answer into earlier
        from result_uploads u
        where u.user_id = caller and u.idempotency_key = upload_key and u.uploaded_at > now() - interval '7 days';
        if found then
            outcome := case when earlier.digest = upload_digest then 'repeated' else 'key_used_otherwise' end;
            answer := case when earlier.digest = upload_digest then earlier.answer end;
            return next;
            return;
        end if;
    end if;
    select p.id, p.outcome into project from hold_project(organization, caller, project_number, 'user', 'shared') p;
    if not found or project.outcome <> 'allowed' then
        outcome := coalesce(project.outcome, 'not_found');
        return next;
        return;
    end if;
    select c.id into cycle from test_cycles c
    where c.project_id = project.id and c.number = cycle_number and c.archived_at is null
    for no key update;
    if not found then
        outcome := 'not_found';
        return next;
        return;
    end if;
    if not rehearse then
        select p.active_cases - c.pass - c.fail - c.blocked - c.skipped into missing_before
        from test_cycles c join projects p on p.id = c.project_id where c.id = cycle.id;
        insert into test_runs (project_id, cycle_id, user_id, token_id, build, received, matched)
        values (project.id, cycle.id, caller, acts.token_id, build, cardinality(automation_ids), 0)
        returning id into run;
    end if;
    with given as materialized (
        select c.id as case_id, r.automation_id, r.status, r.name, r.duration, r.message
        from (select distinct on (u.automation_id) u.automation_id, u.status, u.name, u.duration, u.message
              from unnest(automation_ids, statuses, names, durations, messages) with ordinality
                   as u (automation_id, status, name, duration, message, place)
              order by u.automation_id, u.place desc) r
        left join test_cases c
            on c.project_id = project.id and c.automation_id = r.automation_id and c.archived_at is null
    ), executed as (
        insert into test_executions (executed_at, case_id, cycle_id, run_id, status, duration_ms, name, message)
        select reported, g.case_id, cycle.id, run, g.status, g.duration, g.name, g.message
        from given g
        where g.case_id is not null and not rehearse
    ), latest as (
        insert into test_latest_results as l (cycle_id, case_id, run_id, executed_at, status, duration_ms, message)
        select cycle.id, g.case_id, run, reported, g.status, g.duration, g.message
        from given g
        where g.case_id is not null and not rehearse
        order by g.case_id
        on conflict (cycle_id, case_id)
            do update set run_id = excluded.run_id, executed_at = excluded.executed_at, status = excluded.status,
                          duration_ms = excluded.duration_ms, message = excluded.message
    )
    select count(*) as ids, count(g.case_id) as matched,
           count(g.case_id) filter (where g.status = 'pass') as pass, count(g.case_id) filter (where g.status = 'fail') as fail,
           count(g.case_id) filter (where g.status = 'blocked') as blocked,
           count(g.case_id) filter (where g.status = 'skipped') as skipped,
           coalesce(array_agg(g.automation_id order by g.automation_id) filter (where g.case_id is null), '{}') as missed
    into counted
    from given g;
    answer := json_build_object('cycleId', 'TCYCLE-' || cycle_number, 'received', cardinality(automation_ids),
                                'matched', counted.matched, 'unmatched', to_json(counted.missed),
                                'duplicates', cardinality(automation_ids) - counted.ids);
    if rehearse then
        outcome := 'reported';
        return next;
        return;
    end if;
    update test_runs r
    set matched = counted.matched, unmatched = counted.ids - counted.matched, pass = counted.pass, fail = counted.fail,
        blocked = counted.blocked, skipped = counted.skipped
    where r.id = run;
    if upload_key is not null then
        insert into result_uploads as u (user_id, idempotency_key, digest, answer)
        values (caller, upload_key, upload_digest, answer)
        on conflict (user_id, idempotency_key)
            do update set uploaded_at = now(), digest = excluded.digest, answer = excluded.answer; -- older than 7 days
    end if;
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address, action,
                              target_kind, target_id, detail)
    values (acts.organization_id, acts.kind, acts.user_id, acts.token_id, acts.request_id, acts.address,
            'automation.results_received', 'test_run', run,
            jsonb_build_object('project', 'PRJ-' || project_number, 'cycle', 'TCYCLE-' || cycle_number,
                               'received', cardinality(automation_ids), 'matched', counted.matched));
    insert into outbox (organization_id, user_id, topic, payload)
    values (acts.organization_id, caller, 'automation.results_received',
            jsonb_strip_nulls(jsonb_build_object(
                'projectId', 'PRJ-' || project_number, 'cycleId', 'TCYCLE-' || cycle_number, 'runId', run,
                'received', cardinality(automation_ids), 'matched', counted.matched,
                'unmatched', counted.ids - counted.matched, 'duplicates', cardinality(automation_ids) - counted.ids,
                'pass', counted.pass, 'fail', counted.fail, 'blocked', counted.blocked, 'skipped', counted.skipped)));
    select p.active_cases - c.pass - c.fail - c.blocked - c.skipped,
           shown_counts(p.active_cases, c.pass, c.fail, c.blocked, c.skipped)
    into missing_after, counts
    from test_cycles c join projects p on p.id = c.project_id where c.id = cycle.id;
    if missing_before > 0 and missing_after = 0 then
        insert into outbox (organization_id, user_id, topic, payload)
        values (acts.organization_id, caller, 'test_cycle.completed',
                jsonb_build_object('projectId', 'PRJ-' || project_number, 'cycleId', 'TCYCLE-' || cycle_number,
                                   'runId', run, 'counts', counts));
    end if;
    outcome := 'reported';
    return next;
end
$$;

CREATE FUNCTION testkase.requesting_network(address inet) RETURNS cidr
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN network(set_masklen(address, CASE family(address) WHEN 4 THEN 32 ELSE 48 END));

CREATE FUNCTION testkase.rfc3339(moment timestamp with time zone) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN to_char((moment AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD"T"HH24:MI:SS"Z"'::text);

CREATE FUNCTION testkase.rights_deleted() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
begin
    if exists (select from before_rows) then
        perform bump_auth_epoch(null);
    end if;
    return null;
end
$$;

CREATE FUNCTION testkase.rights_truncated() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
begin
    perform bump_auth_epoch(null);
    return null;
end
$$;

CREATE FUNCTION testkase.rotation_obstacle(old_token bigint, new_token bigint) RETURNS text
    LANGUAGE sql STABLE
    AS $$
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

CREATE FUNCTION testkase.rotation_places(old_token bigint, new_token bigint) RETURNS TABLE(client text, address inet, old_at timestamp with time zone, old_calls bigint, new_at timestamp with time zone, new_calls bigint)
    LANGUAGE sql STABLE
    AS $$
    select o.client, o.address, o.last_at, o.calls, n.last_at, coalesce(n.calls, 0)
    from testkase.rotation_verdict v
    cross join testkase.places_of(old_token, now() - v.places_days * interval '1 day') o
    left join testkase.places_of(new_token, '-infinity') n
        on n.client = o.client and n.address is not distinct from o.address and not (o.client = 'other' and o.address is null)
$$;

CREATE FUNCTION testkase.route_outbox(most integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
declare
    read_rows integer;
    queued_most constant integer := 1000;
begin
    with batch as (
        select o.id, o.organization_id, o.user_id, o.topic, o.payload, o.sequence, o.created_at
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
    ), wanted as (
        select h.id as webhook_id, b.topic, b.payload, b.user_id, b.created_at, b.sequence,
               row_number() over (partition by h.id order by b.sequence) as place
        from batch b
        join webhooks h on h.organization_id = b.organization_id and h.deleted_at is null and h.status = 'enabled'
                           and b.topic = any (h.topics)
    ), webhook as materialized (
        -- How many already wait, counted once: an endpoint that does not answer for days must not fill the table. Of what is too
        -- much, one delivery of each batch is kept, to show it.
        select w.webhook_id,
               (select count(*)
                from (select from webhook_deliveries d
                      where d.webhook_id = w.webhook_id and d.state = 'queued' limit queued_most) q) as queued
        from wanted w
        group by w.webhook_id
    ), queued as (
        insert into webhook_deliveries (webhook_id, topic, message, state, error, ended_at)
        select w.webhook_id, w.topic, webhook_message(w.topic, w.payload, w.user_id, w.created_at), s.state,
               case when s.state = 'parked' then 'too many deliveries were waiting' end,
               case when s.state = 'parked' then now() end
        from wanted w
        join webhook h on h.webhook_id = w.webhook_id
        cross join lateral (select case when h.queued + w.place > queued_most then 'parked' else 'queued' end as state) s
        where h.queued + w.place <= greatest(queued_most, h.queued) + 1
        order by w.sequence, w.webhook_id
    )
    select count(*) into read_rows from read;
    return read_rows;
end
$$;

CREATE FUNCTION testkase.says_nothing(name text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (((name COLLATE "C") ~ '(?i)^((my|the|a|new|test|token|key|api|pat|temp|tmp|foo|bar|asdf|abc|x+|untitled|default)[ _-]*)+[0-9]*$'::text) OR (char_length(name) < 3));

CREATE FUNCTION testkase.server_silence_max() RETURNS interval
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN '00:00:05'::interval;

CREATE FUNCTION testkase.session_generations_moved() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
begin
    perform notify_ids('testkase_sessions', 'userIds',
                       array(select a.id from after_rows a
                             join before_rows b on b.id = a.id and b.session_generation <> a.session_generation limit 50));
    return null;
end
$$;

CREATE FUNCTION testkase.sessions_guard() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
begin
    if new.id <> old.id or new.digest <> old.digest or new.user_id <> old.user_id or new.user_generation <> old.user_generation
       or new.created_at <> old.created_at or new.expires_at > old.expires_at
       or new.confirmed_at not in (old.confirmed_at, now()) then
        raise exception 'a session cannot be changed'
            using errcode = 'integrity_constraint_violation', constraint = 'sessions_immutable';
    end if;
    new.last_seen_at := least(new.last_seen_at, now());
    return new;
end
$$;

CREATE FUNCTION testkase.sessions_max() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN 50;

CREATE FUNCTION testkase.sessions_stamp() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
begin
    new.created_at := now();
    new.last_seen_at := now();
    new.confirmed_at := now();
    new.expires_at := least(new.expires_at, now() + session_lifetime());
    select u.session_generation into new.user_generation
    from users u where u.id = new.user_id and u.status = 'active'
    for no key update;
    if not found then
        raise exception 'only an active account has sessions'
            using errcode = 'integrity_constraint_violation', constraint = 'sessions_of_active_accounts';
    end if;
    delete from sessions s
    where s.id in (select o.id from sessions o where o.user_id = new.user_id
                   order by o.last_seen_at desc, o.id desc
                   offset sessions_max() - 1);
    return new;
end
$$;

CREATE FUNCTION testkase.shown_build(build jsonb) RETURNS json
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN (build <> '{}'::jsonb) THEN json_build_object('id', (build ->> 'id'::text), 'number', (build ->> 'number'::text), 'url', (build ->> 'url'::text), 'branch', (build ->> 'branch'::text), 'commit', (build ->> 'commit'::text), 'provider', (build ->> 'provider'::text)) ELSE NULL::json END;

CREATE FUNCTION testkase.shown_counts(cases integer, pass integer, fail integer, blocked integer, skipped integer) RETURNS json
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN json_build_object('total', cases, 'notExecuted', ((((cases - pass) - fail) - blocked) - skipped), 'pass', pass, 'fail', fail, 'blocked', blocked, 'skipped', skipped);

CREATE FUNCTION testkase.signed_in_recently(of_session bigint) RETURNS boolean
    LANGUAGE sql
    BEGIN ATOMIC
 SELECT ((of_session IS NULL) OR (EXISTS ( SELECT
            FROM testkase.sessions s
           WHERE ((s.id = signed_in_recently.of_session) AND (s.confirmed_at > (clock_timestamp() - testkase.recent_sign_in()))))));
END;

CREATE FUNCTION testkase.still_presented(of_user bigint) RETURNS TABLE(token_id bigint, clients bigint, client text, address inet, first_at timestamp with time zone, last_at timestamp with time zone, calls bigint, evidence_key text)
    LANGUAGE sql STABLE
    AS $$
    select p.id, count(*), (array_agg(p.client order by p.last_at desc, p.client))[1],
           (array_agg(p.address order by p.last_at desc, p.client))[1], min(p.first_at), max(p.last_at), sum(p.calls)::bigint,
           -- A digest: whoever knows a look-up id can present it under any number of names.
           testkase.digest_of(string_agg(p.client || ' ' || coalesce(host(p.address), ''), ', ' order by p.client, p.address))
    from (
        select t.id, split_part(u.client, '/', 1) as client, u.address, min(u.hour) as first_at, max(u.last_at) as last_at,
               sum(u.calls) as calls
        from testkase.api_tokens t
        join testkase.api_token_states s on s.id = t.id
        join testkase.api_token_usage u on u.token_id = t.id
        where t.user_id = of_user and s.status <> 'active' and u.status = 401 and u.last_at > s.ended_at
          and u.hour > now() - interval '7 days'
        group by 1, 2, 3
    ) p
    group by p.id
$$;

CREATE TABLE testkase.outbox (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    sequence bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    organization_id bigint NOT NULL,
    user_id bigint,
    topic text NOT NULL,
    payload jsonb DEFAULT '{}'::jsonb NOT NULL,
    routed_at timestamp with time zone,
    written_by xid8 DEFAULT pg_current_xact_id() NOT NULL,
    CONSTRAINT outbox_topic_check CHECK ((topic ~ '^[a-z_]+\.[a-z_]+$'::text))
);

CREATE TABLE testkase.streamed_topics (
    topic text NOT NULL
);

CREATE FUNCTION testkase.streamed_since(since pg_snapshot) RETURNS TABLE(sequence bigint, written_by xid8, user_id bigint, topic text, data text)
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 SELECT o.sequence,
     o.written_by,
     o.user_id,
     o.topic,
     ((o.payload || jsonb_build_object('ownerId', o.user_id, 'at', testkase.rfc3339(o.created_at))))::text AS text
    FROM (testkase.outbox o
      JOIN testkase.streamed_topics t ON ((t.topic = o.topic)))
   WHERE ((o.written_by >= pg_snapshot_xmin(streamed_since.since)) AND (o.written_by < pg_snapshot_xmax(pg_current_snapshot())) AND (NOT pg_visible_in_snapshot(o.written_by, streamed_since.since)) AND (o.user_id IS NOT NULL));
END;

CREATE FUNCTION testkase.successor_name(name text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $_$
    select rtrim(left(v.base, 100 - char_length(v.ending))) || v.ending
    from (
        select case when name ~ ' v[1-9][0-9]{0,3}$' then regexp_replace(name, ' v[0-9]+$', '') else name end as base,
               ' v' || coalesce(substring(name from ' v([1-9][0-9]{0,3})$')::integer, 1) + 1 as ending
    ) v
$_$;

CREATE FUNCTION testkase.sum_up_hour(chosen timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
begin
    delete from usage_by_route where hour = chosen;
    delete from usage_by_client where hour = chosen;
    delete from usage_by_token where hour = chosen;
    delete from usage_refusals where hour = chosen;
    with used as materialized (
        select u.token_id, split_part(u.client, '/', 1) as client, u.method, u.route, u.status, sum(u.calls)::bigint as calls
        from api_token_usage u
        where u.hour = chosen
        group by 1, 2, 3, 4, 5
    ), routes as (
        insert into usage_by_route (hour, method, route, status, calls)
        select chosen, method, route, status, sum(calls) from used group by method, route, status
    ), clients as (
        insert into usage_by_client (hour, client, tokens, calls, refused)
        select chosen, client, count(distinct token_id), sum(calls), coalesce(sum(calls) filter (where is_refused(status)), 0)
        from used group by client order by sum(calls) desc, client limit 100
    ), tokens as (
        insert into usage_by_token (hour, token_id, calls, refused, rate_limited)
        select chosen, token_id, sum(calls), coalesce(sum(calls) filter (where is_refused(status)), 0),
               coalesce(sum(calls) filter (where status = 429), 0)
        from used group by token_id order by sum(calls) desc, token_id limit 200
    )
    -- A token in the usage is known, so a 401 means that it had expired or ended.
    insert into usage_refusals (hour, reason, tokens, calls)
    select chosen,
           case
               when r.status = 429 then 'rate_limited'
               when r.status = 403 then 'not_allowed'
               when coalesce(t.ended_reason, 'expired') = 'expired' and t.expires_at <= now() then 'expired'
               else 'ended'
           end,
           count(distinct r.token_id), sum(r.calls)
    from used r
    left join api_tokens t on t.id = r.token_id
    where is_refused(r.status)
    group by 2;
end
$$;

CREATE FUNCTION testkase.sum_up_usage() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
declare
    this_hour timestamptz := date_trunc('hour', now(), 'UTC');
    chosen timestamptz;
    ended integer := 0;
begin
    insert into usage_hours (hour)
    select h
    from generate_series(greatest(coalesce((select max(hour) from usage_hours), this_hour - interval '1 day'),
                                  this_hour - interval '31 days'), this_hour, interval '1 hour') h
    -- ON CONFLICT alone would wait for another worker that is summing up that hour.
    where not exists (select from usage_hours u where u.hour = h)
    on conflict do nothing;
    for chosen in
        select u.hour from usage_hours u where u.due_at <= now() order by u.hour desc limit 3 for update skip locked
    loop
        perform sum_up_hour(chosen);
        update usage_hours
        set summed_at = now(),
            due_at = case
                when now() < chosen + interval '70 minutes' then now() + interval '55 seconds'
                when now() < chosen + interval '25 hours' then chosen + interval '25 hours'
            end
        where hour = chosen;
        ended := ended + (now() >= chosen + interval '70 minutes')::integer;
    end loop;
    delete from usage_by_route where hour < now() - interval '13 months';
    delete from usage_by_client where hour < now() - interval '13 months';
    delete from usage_by_token where hour < now() - interval '13 months';
    delete from usage_refusals where hour < now() - interval '13 months';
    delete from usage_hours where hour < now() - interval '13 months';
    return ended;
end
$$;

CREATE FUNCTION testkase.test_cases_changed() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
begin
    if tg_op = 'INSERT' then
        update projects p set active_cases = p.active_cases + d.n
        from (select a.project_id, count(*) filter (where a.archived_at is null) as n from after_rows a group by 1) d
        where p.id = d.project_id;
        return null;
    end if;
    delete from test_latest_results r using after_rows a where r.case_id = a.id and a.archived_at is not null;
    update projects p set active_cases = p.active_cases + d.n
    from (select a.project_id, sum((a.archived_at is null)::integer - (b.archived_at is null)::integer) as n
          from after_rows a join before_rows b on b.id = a.id
          group by 1) d
    where p.id = d.project_id and d.n <> 0;
    return null;
end
$$;

CREATE FUNCTION testkase.test_results_changed() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
begin
    if tg_op = 'INSERT' then
        update test_cycles c
        set pass = c.pass + d.pass, fail = c.fail + d.fail, blocked = c.blocked + d.blocked, skipped = c.skipped + d.skipped
        from (select a.cycle_id, count(*) filter (where a.status = 'pass') as pass,
                     count(*) filter (where a.status = 'fail') as fail,
                     count(*) filter (where a.status = 'blocked') as blocked,
                     count(*) filter (where a.status = 'skipped') as skipped
              from after_rows a
              group by a.cycle_id) d
        where c.id = d.cycle_id;
    elsif tg_op = 'DELETE' then
        update test_cycles c
        set pass = c.pass - d.pass, fail = c.fail - d.fail, blocked = c.blocked - d.blocked, skipped = c.skipped - d.skipped
        from (select b.cycle_id, count(*) filter (where b.status = 'pass') as pass,
                     count(*) filter (where b.status = 'fail') as fail,
                     count(*) filter (where b.status = 'blocked') as blocked,
                     count(*) filter (where b.status = 'skipped') as skipped
              from before_rows b
              group by b.cycle_id) d
        where c.id = d.cycle_id;
    else
        update test_cycles c
        set pass = c.pass + d.pass, fail = c.fail + d.fail, blocked = c.blocked + d.blocked, skipped = c.skipped + d.skipped
        from (select e.cycle_id, coalesce(sum(e.n) filter (where e.status = 'pass'), 0) as pass,
                     coalesce(sum(e.n) filter (where e.status = 'fail'), 0) as fail,
                     coalesce(sum(e.n) filter (where e.status = 'blocked'), 0) as blocked,
                     coalesce(sum(e.n) filter (where e.status = 'skipped'), 0) as skipped
              from (select a.cycle_id, a.status, 1 as n from after_rows a
                    union all
                    select b.cycle_id, b.status, -1 from before_rows b) e
              group by e.cycle_id) d
        where c.id = d.cycle_id and (d.pass, d.fail, d.blocked, d.skipped) <> (0, 0, 0, 0);
    end if;
    return null;
end
$$;

CREATE FUNCTION testkase.this_week() RETURNS date
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN ((date_trunc('week'::text, now(), 'UTC'::text) AT TIME ZONE 'UTC'::text))::date;

CREATE FUNCTION testkase.token_networks_max() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN 50;

CREATE FUNCTION testkase.token_path(of_token bigint, owner bigint, reader bigint) RETURNS text
    LANGUAGE sql STABLE
    AS $$
    select case
               when token_path.owner = r.id then '/settings/api-keys/' || token_path.of_token
               when r.org_role in ('owner', 'admin') then '/settings/people/' || token_path.owner
               else '/settings/reminders'
           end
    from testkase.users r
    where r.id = token_path.reader
$$;

CREATE FUNCTION testkase.told_about(account bigint) RETURNS TABLE(user_id bigint)
    LANGUAGE sql STABLE
    AS $$
    with about as (
        select u.id, u.organization_id, u.kind from testkase.users u where u.id = account
    ), direct as (
        select a.id from about a where a.kind = 'person'
        union all
        select p.id
        from about a
        join testkase.custodians c on c.service_id = a.id
        join testkase.users p on p.id = c.user_id and p.status = 'active'
        where a.kind = 'service'
    )
    select d.id from direct d
    union
    select u.id
    from about a
    join testkase.users u on u.organization_id = a.organization_id and u.kind = 'person' and u.status = 'active'
                             and u.org_role in ('owner', 'admin')
    where not exists (select from direct d where testkase.has_working_address(d.id))
$$;

CREATE FUNCTION testkase.until_then(moment timestamp with time zone) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
    select case
               when s.seconds < 60 then 'now'
               when s.seconds < 7200 then 'in ' || floor(s.seconds / 60) || ' minutes'
               when s.seconds < 172800 then 'in ' || floor(s.seconds / 3600) || ' hours'
               else 'in ' || floor(s.seconds / 86400) || ' days'
           end
    from (select extract(epoch from moment - now()) as seconds) s
$$;

CREATE FUNCTION testkase.usage_pairs_max() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN 100;

CREATE FUNCTION testkase.users_changed() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
declare
    changed bigint[];
begin
    select array_agg(a.id) into changed
    from after_rows a join before_rows b on b.id = a.id
    where (a.email, a.name, a.org_role, a.status, a.credential_generation)
          is distinct from (b.email, b.name, b.org_role, b.status, b.credential_generation);
    if changed is not null then
        perform bump_auth_epoch(null);
        perform notify_ids('testkase_users', 'userIds', changed);
    end if;
    return null;
end
$$;

CREATE FUNCTION testkase.users_guard() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
begin
    if (new.org_role = 'owner' or (tg_op = 'UPDATE' and old.org_role = 'owner'))
       and (tg_op = 'INSERT' or new.org_role <> old.org_role) and not is_operator() then
        raise exception 'only an operator makes or replaces the owner of an organization'
            using errcode = 'insufficient_privilege', constraint = 'users_owner_by_operator';
    end if;
    if tg_op = 'INSERT' then
        return new;
    end if;
    if new.id <> old.id or new.organization_id <> old.organization_id or new.kind <> old.kind
       or new.created_at <> old.created_at then
        raise exception 'an account''s id, organization and kind cannot be changed'
            using errcode = 'integrity_constraint_violation', constraint = 'users_immutable';
    end if;
    if old.status = 'deleted' and new.status <> 'deleted' then
        raise exception 'a deleted account cannot return'
            using errcode = 'integrity_constraint_violation', constraint = 'users_deleted_is_final';
    end if;
    if new.credential_generation < old.credential_generation or new.session_generation < old.session_generation then
        raise exception 'a generation never goes back'
            using errcode = 'integrity_constraint_violation', constraint = 'users_generation_grows';
    end if;
    if new.status = 'deleted' then
        new.password_hash := null;
    end if;
    if new.status <> old.status then
        new.status_changed_at := now();
    end if;
    if new.status <> old.status and new.status <> 'active' then
        new.credential_generation := old.credential_generation + 1;
        new.session_generation := old.session_generation + 1;
    elsif new.password_hash is distinct from old.password_hash and new.session_generation = old.session_generation
          and not is_renewal('user ' || old.id, old.password_hash, new.password_hash) then
        new.session_generation := old.session_generation + 1;
    end if;
    return new;
end
$$;

CREATE FUNCTION testkase.users_step_down() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
begin
    new.was_admin_at := now();
    return new;
end
$$;

CREATE FUNCTION testkase.webhook_message(topic text, payload jsonb, about bigint, happened_at timestamp with time zone) RETURNS jsonb
    LANGUAGE sql STABLE
    AS $$
    select jsonb_build_object(
        'type', webhook_message.topic,
        'timestamp', testkase.rfc3339(webhook_message.happened_at),
        'data', webhook_message.payload - 'reminderId' || jsonb_strip_nulls(case
            when webhook_message.topic like 'api\_key.%' then jsonb_build_object(
                'preview', t.preview,
                'owner', case when u.id is not null then jsonb_build_object('id', u.id, 'name', u.name, 'email', u.email) end)
            when webhook_message.topic like 'user.%' then jsonb_build_object('name', u.name)
            else '{}'
        end))
    from (select) one
    left join testkase.users u on u.id = webhook_message.about
    left join testkase.api_tokens t on t.id = (webhook_message.payload ->> 'apiKeyId')::bigint
$$;

CREATE FUNCTION testkase.webhook_text(message jsonb) RETURNS TABLE(title text, facts jsonb, path text)
    LANGUAGE sql IMMUTABLE
    AS $$
    select case webhook_text.message ->> 'type'
               when 'api_key.created' then 'A token was generated'
               when 'api_key.rotated' then 'A token has a successor'
               when 'api_key.revoked' then 'A token was revoked'
               when 'api_key.expired' then 'A token has expired'
               when 'api_key.rotation_due' then 'A token is due for rotation'
               when 'api_key.expiring' then 'A token expires soon'
               when 'api_key.leaked' then 'A token has leaked and was revoked'
               when 'api_key.rate_limited' then 'A token exceeds its rate limit'
               when 'user.deactivated' then 'An account was deactivated'
               when 'test_cycle.completed' then 'A test cycle is completed'
               when 'automation.results_received' then 'Results of a test run were received'
               when 'webhook.test' then 'This is a test'
               else 'Something happened'
           end,
           coalesce((select jsonb_agg(jsonb_build_array(f.label, f.value) order by f.place)
                     from (select f.place, f.label, f.value
                           from (values (1, 'Token', d.data ->> 'name', 'api_key'),
                                        (2, 'Preview', d.data ->> 'preview', 'api_key'),
                                        (3, 'Owner', (d.data #>> '{owner,name}') || ' (' || (d.data #>> '{owner,email}') || ')',
                                         'api_key'),
                                        (4, 'Due', d.data ->> 'dueAt', 'api_key'),
                                        (5, 'Expires', d.data ->> 'expiresAt', 'api_key'),
                                        (6, 'Reason', d.data ->> 'reason', 'api_key'),
                                        (7, 'Client', d.data ->> 'client', 'api_key'),
                                        (8, 'Address', d.data ->> 'address', 'api_key'),
                                        (7, 'Account', d.data ->> 'name', 'user'),
                                        (8, 'E-mail', d.data ->> 'email', 'user'),
                                        (9, 'Webhook', d.data ->> 'name', 'webhook')) f (place, label, value, kind)
                           where f.kind = d.kind and f.value is not null
                           union all
                           select row_number() over (order by e.key), e.key, e.value #>> '{}'
                           from jsonb_each(d.data) e
                           where d.kind not in ('api_key', 'user', 'webhook')
                             and jsonb_typeof(e.value) in ('string', 'number', 'boolean')) f), '[]'),
           case d.kind
               when 'api_key' then '/settings/api-keys/' || coalesce(d.data ->> 'apiKeyId', '')
               when 'test_cycle' then '/test-cycles'
               when 'automation' then '/test-cycles'
               else '/'
           end
    from (select webhook_text.message -> 'data' as data, split_part(webhook_text.message ->> 'type', '.', 1) as kind) d
$$;

CREATE FUNCTION testkase.webhooks_stamp() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'testkase', 'pg_temp'
    AS $$
begin
    if tg_op = 'INSERT' then
        -- Locked, so that two admins at once do not make one too many.
        perform from organizations o where o.id = new.organization_id for no key update;
        if (select count(*) from webhooks h where h.organization_id = new.organization_id and h.deleted_at is null) >= 20 then
            raise exception 'the organization has 20 webhooks' using errcode = 'check_violation', constraint = 'webhooks_limit';
        end if;
        new.secret_changed_at := case when new.secret is not null then now() end;
    else
        new.url := coalesce(new.given_url, old.url);
        new.given_url := null;
        if new.secret is distinct from old.secret then
            new.secret_changed_at := now();
            new.previous_secret := old.secret;
        end if;
    end if;
    if new.deleted_at is not null then
        new.url := null;
        new.secret := null;
        new.previous_secret_until := null;
    end if;
    if coalesce(new.previous_secret_until <= now(), true) then
        new.previous_secret := null;
        new.previous_secret_until := null;
    end if;
    new.disabled_reason := case when new.status = 'disabled' then coalesce(new.disabled_reason, 'admin') end;
    if new.status = 'enabled' and tg_op = 'UPDATE' and old.status = 'disabled' then
        new.failing_since := null;
    end if;
    return new;
end
$$;

CREATE TABLE testkase.audit_events (
    id bigint NOT NULL,
    occurred_at timestamp with time zone DEFAULT now() NOT NULL,
    organization_id bigint NOT NULL,
    actor_kind text NOT NULL,
    actor_user_id bigint,
    actor_token_id bigint,
    action text NOT NULL,
    target_kind text NOT NULL,
    target_id bigint NOT NULL,
    request_id text,
    address inet,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT audit_events_action_check CHECK ((action ~ '^[a-z_]+\.[a-z_]+$'::text)),
    CONSTRAINT audit_events_actor_kind_check CHECK ((actor_kind = ANY (ARRAY['user'::text, 'operator'::text, 'system'::text]))),
    CONSTRAINT audit_events_check CHECK (((actor_kind = 'user'::text) = (actor_user_id IS NOT NULL))),
    CONSTRAINT audit_events_request_id_check CHECK ((char_length(request_id) <= 64)),
    CONSTRAINT audit_events_target_kind_check CHECK ((target_kind ~ '^[a-z_]+$'::text))
)
PARTITION BY RANGE (occurred_at);

CREATE TABLE testkase.organizations (
    id bigint NOT NULL,
    name text NOT NULL,
    tokens_may_create_tokens boolean DEFAULT true NOT NULL,
    max_expiry_days smallint,
    default_rate_limit integer,
    next_project_number integer DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    execution_months smallint,
    CONSTRAINT organizations_default_rate_limit_check CHECK (((default_rate_limit >= 1) AND (default_rate_limit <= 1000000))),
    CONSTRAINT organizations_execution_months_check CHECK (((execution_months >= 1) AND (execution_months <= 120))),
    CONSTRAINT organizations_max_expiry_days_check CHECK ((max_expiry_days = ANY (ARRAY[7, 30, 60, 90, 180, 365]))),
    CONSTRAINT organizations_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 100))),
    CONSTRAINT organizations_next_project_number_check CHECK ((next_project_number > 0))
);

CREATE VIEW ops.audit_trail AS
 SELECT e.id,
    e.occurred_at,
    e.organization_id,
    o.name AS organization,
    e.actor_kind,
    e.actor_user_id,
    a.email AS actor_email,
    e.actor_token_id,
    e.action,
    e.target_kind,
    e.target_id,
    e.request_id,
    e.address,
    ((e.detail ->> 'ownerId'::text))::bigint AS owner_id,
        CASE e.action
            WHEN 'api_key.revoked'::text THEN (e.detail ->> 'reason'::text)
            ELSE NULL::text
        END AS reason,
        CASE e.target_kind
            WHEN 'project'::text THEN ((e.detail ->> 'userId'::text))::bigint
            ELSE NULL::bigint
        END AS member_id,
        CASE e.target_kind
            WHEN 'project'::text THEN (e.detail ->> 'role'::text)
            ELSE NULL::text
        END AS role,
    ((e.detail -> 'orgRole'::text) ->> 1) AS org_role
   FROM ((testkase.audit_events e
     LEFT JOIN testkase.organizations o ON ((o.id = e.organization_id)))
     LEFT JOIN testkase.users a ON ((a.id = e.actor_user_id)));

COMMENT ON VIEW ops.audit_trail IS 'What was changed, when and by whom; without other details, which can hold names and addresses. Copies of it that are kept elsewhere tell after a restore what had ended: testkase-admin backup check --revoked-since.';

COMMENT ON COLUMN ops.audit_trail.id IS 'Id of the event.';

COMMENT ON COLUMN ops.audit_trail.occurred_at IS 'When it happened. Restrict a query by it: the table has a partition for each month.';

COMMENT ON COLUMN ops.audit_trail.organization_id IS 'Id of the organization.';

COMMENT ON COLUMN ops.audit_trail.organization IS 'Name of the organization.';

COMMENT ON COLUMN ops.audit_trail.actor_kind IS 'user, operator (testkase-admin) or system (the service itself).';

COMMENT ON COLUMN ops.audit_trail.actor_user_id IS 'Id of the account that acted; null unless actor_kind is user.';

COMMENT ON COLUMN ops.audit_trail.actor_email IS 'E-mail address of that account.';

COMMENT ON COLUMN ops.audit_trail.actor_token_id IS 'Id of the token that the account used; null: a session.';

COMMENT ON COLUMN ops.audit_trail.action IS 'What was done, for example api_key.created. session.refused is a failed sign-in.';

COMMENT ON COLUMN ops.audit_trail.target_kind IS 'Kind of the thing that was changed, for example api_key.';

COMMENT ON COLUMN ops.audit_trail.target_id IS 'Its id.';

COMMENT ON COLUMN ops.audit_trail.request_id IS 'X-Request-Id of the call.';

COMMENT ON COLUMN ops.audit_trail.address IS 'Address of the client.';

COMMENT ON COLUMN ops.audit_trail.owner_id IS 'Id of the account that the token belongs to.';

COMMENT ON COLUMN ops.audit_trail.reason IS 'Why a token ended: revoked, leaked, owner_deactivated or owner_deleted.';

COMMENT ON COLUMN ops.audit_trail.member_id IS 'Id of the account whose role in the project was changed.';

COMMENT ON COLUMN ops.audit_trail.role IS 'Its new role there, or the one that it lost.';

COMMENT ON COLUMN ops.audit_trail.org_role IS 'New role of the account in the organization.';

CREATE TABLE testkase.usage_by_route (
    hour timestamp with time zone NOT NULL,
    method text NOT NULL,
    route text NOT NULL,
    status smallint NOT NULL,
    calls bigint NOT NULL
);

CREATE VIEW ops.calls AS
 SELECT usage_by_route.hour,
    usage_by_route.method,
    usage_by_route.route,
    (usage_by_route.status)::integer AS status,
    usage_by_route.calls
   FROM testkase.usage_by_route;

COMMENT ON VIEW ops.calls IS 'Calls with known tokens, by hour, method, route and status; at most a minute late. Calls without a token, or with one that the service does not know, are only in the metrics.';

COMMENT ON COLUMN ops.calls.hour IS 'Start of the hour.';

COMMENT ON COLUMN ops.calls.method IS 'HTTP method.';

COMMENT ON COLUMN ops.calls.route IS 'Pattern of the path; "none" when the token had ended.';

COMMENT ON COLUMN ops.calls.status IS 'HTTP status of the answer.';

COMMENT ON COLUMN ops.calls.calls IS 'Number of calls.';

CREATE TABLE testkase.api_token_last_used (
    token_id bigint NOT NULL,
    used_at timestamp with time zone NOT NULL,
    address inet,
    client text,
    CONSTRAINT api_token_last_used_client_check CHECK ((char_length(client) <= 64))
)
WITH (fillfactor='70');

CREATE TABLE testkase.api_tokens (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    owner_generation integer NOT NULL,
    lookup_id text NOT NULL COLLATE pg_catalog."C",
    secret_hash text,
    preview text NOT NULL,
    name text NOT NULL,
    expires_in_days smallint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    rotate_at timestamp with time zone NOT NULL,
    predecessor_id bigint,
    rate_limit integer,
    ended_at timestamp with time zone,
    ended_reason text,
    ended_by bigint,
    purpose text,
    link text,
    idempotency_key text COLLATE pg_catalog."C",
    created_by bigint,
    created_by_token bigint,
    ended_note text,
    CONSTRAINT api_tokens_end_has_a_reason CHECK (((ended_at IS NULL) = (ended_reason IS NULL))),
    CONSTRAINT api_tokens_ended_note_check CHECK (((char_length(ended_note) >= 1) AND (char_length(ended_note) <= 200))),
    CONSTRAINT api_tokens_ended_reason_check CHECK ((ended_reason = ANY (ARRAY['expired'::text, 'revoked'::text, 'owner_deactivated'::text, 'owner_deleted'::text, 'leaked'::text]))),
    CONSTRAINT api_tokens_expires_in_days_check CHECK ((expires_in_days = ANY (ARRAY[7, 30, 60, 90, 180, 365]))),
    CONSTRAINT api_tokens_expiry_is_the_period CHECK ((expires_at = (created_at + ((expires_in_days)::double precision * '24:00:00'::interval)))),
    CONSTRAINT api_tokens_hash_while_alive CHECK ((((ended_at IS NULL) AND (secret_hash IS NOT NULL)) OR (ended_reason = 'expired'::text) OR ((ended_at IS NOT NULL) AND (secret_hash IS NULL)))),
    CONSTRAINT api_tokens_idempotency_key_check CHECK ((idempotency_key ~ '^[ -~]{1,255}$'::text)),
    CONSTRAINT api_tokens_link_check CHECK (((char_length(link) <= 500) AND (link ~ '^https?://[!-~]+$'::text))),
    CONSTRAINT api_tokens_lookup_id_check CHECK ((lookup_id ~ '^[0-9A-Za-z]{8}$'::text)),
    CONSTRAINT api_tokens_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 100))),
    CONSTRAINT api_tokens_note_has_an_end CHECK (((ended_note IS NULL) OR (ended_at IS NOT NULL))),
    CONSTRAINT api_tokens_preview_check CHECK ((preview ~ '^tk_pat_[0-9A-Za-z]{8}[.]{3}[0-9A-Za-z]{6}$'::text)),
    CONSTRAINT api_tokens_preview_is_its_own CHECK (("left"(preview, 18) = (('tk_pat_'::text || lookup_id) || '...'::text))),
    CONSTRAINT api_tokens_purpose_check CHECK (((char_length(purpose) >= 1) AND (char_length(purpose) <= 200))),
    CONSTRAINT api_tokens_rate_limit_check CHECK (((rate_limit >= 1) AND (rate_limit <= 1000000))),
    CONSTRAINT api_tokens_rotation_before_expiry CHECK (((rotate_at > created_at) AND (rotate_at < expires_at))),
    CONSTRAINT api_tokens_secret_hash_check CHECK ((secret_hash ~~ '$argon2id$%'::text))
);

CREATE VIEW ops.due_rotations AS
 SELECT t.id AS token_id,
    t.name,
    u.organization_id,
    o.name AS organization,
    u.email AS owner_email,
    u.kind AS owner_kind,
        CASE
            WHEN (now() >= (t.rotate_at + ((t.expires_at - t.rotate_at) / (2)::double precision))) THEN 'overdue'::text
            ELSE 'due'::text
        END AS rotation,
    t.rotate_at AS due_at,
    t.expires_at,
    l.used_at AS last_used_at
   FROM (((testkase.api_tokens t
     JOIN testkase.users u ON (((u.id = t.user_id) AND (u.credential_generation = t.owner_generation))))
     JOIN testkase.organizations o ON ((o.id = u.organization_id)))
     LEFT JOIN testkase.api_token_last_used l ON ((l.token_id = t.id)))
  WHERE ((t.ended_at IS NULL) AND (t.expires_at > now()) AND (t.rotate_at <= now()) AND (NOT (EXISTS ( SELECT
           FROM testkase.api_tokens n
          WHERE ((n.predecessor_id = t.id) AND (n.ended_at IS NULL))))));

COMMENT ON VIEW ops.due_rotations IS 'Active tokens that are due for rotation and have no live successor.';

COMMENT ON COLUMN ops.due_rotations.token_id IS 'Id of the token.';

COMMENT ON COLUMN ops.due_rotations.name IS 'Name of the token.';

COMMENT ON COLUMN ops.due_rotations.organization_id IS 'Id of the owner''s organization.';

COMMENT ON COLUMN ops.due_rotations.organization IS 'Name of the owner''s organization.';

COMMENT ON COLUMN ops.due_rotations.owner_email IS 'E-mail address of the owner, who has to rotate it.';

COMMENT ON COLUMN ops.due_rotations.owner_kind IS 'person or service.';

COMMENT ON COLUMN ops.due_rotations.rotation IS 'due, or overdue: more than half of the time from due_at to expires_at is gone.';

COMMENT ON COLUMN ops.due_rotations.due_at IS 'Since when it is due.';

COMMENT ON COLUMN ops.due_rotations.expires_at IS 'When it expires.';

COMMENT ON COLUMN ops.due_rotations.last_used_at IS 'When a call with it was last let in; null: never.';

CREATE VIEW ops.expiring_tokens AS
 SELECT o.id AS organization_id,
    o.name AS organization,
    count(t.id) AS active,
    count(t.id) FILTER (WHERE (t.expires_at <= (now() + '7 days'::interval))) AS within_7_days,
    count(t.id) FILTER (WHERE (t.expires_at <= (now() + '30 days'::interval))) AS within_30_days,
    count(t.id) FILTER (WHERE ((t.expires_at <= (now() + '30 days'::interval)) AND (n.id IS NULL))) AS without_successor
   FROM (testkase.organizations o
     LEFT JOIN ((testkase.users u
     JOIN testkase.api_tokens t ON (((t.user_id = u.id) AND (t.owner_generation = u.credential_generation) AND (t.ended_at IS NULL) AND (t.expires_at > now()))))
     LEFT JOIN testkase.api_tokens n ON (((n.predecessor_id = t.id) AND (n.ended_at IS NULL)))) ON ((u.organization_id = o.id)))
  GROUP BY o.id, o.name;

COMMENT ON VIEW ops.expiring_tokens IS 'Active tokens of each organization, and how many of them expire soon.';

COMMENT ON COLUMN ops.expiring_tokens.organization_id IS 'Id of the organization.';

COMMENT ON COLUMN ops.expiring_tokens.organization IS 'Its name.';

COMMENT ON COLUMN ops.expiring_tokens.active IS 'Active tokens.';

COMMENT ON COLUMN ops.expiring_tokens.within_7_days IS 'Those that expire within 7 days.';

COMMENT ON COLUMN ops.expiring_tokens.within_30_days IS 'Those that expire within 30 days.';

COMMENT ON COLUMN ops.expiring_tokens.without_successor IS 'Those that expire within 30 days and have no live successor.';

CREATE VIEW ops.leavers_tokens AS
 SELECT t.id AS token_id,
    t.name,
    u.organization_id,
    o.name AS organization,
    u.email AS owner_email,
    u.status AS owner_status,
    u.status_changed_at AS left_at,
    ((u.status <> 'active'::text) AND (t.owner_generation = u.credential_generation) AND (t.expires_at > now())) AS is_valid
   FROM ((testkase.users u
     JOIN testkase.api_tokens t ON (((t.user_id = u.id) AND (t.ended_at IS NULL))))
     JOIN testkase.organizations o ON ((o.id = u.organization_id)))
  WHERE (((u.status <> 'active'::text) OR (u.credential_generation > 1)) AND ((u.status <> 'active'::text) OR (t.owner_generation <> u.credential_generation)));

COMMENT ON VIEW ops.leavers_tokens IS 'Tokens of accounts that were deactivated or deleted, and that are not recorded as ended. There must be none: no server accepts them, and the worker records their end within seconds.';

COMMENT ON COLUMN ops.leavers_tokens.token_id IS 'Id of the token.';

COMMENT ON COLUMN ops.leavers_tokens.name IS 'Name of the token.';

COMMENT ON COLUMN ops.leavers_tokens.organization_id IS 'Id of the owner''s organization.';

COMMENT ON COLUMN ops.leavers_tokens.organization IS 'Name of the owner''s organization.';

COMMENT ON COLUMN ops.leavers_tokens.owner_email IS 'E-mail address of the owner.';

COMMENT ON COLUMN ops.leavers_tokens.owner_status IS 'active when the account has returned meanwhile; its old tokens stay ended.';

COMMENT ON COLUMN ops.leavers_tokens.left_at IS 'When the account''s status changed last.';

COMMENT ON COLUMN ops.leavers_tokens.is_valid IS 'Whether a server would accept the token. True is a breach: somebody changed rows past the triggers.';

CREATE TABLE testkase.mails (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    sequence bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    organization_id bigint NOT NULL,
    user_id bigint NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    state text DEFAULT 'queued'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    attempt_at timestamp with time zone DEFAULT now() NOT NULL,
    leased_until timestamp with time zone,
    status integer,
    error text,
    ended_at timestamp with time zone,
    carries_link boolean DEFAULT false NOT NULL,
    tells_of_link boolean DEFAULT false NOT NULL,
    is_requested boolean DEFAULT false NOT NULL,
    requested_from cidr,
    CONSTRAINT mails_check CHECK (((state = 'queued'::text) = (ended_at IS NULL))),
    CONSTRAINT mails_error_check CHECK ((char_length(error) <= 200)),
    CONSTRAINT mails_kind_check CHECK ((kind = ANY (ARRAY['reminder'::text, 'security'::text, 'digest'::text]))),
    CONSTRAINT mails_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'sent'::text, 'parked'::text]))),
    CONSTRAINT mails_subject_check CHECK (((char_length(subject) >= 1) AND (char_length(subject) <= 200)))
);

CREATE VIEW ops.mails AS
 SELECT m.organization_id,
    o.name AS organization,
    m.kind,
    m.state,
    count(*) AS mails,
    min(m.created_at) AS oldest_at,
    max(m.created_at) AS newest_at,
    count(*) FILTER (WHERE (m.error IS NOT NULL)) AS failed,
    (array_agg(m.status ORDER BY m.sequence DESC) FILTER (WHERE (m.error IS NOT NULL)))[1] AS last_status,
    (array_agg(m.error ORDER BY m.sequence DESC) FILTER (WHERE (m.error IS NOT NULL)))[1] AS last_error
   FROM (testkase.mails m
     JOIN testkase.organizations o ON ((o.id = m.organization_id)))
  GROUP BY m.organization_id, o.name, m.kind, m.state;

COMMENT ON VIEW ops.mails IS 'Mails of the last 30 days, for each organization, kind and state.';

COMMENT ON COLUMN ops.mails.organization_id IS 'Id of the organization.';

COMMENT ON COLUMN ops.mails.organization IS 'Name of the organization.';

COMMENT ON COLUMN ops.mails.kind IS 'Why they are sent, for example reminder or security.';

COMMENT ON COLUMN ops.mails.state IS 'queued: waits for its next attempt; sent; parked: given up.';

COMMENT ON COLUMN ops.mails.mails IS 'Number of mails.';

COMMENT ON COLUMN ops.mails.oldest_at IS 'When the oldest of them was made.';

COMMENT ON COLUMN ops.mails.newest_at IS 'When the newest of them was made.';

COMMENT ON COLUMN ops.mails.failed IS 'Number of those whose last attempt failed.';

COMMENT ON COLUMN ops.mails.last_status IS 'Status of SMTP of the newest of these; null: there was no answer.';

COMMENT ON COLUMN ops.mails.last_error IS 'What went wrong then.';

CREATE VIEW ops.organizations AS
 SELECT organizations.id,
    organizations.name,
    organizations.created_at
   FROM testkase.organizations;

COMMENT ON VIEW ops.organizations IS 'Organizations.';

COMMENT ON COLUMN ops.organizations.id IS 'Id of the organization.';

COMMENT ON COLUMN ops.organizations.name IS 'Its name.';

COMMENT ON COLUMN ops.organizations.created_at IS 'When it was made.';

CREATE VIEW ops.partitions AS
 SELECT (parent.relname)::text AS table_name,
    (c.relname)::text AS name,
    pg_get_expr(c.relpartbound, c.oid) AS bound,
    (pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT'::text) AS is_default,
    COALESCE(s.n_live_tup, (0)::bigint) AS rows,
    (pg_table_size((c.oid)::regclass) + pg_indexes_size((c.oid)::regclass)) AS total_bytes
   FROM ((((pg_inherits i
     JOIN pg_class c ON (((c.oid = i.inhrelid) AND (c.relkind = 'r'::"char"))))
     JOIN pg_class parent ON ((parent.oid = i.inhparent)))
     JOIN pg_namespace n ON ((n.oid = parent.relnamespace)))
     LEFT JOIN pg_stat_all_tables s ON ((s.relid = c.oid)))
  WHERE (n.nspname = 'testkase'::name);

COMMENT ON VIEW ops.partitions IS 'The partition of each month. The worker makes those of the next three months; rows in a default one mean that it did not.';

COMMENT ON COLUMN ops.partitions.table_name IS 'The partitioned table.';

COMMENT ON COLUMN ops.partitions.name IS 'The partition; its name ends with year and month.';

COMMENT ON COLUMN ops.partitions.bound IS 'The times that it holds, as PostgreSQL writes them.';

COMMENT ON COLUMN ops.partitions.is_default IS 'Whether it takes the rows for which there is no month.';

COMMENT ON COLUMN ops.partitions.rows IS 'Rows, as PostgreSQL''s statistics estimate them.';

COMMENT ON COLUMN ops.partitions.total_bytes IS 'Bytes of rows and indexes.';

CREATE TABLE testkase.usage_refusals (
    hour timestamp with time zone NOT NULL,
    reason text NOT NULL,
    tokens bigint NOT NULL,
    calls bigint NOT NULL,
    CONSTRAINT usage_refusals_reason_check CHECK ((reason = ANY (ARRAY['expired'::text, 'ended'::text, 'not_allowed'::text, 'rate_limited'::text])))
);

CREATE VIEW ops.refusals AS
 SELECT usage_refusals.hour,
    usage_refusals.reason,
    usage_refusals.tokens,
    usage_refusals.calls
   FROM testkase.usage_refusals;

COMMENT ON VIEW ops.refusals IS 'Refused calls with known tokens, by hour and reason; at most a minute late.';

COMMENT ON COLUMN ops.refusals.hour IS 'Start of the hour.';

COMMENT ON COLUMN ops.refusals.reason IS 'expired (the token has expired), ended (it was deleted, or its owner has left), not_allowed (its owner lacks the right) or rate_limited.';

COMMENT ON COLUMN ops.refusals.tokens IS 'Number of tokens refused.';

COMMENT ON COLUMN ops.refusals.calls IS 'Number of calls.';

CREATE TABLE testkase.schema_migrations (
    version integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL,
    oldest_program integer
);

CREATE VIEW ops.schema AS
 SELECT schema_migrations.version,
    schema_migrations.name,
    schema_migrations.applied_at
   FROM testkase.schema_migrations;

COMMENT ON VIEW ops.schema IS 'Migrations applied, in order of version.';

COMMENT ON COLUMN ops.schema.version IS 'Number of the migration.';

COMMENT ON COLUMN ops.schema.name IS 'Its name.';

COMMENT ON COLUMN ops.schema.applied_at IS 'When it was applied.';

CREATE UNLOGGED TABLE testkase.server_heartbeats (
    server bigint NOT NULL,
    version text NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    beat_at timestamp with time zone DEFAULT now() NOT NULL,
    known bigint[] DEFAULT '{}'::bigint[] NOT NULL,
    CONSTRAINT server_heartbeats_known_check CHECK ((cardinality(known) <= 200)),
    CONSTRAINT server_heartbeats_version_check CHECK (((char_length(version) >= 1) AND (char_length(version) <= 100)))
)
WITH (fillfactor='10');

CREATE VIEW ops.servers AS
 SELECT h.server,
    h.version,
    h.started_at,
    h.beat_at,
    (h.beat_at > (now() - '00:00:05'::interval)) AS is_alive
   FROM testkase.server_heartbeats h;

COMMENT ON VIEW ops.servers IS 'The servers on this database, by their heartbeats of twice a second. Those that have been silent for a minute are deleted.';

COMMENT ON COLUMN ops.servers.server IS 'A random number that the process chose.';

COMMENT ON COLUMN ops.servers.version IS 'Version of the program.';

COMMENT ON COLUMN ops.servers.started_at IS 'When it first beat.';

COMMENT ON COLUMN ops.servers.beat_at IS 'When it last beat.';

COMMENT ON COLUMN ops.servers.is_alive IS 'Whether the other servers count it: it has beaten within 5 seconds.';

CREATE VIEW ops.tables AS
 SELECT p.name,
    (sum(p.rows))::bigint AS rows,
    (sum(p.dead_rows))::bigint AS dead_rows,
    (sum(p.table_bytes))::bigint AS table_bytes,
    (sum(p.index_bytes))::bigint AS index_bytes,
    (sum((p.table_bytes + p.index_bytes)))::bigint AS total_bytes,
    (count(*))::integer AS partitions,
    max(p.vacuumed_at) AS vacuumed_at
   FROM ( SELECT (COALESCE(parent.relname, c.relname))::text AS name,
            COALESCE(s.n_live_tup, (0)::bigint) AS rows,
            COALESCE(s.n_dead_tup, (0)::bigint) AS dead_rows,
            pg_table_size((c.oid)::regclass) AS table_bytes,
            pg_indexes_size((c.oid)::regclass) AS index_bytes,
            GREATEST(s.last_vacuum, s.last_autovacuum) AS vacuumed_at
           FROM ((((pg_class c
             JOIN pg_namespace n ON ((n.oid = c.relnamespace)))
             LEFT JOIN pg_inherits i ON ((i.inhrelid = c.oid)))
             LEFT JOIN pg_class parent ON ((parent.oid = i.inhparent)))
             LEFT JOIN pg_stat_all_tables s ON ((s.relid = c.oid)))
          WHERE ((n.nspname = 'testkase'::name) AND (c.relkind = 'r'::"char"))) p
  GROUP BY p.name;

COMMENT ON VIEW ops.tables IS 'Size of each table, all its partitions together.';

COMMENT ON COLUMN ops.tables.name IS 'Name of the table in schema testkase.';

COMMENT ON COLUMN ops.tables.rows IS 'Rows, as PostgreSQL''s statistics estimate them.';

COMMENT ON COLUMN ops.tables.dead_rows IS 'Row versions that vacuum has not removed yet, as estimated.';

COMMENT ON COLUMN ops.tables.table_bytes IS 'Bytes of the rows.';

COMMENT ON COLUMN ops.tables.index_bytes IS 'Bytes of the indexes.';

COMMENT ON COLUMN ops.tables.total_bytes IS 'Bytes of both.';

COMMENT ON COLUMN ops.tables.partitions IS 'Number of its partitions; 1 when it has none.';

COMMENT ON COLUMN ops.tables.vacuumed_at IS 'When it was last vacuumed; of a partitioned table, the latest.';

CREATE VIEW ops.token_changes AS
 SELECT c.day,
    (sum(c.created))::bigint AS created,
    (sum(c.revoked))::bigint AS revoked,
    (sum(c.expired))::bigint AS expired,
    (sum(c.owner_left))::bigint AS owner_left,
    (sum(c.leaked))::bigint AS leaked
   FROM ( SELECT date_trunc('day'::text, t.created_at, 'UTC'::text) AS day,
            count(*) AS created,
            0 AS revoked,
            0 AS expired,
            0 AS owner_left,
            0 AS leaked
           FROM testkase.api_tokens t
          GROUP BY (date_trunc('day'::text, t.created_at, 'UTC'::text))
        UNION ALL
         SELECT date_trunc('day'::text, t.ended_at, 'UTC'::text) AS date_trunc,
            0,
            count(*) FILTER (WHERE (t.ended_reason = 'revoked'::text)) AS count,
            count(*) FILTER (WHERE (t.ended_reason = 'expired'::text)) AS count,
            count(*) FILTER (WHERE (t.ended_reason = ANY (ARRAY['owner_deactivated'::text, 'owner_deleted'::text]))) AS count,
            count(*) FILTER (WHERE (t.ended_reason = 'leaked'::text)) AS count
           FROM testkase.api_tokens t
          WHERE (t.ended_at IS NOT NULL)
          GROUP BY (date_trunc('day'::text, t.ended_at, 'UTC'::text))) c
  GROUP BY c.day;

COMMENT ON VIEW ops.token_changes IS 'Tokens made and ended on each day (UTC), as far as the worker has recorded it.';

COMMENT ON COLUMN ops.token_changes.day IS 'Start of the day, in UTC.';

COMMENT ON COLUMN ops.token_changes.created IS 'Tokens made.';

COMMENT ON COLUMN ops.token_changes.revoked IS 'Tokens deleted by their owner, an admin or an operator.';

COMMENT ON COLUMN ops.token_changes.expired IS 'Tokens that expired.';

COMMENT ON COLUMN ops.token_changes.owner_left IS 'Tokens that ended because their owner was deactivated or deleted.';

COMMENT ON COLUMN ops.token_changes.leaked IS 'Tokens ended because they had leaked.';

CREATE VIEW ops.tokens AS
 SELECT t.id,
    u.organization_id,
    o.name AS organization,
    t.user_id,
    u.email AS owner_email,
    u.kind AS owner_kind,
    u.status AS owner_status,
    t.name,
    t.expires_in_days,
    t.created_at,
    t.expires_at,
    t.rotate_at,
        CASE
            WHEN (t.ended_at IS NOT NULL) THEN t.ended_reason
            WHEN (t.owner_generation <> u.credential_generation) THEN
            CASE u.status
                WHEN 'deleted'::text THEN 'owner_deleted'::text
                ELSE 'owner_deactivated'::text
            END
            WHEN (t.expires_at <= now()) THEN 'expired'::text
            ELSE 'active'::text
        END AS state,
        CASE
            WHEN (t.ended_at IS NOT NULL) THEN t.ended_at
            WHEN (t.owner_generation <> u.credential_generation) THEN u.status_changed_at
            WHEN (t.expires_at <= now()) THEN t.expires_at
            ELSE NULL::timestamp with time zone
        END AS ended_at,
        CASE
            WHEN ((t.ended_at IS NOT NULL) OR (t.owner_generation <> u.credential_generation) OR (t.expires_at <= now())) THEN 'none'::text
            WHEN (n.id IS NOT NULL) THEN 'overlap'::text
            WHEN (now() >= (t.rotate_at + ((t.expires_at - t.rotate_at) / (2)::double precision))) THEN 'overdue'::text
            WHEN (now() >= t.rotate_at) THEN 'due'::text
            ELSE 'none'::text
        END AS rotation,
    n.id AS successor_id,
    l.used_at AS last_used_at
   FROM ((((testkase.api_tokens t
     JOIN testkase.users u ON ((u.id = t.user_id)))
     JOIN testkase.organizations o ON ((o.id = u.organization_id)))
     LEFT JOIN testkase.api_tokens n ON (((n.predecessor_id = t.id) AND (n.ended_at IS NULL))))
     LEFT JOIN testkase.api_token_last_used l ON ((l.token_id = t.id)));

COMMENT ON VIEW ops.tokens IS 'Every token with its owner and state.';

COMMENT ON COLUMN ops.tokens.id IS 'Id of the token; not a part of the token.';

COMMENT ON COLUMN ops.tokens.organization_id IS 'Id of the owner''s organization.';

COMMENT ON COLUMN ops.tokens.organization IS 'Name of the owner''s organization.';

COMMENT ON COLUMN ops.tokens.user_id IS 'Id of the owner.';

COMMENT ON COLUMN ops.tokens.owner_email IS 'E-mail address of the owner.';

COMMENT ON COLUMN ops.tokens.owner_kind IS 'person or service.';

COMMENT ON COLUMN ops.tokens.owner_status IS 'active, deactivated or deleted.';

COMMENT ON COLUMN ops.tokens.name IS 'Name that its maker gave it.';

COMMENT ON COLUMN ops.tokens.expires_in_days IS 'Period in days: 7, 30, 60, 90, 180 or 365.';

COMMENT ON COLUMN ops.tokens.created_at IS 'When it was made.';

COMMENT ON COLUMN ops.tokens.expires_at IS 'When it expires or expired.';

COMMENT ON COLUMN ops.tokens.rotate_at IS 'From when on it is due for rotation.';

COMMENT ON COLUMN ops.tokens.state IS 'active, or why it ended: expired, revoked, owner_deactivated, owner_deleted, leaked. As a server would decide now, whether or not the worker has recorded it.';

COMMENT ON COLUMN ops.tokens.ended_at IS 'When it ended; null while it is active.';

COMMENT ON COLUMN ops.tokens.rotation IS 'Of an active token: none (not due), due, overdue (more than half of the time from rotate_at to expires_at is gone) or overlap (it has a successor).';

COMMENT ON COLUMN ops.tokens.successor_id IS 'Id of its live successor, if it has one.';

COMMENT ON COLUMN ops.tokens.last_used_at IS 'When a call with it was last let in; null: never.';

CREATE VIEW ops.tokens_by_age AS
 SELECT g.state,
    a.age,
    a.at_least_days,
    g.tokens
   FROM (( SELECT
                CASE
                    WHEN (t.ended_at IS NOT NULL) THEN t.ended_reason
                    WHEN (t.owner_generation <> u.credential_generation) THEN
                    CASE u.status
                        WHEN 'deleted'::text THEN 'owner_deleted'::text
                        ELSE 'owner_deactivated'::text
                    END
                    WHEN (t.expires_at <= now()) THEN 'expired'::text
                    ELSE 'active'::text
                END AS state,
            width_bucket(((EXTRACT(epoch FROM (now() - t.created_at)))::double precision / (86400)::double precision), ARRAY[(7)::double precision, (30)::double precision, (90)::double precision, (180)::double precision, (365)::double precision]) AS bucket,
            count(*) AS tokens
           FROM (testkase.api_tokens t
             JOIN testkase.users u ON ((u.id = t.user_id)))
          GROUP BY
                CASE
                    WHEN (t.ended_at IS NOT NULL) THEN t.ended_reason
                    WHEN (t.owner_generation <> u.credential_generation) THEN
                    CASE u.status
                        WHEN 'deleted'::text THEN 'owner_deleted'::text
                        ELSE 'owner_deactivated'::text
                    END
                    WHEN (t.expires_at <= now()) THEN 'expired'::text
                    ELSE 'active'::text
                END, (width_bucket(((EXTRACT(epoch FROM (now() - t.created_at)))::double precision / (86400)::double precision), ARRAY[(7)::double precision, (30)::double precision, (90)::double precision, (180)::double precision, (365)::double precision]))) g
     JOIN ( VALUES (0,'0-6 days'::text,0), (1,'7-29 days'::text,7), (2,'30-89 days'::text,30), (3,'90-179 days'::text,90), (4,'180-364 days'::text,180), (5,'365 days and more'::text,365)) a(bucket, age, at_least_days) ON ((a.bucket = g.bucket)));

COMMENT ON VIEW ops.tokens_by_age IS 'How many tokens there are of each state and age.';

COMMENT ON COLUMN ops.tokens_by_age.state IS 'As in ops.tokens.';

COMMENT ON COLUMN ops.tokens_by_age.age IS 'Time since the token was made, for example "30-89 days".';

COMMENT ON COLUMN ops.tokens_by_age.at_least_days IS 'The least days of that age, to sort by.';

COMMENT ON COLUMN ops.tokens_by_age.tokens IS 'Number of tokens.';

CREATE TABLE testkase.usage_by_client (
    hour timestamp with time zone NOT NULL,
    client text NOT NULL,
    tokens bigint NOT NULL,
    calls bigint NOT NULL,
    refused bigint NOT NULL
);

CREATE VIEW ops.top_clients AS
 SELECT usage_by_client.hour,
    usage_by_client.client,
    usage_by_client.tokens,
    usage_by_client.calls,
    usage_by_client.refused
   FROM testkase.usage_by_client;

COMMENT ON VIEW ops.top_clients IS 'The 100 busiest clients of each hour, at most a minute late. A sum lacks the hours in which a client was none of them.';

COMMENT ON COLUMN ops.top_clients.hour IS 'Start of the hour.';

COMMENT ON COLUMN ops.top_clients.client IS 'The product that the client names in its User-Agent; "other": clients of tokens with more than 100 of them in that hour.';

COMMENT ON COLUMN ops.top_clients.tokens IS 'Number of tokens that it used.';

COMMENT ON COLUMN ops.top_clients.calls IS 'Number of calls.';

COMMENT ON COLUMN ops.top_clients.refused IS 'Those that were refused: 401, 403 or 429.';

CREATE TABLE testkase.usage_by_token (
    hour timestamp with time zone NOT NULL,
    token_id bigint NOT NULL,
    calls bigint NOT NULL,
    refused bigint NOT NULL,
    rate_limited bigint NOT NULL
);

CREATE VIEW ops.top_tokens AS
 SELECT b.hour,
    b.token_id,
    t.name,
    u.organization_id,
    o.name AS organization,
    u.email AS owner_email,
    b.calls,
    b.refused,
    b.rate_limited
   FROM (((testkase.usage_by_token b
     LEFT JOIN testkase.api_tokens t ON ((t.id = b.token_id)))
     LEFT JOIN testkase.users u ON ((u.id = t.user_id)))
     LEFT JOIN testkase.organizations o ON ((o.id = u.organization_id)));

COMMENT ON VIEW ops.top_tokens IS 'The 200 busiest tokens of each hour, at most a minute late. A sum lacks the hours in which a token was none of them.';

COMMENT ON COLUMN ops.top_tokens.hour IS 'Start of the hour.';

COMMENT ON COLUMN ops.top_tokens.token_id IS 'Id of the token.';

COMMENT ON COLUMN ops.top_tokens.name IS 'Name of the token.';

COMMENT ON COLUMN ops.top_tokens.organization_id IS 'Id of the owner''s organization.';

COMMENT ON COLUMN ops.top_tokens.organization IS 'Name of the owner''s organization.';

COMMENT ON COLUMN ops.top_tokens.owner_email IS 'E-mail address of the owner.';

COMMENT ON COLUMN ops.top_tokens.calls IS 'Calls with the token.';

COMMENT ON COLUMN ops.top_tokens.refused IS 'Those that were refused: 401, 403 or 429.';

COMMENT ON COLUMN ops.top_tokens.rate_limited IS 'Those that were over the limit: 429.';

CREATE VIEW ops.unused_tokens AS
 SELECT t.id AS token_id,
    t.name,
    u.organization_id,
    o.name AS organization,
    u.email AS owner_email,
    u.kind AS owner_kind,
        CASE
            WHEN (l.used_at IS NULL) THEN 'never_used'::text
            ELSE 'unused'::text
        END AS finding,
    t.created_at,
    l.used_at AS last_used_at,
    t.expires_at
   FROM (((testkase.api_tokens t
     JOIN testkase.users u ON (((u.id = t.user_id) AND (u.credential_generation = t.owner_generation))))
     JOIN testkase.organizations o ON ((o.id = u.organization_id)))
     LEFT JOIN testkase.api_token_last_used l ON ((l.token_id = t.id)))
  WHERE ((t.ended_at IS NULL) AND (t.expires_at > now()) AND ((l.used_at < (now() - '30 days'::interval)) OR ((l.used_at IS NULL) AND (t.created_at <= (now() - '7 days'::interval)))));

COMMENT ON VIEW ops.unused_tokens IS 'Active tokens that nobody needs, it seems: never used in 7 days, or not used for 30.';

COMMENT ON COLUMN ops.unused_tokens.token_id IS 'Id of the token.';

COMMENT ON COLUMN ops.unused_tokens.name IS 'Name of the token.';

COMMENT ON COLUMN ops.unused_tokens.organization_id IS 'Id of the owner''s organization.';

COMMENT ON COLUMN ops.unused_tokens.organization IS 'Name of the owner''s organization.';

COMMENT ON COLUMN ops.unused_tokens.owner_email IS 'E-mail address of the owner.';

COMMENT ON COLUMN ops.unused_tokens.owner_kind IS 'person or service.';

COMMENT ON COLUMN ops.unused_tokens.finding IS 'never_used (made 7 days ago or earlier) or unused (for 30 days).';

COMMENT ON COLUMN ops.unused_tokens.created_at IS 'When it was made.';

COMMENT ON COLUMN ops.unused_tokens.last_used_at IS 'When a call with it was last let in; null: never.';

COMMENT ON COLUMN ops.unused_tokens.expires_at IS 'When it expires.';

CREATE TABLE testkase.webhook_deliveries (
    id bigint NOT NULL,
    message_id uuid DEFAULT gen_random_uuid() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    webhook_id bigint NOT NULL,
    topic text NOT NULL,
    message jsonb NOT NULL,
    state text DEFAULT 'queued'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    claims integer DEFAULT 0 NOT NULL,
    attempt_at timestamp with time zone DEFAULT now() NOT NULL,
    leased_until timestamp with time zone,
    status integer,
    error text,
    ended_at timestamp with time zone,
    CONSTRAINT webhook_deliveries_check CHECK (((state = 'queued'::text) = (ended_at IS NULL))),
    CONSTRAINT webhook_deliveries_error_check CHECK ((char_length(error) <= 200)),
    CONSTRAINT webhook_deliveries_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'sent'::text, 'parked'::text]))),
    CONSTRAINT webhook_deliveries_topic_check CHECK ((topic ~ '^[a-z_]+\.[a-z_]+$'::text))
);

CREATE TABLE testkase.webhooks (
    id bigint NOT NULL,
    organization_id bigint NOT NULL,
    name text NOT NULL,
    platform text NOT NULL,
    url text,
    masked_url text GENERATED ALWAYS AS (("substring"(url, '^[Hh][Tt][Tt][Pp][Ss]?://[^/?#]+'::text) ||
CASE
    WHEN (url ~ '^[Hh][Tt][Tt][Pp][Ss]?://[^/?#]+/?$'::text) THEN ''::text
    ELSE '/***'::text
END)) STORED,
    given_url text,
    topics text[] NOT NULL,
    secret text,
    secret_changed_at timestamp with time zone,
    previous_secret text,
    previous_secret_until timestamp with time zone,
    status text DEFAULT 'enabled'::text NOT NULL,
    disabled_reason text,
    failing_since timestamp with time zone,
    created_by bigint,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT webhooks_check CHECK (((url IS NULL) = (deleted_at IS NOT NULL))),
    CONSTRAINT webhooks_check1 CHECK (((secret IS NULL) = ((platform <> 'custom'::text) OR (deleted_at IS NOT NULL)))),
    CONSTRAINT webhooks_check2 CHECK (((status = 'disabled'::text) = (disabled_reason IS NOT NULL))),
    CONSTRAINT webhooks_disabled_reason_check CHECK ((disabled_reason = ANY (ARRAY['admin'::text, 'gone'::text, 'failing'::text]))),
    CONSTRAINT webhooks_given_url_check CHECK ((given_url IS NULL)),
    CONSTRAINT webhooks_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 100))),
    CONSTRAINT webhooks_platform_check CHECK ((platform = ANY (ARRAY['slack'::text, 'discord'::text, 'teams'::text, 'google_chat'::text, 'custom'::text]))),
    CONSTRAINT webhooks_secret_check CHECK ((secret ~ '^whsec_[A-Za-z0-9+/]+=*$'::text)),
    CONSTRAINT webhooks_status_check CHECK ((status = ANY (ARRAY['enabled'::text, 'disabled'::text]))),
    CONSTRAINT webhooks_topics_check CHECK ((((cardinality(topics) >= 1) AND (cardinality(topics) <= 11)) AND (array_position(topics, NULL::text) IS NULL) AND (topics <@ ARRAY['api_key.created'::text, 'api_key.rotated'::text, 'api_key.revoked'::text, 'api_key.expired'::text, 'api_key.rotation_due'::text, 'api_key.expiring'::text, 'api_key.leaked'::text, 'api_key.rate_limited'::text, 'user.deactivated'::text, 'test_cycle.completed'::text, 'automation.results_received'::text]))),
    CONSTRAINT webhooks_url_check CHECK ((((octet_length(url) >= 10) AND (octet_length(url) <= 2000)) AND (url ~ '^[Hh][Tt][Tt][Pp][Ss]?://[^/?#]+([/?]|$)'::text)))
);

CREATE VIEW ops.webhooks AS
 SELECT h.id,
    h.organization_id,
    o.name AS organization,
    h.name,
    h.platform,
    h.masked_url,
    h.status,
    h.disabled_reason,
    h.failing_since,
    ( SELECT count(*) AS count
           FROM testkase.webhook_deliveries d
          WHERE ((d.webhook_id = h.id) AND (d.state = 'queued'::text))) AS queued,
    ( SELECT min(d.created_at) AS min
           FROM testkase.webhook_deliveries d
          WHERE ((d.webhook_id = h.id) AND (d.state = 'queued'::text))) AS queued_since,
    ( SELECT count(*) AS count
           FROM testkase.webhook_deliveries d
          WHERE ((d.webhook_id = h.id) AND (d.state = 'sent'::text))) AS sent,
    ( SELECT count(*) AS count
           FROM testkase.webhook_deliveries d
          WHERE ((d.webhook_id = h.id) AND (d.state = 'parked'::text))) AS parked
   FROM (testkase.webhooks h
     JOIN testkase.organizations o ON ((o.id = h.organization_id)))
  WHERE (h.deleted_at IS NULL);

COMMENT ON VIEW ops.webhooks IS 'Webhooks, with their deliveries of the last 30 days.';

COMMENT ON COLUMN ops.webhooks.id IS 'Id of the webhook.';

COMMENT ON COLUMN ops.webhooks.organization_id IS 'Id of the organization.';

COMMENT ON COLUMN ops.webhooks.organization IS 'Its name.';

COMMENT ON COLUMN ops.webhooks.name IS 'Name that an admin gave the webhook.';

COMMENT ON COLUMN ops.webhooks.platform IS 'slack, discord, teams, google_chat or custom.';

COMMENT ON COLUMN ops.webhooks.masked_url IS 'Scheme and host of its address; the rest may be a secret.';

COMMENT ON COLUMN ops.webhooks.status IS 'enabled or disabled.';

COMMENT ON COLUMN ops.webhooks.disabled_reason IS 'admin, gone (the endpoint answered 410) or failing (every delivery of a week failed).';

COMMENT ON COLUMN ops.webhooks.failing_since IS 'When a delivery was parked after its last retry, if none was sent since.';

COMMENT ON COLUMN ops.webhooks.queued IS 'Deliveries that wait for their next attempt.';

COMMENT ON COLUMN ops.webhooks.queued_since IS 'When the oldest of them was made.';

COMMENT ON COLUMN ops.webhooks.sent IS 'Deliveries that the endpoint accepted.';

COMMENT ON COLUMN ops.webhooks.parked IS 'Deliveries that were given up; an admin can send them again.';

CREATE VIEW testkase.hashes_to_erase AS
 SELECT api_tokens.id,
    api_tokens.ended_at
   FROM testkase.api_tokens
  WHERE ((api_tokens.ended_reason = 'expired'::text) AND (api_tokens.secret_hash IS NOT NULL));

CREATE TABLE testkase.rotation_reminders (
    id bigint NOT NULL,
    token_id bigint NOT NULL,
    user_id bigint NOT NULL,
    due_at timestamp with time zone,
    state text DEFAULT 'scheduled'::text NOT NULL,
    state_changed_at timestamp with time zone DEFAULT now() NOT NULL,
    stage text,
    mailed_until timestamp with time zone,
    CONSTRAINT rotation_reminders_stage_check CHECK ((stage = ANY (ARRAY['rotation'::text, 'week'::text, 'day'::text]))),
    CONSTRAINT rotation_reminders_state_check CHECK ((state = ANY (ARRAY['scheduled'::text, 'due'::text, 'acknowledged'::text, 'closed'::text])))
);

CREATE TABLE testkase.usage_hours (
    hour timestamp with time zone NOT NULL,
    due_at timestamp with time zone DEFAULT now(),
    summed_at timestamp with time zone
);

CREATE VIEW testkase.worker_backlog AS
 SELECT 'leavers_tokens'::text AS job,
    count(*) AS pending,
    min(u.status_changed_at) AS since
   FROM (testkase.users u
     JOIN testkase.api_tokens t ON (((t.user_id = u.id) AND (t.owner_generation < u.credential_generation) AND (t.ended_at IS NULL))))
  WHERE (u.credential_generation > 1)
UNION ALL
 SELECT 'expire'::text AS job,
    count(*) AS pending,
    min(t.expires_at) AS since
   FROM testkase.api_tokens t
  WHERE ((t.ended_at IS NULL) AND (t.expires_at <= now()))
UNION ALL
 SELECT 'remind'::text AS job,
    count(*) AS pending,
    min(r.due_at) AS since
   FROM testkase.rotation_reminders r
  WHERE ((r.state <> 'closed'::text) AND (r.due_at <= now()))
UNION ALL
 SELECT 'erase_hashes'::text AS job,
    count(*) AS pending,
    (min(h.ended_at) + '30 days'::interval) AS since
   FROM testkase.hashes_to_erase h
  WHERE (h.ended_at <= (now() - '30 days'::interval))
UNION ALL
 SELECT 'expired_sessions'::text AS job,
    count(*) AS pending,
    min(s.expires_at) AS since
   FROM testkase.sessions s
  WHERE (s.expires_at <= now())
UNION ALL
 SELECT 'sum_up_usage'::text AS job,
    count(*) AS pending,
    min(h.due_at) AS since
   FROM testkase.usage_hours h
  WHERE (h.due_at <= now());

CREATE VIEW ops.worker_backlog AS
 SELECT worker_backlog.job,
    worker_backlog.pending,
    worker_backlog.since,
    (COALESCE(EXTRACT(epoch FROM (now() - worker_backlog.since)), (0)::numeric))::double precision AS lag_seconds
   FROM testkase.worker_backlog;

COMMENT ON VIEW ops.worker_backlog IS 'Work that is due and not yet done, for each job of the worker whose work has a deadline.';

COMMENT ON COLUMN ops.worker_backlog.job IS 'Name of the job, as in the worker''s log and metrics.';

COMMENT ON COLUMN ops.worker_backlog.pending IS 'Rows to change.';

COMMENT ON COLUMN ops.worker_backlog.since IS 'Since when the oldest is due; null when there is none.';

COMMENT ON COLUMN ops.worker_backlog.lag_seconds IS 'Seconds since then; 0 when there is none. Jobs that run hourly (expired_sessions) lag up to an hour.';

CREATE TABLE testkase.worker_heartbeats (
    worker text NOT NULL,
    version text NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    beat_at timestamp with time zone DEFAULT now() NOT NULL,
    sends_mail boolean DEFAULT false NOT NULL,
    CONSTRAINT worker_heartbeats_worker_check CHECK (((char_length(worker) >= 1) AND (char_length(worker) <= 200)))
);

CREATE VIEW ops.workers AS
 SELECT worker_heartbeats.worker,
    worker_heartbeats.version,
    worker_heartbeats.started_at,
    worker_heartbeats.beat_at,
    (now() - worker_heartbeats.beat_at) AS silent_for,
    (EXTRACT(epoch FROM (now() - worker_heartbeats.beat_at)))::double precision AS silent_seconds
   FROM testkase.worker_heartbeats;

COMMENT ON VIEW ops.workers IS 'Workers and when each last reported; testkase-admin status treats 60 seconds without a report as an outage.';

COMMENT ON COLUMN ops.workers.worker IS 'Host and process id.';

COMMENT ON COLUMN ops.workers.version IS 'Version of testkase-worker.';

COMMENT ON COLUMN ops.workers.started_at IS 'When it started.';

COMMENT ON COLUMN ops.workers.beat_at IS 'When it last reported; it does so every 15 seconds.';

COMMENT ON COLUMN ops.workers.silent_for IS 'Time since then.';

COMMENT ON COLUMN ops.workers.silent_seconds IS 'Time since then, in seconds.';

CREATE TABLE testkase.api_token_alerts (
    token_id bigint NOT NULL,
    topic text NOT NULL,
    told_at timestamp with time zone DEFAULT now() NOT NULL,
    told integer DEFAULT 1 NOT NULL,
    CONSTRAINT api_token_alerts_topic_check CHECK ((topic = ANY (ARRAY['api_key.presented_after_end'::text, 'api_key.rate_limited'::text])))
);

CREATE TABLE testkase.api_token_networks (
    token_id bigint NOT NULL,
    network cidr NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE VIEW testkase.api_token_states AS
 SELECT t.id,
        CASE
            WHEN ((t.ended_at IS NOT NULL) AND (t.ended_reason = 'expired'::text)) THEN 'expired'::text
            WHEN ((t.ended_at IS NOT NULL) OR (t.owner_generation <> u.credential_generation)) THEN 'revoked'::text
            WHEN (t.expires_at <= now()) THEN 'expired'::text
            ELSE 'active'::text
        END AS status,
        CASE
            WHEN (t.ended_at IS NOT NULL) THEN t.ended_at
            WHEN (t.owner_generation <> u.credential_generation) THEN u.status_changed_at
            WHEN (t.expires_at <= now()) THEN t.expires_at
            ELSE NULL::timestamp with time zone
        END AS ended_at,
        CASE
            WHEN (t.ended_at IS NOT NULL) THEN t.ended_reason
            WHEN (t.owner_generation <> u.credential_generation) THEN
            CASE u.status
                WHEN 'deleted'::text THEN 'owner_deleted'::text
                ELSE 'owner_deactivated'::text
            END
            WHEN (t.expires_at <= now()) THEN 'expired'::text
            ELSE NULL::text
        END AS ended_reason
   FROM (testkase.api_tokens t
     JOIN testkase.users u ON ((u.id = t.user_id)));

CREATE VIEW testkase.api_token_rotations AS
 SELECT t.id,
    n.id AS successor_id,
        CASE
            WHEN (n.ended_at IS NULL) THEN n.id
            ELSE NULL::bigint
        END AS live_successor_id,
        CASE
            WHEN ((p.ended_at IS NULL) AND (p.expires_at > now())) THEN p.id
            ELSE NULL::bigint
        END AS live_predecessor_id,
        CASE
            WHEN (s.status <> 'active'::text) THEN 'none'::text
            WHEN ((n.ended_at IS NULL) AND (n.id IS NOT NULL)) THEN 'overlap'::text
            WHEN (now() >= (t.rotate_at + ((t.expires_at - t.rotate_at) / (2)::double precision))) THEN 'overdue'::text
            WHEN (now() >= t.rotate_at) THEN 'due'::text
            ELSE 'none'::text
        END AS state
   FROM (((testkase.api_tokens t
     JOIN testkase.api_token_states s ON ((s.id = t.id)))
     LEFT JOIN testkase.api_tokens p ON ((p.id = t.predecessor_id)))
     LEFT JOIN LATERAL ( SELECT n_1.id,
            n_1.ended_at
           FROM testkase.api_tokens n_1
          WHERE (n_1.predecessor_id = t.id)
          ORDER BY n_1.id DESC
         LIMIT 1) n ON (true));

CREATE TABLE testkase.api_token_usage (
    id bigint NOT NULL,
    token_id bigint NOT NULL,
    hour timestamp with time zone NOT NULL,
    address inet,
    client text NOT NULL,
    method text NOT NULL,
    route text NOT NULL,
    status smallint NOT NULL,
    calls bigint NOT NULL,
    last_at timestamp with time zone NOT NULL,
    CONSTRAINT api_token_usage_calls_check CHECK ((calls > 0)),
    CONSTRAINT api_token_usage_client_check CHECK ((char_length(client) <= 64)),
    CONSTRAINT api_token_usage_method_check CHECK ((char_length(method) <= 16)),
    CONSTRAINT api_token_usage_route_check CHECK ((char_length(route) <= 200))
)
PARTITION BY RANGE (hour);

CREATE TABLE testkase.api_token_usage_default (
    id bigint NOT NULL,
    token_id bigint NOT NULL,
    hour timestamp with time zone NOT NULL,
    address inet,
    client text NOT NULL,
    method text NOT NULL,
    route text NOT NULL,
    status smallint NOT NULL,
    calls bigint NOT NULL,
    last_at timestamp with time zone NOT NULL,
    CONSTRAINT api_token_usage_calls_check CHECK ((calls > 0)),
    CONSTRAINT api_token_usage_client_check CHECK ((char_length(client) <= 64)),
    CONSTRAINT api_token_usage_method_check CHECK ((char_length(method) <= 16)),
    CONSTRAINT api_token_usage_route_check CHECK ((char_length(route) <= 200))
);

ALTER TABLE testkase.api_token_usage ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME testkase.api_token_usage_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE testkase.api_token_usage_pairs (
    token_id bigint NOT NULL,
    hour timestamp with time zone NOT NULL,
    pairs text[] NOT NULL COLLATE pg_catalog."C",
    CONSTRAINT api_token_usage_pairs_max CHECK ((cardinality(pairs) <= testkase.usage_pairs_max()))
)
WITH (fillfactor='50');

ALTER TABLE testkase.api_tokens ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME testkase.api_tokens_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE testkase.audit_events_default (
    id bigint NOT NULL,
    occurred_at timestamp with time zone DEFAULT now() NOT NULL,
    organization_id bigint NOT NULL,
    actor_kind text NOT NULL,
    actor_user_id bigint,
    actor_token_id bigint,
    action text NOT NULL,
    target_kind text NOT NULL,
    target_id bigint NOT NULL,
    request_id text,
    address inet,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT audit_events_action_check CHECK ((action ~ '^[a-z_]+\.[a-z_]+$'::text)),
    CONSTRAINT audit_events_actor_kind_check CHECK ((actor_kind = ANY (ARRAY['user'::text, 'operator'::text, 'system'::text]))),
    CONSTRAINT audit_events_check CHECK (((actor_kind = 'user'::text) = (actor_user_id IS NOT NULL))),
    CONSTRAINT audit_events_request_id_check CHECK ((char_length(request_id) <= 64)),
    CONSTRAINT audit_events_target_kind_check CHECK ((target_kind ~ '^[a-z_]+$'::text))
);

ALTER TABLE testkase.audit_events ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME testkase.audit_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE testkase.calendar_feeds (
    user_id bigint NOT NULL,
    digest bytea NOT NULL,
    user_generation integer NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT calendar_feeds_digest_check CHECK ((octet_length(digest) = 32))
);

CREATE TABLE testkase.custodians (
    organization_id bigint NOT NULL,
    service_id bigint NOT NULL,
    user_id bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE testkase.dismissed_findings (
    token_id bigint NOT NULL,
    practice text NOT NULL,
    evidence_key text NOT NULL,
    dismissed_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT dismissed_findings_practice_check CHECK ((practice ~ '^[a-z_]+$'::text))
);

CREATE TABLE testkase.histories (
    id bigint NOT NULL,
    began_at timestamp with time zone DEFAULT now() NOT NULL,
    cluster text NOT NULL,
    timeline text NOT NULL,
    database text NOT NULL
);

ALTER TABLE testkase.histories ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME testkase.histories_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE testkase.mail_items (
    mail_id uuid NOT NULL,
    "position" integer NOT NULL,
    heading text NOT NULL,
    sentences text[] NOT NULL,
    path text NOT NULL,
    CONSTRAINT mail_items_path_check CHECK ((path ~ '^/'::text))
);

CREATE TABLE testkase.mail_wishes (
    user_id bigint NOT NULL,
    unsubscribe_secret uuid DEFAULT gen_random_uuid() NOT NULL,
    reminders boolean DEFAULT true NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    weekly_digest boolean DEFAULT false NOT NULL,
    digest_secret uuid DEFAULT gen_random_uuid() NOT NULL,
    digest_week date
);

CREATE TABLE testkase.mailed_topics (
    topic text NOT NULL,
    kind text NOT NULL,
    CONSTRAINT mailed_topics_kind_check CHECK ((kind = ANY (ARRAY['reminder'::text, 'security'::text])))
);

ALTER TABLE testkase.mails ALTER COLUMN sequence ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME testkase.mails_sequence_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE testkase.notices (
    id bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    organization_id bigint NOT NULL,
    user_id bigint NOT NULL,
    kind text NOT NULL,
    topic text NOT NULL,
    payload jsonb NOT NULL,
    CONSTRAINT notices_kind_check CHECK ((kind = ANY (ARRAY['reminder'::text, 'security'::text, 'digest'::text])))
);

ALTER TABLE testkase.notices ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME testkase.notices_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE testkase.organizations ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME testkase.organizations_id_seq
    START WITH 1173
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE testkase.outbox ALTER COLUMN sequence ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME testkase.outbox_sequence_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE testkase.partitioned_tables (
    name text NOT NULL,
    by_column text NOT NULL
);

CREATE TABLE testkase.password_link_secrets (
    digest bytea NOT NULL,
    link_id bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT password_link_secrets_digest_check CHECK ((octet_length(digest) = 32))
);

CREATE TABLE testkase.password_links (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    purpose text NOT NULL,
    is_requested boolean NOT NULL,
    user_generation integer NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by bigint,
    expires_at timestamp with time zone NOT NULL,
    mail_id uuid,
    CONSTRAINT password_links_purpose_check CHECK ((purpose = ANY (ARRAY['invitation'::text, 'reset'::text])))
);

ALTER TABLE testkase.password_links ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME testkase.password_links_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE testkase.password_requests (
    id bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    email text NOT NULL COLLATE pg_catalog."C",
    request_id text,
    address inet,
    CONSTRAINT password_requests_email_check CHECK ((char_length(email) <= 254)),
    CONSTRAINT password_requests_request_id_check CHECK ((char_length(request_id) <= 64))
);

ALTER TABLE testkase.password_requests ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME testkase.password_requests_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE testkase.projects ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME testkase.projects_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE testkase.reminder_policy (
    stage text NOT NULL,
    days_before smallint NOT NULL,
    CONSTRAINT reminder_policy_days_before_check CHECK (((days_before >= 1) AND (days_before <= 30))),
    CONSTRAINT reminder_policy_stage_check CHECK ((stage = ANY (ARRAY['week'::text, 'day'::text])))
);

CREATE TABLE testkase.result_uploads (
    user_id bigint NOT NULL,
    idempotency_key text NOT NULL COLLATE pg_catalog."C",
    uploaded_at timestamp with time zone DEFAULT now() NOT NULL,
    digest bytea NOT NULL,
    answer json NOT NULL,
    CONSTRAINT result_uploads_digest_check CHECK ((octet_length(digest) = 32)),
    CONSTRAINT result_uploads_idempotency_key_check CHECK ((idempotency_key ~ '^[ -~]{1,255}$'::text))
);

CREATE TABLE testkase.rotation_policy (
    expires_in_days smallint NOT NULL,
    rotate_on_day smallint NOT NULL,
    CONSTRAINT rotation_policy_check CHECK (((rotate_on_day > 0) AND (rotate_on_day < expires_in_days))),
    CONSTRAINT rotation_policy_expires_in_days_check CHECK ((expires_in_days = ANY (ARRAY[7, 30, 60, 90, 180, 365])))
);

ALTER TABLE testkase.rotation_reminders ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME testkase.rotation_reminders_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE testkase.rotation_verdict (
    only_row boolean DEFAULT true NOT NULL,
    places_days smallint DEFAULT 7 NOT NULL,
    quiet_hours smallint DEFAULT 24 NOT NULL,
    CONSTRAINT rotation_verdict_only_row_check CHECK (only_row),
    CONSTRAINT rotation_verdict_places_days_check CHECK (((places_days >= 1) AND (places_days <= 90))),
    CONSTRAINT rotation_verdict_quiet_hours_check CHECK (((quiet_hours >= 1) AND (quiet_hours <= 720)))
);

ALTER TABLE testkase.sessions ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME testkase.sessions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE testkase.shadow_key (
    only_row boolean DEFAULT true NOT NULL,
    seed bigint NOT NULL,
    CONSTRAINT shadow_key_only_row_check CHECK (only_row)
);

CREATE VIEW testkase.shown_reminders AS
 SELECT r.id,
    r.user_id,
    r.token_id AS "apiKeyId",
    t.name AS "apiKeyName",
    t.preview AS "tokenPreview",
    u.id AS "ownerId",
    u.name AS "ownerName",
    r.stage,
    r.state,
    testkase.rfc3339(s.at) AS "dueAt",
    testkase.rfc3339(r.due_at) AS "nextAt",
    testkase.rfc3339(t.expires_at) AS "expiresAt",
    n.live_successor_id AS "successorId"
   FROM ((((testkase.rotation_reminders r
     JOIN testkase.api_tokens t ON ((t.id = r.token_id)))
     JOIN testkase.users u ON (((u.id = t.user_id) AND (u.status = 'active'::text) AND (u.credential_generation = t.owner_generation))))
     JOIN testkase.api_token_rotations n ON ((n.id = t.id)))
     CROSS JOIN LATERAL ( SELECT s_1.at
           FROM testkase.reminder_stages(t.rotate_at, t.expires_at) s_1(rank, stage, at)
          WHERE (s_1.stage = r.stage)
         OFFSET 0) s)
  WHERE ((r.state = ANY (ARRAY['due'::text, 'acknowledged'::text])) AND (t.ended_at IS NULL) AND (t.expires_at > now()) AND (NOT testkase.is_replaced(t.id)));

CREATE VIEW testkase.shown_tokens AS
 SELECT t.id,
    t.user_id,
    t.name,
    t.preview AS "tokenPreview",
    testkase.rfc3339(t.created_at) AS "createdAt",
    testkase.rfc3339(t.expires_at) AS "expiresAt",
    t.expires_in_days AS "expiresInDays",
    testkase.rfc3339(t.rotate_at) AS "rotateAt",
    testkase.rfc3339(l.used_at) AS "lastUsedAt",
    host(l.address) AS "lastUsedIp",
    l.client AS "lastUsedClient",
    s.status,
    testkase.rfc3339(s.ended_at) AS "endedAt",
    s.ended_reason AS "endedReason",
        CASE
            WHEN (e.id IS NOT NULL) THEN json_build_object('userId', e.id, 'name', e.name)
            ELSE NULL::json
        END AS "endedBy",
    t.ended_note AS "endedNote",
    t.purpose,
    t.link,
        CASE
            WHEN (t.created_by IS NOT NULL) THEN json_build_object('userId', t.created_by, 'apiKeyId', t.created_by_token)
            ELSE NULL::json
        END AS "createdBy",
    t.predecessor_id AS "predecessorId",
    r.successor_id AS "successorId",
    json_build_object('state',
        CASE
            WHEN ((r.state = 'overlap'::text) AND (o.obstacle IS NULL)) THEN 'safe_to_delete'::text
            ELSE r.state
        END, 'rotateAt', testkase.rfc3339(t.rotate_at), 'successorId', r.live_successor_id, 'predecessorId', r.live_predecessor_id, 'because',
        CASE
            WHEN (o.obstacle IS NOT NULL) THEN o.obstacle
            WHEN (r.state = 'overlap'::text) THEN (((('The new token is in use, also wherever the old one was used in the last '::text || testkase.counted((v.places_days)::bigint, 'day'::text)) || ', and the old one has been quiet for '::text) || testkase.counted((v.quiet_hours)::bigint, 'hour'::text)) || '.'::text)
            WHEN (r.state = ANY (ARRAY['due'::text, 'overdue'::text])) THEN (('It expires on '::text || testkase.on_day(t.expires_at)) || ' and has no successor.'::text)
            ELSE NULL::text
        END) AS rotation,
    t.rate_limit
   FROM ((((((testkase.api_tokens t
     JOIN testkase.api_token_states s ON ((s.id = t.id)))
     JOIN testkase.api_token_rotations r ON ((r.id = t.id)))
     CROSS JOIN testkase.rotation_verdict v)
     LEFT JOIN testkase.api_token_last_used l ON ((l.token_id = t.id)))
     LEFT JOIN testkase.users e ON ((e.id = t.ended_by)))
     CROSS JOIN LATERAL ( SELECT
                CASE
                    WHEN (r.state = 'overlap'::text) THEN testkase.rotation_obstacle(t.id, r.live_successor_id)
                    ELSE NULL::text
                END AS obstacle
         OFFSET 0) o);

CREATE TABLE testkase.test_cases (
    id bigint NOT NULL,
    project_id bigint NOT NULL,
    number integer NOT NULL,
    title text NOT NULL,
    automation_id integer NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    archived_at timestamp with time zone,
    CONSTRAINT test_cases_automation_id_check CHECK (((automation_id >= 10000) AND (automation_id <= 999999))),
    CONSTRAINT test_cases_number_check CHECK ((number > 0)),
    CONSTRAINT test_cases_title_check CHECK (((char_length(title) >= 1) AND (char_length(title) <= 200)))
);

ALTER TABLE testkase.test_cases ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME testkase.test_cases_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE testkase.test_cycles (
    id bigint NOT NULL,
    project_id bigint NOT NULL,
    number integer NOT NULL,
    name text NOT NULL,
    pass integer DEFAULT 0 NOT NULL,
    fail integer DEFAULT 0 NOT NULL,
    blocked integer DEFAULT 0 NOT NULL,
    skipped integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    archived_at timestamp with time zone,
    CONSTRAINT test_cycles_blocked_check CHECK ((blocked >= 0)),
    CONSTRAINT test_cycles_fail_check CHECK ((fail >= 0)),
    CONSTRAINT test_cycles_master_stays CHECK (((number > 1) OR (archived_at IS NULL))),
    CONSTRAINT test_cycles_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 100))),
    CONSTRAINT test_cycles_number_check CHECK ((number > 0)),
    CONSTRAINT test_cycles_pass_check CHECK ((pass >= 0)),
    CONSTRAINT test_cycles_skipped_check CHECK ((skipped >= 0))
);

ALTER TABLE testkase.test_cycles ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME testkase.test_cycles_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE testkase.test_executions (
    id bigint NOT NULL,
    executed_at timestamp with time zone DEFAULT now() NOT NULL,
    case_id bigint NOT NULL,
    cycle_id bigint NOT NULL,
    run_id bigint NOT NULL,
    status text NOT NULL,
    duration_ms bigint,
    name text,
    message text,
    CONSTRAINT test_executions_duration_ms_check CHECK ((duration_ms >= 0)),
    CONSTRAINT test_executions_message_check CHECK ((char_length(message) <= 4096)),
    CONSTRAINT test_executions_name_check CHECK ((char_length(name) <= 4096)),
    CONSTRAINT test_executions_status_check CHECK ((status = ANY (ARRAY['pass'::text, 'fail'::text, 'blocked'::text, 'skipped'::text])))
)
PARTITION BY RANGE (executed_at);

CREATE TABLE testkase.test_executions_default (
    id bigint NOT NULL,
    executed_at timestamp with time zone DEFAULT now() NOT NULL,
    case_id bigint NOT NULL,
    cycle_id bigint NOT NULL,
    run_id bigint NOT NULL,
    status text NOT NULL,
    duration_ms bigint,
    name text,
    message text,
    CONSTRAINT test_executions_duration_ms_check CHECK ((duration_ms >= 0)),
    CONSTRAINT test_executions_message_check CHECK ((char_length(message) <= 4096)),
    CONSTRAINT test_executions_name_check CHECK ((char_length(name) <= 4096)),
    CONSTRAINT test_executions_status_check CHECK ((status = ANY (ARRAY['pass'::text, 'fail'::text, 'blocked'::text, 'skipped'::text])))
);

ALTER TABLE testkase.test_executions ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME testkase.test_executions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE testkase.test_latest_results (
    cycle_id bigint NOT NULL,
    case_id bigint NOT NULL,
    run_id bigint NOT NULL,
    executed_at timestamp with time zone NOT NULL,
    status text NOT NULL,
    duration_ms bigint,
    message text,
    CONSTRAINT test_latest_results_status_check CHECK ((status = ANY (ARRAY['pass'::text, 'fail'::text, 'blocked'::text, 'skipped'::text])))
)
WITH (fillfactor='70');

CREATE TABLE testkase.test_runs (
    id bigint NOT NULL,
    project_id bigint NOT NULL,
    cycle_id bigint NOT NULL,
    reported_at timestamp with time zone DEFAULT now() NOT NULL,
    user_id bigint NOT NULL,
    token_id bigint,
    build jsonb DEFAULT '{}'::jsonb NOT NULL,
    received integer NOT NULL,
    matched integer NOT NULL,
    unmatched integer DEFAULT 0 NOT NULL,
    pass integer DEFAULT 0 NOT NULL,
    fail integer DEFAULT 0 NOT NULL,
    blocked integer DEFAULT 0 NOT NULL,
    skipped integer DEFAULT 0 NOT NULL,
    pruned_at timestamp with time zone,
    CONSTRAINT test_runs_blocked_check CHECK ((blocked >= 0)),
    CONSTRAINT test_runs_fail_check CHECK ((fail >= 0)),
    CONSTRAINT test_runs_matched_check CHECK ((matched >= 0)),
    CONSTRAINT test_runs_pass_check CHECK ((pass >= 0)),
    CONSTRAINT test_runs_received_check CHECK ((received >= 0)),
    CONSTRAINT test_runs_skipped_check CHECK ((skipped >= 0)),
    CONSTRAINT test_runs_unmatched_check CHECK ((unmatched >= 0))
);

ALTER TABLE testkase.test_runs ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME testkase.test_runs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE testkase.user_networks (
    user_id bigint NOT NULL,
    network cidr NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE testkase.users ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME testkase.users_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE testkase.webhook_deliveries ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME testkase.webhook_deliveries_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE testkase.webhooks ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME testkase.webhooks_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY testkase.api_token_usage ATTACH PARTITION testkase.api_token_usage_default DEFAULT;

ALTER TABLE ONLY testkase.audit_events ATTACH PARTITION testkase.audit_events_default DEFAULT;

ALTER TABLE ONLY testkase.test_executions ATTACH PARTITION testkase.test_executions_default DEFAULT;

ALTER TABLE ONLY testkase.api_token_alerts
    ADD CONSTRAINT api_token_alerts_pkey PRIMARY KEY (token_id, topic);

ALTER TABLE ONLY testkase.api_token_last_used
    ADD CONSTRAINT api_token_last_used_pkey PRIMARY KEY (token_id);

ALTER TABLE ONLY testkase.api_token_networks
    ADD CONSTRAINT api_token_networks_pkey PRIMARY KEY (token_id, network);

ALTER TABLE ONLY testkase.api_token_usage
    ADD CONSTRAINT api_token_usage_token_id_hour_address_client_method_route_s_key UNIQUE NULLS NOT DISTINCT (token_id, hour, address, client, method, route, status);

ALTER TABLE ONLY testkase.api_token_usage_default
    ADD CONSTRAINT api_token_usage_default_token_id_hour_address_client_method_key UNIQUE NULLS NOT DISTINCT (token_id, hour, address, client, method, route, status);

ALTER TABLE ONLY testkase.api_token_usage_pairs
    ADD CONSTRAINT api_token_usage_pairs_pkey PRIMARY KEY (token_id, hour);

ALTER TABLE ONLY testkase.api_tokens
    ADD CONSTRAINT api_tokens_lookup_id_key UNIQUE (lookup_id);

ALTER TABLE ONLY testkase.api_tokens
    ADD CONSTRAINT api_tokens_pkey PRIMARY KEY (id);

ALTER TABLE ONLY testkase.audit_events
    ADD CONSTRAINT audit_events_pkey PRIMARY KEY (occurred_at, id);

ALTER TABLE ONLY testkase.audit_events_default
    ADD CONSTRAINT audit_events_default_pkey PRIMARY KEY (occurred_at, id);

ALTER TABLE ONLY testkase.auth_changes
    ADD CONSTRAINT auth_changes_pkey PRIMARY KEY (epoch);

ALTER TABLE ONLY testkase.auth_epoch
    ADD CONSTRAINT auth_epoch_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY testkase.calendar_feeds
    ADD CONSTRAINT calendar_feeds_digest_key UNIQUE (digest);

ALTER TABLE ONLY testkase.calendar_feeds
    ADD CONSTRAINT calendar_feeds_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY testkase.custodians
    ADD CONSTRAINT custodians_pkey PRIMARY KEY (service_id, user_id);

ALTER TABLE ONLY testkase.dismissed_findings
    ADD CONSTRAINT dismissed_findings_pkey PRIMARY KEY (token_id, practice);

ALTER TABLE ONLY testkase.histories
    ADD CONSTRAINT histories_pkey PRIMARY KEY (id);

ALTER TABLE ONLY testkase.mail_items
    ADD CONSTRAINT mail_items_pkey PRIMARY KEY (mail_id, "position");

ALTER TABLE ONLY testkase.mail_wishes
    ADD CONSTRAINT mail_wishes_digest_secret_key UNIQUE (digest_secret);

ALTER TABLE ONLY testkase.mail_wishes
    ADD CONSTRAINT mail_wishes_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY testkase.mail_wishes
    ADD CONSTRAINT mail_wishes_unsubscribe_secret_key UNIQUE (unsubscribe_secret);

ALTER TABLE ONLY testkase.mailed_topics
    ADD CONSTRAINT mailed_topics_pkey PRIMARY KEY (topic);

ALTER TABLE ONLY testkase.mails
    ADD CONSTRAINT mails_pkey PRIMARY KEY (id);

ALTER TABLE ONLY testkase.mails
    ADD CONSTRAINT mails_sequence_key UNIQUE (sequence);

ALTER TABLE ONLY testkase.notices
    ADD CONSTRAINT notices_pkey PRIMARY KEY (id);

ALTER TABLE ONLY testkase.organizations
    ADD CONSTRAINT organizations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY testkase.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (id);

ALTER TABLE ONLY testkase.outbox
    ADD CONSTRAINT outbox_sequence_key UNIQUE (sequence);

ALTER TABLE ONLY testkase.partitioned_tables
    ADD CONSTRAINT partitioned_tables_pkey PRIMARY KEY (name);

ALTER TABLE ONLY testkase.password_link_secrets
    ADD CONSTRAINT password_link_secrets_pkey PRIMARY KEY (digest);

ALTER TABLE ONLY testkase.password_links
    ADD CONSTRAINT password_links_mail_id_key UNIQUE (mail_id);

ALTER TABLE ONLY testkase.password_links
    ADD CONSTRAINT password_links_pkey PRIMARY KEY (id);

ALTER TABLE ONLY testkase.password_links
    ADD CONSTRAINT password_links_user_id_purpose_is_requested_key UNIQUE (user_id, purpose, is_requested);

ALTER TABLE ONLY testkase.password_requests
    ADD CONSTRAINT password_requests_pkey PRIMARY KEY (id);

ALTER TABLE ONLY testkase.project_members
    ADD CONSTRAINT project_members_pkey PRIMARY KEY (project_id, user_id);

ALTER TABLE ONLY testkase.projects
    ADD CONSTRAINT projects_organization_id_id_key UNIQUE (organization_id, id);

ALTER TABLE ONLY testkase.projects
    ADD CONSTRAINT projects_organization_id_number_key UNIQUE (organization_id, number);

ALTER TABLE ONLY testkase.projects
    ADD CONSTRAINT projects_pkey PRIMARY KEY (id);

ALTER TABLE ONLY testkase.rate_budgets
    ADD CONSTRAINT rate_budgets_pkey PRIMARY KEY (token_id);

ALTER TABLE ONLY testkase.reminder_policy
    ADD CONSTRAINT reminder_policy_days_before_key UNIQUE (days_before);

ALTER TABLE ONLY testkase.reminder_policy
    ADD CONSTRAINT reminder_policy_pkey PRIMARY KEY (stage);

ALTER TABLE ONLY testkase.result_uploads
    ADD CONSTRAINT result_uploads_pkey PRIMARY KEY (user_id, idempotency_key);

ALTER TABLE ONLY testkase.rotation_policy
    ADD CONSTRAINT rotation_policy_pkey PRIMARY KEY (expires_in_days);

ALTER TABLE ONLY testkase.rotation_reminders
    ADD CONSTRAINT rotation_reminders_pkey PRIMARY KEY (id);

ALTER TABLE ONLY testkase.rotation_reminders
    ADD CONSTRAINT rotation_reminders_token_id_key UNIQUE (token_id);

ALTER TABLE ONLY testkase.rotation_verdict
    ADD CONSTRAINT rotation_verdict_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY testkase.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (version);

ALTER TABLE ONLY testkase.server_heartbeats
    ADD CONSTRAINT server_heartbeats_pkey PRIMARY KEY (server);

ALTER TABLE ONLY testkase.sessions
    ADD CONSTRAINT sessions_digest_key UNIQUE (digest);

ALTER TABLE ONLY testkase.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY testkase.shadow_key
    ADD CONSTRAINT shadow_key_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY testkase.streamed_topics
    ADD CONSTRAINT streamed_topics_pkey PRIMARY KEY (topic);

ALTER TABLE ONLY testkase.test_cases
    ADD CONSTRAINT test_cases_automation_id_key UNIQUE (project_id, automation_id);

ALTER TABLE ONLY testkase.test_cases
    ADD CONSTRAINT test_cases_pkey PRIMARY KEY (id);

ALTER TABLE ONLY testkase.test_cases
    ADD CONSTRAINT test_cases_project_id_number_key UNIQUE (project_id, number);

ALTER TABLE ONLY testkase.test_cycles
    ADD CONSTRAINT test_cycles_pkey PRIMARY KEY (id);

ALTER TABLE ONLY testkase.test_cycles
    ADD CONSTRAINT test_cycles_project_id_number_key UNIQUE (project_id, number);

ALTER TABLE ONLY testkase.test_executions
    ADD CONSTRAINT test_executions_pkey PRIMARY KEY (executed_at, id);

ALTER TABLE ONLY testkase.test_executions_default
    ADD CONSTRAINT test_executions_default_pkey PRIMARY KEY (executed_at, id);

ALTER TABLE ONLY testkase.test_latest_results
    ADD CONSTRAINT test_latest_results_pkey PRIMARY KEY (cycle_id, case_id);

ALTER TABLE ONLY testkase.test_runs
    ADD CONSTRAINT test_runs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY testkase.usage_by_client
    ADD CONSTRAINT usage_by_client_pkey PRIMARY KEY (hour, client);

ALTER TABLE ONLY testkase.usage_by_route
    ADD CONSTRAINT usage_by_route_pkey PRIMARY KEY (hour, method, route, status);

ALTER TABLE ONLY testkase.usage_by_token
    ADD CONSTRAINT usage_by_token_pkey PRIMARY KEY (hour, token_id);

ALTER TABLE ONLY testkase.usage_hours
    ADD CONSTRAINT usage_hours_pkey PRIMARY KEY (hour);

ALTER TABLE ONLY testkase.usage_refusals
    ADD CONSTRAINT usage_refusals_pkey PRIMARY KEY (hour, reason);

ALTER TABLE ONLY testkase.user_networks
    ADD CONSTRAINT user_networks_pkey PRIMARY KEY (user_id, network);

ALTER TABLE ONLY testkase.users
    ADD CONSTRAINT users_organization_id_id_key UNIQUE (organization_id, id);

ALTER TABLE ONLY testkase.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

ALTER TABLE ONLY testkase.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_message_id_key UNIQUE (message_id);

ALTER TABLE ONLY testkase.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (id);

ALTER TABLE ONLY testkase.webhooks
    ADD CONSTRAINT webhooks_pkey PRIMARY KEY (id);

ALTER TABLE ONLY testkase.worker_heartbeats
    ADD CONSTRAINT worker_heartbeats_pkey PRIMARY KEY (worker);

CREATE INDEX api_token_usage_hour_idx ON ONLY testkase.api_token_usage USING brin (hour) WITH (autosummarize='on');

CREATE INDEX api_token_usage_default_hour_idx ON testkase.api_token_usage_default USING brin (hour) WITH (autosummarize='on');

CREATE INDEX api_token_usage_token_idx ON ONLY testkase.api_token_usage USING btree (token_id, id DESC);

CREATE INDEX api_token_usage_default_token_id_id_idx ON testkase.api_token_usage_default USING btree (token_id, id DESC);

CREATE INDEX api_token_usage_pairs_hour_idx ON testkase.api_token_usage_pairs USING btree (hour);

CREATE INDEX api_tokens_hash_to_erase_idx ON testkase.api_tokens USING btree (ended_at) WHERE ((ended_reason = 'expired'::text) AND (secret_hash IS NOT NULL));

CREATE UNIQUE INDEX api_tokens_idempotency_key ON testkase.api_tokens USING btree (user_id, idempotency_key) WHERE (idempotency_key IS NOT NULL);

CREATE INDEX api_tokens_live_expiry_idx ON testkase.api_tokens USING btree (expires_at) WHERE (ended_at IS NULL);

CREATE INDEX api_tokens_live_owner_idx ON testkase.api_tokens USING btree (user_id, owner_generation) WHERE (ended_at IS NULL);

CREATE UNIQUE INDEX api_tokens_live_successor_key ON testkase.api_tokens USING btree (predecessor_id) WHERE (ended_at IS NULL);

CREATE INDEX api_tokens_made_by_token_idx ON testkase.api_tokens USING btree (created_by_token) WHERE (created_by_token IS NOT NULL);

CREATE INDEX api_tokens_owner_idx ON testkase.api_tokens USING btree (user_id, id DESC);

CREATE INDEX api_tokens_successor_idx ON testkase.api_tokens USING btree (predecessor_id, id DESC) WHERE (predecessor_id IS NOT NULL);

CREATE INDEX audit_events_organization_idx ON ONLY testkase.audit_events USING btree (organization_id, id DESC);

CREATE INDEX audit_events_default_organization_id_id_idx ON testkase.audit_events_default USING btree (organization_id, id DESC);

CREATE INDEX audit_events_target_idx ON ONLY testkase.audit_events USING btree (target_kind, target_id, id DESC);

CREATE INDEX audit_events_default_target_kind_target_id_id_idx ON testkase.audit_events_default USING btree (target_kind, target_id, id DESC);

CREATE INDEX custodians_user_idx ON testkase.custodians USING btree (user_id);

CREATE INDEX mail_wishes_digest_idx ON testkase.mail_wishes USING btree (digest_week) WHERE weekly_digest;

CREATE INDEX mails_due_idx ON testkase.mails USING btree (attempt_at) WHERE (state = 'queued'::text);

CREATE INDEX mails_ended_idx ON testkase.mails USING btree (ended_at);

CREATE INDEX mails_links_idx ON testkase.mails USING btree (organization_id, is_requested, created_at) WHERE (carries_link OR tells_of_link);

CREATE INDEX mails_refused_idx ON testkase.mails USING btree (organization_id, user_id) WHERE ((state = 'parked'::text) AND ((status >= 500) AND (status <= 599)));

CREATE INDEX mails_requested_idx ON testkase.mails USING btree (organization_id, requested_from, created_at) WHERE (requested_from IS NOT NULL);

CREATE INDEX mails_user_idx ON testkase.mails USING btree (user_id, kind, created_at DESC);

CREATE INDEX notices_user_idx ON testkase.notices USING btree (user_id, kind, id);

CREATE INDEX outbox_open_idx ON testkase.outbox USING btree (sequence) WHERE (routed_at IS NULL);

CREATE INDEX outbox_routed_idx ON testkase.outbox USING btree (routed_at);

CREATE INDEX outbox_written_idx ON testkase.outbox USING btree (written_by);

CREATE INDEX password_link_secrets_link_idx ON testkase.password_link_secrets USING btree (link_id);

CREATE INDEX password_links_expires_idx ON testkase.password_links USING btree (expires_at);

CREATE INDEX project_members_user_idx ON testkase.project_members USING btree (user_id, project_id);

CREATE INDEX result_uploads_idx ON testkase.result_uploads USING btree (uploaded_at);

CREATE INDEX rotation_reminders_due_idx ON testkase.rotation_reminders USING btree (due_at) WHERE ((state <> 'closed'::text) AND (due_at IS NOT NULL));

CREATE INDEX rotation_reminders_user_idx ON testkase.rotation_reminders USING btree (user_id, id DESC);

CREATE INDEX sessions_expires_idx ON testkase.sessions USING btree (expires_at);

CREATE INDEX sessions_user_idx ON testkase.sessions USING btree (user_id);

CREATE INDEX test_cases_active_idx ON testkase.test_cases USING btree (project_id, id DESC) WHERE (archived_at IS NULL);

CREATE INDEX test_cycles_active_idx ON testkase.test_cycles USING btree (project_id, number DESC) WHERE (archived_at IS NULL);

CREATE INDEX test_executions_case_idx ON ONLY testkase.test_executions USING btree (case_id, id DESC);

CREATE INDEX test_executions_default_case_id_id_idx ON testkase.test_executions_default USING btree (case_id, id DESC);

CREATE INDEX test_latest_results_case_idx ON testkase.test_latest_results USING btree (case_id);

CREATE INDEX test_latest_results_status_idx ON testkase.test_latest_results USING btree (cycle_id, status, case_id);

CREATE INDEX test_runs_cycle_idx ON testkase.test_runs USING btree (cycle_id, id DESC);

CREATE INDEX test_runs_prunable_idx ON testkase.test_runs USING btree (project_id, reported_at) WHERE (pruned_at IS NULL);

CREATE INDEX usage_hours_due_idx ON testkase.usage_hours USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE UNIQUE INDEX users_email_key ON testkase.users USING btree (testkase.email_key(email)) WHERE (status <> 'deleted'::text);

CREATE INDEX users_left_idx ON testkase.users USING btree (id) WHERE (credential_generation > 1);

CREATE UNIQUE INDEX users_one_owner_key ON testkase.users USING btree (organization_id) WHERE (org_role = 'owner'::text);

CREATE INDEX users_organization_idx ON testkase.users USING btree (organization_id, id) WHERE (status <> 'deleted'::text);

CREATE INDEX users_sign_in_idx ON testkase.users USING btree (id) WHERE ((status = 'active'::text) AND (password_hash IS NOT NULL));

CREATE INDEX webhook_deliveries_due_idx ON testkase.webhook_deliveries USING btree (webhook_id, attempt_at, id) WHERE (state = 'queued'::text);

CREATE INDEX webhook_deliveries_ended_idx ON testkase.webhook_deliveries USING btree (ended_at) WHERE (state <> 'queued'::text);

CREATE INDEX webhook_deliveries_leased_idx ON testkase.webhook_deliveries USING btree (leased_until) WHERE ((state = 'queued'::text) AND (leased_until IS NOT NULL));

CREATE INDEX webhook_deliveries_webhook_idx ON testkase.webhook_deliveries USING btree (webhook_id, id DESC);

CREATE INDEX webhooks_deleted_idx ON testkase.webhooks USING btree (deleted_at) WHERE (deleted_at IS NOT NULL);

CREATE INDEX webhooks_organization_idx ON testkase.webhooks USING btree (organization_id, id) WHERE (deleted_at IS NULL);

ALTER INDEX testkase.api_token_usage_hour_idx ATTACH PARTITION testkase.api_token_usage_default_hour_idx;

ALTER INDEX testkase.api_token_usage_token_id_hour_address_client_method_route_s_key ATTACH PARTITION testkase.api_token_usage_default_token_id_hour_address_client_method_key;

ALTER INDEX testkase.api_token_usage_token_idx ATTACH PARTITION testkase.api_token_usage_default_token_id_id_idx;

ALTER INDEX testkase.audit_events_organization_idx ATTACH PARTITION testkase.audit_events_default_organization_id_id_idx;

ALTER INDEX testkase.audit_events_pkey ATTACH PARTITION testkase.audit_events_default_pkey;

ALTER INDEX testkase.audit_events_target_idx ATTACH PARTITION testkase.audit_events_default_target_kind_target_id_id_idx;

ALTER INDEX testkase.test_executions_case_idx ATTACH PARTITION testkase.test_executions_default_case_id_id_idx;

ALTER INDEX testkase.test_executions_pkey ATTACH PARTITION testkase.test_executions_default_pkey;

CREATE TRIGGER api_tokens_changed AFTER UPDATE ON testkase.api_tokens REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows FOR EACH STATEMENT EXECUTE FUNCTION testkase.api_tokens_changed();

ALTER TABLE testkase.api_tokens ENABLE ALWAYS TRIGGER api_tokens_changed;

CREATE TRIGGER api_tokens_created AFTER INSERT ON testkase.api_tokens REFERENCING NEW TABLE AS after_rows FOR EACH STATEMENT EXECUTE FUNCTION testkase.notify_rows('testkase_tokens', 'tokenIds');

CREATE TRIGGER api_tokens_deleted AFTER DELETE ON testkase.api_tokens REFERENCING OLD TABLE AS before_rows FOR EACH STATEMENT EXECUTE FUNCTION testkase.rights_deleted();

ALTER TABLE testkase.api_tokens ENABLE ALWAYS TRIGGER api_tokens_deleted;

CREATE TRIGGER api_tokens_guard BEFORE UPDATE ON testkase.api_tokens FOR EACH ROW EXECUTE FUNCTION testkase.api_tokens_guard();

CREATE TRIGGER api_tokens_stamp BEFORE INSERT ON testkase.api_tokens FOR EACH ROW EXECUTE FUNCTION testkase.api_tokens_stamp();

CREATE TRIGGER api_tokens_truncated AFTER TRUNCATE ON testkase.api_tokens FOR EACH STATEMENT EXECUTE FUNCTION testkase.rights_truncated();

ALTER TABLE testkase.api_tokens ENABLE ALWAYS TRIGGER api_tokens_truncated;

CREATE TRIGGER audit_events_append_only BEFORE DELETE OR UPDATE ON testkase.audit_events FOR EACH ROW EXECUTE FUNCTION testkase.refuse_change();

CREATE TRIGGER audit_events_guard BEFORE INSERT ON testkase.audit_events FOR EACH ROW WHEN ((new.actor_kind = 'operator'::text)) EXECUTE FUNCTION testkase.audit_events_guard();

CREATE TRIGGER audit_events_no_truncate BEFORE TRUNCATE ON testkase.audit_events FOR EACH STATEMENT EXECUTE FUNCTION testkase.refuse_change();

CREATE TRIGGER calendar_feeds_stamp BEFORE INSERT OR UPDATE ON testkase.calendar_feeds FOR EACH ROW EXECUTE FUNCTION testkase.calendar_feeds_stamp();

CREATE TRIGGER custodians_guard BEFORE INSERT OR UPDATE ON testkase.custodians FOR EACH ROW EXECUTE FUNCTION testkase.custodians_guard();

CREATE TRIGGER organizations_changed AFTER UPDATE ON testkase.organizations REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows FOR EACH STATEMENT EXECUTE FUNCTION testkase.organizations_changed();

ALTER TABLE testkase.organizations ENABLE ALWAYS TRIGGER organizations_changed;

CREATE TRIGGER organizations_deleted AFTER DELETE ON testkase.organizations REFERENCING OLD TABLE AS before_rows FOR EACH STATEMENT EXECUTE FUNCTION testkase.rights_deleted();

ALTER TABLE testkase.organizations ENABLE ALWAYS TRIGGER organizations_deleted;

CREATE TRIGGER organizations_truncated AFTER TRUNCATE ON testkase.organizations FOR EACH STATEMENT EXECUTE FUNCTION testkase.rights_truncated();

ALTER TABLE testkase.organizations ENABLE ALWAYS TRIGGER organizations_truncated;

CREATE TRIGGER outbox_added AFTER INSERT ON testkase.outbox REFERENCING NEW TABLE AS after_rows FOR EACH STATEMENT EXECUTE FUNCTION testkase.notify_rows('testkase_outbox', 'outboxIds');

CREATE TRIGGER password_requests_added AFTER INSERT ON testkase.password_requests REFERENCING NEW TABLE AS after_rows FOR EACH STATEMENT EXECUTE FUNCTION testkase.notify_rows('testkase_outbox', 'requestIds');

CREATE TRIGGER projects_begin AFTER INSERT ON testkase.projects REFERENCING NEW TABLE AS after_rows FOR EACH STATEMENT EXECUTE FUNCTION testkase.projects_begin();

CREATE TRIGGER rotation_reminders_changed AFTER UPDATE ON testkase.rotation_reminders REFERENCING NEW TABLE AS after_rows FOR EACH STATEMENT EXECUTE FUNCTION testkase.notify_rows('testkase_reminders', 'reminderIds');

CREATE TRIGGER session_generations_moved AFTER UPDATE ON testkase.users REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows FOR EACH STATEMENT EXECUTE FUNCTION testkase.session_generations_moved();

CREATE TRIGGER sessions_deleted AFTER DELETE ON testkase.sessions REFERENCING OLD TABLE AS after_rows FOR EACH STATEMENT EXECUTE FUNCTION testkase.notify_rows('testkase_sessions', 'sessionIds');

CREATE TRIGGER sessions_guard BEFORE UPDATE ON testkase.sessions FOR EACH ROW EXECUTE FUNCTION testkase.sessions_guard();

CREATE TRIGGER sessions_stamp BEFORE INSERT ON testkase.sessions FOR EACH ROW EXECUTE FUNCTION testkase.sessions_stamp();

CREATE TRIGGER test_cases_added AFTER INSERT ON testkase.test_cases REFERENCING NEW TABLE AS after_rows FOR EACH STATEMENT EXECUTE FUNCTION testkase.test_cases_changed();

CREATE TRIGGER test_cases_updated AFTER UPDATE ON testkase.test_cases REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows FOR EACH STATEMENT EXECUTE FUNCTION testkase.test_cases_changed();

CREATE TRIGGER test_results_added AFTER INSERT ON testkase.test_latest_results REFERENCING NEW TABLE AS after_rows FOR EACH STATEMENT EXECUTE FUNCTION testkase.test_results_changed();

CREATE TRIGGER test_results_removed AFTER DELETE ON testkase.test_latest_results REFERENCING OLD TABLE AS before_rows FOR EACH STATEMENT EXECUTE FUNCTION testkase.test_results_changed();

CREATE TRIGGER test_results_replaced AFTER UPDATE ON testkase.test_latest_results REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows FOR EACH STATEMENT EXECUTE FUNCTION testkase.test_results_changed();

CREATE TRIGGER users_changed AFTER UPDATE ON testkase.users REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows FOR EACH STATEMENT EXECUTE FUNCTION testkase.users_changed();

ALTER TABLE testkase.users ENABLE ALWAYS TRIGGER users_changed;

CREATE TRIGGER users_deleted AFTER DELETE ON testkase.users REFERENCING OLD TABLE AS before_rows FOR EACH STATEMENT EXECUTE FUNCTION testkase.rights_deleted();

ALTER TABLE testkase.users ENABLE ALWAYS TRIGGER users_deleted;

CREATE TRIGGER users_guard BEFORE INSERT OR UPDATE ON testkase.users FOR EACH ROW EXECUTE FUNCTION testkase.users_guard();

ALTER TABLE testkase.users ENABLE ALWAYS TRIGGER users_guard;

CREATE TRIGGER users_step_down BEFORE UPDATE ON testkase.users FOR EACH ROW WHEN (((old.org_role <> 'member'::text) AND (new.org_role = 'member'::text))) EXECUTE FUNCTION testkase.users_step_down();

ALTER TABLE testkase.users ENABLE ALWAYS TRIGGER users_step_down;

CREATE TRIGGER users_truncated AFTER TRUNCATE ON testkase.users FOR EACH STATEMENT EXECUTE FUNCTION testkase.rights_truncated();

ALTER TABLE testkase.users ENABLE ALWAYS TRIGGER users_truncated;

CREATE TRIGGER webhook_redelivered AFTER UPDATE OF state, attempt_at ON testkase.webhook_deliveries FOR EACH ROW WHEN (((new.state = 'queued'::text) AND ((old.state <> 'queued'::text) OR (new.attempt_at < old.attempt_at)))) EXECUTE FUNCTION testkase.delivery_is_wanted();

CREATE TRIGGER webhook_tested AFTER INSERT ON testkase.webhook_deliveries FOR EACH ROW WHEN ((new.topic = 'webhook.test'::text)) EXECUTE FUNCTION testkase.delivery_is_wanted();

CREATE TRIGGER webhooks_stamp BEFORE INSERT OR UPDATE ON testkase.webhooks FOR EACH ROW EXECUTE FUNCTION testkase.webhooks_stamp();

ALTER TABLE ONLY testkase.api_token_alerts
    ADD CONSTRAINT api_token_alerts_token_id_fkey FOREIGN KEY (token_id) REFERENCES testkase.api_tokens(id);

ALTER TABLE ONLY testkase.api_token_last_used
    ADD CONSTRAINT api_token_last_used_token_id_fkey FOREIGN KEY (token_id) REFERENCES testkase.api_tokens(id);

ALTER TABLE ONLY testkase.api_token_networks
    ADD CONSTRAINT api_token_networks_token_id_fkey FOREIGN KEY (token_id) REFERENCES testkase.api_tokens(id);

ALTER TABLE ONLY testkase.api_tokens
    ADD CONSTRAINT api_tokens_created_by_fkey FOREIGN KEY (created_by) REFERENCES testkase.users(id);

ALTER TABLE ONLY testkase.api_tokens
    ADD CONSTRAINT api_tokens_created_by_token_fkey FOREIGN KEY (created_by_token) REFERENCES testkase.api_tokens(id);

ALTER TABLE ONLY testkase.api_tokens
    ADD CONSTRAINT api_tokens_ended_by_fkey FOREIGN KEY (ended_by) REFERENCES testkase.users(id);

ALTER TABLE ONLY testkase.api_tokens
    ADD CONSTRAINT api_tokens_expires_in_days_fkey FOREIGN KEY (expires_in_days) REFERENCES testkase.rotation_policy(expires_in_days);

ALTER TABLE ONLY testkase.api_tokens
    ADD CONSTRAINT api_tokens_predecessor_id_fkey FOREIGN KEY (predecessor_id) REFERENCES testkase.api_tokens(id);

ALTER TABLE ONLY testkase.api_tokens
    ADD CONSTRAINT api_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES testkase.users(id);

ALTER TABLE ONLY testkase.calendar_feeds
    ADD CONSTRAINT calendar_feeds_user_id_fkey FOREIGN KEY (user_id) REFERENCES testkase.users(id);

ALTER TABLE ONLY testkase.custodians
    ADD CONSTRAINT custodians_organization_id_service_id_fkey FOREIGN KEY (organization_id, service_id) REFERENCES testkase.users(organization_id, id);

ALTER TABLE ONLY testkase.custodians
    ADD CONSTRAINT custodians_organization_id_user_id_fkey FOREIGN KEY (organization_id, user_id) REFERENCES testkase.users(organization_id, id);

ALTER TABLE ONLY testkase.dismissed_findings
    ADD CONSTRAINT dismissed_findings_token_id_fkey FOREIGN KEY (token_id) REFERENCES testkase.api_tokens(id);

ALTER TABLE ONLY testkase.mail_items
    ADD CONSTRAINT mail_items_mail_id_fkey FOREIGN KEY (mail_id) REFERENCES testkase.mails(id) ON DELETE CASCADE;

ALTER TABLE ONLY testkase.mail_wishes
    ADD CONSTRAINT mail_wishes_user_id_fkey FOREIGN KEY (user_id) REFERENCES testkase.users(id);

ALTER TABLE ONLY testkase.mails
    ADD CONSTRAINT mails_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES testkase.organizations(id);

ALTER TABLE ONLY testkase.mails
    ADD CONSTRAINT mails_user_id_fkey FOREIGN KEY (user_id) REFERENCES testkase.users(id);

ALTER TABLE ONLY testkase.notices
    ADD CONSTRAINT notices_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES testkase.organizations(id);

ALTER TABLE ONLY testkase.notices
    ADD CONSTRAINT notices_user_id_fkey FOREIGN KEY (user_id) REFERENCES testkase.users(id);

ALTER TABLE ONLY testkase.outbox
    ADD CONSTRAINT outbox_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES testkase.organizations(id);

ALTER TABLE ONLY testkase.outbox
    ADD CONSTRAINT outbox_user_id_fkey FOREIGN KEY (user_id) REFERENCES testkase.users(id);

ALTER TABLE ONLY testkase.password_link_secrets
    ADD CONSTRAINT password_link_secrets_link_id_fkey FOREIGN KEY (link_id) REFERENCES testkase.password_links(id) ON DELETE CASCADE;

ALTER TABLE ONLY testkase.password_links
    ADD CONSTRAINT password_links_created_by_fkey FOREIGN KEY (created_by) REFERENCES testkase.users(id);

ALTER TABLE ONLY testkase.password_links
    ADD CONSTRAINT password_links_mail_id_fkey FOREIGN KEY (mail_id) REFERENCES testkase.mails(id) ON DELETE SET NULL;

ALTER TABLE ONLY testkase.password_links
    ADD CONSTRAINT password_links_user_id_fkey FOREIGN KEY (user_id) REFERENCES testkase.users(id);

ALTER TABLE ONLY testkase.project_members
    ADD CONSTRAINT project_members_organization_id_project_id_fkey FOREIGN KEY (organization_id, project_id) REFERENCES testkase.projects(organization_id, id);

ALTER TABLE ONLY testkase.project_members
    ADD CONSTRAINT project_members_organization_id_user_id_fkey FOREIGN KEY (organization_id, user_id) REFERENCES testkase.users(organization_id, id);

ALTER TABLE ONLY testkase.projects
    ADD CONSTRAINT projects_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES testkase.organizations(id);

ALTER TABLE ONLY testkase.result_uploads
    ADD CONSTRAINT result_uploads_user_id_fkey FOREIGN KEY (user_id) REFERENCES testkase.users(id);

ALTER TABLE ONLY testkase.rotation_reminders
    ADD CONSTRAINT rotation_reminders_token_id_fkey FOREIGN KEY (token_id) REFERENCES testkase.api_tokens(id);

ALTER TABLE ONLY testkase.rotation_reminders
    ADD CONSTRAINT rotation_reminders_user_id_fkey FOREIGN KEY (user_id) REFERENCES testkase.users(id);

ALTER TABLE ONLY testkase.sessions
    ADD CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES testkase.users(id);

ALTER TABLE ONLY testkase.test_cases
    ADD CONSTRAINT test_cases_project_id_fkey FOREIGN KEY (project_id) REFERENCES testkase.projects(id);

ALTER TABLE ONLY testkase.test_cycles
    ADD CONSTRAINT test_cycles_project_id_fkey FOREIGN KEY (project_id) REFERENCES testkase.projects(id);

ALTER TABLE ONLY testkase.test_latest_results
    ADD CONSTRAINT test_latest_results_cycle_id_fkey FOREIGN KEY (cycle_id) REFERENCES testkase.test_cycles(id);

ALTER TABLE ONLY testkase.test_runs
    ADD CONSTRAINT test_runs_cycle_id_fkey FOREIGN KEY (cycle_id) REFERENCES testkase.test_cycles(id);

ALTER TABLE ONLY testkase.test_runs
    ADD CONSTRAINT test_runs_project_id_fkey FOREIGN KEY (project_id) REFERENCES testkase.projects(id);

ALTER TABLE ONLY testkase.test_runs
    ADD CONSTRAINT test_runs_token_id_fkey FOREIGN KEY (token_id) REFERENCES testkase.api_tokens(id);

ALTER TABLE ONLY testkase.test_runs
    ADD CONSTRAINT test_runs_user_id_fkey FOREIGN KEY (user_id) REFERENCES testkase.users(id);

ALTER TABLE ONLY testkase.user_networks
    ADD CONSTRAINT user_networks_user_id_fkey FOREIGN KEY (user_id) REFERENCES testkase.users(id);

ALTER TABLE ONLY testkase.users
    ADD CONSTRAINT users_created_by_fkey FOREIGN KEY (created_by) REFERENCES testkase.users(id);

ALTER TABLE ONLY testkase.users
    ADD CONSTRAINT users_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES testkase.organizations(id);

ALTER TABLE ONLY testkase.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES testkase.webhooks(id);

ALTER TABLE ONLY testkase.webhooks
    ADD CONSTRAINT webhooks_created_by_fkey FOREIGN KEY (created_by) REFERENCES testkase.users(id);

ALTER TABLE ONLY testkase.webhooks
    ADD CONSTRAINT webhooks_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES testkase.organizations(id);

GRANT USAGE ON SCHEMA ops TO testkase_ops;

GRANT USAGE ON SCHEMA testkase TO testkase_server;
GRANT USAGE ON SCHEMA testkase TO testkase_worker;

REVOKE ALL ON TYPE testkase.actor FROM PUBLIC;
GRANT ALL ON TYPE testkase.actor TO testkase_server;
GRANT ALL ON TYPE testkase.actor TO testkase_worker;

REVOKE ALL ON TYPE testkase.lost_event FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.acting(actor testkase.actor) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.acting(actor testkase.actor) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.ago(moment timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.ago(moment timestamp with time zone) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.answer_password_requests(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.answer_password_requests(most integer) TO testkase_worker;

REVOKE ALL ON FUNCTION testkase.api_tokens_changed() FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.api_tokens_guard() FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.api_tokens_stamp() FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.on_day(moment timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.on_day(moment timestamp with time zone) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.at_time(moment timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.audit_events_guard() FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.auth_changes_max() FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.auth_changes_max() TO testkase_server;

GRANT SELECT ON TABLE testkase.auth_changes TO testkase_server;

GRANT SELECT ON TABLE testkase.auth_epoch TO testkase_server;

REVOKE ALL ON FUNCTION testkase.bump_auth_epoch(changed_tokens bigint[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.calendar_feeds_stamp() FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.compose_mails(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.compose_mails(most integer) TO testkase_worker;

REVOKE ALL ON FUNCTION testkase.counted(number bigint, one text) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.counted(number bigint, one text) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.custodians_guard() FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.delivery_is_wanted() FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.descendants_of(of_token bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.descendants_of(of_token bigint) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.digest_items(organization bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.digest_of(words text) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.digest_of(words text) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.draw_automation_id(of_project bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.draw_automation_id(of_project bigint) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.email_key(email text) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.email_key(email text) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.end_account_again(event testkase.lost_event, OUT name text, OUT outcome text) FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.end_again(events json) FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.end_member_again(event testkase.lost_event, OUT name text, OUT outcome text) FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.end_token_again(event testkase.lost_event, OUT name text, OUT outcome text) FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.end_tokens(of_user bigint, chosen bigint[], with_descendants boolean, by_user bigint, reason text, note text) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.end_tokens(of_user bigint, chosen bigint[], with_descendants boolean, by_user bigint, reason text, note text) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.erase_expired_hashes(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.erase_expired_hashes(most integer) TO testkase_worker;

REVOKE ALL ON FUNCTION testkase.finding_id(practice text, token_id bigint, evidence_key text) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.finding_id(practice text, token_id bigint, evidence_key text) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.findings_of(of_user bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.findings_of(of_user bigint) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.folded(words text) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.folded(words text) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.forget_rate_budgets(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.forget_rate_budgets(most integer) TO testkase_worker;

REVOKE ALL ON FUNCTION testkase.forget_uploads(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.forget_uploads(most integer) TO testkase_worker;

REVOKE ALL ON FUNCTION testkase.has_working_address(account bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.has_working_address(account bigint) TO testkase_server;
GRANT ALL ON FUNCTION testkase.has_working_address(account bigint) TO testkase_worker;

REVOKE ALL ON FUNCTION testkase.hold_project(organization bigint, caller bigint, project_number integer, least_role text, hold text) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.hold_project(organization bigint, caller bigint, project_number integer, least_role text, hold text) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.identity_columns() FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.is_decided(event testkase.lost_event, by_actions text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.is_let_in(status smallint) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.is_let_in(status smallint) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.latest(told timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.is_of_event(made timestamp with time zone, event testkase.lost_event) FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.is_operator() FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.is_operator() TO testkase_server;
GRANT ALL ON FUNCTION testkase.is_operator() TO testkase_worker;

REVOKE ALL ON FUNCTION testkase.is_pipeline(client text) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.is_pipeline(client text) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.is_refused(status smallint) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.is_refused(status smallint) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.is_renewal(of_what text, old_hash text, new_hash text) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.is_renewal(of_what text, old_hash text, new_hash text) TO testkase_server;
GRANT ALL ON FUNCTION testkase.is_renewal(of_what text, old_hash text, new_hash text) TO testkase_worker;

REVOKE ALL ON FUNCTION testkase.is_replaced(token bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.is_replaced(token bigint) TO testkase_server;
GRANT ALL ON FUNCTION testkase.is_replaced(token bigint) TO testkase_worker;

REVOKE ALL ON FUNCTION testkase.last_use_of(token bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.lease_rates(tokens bigint[], wanted bigint[], returned bigint[], windows bigint[], used bigint[], ages bigint[], debts bigint[], default_quota bigint, default_burst bigint, servers bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.lease_rates(tokens bigint[], wanted bigint[], returned bigint[], windows bigint[], used bigint[], ages bigint[], debts bigint[], default_quota bigint, default_burst bigint, servers bigint) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.link_refusal(reader bigint, of_user bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.link_refusal(reader bigint, of_user bigint) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.listen_for_events() FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.listen_for_events() TO testkase_server;

REVOKE ALL ON FUNCTION testkase.session_lifetime() FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.session_lifetime() TO testkase_server;
GRANT ALL ON FUNCTION testkase.session_lifetime() TO testkase_worker;

GRANT SELECT,DELETE ON TABLE testkase.sessions TO testkase_server;
GRANT SELECT,DELETE ON TABLE testkase.sessions TO testkase_worker;

GRANT INSERT(digest) ON TABLE testkase.sessions TO testkase_server;

GRANT INSERT(user_id) ON TABLE testkase.sessions TO testkase_server;

GRANT UPDATE(last_seen_at) ON TABLE testkase.sessions TO testkase_server;

GRANT INSERT(address) ON TABLE testkase.sessions TO testkase_server;

GRANT INSERT(client) ON TABLE testkase.sessions TO testkase_server;

GRANT UPDATE(confirmed_at) ON TABLE testkase.sessions TO testkase_server;

GRANT UPDATE(wrong_passwords) ON TABLE testkase.sessions TO testkase_server;

GRANT SELECT ON TABLE testkase.users TO testkase_server;

GRANT SELECT(id) ON TABLE testkase.users TO testkase_worker;

GRANT INSERT(organization_id) ON TABLE testkase.users TO testkase_server;
GRANT SELECT(organization_id) ON TABLE testkase.users TO testkase_worker;

GRANT INSERT(email) ON TABLE testkase.users TO testkase_server;
GRANT SELECT(email) ON TABLE testkase.users TO testkase_worker;

GRANT INSERT(name),UPDATE(name) ON TABLE testkase.users TO testkase_server;
GRANT SELECT(name) ON TABLE testkase.users TO testkase_worker;

GRANT INSERT(kind) ON TABLE testkase.users TO testkase_server;
GRANT SELECT(kind) ON TABLE testkase.users TO testkase_worker;

GRANT INSERT(org_role),UPDATE(org_role) ON TABLE testkase.users TO testkase_server;
GRANT SELECT(org_role) ON TABLE testkase.users TO testkase_worker;

GRANT UPDATE(status) ON TABLE testkase.users TO testkase_server;
GRANT SELECT(status) ON TABLE testkase.users TO testkase_worker;

GRANT INSERT(password_hash),UPDATE(password_hash) ON TABLE testkase.users TO testkase_server;

GRANT SELECT(credential_generation) ON TABLE testkase.users TO testkase_worker;

GRANT SELECT(session_generation) ON TABLE testkase.users TO testkase_worker;

GRANT SELECT(status_changed_at),UPDATE(status_changed_at) ON TABLE testkase.users TO testkase_worker;

GRANT INSERT(created_by) ON TABLE testkase.users TO testkase_server;

REVOKE ALL ON FUNCTION testkase.live_sessions(ids bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.live_sessions(ids bigint[]) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.live_tokens_of(of_user bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.live_tokens_of(of_user bigint) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.mail_is_sent() FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.mail_is_sent() TO testkase_server;

REVOKE ALL ON FUNCTION testkase.make_partitions(ahead integer) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.make_partitions(ahead integer) TO testkase_worker;

REVOKE ALL ON FUNCTION testkase.make_password_link(of_user bigint, requested boolean, made_by bigint, secret_digest bytea, requested_from cidr) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.make_password_link(of_user bigint, requested boolean, made_by bigint, secret_digest bytea, requested_from cidr) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.mark_renewal(renewed text) FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.may_alert(topic text, told_at timestamp with time zone, told integer) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.may_alert(topic text, told_at timestamp with time zone, told integer) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.may_be_mailed(reader bigint, of_kind text) FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.may_still_be_used(link bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.may_still_be_used(link bigint) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.met(payload jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.network_of(address inet) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.network_of(address inet) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.notice_item(topic text, payload jsonb, reader bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.notification_queue_usage() FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.notification_queue_usage() TO testkase_worker;

REVOKE ALL ON FUNCTION testkase.notifications_are_sent() FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.notifications_are_sent() TO testkase_worker;

REVOKE ALL ON FUNCTION testkase.notify_ids(channel text, key text, ids anyarray) FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.notify_rows() FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.organizations_changed() FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.password_link_lifetime(purpose text, is_requested boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.people_without_mail(organization bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.people_without_mail(organization bigint) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.periods_up_to(max_days smallint) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.periods_up_to(max_days smallint) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.place_words(client text, address inet) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.place_words(client text, address inet) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.places_of(of_token bigint, since timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.places_of(of_token bigint, since timestamp with time zone) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.present_history(OUT cluster text, OUT timeline text, OUT database text) FROM PUBLIC;

GRANT SELECT,DELETE ON TABLE testkase.project_members TO testkase_server;

GRANT INSERT(project_id) ON TABLE testkase.project_members TO testkase_server;

GRANT INSERT(user_id) ON TABLE testkase.project_members TO testkase_server;

GRANT INSERT(organization_id) ON TABLE testkase.project_members TO testkase_server;

GRANT INSERT(role),UPDATE(role) ON TABLE testkase.project_members TO testkase_server;

GRANT SELECT ON TABLE testkase.projects TO testkase_server;

GRANT INSERT(organization_id) ON TABLE testkase.projects TO testkase_server;

GRANT INSERT(number) ON TABLE testkase.projects TO testkase_server;

GRANT INSERT(name),UPDATE(name) ON TABLE testkase.projects TO testkase_server;

GRANT UPDATE(next_case_number) ON TABLE testkase.projects TO testkase_server;

GRANT UPDATE(next_cycle_number) ON TABLE testkase.projects TO testkase_server;

REVOKE ALL ON FUNCTION testkase.project_for(organization bigint, caller bigint, project_number integer, least_role text) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.project_for(organization bigint, caller bigint, project_number integer, least_role text) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.projects_begin() FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.prune_executions(executions integer) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.prune_executions(executions integer) TO testkase_worker;

REVOKE ALL ON FUNCTION testkase.prune_usage(months integer) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.prune_usage(months integer) TO testkase_worker;

REVOKE ALL ON FUNCTION testkase.queue_mail(organization bigint, reader bigint, heading text, sentences text[], path text, carries_link boolean, is_requested boolean, requested_from cidr) FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.recent_sign_in() FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.recent_sign_in() TO testkase_server;

REVOKE ALL ON FUNCTION testkase.recent_use(of_user bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.recent_use(of_user bigint) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.refuse_change() FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.reminded_of(caller bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.reminded_of(caller bigint) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.reminder_stages(rotate_at timestamp with time zone, expires_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.reminder_stages(rotate_at timestamp with time zone, expires_at timestamp with time zone) TO testkase_server;
GRANT ALL ON FUNCTION testkase.reminder_stages(rotate_at timestamp with time zone, expires_at timestamp with time zone) TO testkase_worker;

REVOKE ALL ON FUNCTION testkase.renew_password_hash(of_user bigint, old_hash text, new_hash text) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.renew_password_hash(of_user bigint, old_hash text, new_hash text) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.renew_token_hash(of_token bigint, old_hash text, new_hash text) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.renew_token_hash(of_token bigint, old_hash text, new_hash text) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.report_results(actor testkase.actor, organization bigint, caller bigint, project_number integer, cycle_number integer, upload_key text, upload_digest bytea, build jsonb, automation_ids integer[], statuses text[], names text[], durations bigint[], messages text[], rehearse boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.report_results(actor testkase.actor, organization bigint, caller bigint, project_number integer, cycle_number integer, upload_key text, upload_digest bytea, build jsonb, automation_ids integer[], statuses text[], names text[], durations bigint[], messages text[], rehearse boolean) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.requesting_network(address inet) FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.rfc3339(moment timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.rfc3339(moment timestamp with time zone) TO testkase_server;
GRANT ALL ON FUNCTION testkase.rfc3339(moment timestamp with time zone) TO testkase_worker;

REVOKE ALL ON FUNCTION testkase.rights_deleted() FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.rights_truncated() FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.rotation_obstacle(old_token bigint, new_token bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.rotation_obstacle(old_token bigint, new_token bigint) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.rotation_places(old_token bigint, new_token bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.rotation_places(old_token bigint, new_token bigint) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.route_outbox(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.route_outbox(most integer) TO testkase_worker;

REVOKE ALL ON FUNCTION testkase.says_nothing(name text) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.says_nothing(name text) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.server_silence_max() FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.server_silence_max() TO testkase_server;

REVOKE ALL ON FUNCTION testkase.session_generations_moved() FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.sessions_guard() FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.sessions_max() FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.sessions_max() TO testkase_server;
GRANT ALL ON FUNCTION testkase.sessions_max() TO testkase_worker;

REVOKE ALL ON FUNCTION testkase.sessions_stamp() FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.shown_build(build jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.shown_build(build jsonb) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.shown_counts(cases integer, pass integer, fail integer, blocked integer, skipped integer) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.shown_counts(cases integer, pass integer, fail integer, blocked integer, skipped integer) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.signed_in_recently(of_session bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.signed_in_recently(of_session bigint) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.still_presented(of_user bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.still_presented(of_user bigint) TO testkase_server;

GRANT SELECT,DELETE ON TABLE testkase.outbox TO testkase_worker;

GRANT SELECT(sequence) ON TABLE testkase.outbox TO testkase_server;

GRANT SELECT(created_at) ON TABLE testkase.outbox TO testkase_server;

GRANT INSERT(organization_id) ON TABLE testkase.outbox TO testkase_server;
GRANT INSERT(organization_id) ON TABLE testkase.outbox TO testkase_worker;

GRANT SELECT(user_id),INSERT(user_id) ON TABLE testkase.outbox TO testkase_server;
GRANT INSERT(user_id) ON TABLE testkase.outbox TO testkase_worker;

GRANT SELECT(topic),INSERT(topic) ON TABLE testkase.outbox TO testkase_server;
GRANT INSERT(topic) ON TABLE testkase.outbox TO testkase_worker;

GRANT SELECT(payload),INSERT(payload) ON TABLE testkase.outbox TO testkase_server;
GRANT INSERT(payload) ON TABLE testkase.outbox TO testkase_worker;

GRANT UPDATE(routed_at) ON TABLE testkase.outbox TO testkase_worker;

GRANT SELECT(written_by) ON TABLE testkase.outbox TO testkase_server;

GRANT SELECT ON TABLE testkase.streamed_topics TO testkase_server;

REVOKE ALL ON FUNCTION testkase.streamed_since(since pg_snapshot) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.streamed_since(since pg_snapshot) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.successor_name(name text) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.successor_name(name text) TO testkase_server;

REVOKE ALL ON FUNCTION testkase.sum_up_hour(chosen timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.sum_up_usage() FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.sum_up_usage() TO testkase_worker;

REVOKE ALL ON FUNCTION testkase.test_cases_changed() FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.test_results_changed() FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.this_week() FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.this_week() TO testkase_server;
GRANT ALL ON FUNCTION testkase.this_week() TO testkase_worker;

REVOKE ALL ON FUNCTION testkase.token_networks_max() FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.token_networks_max() TO testkase_server;

REVOKE ALL ON FUNCTION testkase.token_path(of_token bigint, owner bigint, reader bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.token_path(of_token bigint, owner bigint, reader bigint) TO testkase_server;
GRANT ALL ON FUNCTION testkase.token_path(of_token bigint, owner bigint, reader bigint) TO testkase_worker;

REVOKE ALL ON FUNCTION testkase.told_about(account bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.told_about(account bigint) TO testkase_server;
GRANT ALL ON FUNCTION testkase.told_about(account bigint) TO testkase_worker;

REVOKE ALL ON FUNCTION testkase.until_then(moment timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.usage_pairs_max() FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.usage_pairs_max() TO testkase_server;

REVOKE ALL ON FUNCTION testkase.users_changed() FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.users_guard() FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.users_step_down() FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.webhook_message(topic text, payload jsonb, about bigint, happened_at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION testkase.webhook_text(message jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION testkase.webhook_text(message jsonb) TO testkase_worker;

REVOKE ALL ON FUNCTION testkase.webhooks_stamp() FROM PUBLIC;

GRANT SELECT ON TABLE testkase.audit_events TO testkase_server;

GRANT INSERT(organization_id) ON TABLE testkase.audit_events TO testkase_server;
GRANT INSERT(organization_id) ON TABLE testkase.audit_events TO testkase_worker;

GRANT INSERT(actor_kind) ON TABLE testkase.audit_events TO testkase_server;
GRANT INSERT(actor_kind) ON TABLE testkase.audit_events TO testkase_worker;

GRANT INSERT(actor_user_id) ON TABLE testkase.audit_events TO testkase_server;
GRANT INSERT(actor_user_id) ON TABLE testkase.audit_events TO testkase_worker;

GRANT INSERT(actor_token_id) ON TABLE testkase.audit_events TO testkase_server;
GRANT INSERT(actor_token_id) ON TABLE testkase.audit_events TO testkase_worker;

GRANT INSERT(action) ON TABLE testkase.audit_events TO testkase_server;
GRANT INSERT(action) ON TABLE testkase.audit_events TO testkase_worker;

GRANT INSERT(target_kind) ON TABLE testkase.audit_events TO testkase_server;
GRANT INSERT(target_kind) ON TABLE testkase.audit_events TO testkase_worker;

GRANT INSERT(target_id) ON TABLE testkase.audit_events TO testkase_server;
GRANT INSERT(target_id) ON TABLE testkase.audit_events TO testkase_worker;

GRANT INSERT(request_id) ON TABLE testkase.audit_events TO testkase_server;
GRANT INSERT(request_id) ON TABLE testkase.audit_events TO testkase_worker;

GRANT INSERT(address) ON TABLE testkase.audit_events TO testkase_server;
GRANT INSERT(address) ON TABLE testkase.audit_events TO testkase_worker;

GRANT INSERT(detail) ON TABLE testkase.audit_events TO testkase_server;
GRANT INSERT(detail) ON TABLE testkase.audit_events TO testkase_worker;

GRANT SELECT ON TABLE testkase.organizations TO testkase_server;
GRANT SELECT ON TABLE testkase.organizations TO testkase_worker;

GRANT UPDATE(name) ON TABLE testkase.organizations TO testkase_server;

GRANT UPDATE(tokens_may_create_tokens) ON TABLE testkase.organizations TO testkase_server;

GRANT UPDATE(max_expiry_days) ON TABLE testkase.organizations TO testkase_server;

GRANT UPDATE(default_rate_limit) ON TABLE testkase.organizations TO testkase_server;

GRANT UPDATE(next_project_number) ON TABLE testkase.organizations TO testkase_server;

GRANT UPDATE(execution_months) ON TABLE testkase.organizations TO testkase_server;

GRANT SELECT ON TABLE ops.audit_trail TO testkase_ops;

GRANT SELECT ON TABLE ops.calls TO testkase_ops;

GRANT SELECT ON TABLE testkase.api_token_last_used TO testkase_server;
GRANT SELECT ON TABLE testkase.api_token_last_used TO testkase_worker;

GRANT INSERT(token_id) ON TABLE testkase.api_token_last_used TO testkase_server;

GRANT INSERT(used_at),UPDATE(used_at) ON TABLE testkase.api_token_last_used TO testkase_server;

GRANT INSERT(address),UPDATE(address) ON TABLE testkase.api_token_last_used TO testkase_server;

GRANT INSERT(client),UPDATE(client) ON TABLE testkase.api_token_last_used TO testkase_server;

GRANT SELECT ON TABLE testkase.api_tokens TO testkase_server;

GRANT SELECT(id) ON TABLE testkase.api_tokens TO testkase_worker;

GRANT INSERT(user_id) ON TABLE testkase.api_tokens TO testkase_server;
GRANT SELECT(user_id) ON TABLE testkase.api_tokens TO testkase_worker;

GRANT SELECT(owner_generation) ON TABLE testkase.api_tokens TO testkase_worker;

GRANT INSERT(lookup_id) ON TABLE testkase.api_tokens TO testkase_server;

GRANT INSERT(secret_hash) ON TABLE testkase.api_tokens TO testkase_server;

GRANT INSERT(preview) ON TABLE testkase.api_tokens TO testkase_server;
GRANT SELECT(preview) ON TABLE testkase.api_tokens TO testkase_worker;

GRANT INSERT(name) ON TABLE testkase.api_tokens TO testkase_server;
GRANT SELECT(name) ON TABLE testkase.api_tokens TO testkase_worker;

GRANT INSERT(expires_in_days) ON TABLE testkase.api_tokens TO testkase_server;
GRANT SELECT(expires_in_days) ON TABLE testkase.api_tokens TO testkase_worker;

GRANT SELECT(created_at) ON TABLE testkase.api_tokens TO testkase_worker;

GRANT SELECT(expires_at) ON TABLE testkase.api_tokens TO testkase_worker;

GRANT SELECT(rotate_at) ON TABLE testkase.api_tokens TO testkase_worker;

GRANT INSERT(predecessor_id) ON TABLE testkase.api_tokens TO testkase_server;
GRANT SELECT(predecessor_id) ON TABLE testkase.api_tokens TO testkase_worker;

GRANT UPDATE(rate_limit) ON TABLE testkase.api_tokens TO testkase_server;

GRANT UPDATE(ended_at) ON TABLE testkase.api_tokens TO testkase_server;
GRANT SELECT(ended_at),UPDATE(ended_at) ON TABLE testkase.api_tokens TO testkase_worker;

GRANT UPDATE(ended_reason) ON TABLE testkase.api_tokens TO testkase_server;
GRANT SELECT(ended_reason),UPDATE(ended_reason) ON TABLE testkase.api_tokens TO testkase_worker;

GRANT UPDATE(ended_by) ON TABLE testkase.api_tokens TO testkase_server;

GRANT INSERT(purpose) ON TABLE testkase.api_tokens TO testkase_server;

GRANT INSERT(link) ON TABLE testkase.api_tokens TO testkase_server;

GRANT INSERT(idempotency_key) ON TABLE testkase.api_tokens TO testkase_server;

GRANT INSERT(created_by) ON TABLE testkase.api_tokens TO testkase_server;

GRANT INSERT(created_by_token) ON TABLE testkase.api_tokens TO testkase_server;

GRANT UPDATE(ended_note) ON TABLE testkase.api_tokens TO testkase_server;

GRANT SELECT ON TABLE ops.due_rotations TO testkase_ops;

GRANT SELECT ON TABLE ops.expiring_tokens TO testkase_ops;

GRANT SELECT ON TABLE ops.leavers_tokens TO testkase_ops;

GRANT SELECT,DELETE ON TABLE testkase.mails TO testkase_worker;

GRANT INSERT(organization_id) ON TABLE testkase.mails TO testkase_worker;

GRANT INSERT(user_id) ON TABLE testkase.mails TO testkase_worker;

GRANT INSERT(kind) ON TABLE testkase.mails TO testkase_worker;

GRANT INSERT(subject) ON TABLE testkase.mails TO testkase_worker;

GRANT UPDATE(state) ON TABLE testkase.mails TO testkase_worker;

GRANT UPDATE(attempts) ON TABLE testkase.mails TO testkase_worker;

GRANT UPDATE(attempt_at) ON TABLE testkase.mails TO testkase_worker;

GRANT UPDATE(leased_until) ON TABLE testkase.mails TO testkase_worker;

GRANT UPDATE(status) ON TABLE testkase.mails TO testkase_worker;

GRANT UPDATE(error) ON TABLE testkase.mails TO testkase_worker;

GRANT UPDATE(ended_at) ON TABLE testkase.mails TO testkase_worker;

GRANT SELECT ON TABLE ops.mails TO testkase_ops;

GRANT SELECT ON TABLE ops.organizations TO testkase_ops;

GRANT SELECT ON TABLE ops.partitions TO testkase_ops;

GRANT SELECT ON TABLE testkase.usage_refusals TO testkase_worker;

GRANT SELECT ON TABLE ops.refusals TO testkase_ops;

GRANT SELECT ON TABLE testkase.schema_migrations TO testkase_server;
GRANT SELECT ON TABLE testkase.schema_migrations TO testkase_worker;

GRANT SELECT ON TABLE ops.schema TO testkase_ops;

GRANT SELECT,DELETE ON TABLE testkase.server_heartbeats TO testkase_server;

GRANT INSERT(server) ON TABLE testkase.server_heartbeats TO testkase_server;

GRANT INSERT(version) ON TABLE testkase.server_heartbeats TO testkase_server;

GRANT UPDATE(beat_at) ON TABLE testkase.server_heartbeats TO testkase_server;

GRANT INSERT(known),UPDATE(known) ON TABLE testkase.server_heartbeats TO testkase_server;

GRANT SELECT ON TABLE ops.servers TO testkase_ops;

GRANT SELECT ON TABLE ops.tables TO testkase_ops;

GRANT SELECT ON TABLE ops.token_changes TO testkase_ops;

GRANT SELECT ON TABLE ops.tokens TO testkase_ops;

GRANT SELECT ON TABLE ops.tokens_by_age TO testkase_ops;

GRANT SELECT ON TABLE ops.top_clients TO testkase_ops;

GRANT SELECT ON TABLE ops.top_tokens TO testkase_ops;

GRANT SELECT ON TABLE ops.unused_tokens TO testkase_ops;

GRANT SELECT ON TABLE testkase.webhook_deliveries TO testkase_server;
GRANT SELECT,DELETE ON TABLE testkase.webhook_deliveries TO testkase_worker;

GRANT INSERT(webhook_id) ON TABLE testkase.webhook_deliveries TO testkase_server;

GRANT INSERT(topic) ON TABLE testkase.webhook_deliveries TO testkase_server;

GRANT INSERT(message) ON TABLE testkase.webhook_deliveries TO testkase_server;

GRANT UPDATE(state) ON TABLE testkase.webhook_deliveries TO testkase_server;
GRANT UPDATE(state) ON TABLE testkase.webhook_deliveries TO testkase_worker;

GRANT UPDATE(attempts) ON TABLE testkase.webhook_deliveries TO testkase_server;
GRANT UPDATE(attempts) ON TABLE testkase.webhook_deliveries TO testkase_worker;

GRANT UPDATE(claims) ON TABLE testkase.webhook_deliveries TO testkase_worker;

GRANT UPDATE(attempt_at) ON TABLE testkase.webhook_deliveries TO testkase_server;
GRANT UPDATE(attempt_at) ON TABLE testkase.webhook_deliveries TO testkase_worker;

GRANT UPDATE(leased_until) ON TABLE testkase.webhook_deliveries TO testkase_worker;

GRANT UPDATE(status) ON TABLE testkase.webhook_deliveries TO testkase_worker;

GRANT UPDATE(error) ON TABLE testkase.webhook_deliveries TO testkase_worker;

GRANT UPDATE(ended_at) ON TABLE testkase.webhook_deliveries TO testkase_server;
GRANT UPDATE(ended_at) ON TABLE testkase.webhook_deliveries TO testkase_worker;

GRANT SELECT,DELETE ON TABLE testkase.webhooks TO testkase_worker;

GRANT SELECT(id) ON TABLE testkase.webhooks TO testkase_server;

GRANT SELECT(organization_id),INSERT(organization_id) ON TABLE testkase.webhooks TO testkase_server;

GRANT SELECT(name),INSERT(name),UPDATE(name) ON TABLE testkase.webhooks TO testkase_server;

GRANT SELECT(platform),INSERT(platform) ON TABLE testkase.webhooks TO testkase_server;

GRANT INSERT(url) ON TABLE testkase.webhooks TO testkase_server;

GRANT SELECT(masked_url) ON TABLE testkase.webhooks TO testkase_server;

GRANT UPDATE(given_url) ON TABLE testkase.webhooks TO testkase_server;

GRANT SELECT(topics),INSERT(topics),UPDATE(topics) ON TABLE testkase.webhooks TO testkase_server;

GRANT INSERT(secret),UPDATE(secret) ON TABLE testkase.webhooks TO testkase_server;

GRANT SELECT(secret_changed_at) ON TABLE testkase.webhooks TO testkase_server;

GRANT SELECT(previous_secret_until),UPDATE(previous_secret_until) ON TABLE testkase.webhooks TO testkase_server;

GRANT SELECT(status),UPDATE(status) ON TABLE testkase.webhooks TO testkase_server;
GRANT UPDATE(status) ON TABLE testkase.webhooks TO testkase_worker;

GRANT SELECT(disabled_reason) ON TABLE testkase.webhooks TO testkase_server;
GRANT UPDATE(disabled_reason) ON TABLE testkase.webhooks TO testkase_worker;

GRANT SELECT(failing_since) ON TABLE testkase.webhooks TO testkase_server;
GRANT UPDATE(failing_since) ON TABLE testkase.webhooks TO testkase_worker;

GRANT SELECT(created_by),INSERT(created_by) ON TABLE testkase.webhooks TO testkase_server;

GRANT SELECT(created_at) ON TABLE testkase.webhooks TO testkase_server;

GRANT SELECT(deleted_at),UPDATE(deleted_at) ON TABLE testkase.webhooks TO testkase_server;

GRANT SELECT ON TABLE ops.webhooks TO testkase_ops;

GRANT SELECT ON TABLE testkase.hashes_to_erase TO testkase_worker;

GRANT SELECT ON TABLE testkase.rotation_reminders TO testkase_server;
GRANT SELECT ON TABLE testkase.rotation_reminders TO testkase_worker;

GRANT INSERT(token_id) ON TABLE testkase.rotation_reminders TO testkase_server;

GRANT INSERT(user_id) ON TABLE testkase.rotation_reminders TO testkase_server;

GRANT INSERT(due_at) ON TABLE testkase.rotation_reminders TO testkase_server;
GRANT UPDATE(due_at) ON TABLE testkase.rotation_reminders TO testkase_worker;

GRANT UPDATE(state) ON TABLE testkase.rotation_reminders TO testkase_server;
GRANT UPDATE(state) ON TABLE testkase.rotation_reminders TO testkase_worker;

GRANT UPDATE(state_changed_at) ON TABLE testkase.rotation_reminders TO testkase_server;
GRANT UPDATE(state_changed_at) ON TABLE testkase.rotation_reminders TO testkase_worker;

GRANT UPDATE(stage) ON TABLE testkase.rotation_reminders TO testkase_worker;

GRANT UPDATE(mailed_until) ON TABLE testkase.rotation_reminders TO testkase_worker;

GRANT SELECT ON TABLE testkase.worker_backlog TO testkase_worker;

GRANT SELECT ON TABLE ops.worker_backlog TO testkase_ops;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE testkase.worker_heartbeats TO testkase_worker;

GRANT SELECT ON TABLE ops.workers TO testkase_ops;

GRANT SELECT ON TABLE testkase.api_token_alerts TO testkase_server;

GRANT INSERT(token_id) ON TABLE testkase.api_token_alerts TO testkase_server;

GRANT INSERT(topic) ON TABLE testkase.api_token_alerts TO testkase_server;

GRANT UPDATE(told_at) ON TABLE testkase.api_token_alerts TO testkase_server;

GRANT UPDATE(told) ON TABLE testkase.api_token_alerts TO testkase_server;

GRANT SELECT ON TABLE testkase.api_token_networks TO testkase_server;

GRANT INSERT(token_id) ON TABLE testkase.api_token_networks TO testkase_server;

GRANT INSERT(network) ON TABLE testkase.api_token_networks TO testkase_server;

GRANT SELECT ON TABLE testkase.api_token_states TO testkase_server;

GRANT SELECT ON TABLE testkase.api_token_rotations TO testkase_server;

GRANT SELECT ON TABLE testkase.api_token_usage TO testkase_server;

GRANT INSERT(token_id) ON TABLE testkase.api_token_usage TO testkase_server;

GRANT INSERT(hour) ON TABLE testkase.api_token_usage TO testkase_server;

GRANT INSERT(address) ON TABLE testkase.api_token_usage TO testkase_server;

GRANT INSERT(client) ON TABLE testkase.api_token_usage TO testkase_server;

GRANT INSERT(method) ON TABLE testkase.api_token_usage TO testkase_server;

GRANT INSERT(route) ON TABLE testkase.api_token_usage TO testkase_server;

GRANT INSERT(status) ON TABLE testkase.api_token_usage TO testkase_server;

GRANT INSERT(calls),UPDATE(calls) ON TABLE testkase.api_token_usage TO testkase_server;

GRANT INSERT(last_at),UPDATE(last_at) ON TABLE testkase.api_token_usage TO testkase_server;

GRANT SELECT ON TABLE testkase.api_token_usage_pairs TO testkase_server;

GRANT INSERT(token_id) ON TABLE testkase.api_token_usage_pairs TO testkase_server;

GRANT INSERT(hour) ON TABLE testkase.api_token_usage_pairs TO testkase_server;

GRANT INSERT(pairs),UPDATE(pairs) ON TABLE testkase.api_token_usage_pairs TO testkase_server;

GRANT SELECT,DELETE ON TABLE testkase.calendar_feeds TO testkase_server;

GRANT INSERT(user_id) ON TABLE testkase.calendar_feeds TO testkase_server;

GRANT INSERT(digest),UPDATE(digest) ON TABLE testkase.calendar_feeds TO testkase_server;

GRANT SELECT,DELETE ON TABLE testkase.custodians TO testkase_server;
GRANT SELECT ON TABLE testkase.custodians TO testkase_worker;

GRANT INSERT(organization_id) ON TABLE testkase.custodians TO testkase_server;

GRANT INSERT(service_id) ON TABLE testkase.custodians TO testkase_server;

GRANT INSERT(user_id) ON TABLE testkase.custodians TO testkase_server;

GRANT SELECT ON TABLE testkase.dismissed_findings TO testkase_server;

GRANT INSERT(token_id) ON TABLE testkase.dismissed_findings TO testkase_server;

GRANT INSERT(practice) ON TABLE testkase.dismissed_findings TO testkase_server;

GRANT INSERT(evidence_key),UPDATE(evidence_key) ON TABLE testkase.dismissed_findings TO testkase_server;

GRANT UPDATE(dismissed_at) ON TABLE testkase.dismissed_findings TO testkase_server;

GRANT SELECT,DELETE ON TABLE testkase.mail_items TO testkase_worker;

GRANT INSERT(mail_id) ON TABLE testkase.mail_items TO testkase_worker;

GRANT INSERT("position") ON TABLE testkase.mail_items TO testkase_worker;

GRANT INSERT(heading) ON TABLE testkase.mail_items TO testkase_worker;

GRANT INSERT(sentences) ON TABLE testkase.mail_items TO testkase_worker;

GRANT INSERT(path) ON TABLE testkase.mail_items TO testkase_worker;

GRANT SELECT ON TABLE testkase.mail_wishes TO testkase_server;
GRANT SELECT ON TABLE testkase.mail_wishes TO testkase_worker;

GRANT INSERT(user_id) ON TABLE testkase.mail_wishes TO testkase_server;
GRANT INSERT(user_id) ON TABLE testkase.mail_wishes TO testkase_worker;

GRANT INSERT(reminders),UPDATE(reminders) ON TABLE testkase.mail_wishes TO testkase_server;

GRANT UPDATE(changed_at) ON TABLE testkase.mail_wishes TO testkase_server;

GRANT INSERT(weekly_digest),UPDATE(weekly_digest) ON TABLE testkase.mail_wishes TO testkase_server;

GRANT INSERT(digest_week),UPDATE(digest_week) ON TABLE testkase.mail_wishes TO testkase_server;
GRANT UPDATE(digest_week) ON TABLE testkase.mail_wishes TO testkase_worker;

GRANT SELECT ON TABLE testkase.mailed_topics TO testkase_worker;

GRANT SELECT,DELETE ON TABLE testkase.notices TO testkase_worker;

GRANT INSERT(organization_id) ON TABLE testkase.notices TO testkase_worker;

GRANT INSERT(user_id) ON TABLE testkase.notices TO testkase_worker;

GRANT INSERT(kind) ON TABLE testkase.notices TO testkase_worker;

GRANT INSERT(topic) ON TABLE testkase.notices TO testkase_worker;

GRANT INSERT(payload) ON TABLE testkase.notices TO testkase_worker;

GRANT SELECT ON TABLE testkase.password_link_secrets TO testkase_server;

GRANT INSERT(digest) ON TABLE testkase.password_link_secrets TO testkase_worker;

GRANT INSERT(link_id) ON TABLE testkase.password_link_secrets TO testkase_worker;

GRANT SELECT,DELETE ON TABLE testkase.password_links TO testkase_server;
GRANT SELECT,DELETE ON TABLE testkase.password_links TO testkase_worker;

GRANT SELECT(id) ON TABLE testkase.password_requests TO testkase_server;

GRANT INSERT(email) ON TABLE testkase.password_requests TO testkase_server;

GRANT INSERT(request_id) ON TABLE testkase.password_requests TO testkase_server;

GRANT INSERT(address) ON TABLE testkase.password_requests TO testkase_server;

GRANT SELECT ON TABLE testkase.reminder_policy TO testkase_server;
GRANT SELECT ON TABLE testkase.reminder_policy TO testkase_worker;

GRANT SELECT ON TABLE testkase.result_uploads TO testkase_server;

GRANT INSERT(user_id) ON TABLE testkase.result_uploads TO testkase_server;

GRANT INSERT(idempotency_key) ON TABLE testkase.result_uploads TO testkase_server;

GRANT UPDATE(uploaded_at) ON TABLE testkase.result_uploads TO testkase_server;

GRANT INSERT(digest),UPDATE(digest) ON TABLE testkase.result_uploads TO testkase_server;

GRANT INSERT(answer),UPDATE(answer) ON TABLE testkase.result_uploads TO testkase_server;

GRANT SELECT ON TABLE testkase.rotation_policy TO testkase_server;
GRANT SELECT ON TABLE testkase.rotation_policy TO testkase_worker;

GRANT SELECT ON TABLE testkase.rotation_verdict TO testkase_server;

GRANT SELECT ON TABLE testkase.shadow_key TO testkase_server;

GRANT SELECT ON TABLE testkase.shown_reminders TO testkase_server;

GRANT SELECT ON TABLE testkase.shown_tokens TO testkase_server;

GRANT SELECT ON TABLE testkase.test_cases TO testkase_server;

GRANT INSERT(project_id) ON TABLE testkase.test_cases TO testkase_server;

GRANT INSERT(number) ON TABLE testkase.test_cases TO testkase_server;

GRANT INSERT(title),UPDATE(title) ON TABLE testkase.test_cases TO testkase_server;

GRANT INSERT(automation_id) ON TABLE testkase.test_cases TO testkase_server;

GRANT UPDATE(archived_at) ON TABLE testkase.test_cases TO testkase_server;

GRANT SELECT ON TABLE testkase.test_cycles TO testkase_server;

GRANT INSERT(project_id) ON TABLE testkase.test_cycles TO testkase_server;

GRANT INSERT(number) ON TABLE testkase.test_cycles TO testkase_server;

GRANT INSERT(name),UPDATE(name) ON TABLE testkase.test_cycles TO testkase_server;

GRANT UPDATE(archived_at) ON TABLE testkase.test_cycles TO testkase_server;

GRANT SELECT ON TABLE testkase.test_executions TO testkase_server;

GRANT INSERT(executed_at) ON TABLE testkase.test_executions TO testkase_server;

GRANT INSERT(case_id) ON TABLE testkase.test_executions TO testkase_server;

GRANT INSERT(cycle_id) ON TABLE testkase.test_executions TO testkase_server;

GRANT INSERT(run_id) ON TABLE testkase.test_executions TO testkase_server;

GRANT INSERT(status) ON TABLE testkase.test_executions TO testkase_server;

GRANT INSERT(duration_ms) ON TABLE testkase.test_executions TO testkase_server;

GRANT INSERT(name) ON TABLE testkase.test_executions TO testkase_server;

GRANT INSERT(message) ON TABLE testkase.test_executions TO testkase_server;

GRANT SELECT ON TABLE testkase.test_latest_results TO testkase_server;

GRANT INSERT(cycle_id) ON TABLE testkase.test_latest_results TO testkase_server;

GRANT INSERT(case_id) ON TABLE testkase.test_latest_results TO testkase_server;

GRANT INSERT(run_id),UPDATE(run_id) ON TABLE testkase.test_latest_results TO testkase_server;

GRANT INSERT(executed_at),UPDATE(executed_at) ON TABLE testkase.test_latest_results TO testkase_server;

GRANT INSERT(status),UPDATE(status) ON TABLE testkase.test_latest_results TO testkase_server;

GRANT INSERT(duration_ms),UPDATE(duration_ms) ON TABLE testkase.test_latest_results TO testkase_server;

GRANT INSERT(message),UPDATE(message) ON TABLE testkase.test_latest_results TO testkase_server;

GRANT SELECT ON TABLE testkase.test_runs TO testkase_server;

GRANT INSERT(project_id) ON TABLE testkase.test_runs TO testkase_server;

GRANT INSERT(cycle_id) ON TABLE testkase.test_runs TO testkase_server;

GRANT INSERT(user_id) ON TABLE testkase.test_runs TO testkase_server;

GRANT INSERT(token_id) ON TABLE testkase.test_runs TO testkase_server;

GRANT INSERT(build) ON TABLE testkase.test_runs TO testkase_server;

GRANT INSERT(received) ON TABLE testkase.test_runs TO testkase_server;

GRANT INSERT(matched),UPDATE(matched) ON TABLE testkase.test_runs TO testkase_server;

GRANT UPDATE(unmatched) ON TABLE testkase.test_runs TO testkase_server;

GRANT UPDATE(pass) ON TABLE testkase.test_runs TO testkase_server;

GRANT UPDATE(fail) ON TABLE testkase.test_runs TO testkase_server;

GRANT UPDATE(blocked) ON TABLE testkase.test_runs TO testkase_server;

GRANT UPDATE(skipped) ON TABLE testkase.test_runs TO testkase_server;

GRANT SELECT,DELETE ON TABLE testkase.user_networks TO testkase_server;

GRANT INSERT(user_id) ON TABLE testkase.user_networks TO testkase_server;

GRANT INSERT(network) ON TABLE testkase.user_networks TO testkase_server;

GRANT UPDATE(seen_at) ON TABLE testkase.user_networks TO testkase_server;

ALTER DEFAULT PRIVILEGES FOR ROLE testkase_owner REVOKE ALL ON FUNCTIONS  FROM PUBLIC;
