-- Makes mails of the open notices of up to 20 people.
-- → how many mails it made
select compose_mails(20);
