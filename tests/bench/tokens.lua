-- Every request with the next token of the file $TOKENS, each thread beginning elsewhere. The requests are made before the run.
local path = os.getenv("TARGET")
local requests, at = {}, 0

function setup(thread)
    at = at + 1
    thread:set("first", at * 7919)
end

function init()
    for token in io.lines(os.getenv("TOKENS")) do
        requests[#requests + 1] = wrk.format("GET", path, { ["Authorization"] = "Bearer " .. token })
    end
    at = first
end

function request()
    at = at + 1
    return requests[at % #requests + 1]
end

function done(summary, latency)
    io.write(string.format("RESULT %d %d %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(50),
        latency:percentile(99), summary.errors.status,
        summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
