-- Links by which people set their password: invitations of new people, and resets of forgotten passwords.
-- oldest-program: 14

-- --- whether mail is sent ---

alter table testkase.worker_heartbeats add column sends_mail boolean not null default false;

-- Whether a worker runs that can send mail. Nobody is told that a mail is on its way when none can be.
create function testkase.mail_is_sent() returns boolean
    language sql stable security definer set search_path = testkase, pg_temp
as $$
    select exists (select from worker_heartbeats where sends_mail and beat_at > now() - interval '1 minute')
$$;

revoke execute on function testkase.mail_is_sent() from public;
grant execute on function testkase.mail_is_sent() to testkase_server;

-- --- whose link is shown to whom ---

alter table testkase.users
    add column created_by bigint references testkase.users, -- the admin who made the account; null for an operator's
    add column was_admin_at timestamptz; -- when an admin or the owner was made a member

grant insert (created_by) on testkase.users to testkase_server;

create function testkase.users_step_down() returns trigger
    language plpgsql set search_path = testkase, pg_temp
as $$
begin
    new.was_admin_at := now();
    return new;
end
$$;

create trigger users_step_down before update on testkase.users
    for each row when (old.org_role <> 'member' and new.org_role = 'member')
    execute function testkase.users_step_down();

alter table testkase.users enable always trigger users_step_down;

-- Why a person is not shown a link that sets somebody's password; null: it may be shown. Of the owner's account, nobody is shown
-- one. The owner is shown those of everybody else; an admin those of members, and of an admin who has no password yet and whose
-- account that admin made. For a week, a member who was an admin counts as one: or an admin could take the role from another,
-- take the account over, and give the role back.
create function testkase.link_refusal(reader bigint, of_user bigint) returns text
    language sql volatile
as $$
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

grant execute on function testkase.link_refusal(bigint, bigint) to testkase_server;

-- --- links ---

-- A link is an invitation as long as its person has no password, and a reset otherwise. It was requested, by anybody who knows
-- the address, or given, by an admin or an operator. An account has at most one of each kind: a new one takes the place of the
-- old one, except that a request never ends a link that was given.
create table testkase.password_links (
    id bigint generated always as identity primary key,
    user_id bigint not null references testkase.users,
    purpose text not null check (purpose in ('invitation', 'reset')),
    is_requested boolean not null,
    -- users.session_generation when the link was made. It moves with a new password, deactivation and deletion: under any other,
    -- the link is not valid.
    user_generation integer not null,
    created_at timestamptz not null default now(),
    created_by bigint references testkase.users, -- the admin; null for an operator's or a requested one
    expires_at timestamptz not null,
    mail_id uuid unique references testkase.mails on delete set null, -- the mail that carries it; null: it was shown instead
    unique (user_id, purpose, is_requested)
);

create index password_links_expires_idx on testkase.password_links (expires_at);

-- The secrets that a link has: one when it was shown; of a mail one for each attempt to send it, because any of them may have
-- arrived. A mail is tried for three days at most, with pauses that grow to an hour: fewer than 100 times. Only digests are kept.
create table testkase.password_link_secrets (
    digest bytea primary key check (octet_length(digest) = 32),
    link_id bigint not null references testkase.password_links on delete cascade,
    created_at timestamptz not null default now()
);

create index password_link_secrets_link_idx on testkase.password_link_secrets (link_id);

-- Only functions of the owner make links, so that nobody can state a generation or a time.
grant select, delete on testkase.password_links to testkase_server, testkase_worker;
grant select on testkase.password_link_secrets to testkase_server;
grant insert (digest, link_id) on testkase.password_link_secrets to testkase_worker;

-- How long a link is valid. One that anybody could request is valid for an hour; one that an admin passes on by hand needs more.
create function testkase.password_link_lifetime(purpose text, is_requested boolean) returns interval
    language sql immutable parallel safe
    return case
               when purpose = 'invitation' then interval '7 days'
               when is_requested then interval '1 hour'
               else interval '1 day'
           end;

-- --- mails with a link ---

-- The worker makes the secret of such a mail when it sends it, and keeps the digest before.
alter table testkase.mails
    add column carries_link boolean not null default false,
    add column tells_of_link boolean not null default false, -- of one that was shown to somebody else
    add column is_requested boolean not null default false,
    add column requested_from cidr; -- the network of the client that requested it

