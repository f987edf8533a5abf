-- All organizations, by age.
-- takes: limit
-- → of each: the organization, its owner, and how many projects, active accounts and live tokens it has
select o.id, o.name, u.email as "ownerEmail", u.name as "ownerName", rfc3339(o.created_at) as "createdAt",
       (select count(*) from projects p where p.organization_id = o.id) as projects,
       (select count(*) from users m where m.organization_id = o.id and m.status = 'active') as accounts,
       (select count(*) from users m
                        join api_tokens t on t.user_id = m.id and t.owner_generation = m.credential_generation
                                             and t.ended_at is null and t.expires_at > now()
        where m.organization_id = o.id) as "activeTokens"
from organizations o
left join users u on u.organization_id = o.id and u.org_role = 'owner'
order by o.id
limit :limit::integer;
