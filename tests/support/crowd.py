"""A database of a large service: many tokens of many people, in every state, with the usage and the audit events of weeks."""

ROUTES = ("/api/v1/session", "/api/v1/projects/user-projects", "/api/v1/test-cases", "/api/v1/test-cases/{id}",
          "/api/v1/test-cycles", "/api/v1/test-cycles/{id}", "/api/v1/automation/results",
          "/api/v1/auth/verify", "/api/v1/api-keys", "none")
CLIENTS = ("curl", "testkase-reporter", "GitHub-Actions", "python-requests", "Jenkins", "Go-http-client", "okhttp", "other")

# Of ten tokens: six are active, of which one is due and two were never used; two have expired, one was deleted, and the owner of
# one has left.
TOKENS = """
insert into testkase.api_tokens
    (user_id, owner_generation, lookup_id, secret_hash, preview, name, expires_in_days, created_at, expires_at, rotate_at,
     ended_at, ended_reason, predecessor_id)
select m.user_id, u.credential_generation - case when m.ended_reason = 'owner_deactivated' then 1 else 0 end,
       lpad(m.n::text, 8, '0'), case when m.ended_at is null then %(hash)s end,
       'tk_pat_' || lpad(m.n::text, 8, '0') || '...abcdef',
       'Pipeline ' || m.n, p.expires_in_days, m.created_at, m.created_at + p.expires_in_days * interval '86400 seconds',
       m.created_at + p.rotate_on_day * interval '86400 seconds', m.ended_at, m.ended_reason,
       case when m.n %% 20 = 11 then m.n - 10 end
from (
    select n, 1 + n * 7 %% %(people)s as user_id, at as created_at, days as expires_in_days,
           case n %% 10 when 6 then at + days * interval '86400 seconds' when 7 then at + days * interval '86400 seconds'
                        when 8 then at + interval '3 days' when 9 then at + interval '4 days' end as ended_at,
           case n %% 10 when 6 then 'expired' when 7 then 'expired' when 8 then 'revoked' when 9 then 'owner_deactivated' end
               as ended_reason
    from (
        select n, case when n %% 10 in (6, 7) then 30 else 90 end as days,
               now() - case when n %% 10 in (6, 7) then interval '31 days' + n %% 60 * interval '1 day'
                            when n %% 10 = 5 then interval '81 days' + n %% 80 * interval '2 hours'
                            else n %% 79 * interval '1 day' + interval '5 hours' end as at
        from generate_series(1, %(tokens)s) n
    ) s
) m
join testkase.rotation_policy p on p.expires_in_days = m.expires_in_days
join testkase.users u on u.id = m.user_id
order by m.n
"""


def fill(database, count, hash_of_one, hours=30 * 24, events=300_000):
    """Fills an empty database with `count` tokens. The usage of this hour has an entry for each of them; earlier `hours` are
    summed up already, as the worker leaves them."""
    people = count // 20
    database.query("insert into testkase.organizations (name) select 'Organization ' || n from generate_series(1, 20) n")
    database.query("""insert into testkase.users (organization_id, email, name, kind)
                      select 1173 + n %% 20, 'person-' || n || '@example.test', 'Person ' || n,
                             case when n %% 4 = 0 then 'service' else 'person' end
                      from generate_series(1, %s) n""", (people,))
    database.without_triggers("update testkase.users set credential_generation = 2 where id % 3 = 0")
    database.without_triggers(TOKENS, {"tokens": count, "people": people, "hash": hash_of_one})
    database.query("""insert into testkase.rotation_reminders (token_id, user_id, due_at, state)
                      select id, user_id, rotate_at,
                             case when ended_at is not null then 'closed' when rotate_at <= now() then 'due' else 'scheduled' end
                      from testkase.api_tokens""")
    database.query("""insert into testkase.api_token_last_used (token_id, used_at, address, client)
                      select id, now() - id % 50 * interval '1 day', '192.0.2.1', 'curl/8.1'
                      from testkase.api_tokens where id % 10 not in (2, 3)""")
    database.query("""insert into testkase.api_token_usage
                          (token_id, hour, last_at, address, client, method, route, status, calls)
                      select id, date_trunc('hour', now(), 'UTC'), now(), '192.0.2.1',
                             (%(clients)s)[1 + id %% 8] || '/1.' || id %% 9, 'GET', (%(routes)s)[1 + id %% 10],
                             case when id %% 10 in (6, 7, 8, 9) then 401 when id %% 100 = 1 then 429 when id %% 100 = 2 then 403
                                  else 200 end, 1 + id %% 500
                      from testkase.api_tokens""", {"clients": list(CLIENTS), "routes": list(ROUTES)})
    summed = {"hours": hours, "clients": list(CLIENTS), "routes": list(ROUTES)}
    at = "date_trunc('hour', now(), 'UTC') - h * interval '1 hour'"
    database.query(f"insert into testkase.usage_hours (hour, due_at, summed_at) select {at}, null, now() "
                   "from generate_series(1, %(hours)s) h", summed)
    database.query(f"""insert into testkase.usage_by_route (hour, method, route, status, calls)
                       select {at}, m, r, s, 1 + h * s %% 1000
                       from generate_series(1, %(hours)s) h, unnest(array['GET', 'POST', 'DELETE']) m, unnest(%(routes)s) r,
                            unnest(array[200, 201, 204, 401, 403, 404, 429]) s""", summed)
    database.query(f"""insert into testkase.usage_by_client (hour, client, tokens, calls, refused)
                       select {at}, 'client-' || c, 10, 1000 - c * 3 + h, c
                       from generate_series(1, %(hours)s) h, generate_series(1, 100) c""", summed)
    database.query(f"""insert into testkase.usage_by_token (hour, token_id, calls, refused, rate_limited)
                       select {at}, 1 + (h * 13 + t * 17) %% 5000, 1000 + t, t %% 5, t %% 3
                       from generate_series(1, %(hours)s) h, generate_series(1, 200) t""", summed)
    database.query(f"""insert into testkase.usage_refusals (hour, reason, tokens, calls)
                       select {at}, r, 5, 1 + h %% 100 from generate_series(1, %(hours)s) h,
                              unnest(array['expired', 'ended', 'not_allowed', 'rate_limited']) r""", summed)
    database.query("""insert into testkase.audit_events
                          (occurred_at, organization_id, actor_kind, actor_user_id, action, target_kind, target_id, request_id,
                           address)
                      select now() - n * interval '9 seconds', 1173 + n %% 20, 'user', 1 + n %% %s,
                             (array['api_key.created', 'api_key.revoked', 'session.created', 'session.refused',
                                    'api_key.rotated'])[1 + n %% 5], 'api_key', 1 + n %% 1000, 'request-' || n, '192.0.2.7'
                      from generate_series(1, %s) n""", (people, events))
    database.query("insert into testkase.worker_heartbeats (worker, version) values ('one:1', '0.1.0')")
    database.query("vacuum analyze")
