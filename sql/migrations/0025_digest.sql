-- Admins are told more: the reminders of people whose mails are refused, and once a week, if they want it, of all tokens. And
-- uploads of results are told to programs.
-- oldest-program: 14

-- --- people without a working address ---

-- Whether mails reach a person, as far as the last two attempts of the last 30 days tell: not when the mail server refused both
-- for good. One refusal may have been about that mail alone.
create function testkase.has_working_address(account bigint) returns boolean
    language sql stable security definer
    set search_path = testkase, pg_temp
as $$
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

revoke execute on function testkase.has_working_address(bigint) from public;
grant execute on function testkase.has_working_address(bigint) to testkase_server, testkase_worker;

-- The active people who are told what concerns an account: a person itself, the custodians of a service account, and the owner
-- and the admins of its organization when no mail reaches any of these.
create or replace function testkase.told_about(account bigint) returns table (user_id bigint)
    language sql stable
as $$
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

create index mails_refused_idx on testkase.mails (organization_id, user_id) where state = 'parked' and status between 500 and 599;

-- The people of an organization without a working address.
create function testkase.people_without_mail(organization bigint) returns table (user_id bigint)
    language sql stable security definer
    set search_path = testkase, pg_temp
as $$
    select r.user_id
    from (select distinct m.user_id from mails m
          where m.organization_id = organization and m.state = 'parked' and m.status between 500 and 599) r
    where not has_working_address(r.user_id)
$$;

revoke execute on function testkase.people_without_mail(bigint) from public;
grant execute on function testkase.people_without_mail(bigint) to testkase_server;

-- The accounts whose reminders a caller sees and may acknowledge: its own, and those that told_about() names it for. For others
-- than custodians, the owner and the admins it is not called.
create function testkase.reminded_of(caller bigint) returns table (account bigint)
    language sql stable
as $$
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

grant execute on function testkase.reminded_of(bigint) to testkase_server;

-- --- the digest ---

alter table testkase.mail_wishes
    add column weekly_digest boolean not null default false,
    -- Whoever knows it can only stop the digest, as with unsubscribe_secret.
    add column digest_secret uuid not null unique default gen_random_uuid(),
    -- The Monday of the last week of which a digest was made, or in which it was first wanted.
    add column digest_week date;

create index mail_wishes_digest_idx on testkase.mail_wishes (digest_week) where weekly_digest;

grant insert (weekly_digest, digest_week), update (weekly_digest, digest_week) on testkase.mail_wishes to testkase_server;
grant update (digest_week) on testkase.mail_wishes to testkase_worker;

alter table testkase.mails drop constraint mails_kind_check;
alter table testkase.mails add constraint mails_kind_check check (kind in ('reminder', 'security', 'digest'));
alter table testkase.notices drop constraint notices_kind_check;
alter table testkase.notices add constraint notices_kind_check check (kind in ('reminder', 'security', 'digest'));

-- The Monday of the present week, in UTC.
create function testkase.this_week() returns date
    language sql stable parallel safe
    return (date_trunc('week', now(), 'UTC') at time zone 'UTC')::date;

grant execute on function testkase.this_week() to testkase_server, testkase_worker;

-- The digest of an organization's tokens: one item for each thing that asks for attention, with ten tokens at most, and one with
-- how many each account has.
create function testkase.digest_items(organization bigint) returns table (heading text, sentences text[], path text)
    language sql stable
as $$
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

-- --- mails ---

-- Where a reader finds a token. Its own page is its owner's alone; the page of an account with its tokens is for admins.
create function testkase.token_path(of_token bigint, owner bigint, reader bigint) returns text
    language sql stable
as $$
    select case
               when token_path.owner = r.id then '/settings/api-keys/' || token_path.of_token
               when r.org_role in ('owner', 'admin') then '/settings/people/' || token_path.owner
               else '/settings/reminders'
           end
    from testkase.users r
    where r.id = token_path.reader
$$;

grant execute on function testkase.token_path(bigint, bigint, bigint) to testkase_server, testkase_worker;

-- What one notice says in a mail to a reader: a heading, sentences, and where in the page to go on.
create or replace function testkase.notice_item(topic text, payload jsonb, reader bigint)
    returns table (heading text, sentences text[], path text)
    language sql stable
as $$
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

-- Makes mails of the open notices of up to `most` people. A mail of reminders lists what becomes due later on the same day as
-- well, since there is none before the next day. Returns how many mails it made.
create or replace function testkase.compose_mails(most integer) returns integer
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

-- --- uploads of results ---

-- As before (0013), and tells programs: of each upload, and of the one that completes a cycle. A cycle is complete when each case
-- of its project that is not archived has a result in it; once there is a new case, it can be completed again.
create or replace function testkase.report_results(
        actor testkase.actor, organization bigint, caller bigint, project_number integer,
        cycle_number integer, upload_key text, upload_digest bytea, build jsonb, automation_ids integer[], statuses text[],
        names text[], durations bigint[], messages text[], rehearse boolean)
    returns table (outcome text, answer json)
    language plpgsql volatile rows 1
    set search_path = testkase, pg_temp set work_mem = '64MB' as $$
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
