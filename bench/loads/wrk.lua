-- For wrk: BENCH_HOSTS host names in turn (spread over BENCH_OF), BENCH_UPLOAD bytes of body, and the result as one line of JSON.
local hosts = tonumber(os.getenv("BENCH_HOSTS") or "0")
local of = tonumber(os.getenv("BENCH_OF") or "1")
local upload = tonumber(os.getenv("BENCH_UPLOAD") or "0")

if upload > 0 then
  wrk.method = "POST"
  wrk.body = string.rep("x", upload)
end

if hosts > 0 then
  local paths = { "/api", "/web", "/static" }
  local requests, turn = {}, 0
  function init(args)
    local step = math.floor(of / hosts)
    for i = 0, hosts - 1 do
      wrk.headers["Host"] = "host-" .. (i * step) .. ".bench.test"
      requests[#requests + 1] = wrk.format("GET", paths[i % #paths + 1])
    end
  end
  function request()
    turn = turn % #requests + 1
    return requests[turn]
  end
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    'BENCH {"requests": %d, "bytes": %.0f, "seconds": %f, "p50": %f, "p99": %f, "p999": %f, "connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d}\n',
    summary.requests, summary.bytes, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    latency:percentile(99.9) / 1e3, e.connect, e.read, e.write, e.status, e.timeout))
end
