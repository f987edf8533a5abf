-- Checks that PostgreSQL answers.
-- → one row
select 1;
