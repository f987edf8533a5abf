-- Mails links to people who have asked for a new password: up to 100 requests.
-- → how many it read
select answer_password_requests(100);
