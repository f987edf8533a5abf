-- Begins a session of 7 days, if the person is still active and the password is still the one that was proven. A renewal of its
-- hash meanwhile does not matter; a new password, which moves the session generation, does. The account's row is locked as the
-- trigger sessions_stamp locks it. The session that the browser had before ends if it is the same account's. It ends before the
-- new one begins, because the trigger deletes sessions, too, and a statement may delete a row only once. A person who has signed
-- in before, but never from this network, is told.
-- takes: person, generation, digest, replaced, address, client, request
-- generation: the account's session generation when its hash was read; digest: of the cookie; replaced: the digest of the cookie
-- that the browser sent, or null
-- → the account, and how many seconds the session lasts; no row when it may not begin
with person as (
    select u.id, u.email, u.name, u.kind, u.org_role, u.organization_id
    from users u
    where u.id = :person::bigint and u.status = 'active' and u.session_generation = :generation::integer
    for no key update
), ended as (
    delete from sessions s using person p where s.digest = :replaced::bytea and s.user_id = p.id
    returning s.id
), begun as (
    insert into sessions (digest, user_id, address, client)
    select :digest::bytea, p.id, :address::inet, left(:client, 200)
    from person p
    cross join (select count(*) from ended) e
    returning id, expires_at
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, action, target_kind, target_id, request_id, address,
                              detail)
    select p.organization_id, 'user', p.id, 'session.created', 'session', b.id, :request, :address::inet,
           jsonb_strip_nulls(jsonb_build_object('replacedSessionId', e.id))
    from person p
    cross join begun b
    left join ended e on true
), networks as materialized (
    select n.network, n.seen_at, row_number() over (order by n.seen_at desc) as place
    from user_networks n
    where n.user_id = :person::bigint
), arrived as (
    insert into user_networks as n (user_id, network)
    select p.id, network_of(:address::inet) from person p cross join begun b where :address::inet is not null
    on conflict (user_id, network) do update set seen_at = now()
    returning n.network
), forgotten as (
    delete from user_networks n using networks k, person p
    where n.user_id = p.id and n.network = k.network and k.place >= 50 and k.network <> network_of(:address::inet)
), noticed as (
    insert into outbox (organization_id, user_id, topic, payload)
    select p.organization_id, p.id, 'user.signed_in',
           jsonb_build_object('userId', p.id, 'sessionId', b.id, 'address', host(:address::inet), 'network', a.network,
                              'client', left(:client, 200), 'at', rfc3339(now()))
    from person p
    cross join begun b
    cross join arrived a
    where exists (select from networks) and not exists (select from networks k where k.network = a.network)
)
select p.id, p.email, p.name, p.kind, p.org_role, o.id as organization_id, o.name as organization_name,
       extract(epoch from b.expires_at - now())::bigint as seconds
from begun b
cross join person p
join organizations o on o.id = p.organization_id;