create index mails_links_idx on testkase.mails (organization_id, is_requested, created_at) where carries_link or tells_of_link;
create index mails_requested_idx on testkase.mails (organization_id, requested_from, created_at)
    where requested_from is not null;

-- The network of an address, as far as requests of links are counted: an address of IPv4, a /48 of IPv6.
create function testkase.requesting_network(address inet) returns cidr
    language sql immutable parallel safe
    return network(set_masklen(address, case family(address) when 4 then 32 else 48 end));

-- Queues a mail with one item, which carries a link that sets a password or else tells of one; returns its id.
create function testkase.queue_mail(organization bigint, reader bigint, heading text, sentences text[], path text,
                                    carries_link boolean, is_requested boolean, requested_from cidr) returns uuid
    language plpgsql volatile
    set search_path = testkase, pg_temp
as $$
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

revoke execute on function testkase.queue_mail(bigint, bigint, text, text[], text, boolean, boolean, cidr) from public;

-- Makes a link for a person: with the digest of a secret that is shown, or, when that is null, as a mail. At most three such
-- mails an hour are given to a person, and at most three are requested. The people of an organization are given 100 an hour, and
-- 100 are requested for them, 20 of these from one network. Mails that are made at the same time do not see each other, so
-- there may be a few more. A person who has a password is told by mail that a link to replace it was shown to somebody: of the
-- first three in an hour. These mails count among the 100 that are given: when there are no more, a link is shown only if its
-- person was told of another within the hour. Operators are not held up.
-- outcome: made | too_many_mails | too_many_mails_of_organization | too_many_mails_for_network | not_possible (no active person);
--   the caller has checked the right to make one
create function testkase.make_password_link(of_user bigint, requested boolean, made_by bigint, secret_digest bytea,
                                            requested_from cidr)
    returns table (outcome text, id bigint, purpose text, expires_at timestamptz)
    language plpgsql volatile rows 1 security definer
    set search_path = testkase, pg_temp
as $$
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

-- Whether the link still may set a password. One that was shown to an admin, who can use it, lives no longer than the right to be
-- shown it. What was mailed went to its person alone, and an operator may do everything.
create function testkase.may_still_be_used(link bigint) returns boolean
    language sql volatile
as $$
    select l.mail_id is not null or l.created_by is null or exists (
        select from testkase.users m
        join testkase.users u on u.id = l.user_id and u.organization_id = m.organization_id
        where m.id = l.created_by and m.status = 'active' and testkase.link_refusal(m.id, u.id) is null)
    from testkase.password_links l
    where l.id = may_still_be_used.link
$$;

grant execute on function testkase.may_still_be_used(bigint) to testkase_server;

revoke execute on function testkase.make_password_link(bigint, boolean, bigint, bytea, cidr) from public;
grant execute on function testkase.make_password_link(bigint, boolean, bigint, bytea, cidr) to testkase_server;

-- --- requests ---

-- What was asked for on the sign-in page. The server writes one row whether or not the address is an account's, so that no
-- answer and no duration reveals which it is; the worker finds out.
create table testkase.password_requests (
    id bigint generated always as identity primary key,
    created_at timestamptz not null default now(),
    email text collate "C" not null check (char_length(email) <= 254),
    request_id text check (char_length(request_id) <= 64),
    address inet
);

create trigger password_requests_added after insert on testkase.password_requests
    referencing new table as after_rows
    for each statement execute function testkase.notify_rows('testkase_outbox', 'requestIds');

grant select (id) on testkase.password_requests to testkase_server;
grant insert (email, request_id, address) on testkase.password_requests to testkase_server;

-- Answers up to `most` requests, each once: mails a link to active people whose address it is. Returns how many it read, and how
-- many of them were refused because so many mails had gone to the person, to the organization, or there at the request of the
-- network. What has waited for an hour has been repeated, or is not wanted any more.
create function testkase.answer_password_requests(most integer)
    returns table (read integer, of_person integer, of_organization integer, of_network integer)
    language plpgsql volatile rows 1 security definer
    set search_path = testkase, pg_temp
as $$
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

revoke execute on function testkase.answer_password_requests(integer) from public;
grant execute on function testkase.answer_password_requests(integer) to testkase_worker;
