-- Accounts of one or all organizations, by organization and age.
-- $1 organization id or null, $2 status (active | deactivated | all: both), $3 how many
-- → of each: id, e-mail, name, kind, organization role, status, organization id, created, whether it has a password, live tokens
select u.id, u.email, u.name, u.kind, u.org_role, u.status, u.organization_id, rfc3339(u.created_at),
       u.password_hash is not null,
       (select count(*) from api_tokens t
        where t.user_id = u.id and t.owner_generation = u.credential_generation and t.ended_at is null and t.expires_at > now())
from users u
where u.status <> 'deleted' and ($1::bigint is null or u.organization_id = $1::bigint) and ($2 = 'all' or u.status = $2)
order by u.organization_id, u.id
limit $3::integer;
