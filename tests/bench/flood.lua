-- Wrong sign-ins, each for another account and from another address, as a trusted proxy would tell it. Every connection waits a
-- little between two: a flood that costs the machine of the bench as little as it can.
local PAUSE_MS = 200
local threads, number, answers = {}, 0, {}

function setup(thread)
    threads[#threads + 1] = thread
end

function init()
    codes = ""
    number = os.time() % 60000 * 256 -- no address of an earlier run
end

function request()
    number = number + 1
    local body = string.format('{"email":"nobody-%d@example.test","password":"wrong-password-%d"}', number, number)
    return wrk.format("POST", "/api/v1/session", {
        ["Content-Type"] = "application/json",
        ["X-Forwarded-For"] = string.format("10.%d.%d.%d", number / 65536 % 256, number / 256 % 256, number % 256),
    }, body)
end

function delay()
    return PAUSE_MS
end

function response(status)
    answers[status] = (answers[status] or 0) + 1
    codes = ""
    for code, count in pairs(answers) do
        codes = codes .. " " .. code .. "=" .. count
    end
end

function done()
    for _, thread in ipairs(threads) do
        io.write("ANSWERS" .. thread:get("codes") .. "\n")
    end
end
