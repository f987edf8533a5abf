-- Webhooks: calls of an organization's own addresses when something happens, and what came of each.
-- oldest-program: 14

-- --- webhooks ---

-- The address may hold a secret (in its path), and the secret signs, so both are kept as they are; the server may write them and
-- not read them.
create table testkase.webhooks (
    id bigint generated always as identity primary key,
    organization_id bigint not null references testkase.organizations,
    name text not null check (char_length(name) between 1 and 100),
    platform text not null check (platform in ('slack', 'discord', 'teams', 'google_chat', 'custom')),
    url text check (octet_length(url) between 10 and 2000 and url ~ '^[Hh][Tt][Tt][Pp][Ss]?://[^/?#]+([/?]|$)'),
    -- Scheme and host, and a mark where more follows.
    masked_url text generated always as (substring(url from '^[Hh][Tt][Tt][Pp][Ss]?://[^/?#]+')
                                         || case when url ~ '^[Hh][Tt][Tt][Pp][Ss]?://[^/?#]+/?$' then '' else '/***' end) stored,
    -- What an update writes instead of the address, and the trigger moves there. The message of a check that fails shows the
    -- columns that a statement names, as they would be: of `url`, to somebody who may write it, the address that is kept.
    given_url text check (given_url is null),
    topics text[] not null check (
        cardinality(topics) between 1 and 11 and array_position(topics, null) is null
        and topics <@ array['api_key.created', 'api_key.rotated', 'api_key.revoked', 'api_key.expired', 'api_key.rotation_due',
                            'api_key.expiring', 'api_key.leaked', 'api_key.rate_limited', 'user.deactivated',
                            'test_cycle.completed', 'automation.results_received']),
    secret text check (secret ~ '^whsec_[A-Za-z0-9+/]+=*$'),
    secret_changed_at timestamptz,
    previous_secret text, -- signs, too, until
    previous_secret_until timestamptz,
    status text not null default 'enabled' check (status in ('enabled', 'disabled')),
    -- Disabled by an admin; by the endpoint's answer 410; because every delivery of a week failed.
    disabled_reason text check (disabled_reason in ('admin', 'gone', 'failing')),
    failing_since timestamptz, -- when a delivery was parked and none was sent since; null: none was
    created_by bigint references testkase.users,
    created_at timestamptz not null default now(),
    deleted_at timestamptz,
    check ((url is null) = (deleted_at is not null)),
    check ((secret is null) = (platform <> 'custom' or deleted_at is not null)),
    check ((status = 'disabled') = (disabled_reason is not null))
);

create index webhooks_organization_idx on testkase.webhooks (organization_id, id) where deleted_at is null;
create index webhooks_deleted_idx on testkase.webhooks (deleted_at) where deleted_at is not null;

-- Those who may not read the address and the secrets change them all the same: given_url replaces the address, a new secret
-- makes the old one the previous one, and a deleted webhook has neither. An organization has 20 at most.
create function testkase.webhooks_stamp() returns trigger
    language plpgsql set search_path = testkase, pg_temp
as $$
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

create trigger webhooks_stamp before insert or update on testkase.webhooks
    for each row execute function testkase.webhooks_stamp();

grant select (id, organization_id, name, platform, masked_url, topics, secret_changed_at, previous_secret_until, status,
              disabled_reason, failing_since, created_by, created_at, deleted_at),
      insert (organization_id, name, platform, url, topics, secret, created_by),
      update (name, given_url, topics, secret, previous_secret_until, status, deleted_at)
    on testkase.webhooks to testkase_server;
grant select, delete, update (status, disabled_reason, failing_since) on testkase.webhooks to testkase_worker;

-- --- deliveries ---

create table testkase.webhook_deliveries (
    id bigint generated always as identity primary key,
    message_id uuid not null unique default gen_random_uuid(), -- the same in every attempt
    created_at timestamptz not null default now(),
    webhook_id bigint not null references testkase.webhooks,
    topic text not null check (topic ~ '^[a-z_]+\.[a-z_]+$'),
    message jsonb not null, -- {"type", "timestamp", "data"}; never a secret
    state text not null default 'queued' check (state in ('queued', 'sent', 'parked')),
    attempts integer not null default 0,
    claims integer not null default 0, -- as attempts, but a redelivery does not begin anew: the number of an attempt
    attempt_at timestamptz not null default now(), -- the next one
    leased_until timestamptz,                      -- a worker is at it
    status integer,                                -- of HTTP, at the last attempt
    error text check (char_length(error) <= 200),
    ended_at timestamptz,
    check ((state = 'queued') = (ended_at is null))
);

