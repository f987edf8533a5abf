-- Notes that somebody asks for a link that sets the password of the account with an address, if mail is sent at all. One row,
-- whether or not there is such an account. At most 10000 wait for the worker; further ones are dropped.
-- takes: email, request, address
-- → whether mail is sent
with sending as materialized (
    select mail_is_sent() as is_sent
), noted as (
    insert into password_requests (email, request_id, address)
    select :email, :request, :address::inet
    from sending s
    where s.is_sent and (select count(*) from (select r.id from password_requests r limit 10000) waiting) < 10000
)
select is_sent as "sendsMail" from sending;
