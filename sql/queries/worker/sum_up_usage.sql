-- Sums up hours of the usage that are due, for the dashboards.
-- → how many of them are over: there may be more
select sum_up_usage();
