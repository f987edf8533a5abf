-- Changes the name and the settings of the caller's organization.
-- takes: name, tokensMayCreateTokens, maxExpiryDays, maxExpiryDays_given, defaultRateLimit, defaultRateLimit_given,
-- takes: executionMonths, executionMonths_given, actor
-- name, tokensMayCreateTokens: null for no change; maxExpiryDays: null for no bound; defaultRateLimit: null for the server's
-- default; executionMonths: null to keep results for ever; …_given: whether the value before it is a change
-- → outcome (of acting()) and the organization
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), target as (
    select o.id, o.name, o.tokens_may_create_tokens, o.max_expiry_days, o.default_rate_limit, o.execution_months
    from organizations o
    cross join actor a
    where o.id = a.organization_id and a.outcome = 'allowed'
    for no key update of o
), wanted as (
    select t.id, coalesce(:name, t.name) as name,
           coalesce(:tokensMayCreateTokens::boolean, t.tokens_may_create_tokens) as tokens_may_create_tokens,
           case when :maxExpiryDays_given::boolean then :maxExpiryDays::smallint else t.max_expiry_days end as max_expiry_days,
           case when :defaultRateLimit_given::boolean then :defaultRateLimit::integer else t.default_rate_limit end
               as default_rate_limit,
           case when :executionMonths_given::boolean then :executionMonths::smallint else t.execution_months end
               as execution_months
    from target t
), changed as (
    update organizations o
    set name = w.name, tokens_may_create_tokens = w.tokens_may_create_tokens, max_expiry_days = w.max_expiry_days,
        default_rate_limit = w.default_rate_limit, execution_months = w.execution_months
    from wanted w
    join target t on t.id = w.id
    where o.id = w.id and (w.name, w.tokens_may_create_tokens, w.max_expiry_days, w.default_rate_limit, w.execution_months)
          is distinct from (t.name, t.tokens_may_create_tokens, t.max_expiry_days, t.default_rate_limit, t.execution_months)
    returning o.id
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select t.id, a.kind, a.user_id, a.token_id, a.request_id, a.address, 'organization.updated', 'organization', t.id,
           jsonb_strip_nulls(jsonb_build_object(
               'name', case when w.name <> t.name then jsonb_build_array(t.name, w.name) end,
               'tokensMayCreateTokens',
               case when w.tokens_may_create_tokens <> t.tokens_may_create_tokens
                    then jsonb_build_array(t.tokens_may_create_tokens, w.tokens_may_create_tokens) end,
               'maxExpiryDays',
               case when w.max_expiry_days is distinct from t.max_expiry_days
                    then jsonb_build_array(t.max_expiry_days, w.max_expiry_days) end,
               'defaultRateLimit',
               case when w.default_rate_limit is distinct from t.default_rate_limit
                    then jsonb_build_array(t.default_rate_limit, w.default_rate_limit) end,
               'executionMonths',
               case when w.execution_months is distinct from t.execution_months
                    then jsonb_build_array(t.execution_months, w.execution_months) end))
    from changed c
    join target t on t.id = c.id
    join wanted w on w.id = c.id
    cross join actor a
)
select a.outcome, w.id, w.name, w.tokens_may_create_tokens as "tokensMayCreateTokens", w.max_expiry_days as "maxExpiryDays",
       w.default_rate_limit as "defaultRateLimit", w.execution_months as "executionMonths",
       periods_up_to(w.max_expiry_days) as periods
from actor a
left join wanted w on true;
