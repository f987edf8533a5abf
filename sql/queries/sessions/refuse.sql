-- Records that a sign-in failed, if the address is an account's: at most 10 events an hour for each account, so that guesses
-- cannot fill the audit log. (Servers that record at the same moment may exceed that by one each.)
-- takes: email, request, address
-- → nothing
with account as (
    select u.id, u.organization_id,
           case
               when u.status <> 'active' then 'deactivated'
               when u.password_hash is null then 'no_password'
               else 'wrong_password'
           end as reason
    from users u
    where email_key(u.email) = email_key(:email) and u.status <> 'deleted'
)
insert into audit_events (organization_id, actor_kind, action, target_kind, target_id, request_id, address, detail)
select a.organization_id, 'system', 'session.refused', 'user', a.id, :request, :address::inet,
       jsonb_build_object('reason', a.reason)
from account a
where not exists (
    select from (
        select e.occurred_at from audit_events e
        where e.target_kind = 'user' and e.target_id = a.id and e.action = 'session.refused'
        order by e.id desc
        offset 9 limit 1
    ) tenth
    where tenth.occurred_at > now() - interval '1 hour'
);
