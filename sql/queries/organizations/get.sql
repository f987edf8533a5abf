-- An organization and its settings.
-- takes: organization
-- → the organization
select id, name, tokens_may_create_tokens as "tokensMayCreateTokens", max_expiry_days as "maxExpiryDays",
       default_rate_limit as "defaultRateLimit", execution_months as "executionMonths",
       periods_up_to(max_expiry_days) as periods
from organizations
where id = :organization::bigint;
