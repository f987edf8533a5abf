"""Which addresses the worker connects to, watched in a network in which every address is at home."""

import json

import pytest

from support.deadline import until
from support.decoys import Decoys

PUBLIC = "93.184.215.14"
REFUSED = "the host has no address that may be called"

# What an admin may have entered and what names lead to. Those of the second kind have a public address, too, or had one.
INNER = {"loopback.test": [["127.0.0.1"]], "other-loopback.test": [["127.8.9.10"]], "metadata.test": [["169.254.169.254"]],
         "ten.test": [["10.1.2.3"]], "seventeen.test": [["172.16.0.1"]], "home.test": [["192.168.1.1"]],
         "cgnat.test": [["100.64.0.5"]],
         "zero.test": [["0.0.0.0"]], "azure.test": [["168.63.129.16"]], "multicast.test": [["224.0.0.1"]],
         "loopback6.test": [["::1"]], "mapped.test": [["::ffff:127.0.0.1"]], "mapped-public.test": [["::ffff:93.184.215.14"]],
         "nat64.test": [["64:ff9b::7f00:1"]], "nat64-ten.test": [["64:ff9b::a01:203"]], "ula.test": [["fd00:ec2::254"]],
         "6to4.test": [["2002:7f00:1::1"]], "teredo.test": [["2001::1"]], "compatible.test": [["::127.0.0.1"]],
         "all.test": [["127.0.0.1", "10.0.0.1", "::1", "fd00::1", "169.254.169.254"]]}
MIXED = {"mixed.test": [["127.0.0.1", PUBLIC]], "rebinding.test": [[PUBLIC], ["127.0.0.1"]]}
LITERALS = ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "017700000001", "0", "[::1]", "[::]", "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[fd00:ec2::254]", "169.254.169.254", "localhost"]


@pytest.fixture
def decoys():
    made = []

    def begin(names):
        made.append(Decoys(names))
        return made[0]
    yield begin
    for one in made:
        if one.keeper.poll() is None:
            one.close()


def queue(service, organization, url):
    return service.database.value(
        """with webhook as (
               insert into testkase.webhooks (organization_id, name, platform, url, topics)
               values (%s, 'W', 'slack', %s, '{user.deactivated}') returning id)
           insert into testkase.webhook_deliveries (webhook_id, topic, message)
           select id, 'webhook.test', %s from webhook returning id""",
        (organization.id, url, json.dumps({"type": "webhook.test", "timestamp": "2030-01-01T09:00:00Z", "data": {}})))


def errors_after(service, numbers, attempts, seconds=60):
    """{url: error} once all have had that many attempts."""
    left = """select count(*) from testkase.webhook_deliveries
              where id = any (%s) and (attempts <> %s or leased_until is not null)"""
    until(lambda: service.database.value(left, (list(numbers.values()), attempts)) == 0, seconds, f"{attempts} attempts each")
    return {url: service.database.value("select error from testkase.webhook_deliveries where id = %s", (number,))
            for url, number in numbers.items()}


def test_no_connection_ever_arrives_at_an_inner_address(service, start, worker_path, decoys):
    network = decoys({**INNER, **MIXED, "public.test": [[PUBLIC]]})
    inner = [f"https://{host}/" for host in [*INNER, *LITERALS]] + ["http://loopback.test/", "http://public.test/"]
    reached = ["https://public.test/", *(f"https://{host}/" for host in MIXED)]
    numbers = {url: queue(service, service.organization(), url) for url in inner + reached}
    program, arguments = network.command(worker_path)
    start(program, {"TESTKASE_DATABASE_URL": service.database.url("testkase_worker")}, arguments).wait_ready()
    errors = errors_after(service, numbers, 1)
    for url in inner:
        assert errors[url] == REFUSED or url == "https://017700000001/", (url, errors[url])
    for url in reached:
        assert errors[url] != REFUSED, url
    service.database.query("update testkase.webhook_deliveries set attempt_at = now() where id = any (%s)",
                           (list(numbers.values()),))
    errors = errors_after(service, numbers, 2)
    assert errors["https://rebinding.test/"] == REFUSED
    arrived = network.close()
    assert set(arrived) == {PUBLIC}, arrived
    assert arrived[PUBLIC] == 5, "twice public.test, twice mixed.test, once rebinding.test"


def test_listed_networks_may_be_called(service, start, worker_path, decoys):
    network = decoys({"inner.test": [["10.1.2.3"]], "neighbour.test": [["10.2.0.1"]]})
    numbers = {url: queue(service, service.organization(), url)
               for url in ("http://inner.test/", "https://inner.test/", "http://neighbour.test/")}
    program, arguments = network.command(worker_path)
    start(program, {"TESTKASE_DATABASE_URL": service.database.url("testkase_worker"),
                    "TESTKASE_WEBHOOK_NETWORKS": "10.1.0.0/16"}, arguments).wait_ready()
    errors = errors_after(service, numbers, 1)
    assert errors["http://neighbour.test/"] == REFUSED
    assert dict(network.close()) == {"10.1.2.3": 2}


def test_a_name_server_that_does_not_answer_delays_nobody(service, start, worker_path, decoys):
    """The system's resolver would wait for 20 s; the transfer ends after 5, and the dispatcher goes on."""
    network = decoys({"silent.test": None, "inner.test": [["10.1.2.3"]]})
    silent = {url: queue(service, service.organization(), url) for url in ("https://silent.test/",)}
    program, arguments = network.command(worker_path)
    start(program, {"TESTKASE_DATABASE_URL": service.database.url("testkase_worker")}, arguments).wait_ready()
    errors_after(service, silent, 1, 13)
    inner = {url: queue(service, service.organization(), url) for url in ("https://inner.test/",)}
    assert errors_after(service, inner, 1, 7) == {"https://inner.test/": REFUSED}
