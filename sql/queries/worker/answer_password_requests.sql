-- Mails links to people who have asked for a new password: up to 100 requests.
-- → how many it read, and how many of them no mail went out for: so many had gone to the person, to the organization, or there
--   at the request of the network
select a.read, a.of_person, a.of_organization, a.of_network from answer_password_requests(100) a;
