-- Forgets up to 1000 tokens' rates that no server has asked about for two minutes.
-- → how many rows it changed
select forget_rate_budgets(1000);
