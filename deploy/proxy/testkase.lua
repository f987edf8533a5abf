-- The action "testkase" of HAProxy: asks TestKase whether a request may pass (/api/v1/auth/verify). Its argument is the address
-- of the service, such as http://127.0.0.1:8080. When the request may pass, the variable txn.testkase_user_id is the caller's
-- id; otherwise the client gets the status of the answer.

local PASSED_ON = { "authorization", "cookie", "origin", "sec-fetch-site", "sec-fetch-mode", "user-agent" }
local ANSWERED = { "www-authenticate", "retry-after" }

local function question(txn)
    local fields, sent = {}, txn.http:req_get_headers()
    for _, name in ipairs(PASSED_ON) do
        local values = {}
        for i = 0, sent[name] and #sent[name] or -1 do
            table.insert(values, sent[name][i])
        end
        if #values > 0 then
            fields[name] = values
        end
    end
    fields["x-forwarded-for"] = { txn.f:src() }
    fields["x-forwarded-method"] = { txn.f:method() }
    fields["x-forwarded-proto"] = { txn.f:ssl_fc() == 1 and "https" or "http" }
    fields["x-forwarded-host"] = { sent["host"] and sent["host"][0] or "" }
    return fields
end

local function refuse(txn, answer)
    local reply = txn:reply({ status = answer.status >= 400 and answer.status or 503 })
    for _, name in ipairs(ANSWERED) do
        if answer.headers and answer.headers[name] then
            reply:add_header(name, answer.headers[name][0])
        end
    end
    txn:done(reply)
end

core.register_action("testkase", { "http-req" }, function(txn, address)
    local answer = core.httpclient():get({ url = address .. "/api/v1/auth/verify", headers = question(txn) })
    if answer.status ~= 200 then
        return refuse(txn, answer)
    end
    txn:set_var("txn.testkase_user_id", answer.headers["x-testkase-user-id"][0])
end, 1)
