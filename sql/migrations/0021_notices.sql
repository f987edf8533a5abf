-- Notices of security: a token that leaked, one that is presented after its end, one that is used from a network of which it had
-- not been used before, and a sign-in from such a network. And a token that is over its limit, for programs.
-- oldest-program: 14

-- The network of an address, as far as notices tell networks apart: what a provider gives to one customer, or one site.
create function testkase.network_of(address inet) returns cidr
    language sql immutable parallel safe
    return network(set_masklen(address, case family(address) when 4 then 24 else 48 end));

grant execute on function testkase.network_of(inet) to testkase_server;

-- --- what happened to a token often, and is told seldom ---

-- When an event of a token was told last, and how often in all. A row is written only when the event is told, so that a flood of
-- calls costs no writes.
create table testkase.api_token_alerts (
    token_id bigint not null references testkase.api_tokens,
    topic text not null check (topic in ('api_key.presented_after_end', 'api_key.rate_limited')),
    told_at timestamptz not null default now(),
    told integer not null default 1,
    primary key (token_id, topic)
);

grant select, insert (token_id, topic), update (told_at, told) on testkase.api_token_alerts to testkase_server;

-- Whether an event of a token is to be told again: each token that is over its limit once an hour; each that is presented after
-- its end once a day, and five times in all.
create function testkase.may_alert(topic text, told_at timestamptz, told integer) returns boolean
    language sql stable parallel safe
    return case topic when 'api_key.rate_limited' then told_at <= now() - interval '1 hour'
                      else told_at <= now() - interval '1 day' and told < 5 end;

grant execute on function testkase.may_alert(text, timestamptz, integer) to testkase_server;

-- --- networks ---

-- The networks from which a token was used, 50 at most: a token that has been used from more has no usual place.
create table testkase.api_token_networks (
    token_id bigint not null references testkase.api_tokens,
    network cidr not null,
    seen_at timestamptz not null default now(), -- first
    primary key (token_id, network)
);

create function testkase.token_networks_max() returns integer
    language sql immutable parallel safe
    return 50;

grant execute on function testkase.token_networks_max() to testkase_server;
grant select, insert (token_id, network) on testkase.api_token_networks to testkase_server;

-- What was seen before this table: without it, each token's next use would be its first.
insert into testkase.api_token_networks (token_id, network, seen_at)
select s.token_id, s.network, s.seen_at
from (
    select u.token_id, testkase.network_of(u.address) as network, min(u.hour) as seen_at,
           row_number() over (partition by u.token_id order by min(u.hour)) as place
    from testkase.api_token_usage u
    join testkase.api_tokens t on t.id = u.token_id and t.ended_at is null
    where u.address is not null and testkase.is_let_in(u.status)
    group by 1, 2
) s
where s.place <= testkase.token_networks_max();

-- The networks from which a person has signed in: the latest 50.
create table testkase.user_networks (
    user_id bigint not null references testkase.users,
    network cidr not null,
    seen_at timestamptz not null default now(), -- last
    primary key (user_id, network)
);

grant select, insert (user_id, network), update (seen_at), delete on testkase.user_networks to testkase_server;

insert into testkase.user_networks (user_id, network, seen_at)
select s.user_id, testkase.network_of(s.address), max(s.created_at)
from testkase.sessions s
where s.address is not null
group by 1, 2;

-- --- mails ---

insert into testkase.mailed_topics (topic, kind) values
    ('api_key.leaked', 'security'),
    ('api_key.presented_after_end', 'security'),
    ('api_key.new_network', 'security'),
    ('user.signed_in', 'security');

-- When, by what client and from which address something happened, as the end of a sentence.
create function testkase.met(payload jsonb) returns text
    language sql stable parallel safe
    return testkase.at_time((payload ->> 'at')::timestamptz) || coalesce(' by ' || nullif(payload ->> 'client', ''), '')
           || coalesce(' from ' || (payload ->> 'address'), '');

-- What one notice says in a mail to a reader: a heading, sentences, and where in the page to go on.
create or replace function testkase.notice_item(topic text, payload jsonb, reader bigint)
    returns table (heading text, sentences text[], path text)
    language sql stable
as $$
    with about as (
        select t.id, t.name, t.preview, t.expires_at, t.user_id = notice_item.reader as is_own, u.name as owner_name,
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
    where notice_item.topic = 'user.signed_in'
    union all
    select 'Your password was changed',
           array['All sessions but the one that changed it have ended. Your tokens are still valid.',
                 'If it was not you, ask an admin of your organization for a new one, and delete tokens that you do not know.'],
           '/account'
    where notice_item.topic = 'user.password_changed'
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
            -- Of one token, the latest reminder; of what concerns security, each kind of event, and each network.
            select distinct on (a.about, a.kind_of_event) a.topic, a.payload, a.at
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
