-- Moves identity columns beyond the greatest number that their tables have. No rollback takes that back.
-- → how many it moved
select count(setval(i.sequence_name, i.greatest_number)) as moved
from identity_columns() i
where i.next_number <= i.greatest_number;
