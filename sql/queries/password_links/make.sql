-- Makes a link that sets the password of a person: an invitation when there is none yet. Whoever sees a link can take the
-- account over, so link_refusal() says whom an admin is shown one of. Replacing a password also takes a session in which the
-- caller's own was proven lately. By mail, the link goes to the person alone.
-- takes: organization, id, session, digest, actor
-- digest: of the secret that will be shown; null: by mail
-- → outcome (made | not_found | is_service | not_active | no_mail | too_many_mails | too_many_mails_of_organization | is_owner |
--   is_oneself | is_admin | was_admin | by_token | recent_sign_in_required | of acting()), and of the link: its purpose, when it
--   expires, and the address that it is mailed to
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), maker as (
    select u.id
    from users u
    join actor a on a.user_id = u.id and a.outcome = 'allowed'
    for no key update of u
), target as (
    select u.id, u.kind, u.status, u.email, u.password_hash is not null as has_password
    from users u
    cross join actor a
    where u.organization_id = :organization::bigint and u.id = :id::bigint and u.status <> 'deleted' and a.outcome = 'allowed'
    for no key update of u
), decision as (
    select t.id, t.email,
           case
               when t.kind <> 'person' then 'is_service'
               when t.status <> 'active' then 'not_active'
               when :digest::bytea is null then case when mail_is_sent() then 'made' else 'no_mail' end
               when a.kind = 'operator' then 'made'
               when link_refusal(m.id, t.id) is not null then link_refusal(m.id, t.id)
               when not t.has_password then 'made'
               when a.token_id is not null then 'by_token'
               when not signed_in_recently(:session::bigint) then 'recent_sign_in_required'
               else 'made'
           end as outcome
    from target t
    cross join actor a
    left join maker m on true
), made as (
    select d.id as user_id, d.email, l.outcome, l.purpose, l.expires_at
    from decision d
    cross join actor a
    cross join lateral make_password_link(d.id, false, a.user_id, :digest::bytea, null) l
    where d.outcome = 'made'
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select :organization::bigint, a.kind, a.user_id, a.token_id, a.request_id, a.address, 'user.password_link_made', 'user',
           m.user_id,
           jsonb_build_object('email', m.email, 'purpose', m.purpose,
                              'delivery', case when :digest::bytea is null then 'mail' else 'link' end)
    from made m, actor a
    where m.outcome = 'made'
)
select case when a.outcome = 'allowed' then coalesce(m.outcome, d.outcome, 'not_found') else a.outcome end as outcome,
       m.purpose, rfc3339(m.expires_at) as "expiresAt", case when :digest::bytea is null then d.email end as "mailedTo"
from actor a
left join decision d on true
left join made m on true;
