-- Does PostgreSQL answer?
-- → one row
select 1;