create index webhook_deliveries_webhook_idx on testkase.webhook_deliveries (webhook_id, id desc);
create index webhook_deliveries_due_idx on testkase.webhook_deliveries (webhook_id, attempt_at, id) where state = 'queued';
create index webhook_deliveries_leased_idx on testkase.webhook_deliveries (leased_until)
    where state = 'queued' and leased_until is not null;
create index webhook_deliveries_ended_idx on testkase.webhook_deliveries (ended_at) where state <> 'queued';

grant select, insert (webhook_id, topic, message), update (state, attempts, attempt_at, ended_at)
    on testkase.webhook_deliveries to testkase_server;
grant select, delete, update (state, attempts, claims, attempt_at, leased_until, status, error, ended_at)
    on testkase.webhook_deliveries to testkase_worker;

-- --- from the outbox to deliveries ---

-- What receivers of an event are sent. Of a token, it says what an admin sees in the settings.
create function testkase.webhook_message(topic text, payload jsonb, about bigint, happened_at timestamptz) returns jsonb
    language sql stable
as $$
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

-- What people are told of a message: a title, in which no user has a say, facts ([["label", "value"]]) and the path of a page.
create function testkase.webhook_text(message jsonb) returns table (title text, facts jsonb, path text)
    language sql immutable
as $$
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

grant execute on function testkase.webhook_text(jsonb) to testkase_worker;

-- Reads up to `most` rows of the outbox, each once and in their order: makes notices for the people whom they concern, and
-- deliveries for the webhooks that want them. Returns how many rows it read.
create or replace function testkase.route_outbox(most integer) returns integer
    language plpgsql volatile security definer
    set search_path = testkase, pg_temp
as $$
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

-- --- what operators see ---

create view ops.webhooks as
    select h.id, h.organization_id, o.name as organization, h.name, h.platform, h.masked_url, h.status, h.disabled_reason,
           h.failing_since,
           (select count(*) from testkase.webhook_deliveries d where d.webhook_id = h.id and d.state = 'queued') as queued,
           (select min(d.created_at) from testkase.webhook_deliveries d where d.webhook_id = h.id and d.state = 'queued')
               as queued_since,
           (select count(*) from testkase.webhook_deliveries d where d.webhook_id = h.id and d.state = 'sent') as sent,
           (select count(*) from testkase.webhook_deliveries d where d.webhook_id = h.id and d.state = 'parked') as parked
    from testkase.webhooks h
    join testkase.organizations o on o.id = h.organization_id
    where h.deleted_at is null;

comment on view ops.webhooks is 'Webhooks, with their deliveries of the last 30 days.';
comment on column ops.webhooks.id is 'Id of the webhook.';
comment on column ops.webhooks.organization_id is 'Id of the organization.';
comment on column ops.webhooks.organization is 'Its name.';
comment on column ops.webhooks.name is 'Name that an admin gave the webhook.';
comment on column ops.webhooks.platform is 'slack, discord, teams, google_chat or custom.';
comment on column ops.webhooks.masked_url is 'Scheme and host of its address; the rest may be a secret.';
comment on column ops.webhooks.status is 'enabled or disabled.';
comment on column ops.webhooks.disabled_reason is
    'admin, gone (the endpoint answered 410) or failing (every delivery of a week failed).';
comment on column ops.webhooks.failing_since is 'When a delivery was parked after its last retry, if none was sent since.';
comment on column ops.webhooks.queued is 'Deliveries that wait for their next attempt.';
comment on column ops.webhooks.queued_since is 'When the oldest of them was made.';
comment on column ops.webhooks.sent is 'Deliveries that the endpoint accepted.';
comment on column ops.webhooks.parked is 'Deliveries that were given up; an admin can send them again.';

grant select on ops.webhooks to testkase_ops;
