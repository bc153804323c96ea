"""wrk, which compares every answer with the one that was checked before, and how its report reads."""

import re
import subprocess
from typing import NamedTuple

from bench.data import STATE

CONNECTIONS = 3  # one below our threads a worker: web asks api with three at once
# Requests until a connection is given up for a new one. Which worker takes a connection is chance, and what a request
# costs depends on how many its worker has at once: so each second sees many ways to fall, where it would see one.
FRESH_AFTER = 50
# A CSRF token is new in each answer, and is all that may differ. `delay` keeps a schedule on the wall clock.
_SCRIPT = """
local ffi = require("ffi")
ffi.cdef[[ typedef struct { long s; long ns; } tandem_time; int clock_gettime(int, tandem_time*); ]]
local now = ffi.new("tandem_time")
local file = io.open("EXPECTED", "rb"); local expected = file:read("*a"); file:close()
local rate, slot, wrong = RATE, nil, 0
local usual, last, asked = nil, nil, 0
function init()
  usual = wrk.format()
  wrk.headers["Connection"] = "close"
  last = wrk.format()
end
function request()
  asked = asked + 1
  return asked % FRESH_AFTER == 0 and last or usual
end
local function plain(body) return (body:gsub('(name="csrf_token"[^>]-value=")[^"]*', "%1")) end
local threads = {}
function setup(thread) table.insert(threads, thread); thread:set("wrong", 0) end
function response(status, headers, body)
  if status ~= STATUS or (body ~= expected and plain(body) ~= expected) then
    _G.wrong = (_G.wrong or 0) + 1
  end
end
if rate > 0 then
  function delay()
    ffi.C.clock_gettime(1, now)
    local at = tonumber(now.s) * 1000 + tonumber(now.ns) / 1e6
    slot = math.max((slot or at) + 1000 / rate, at - 1000)
    return math.max(0, math.floor(slot - at))
  end
end
function done(summary, latency)
  for _, thread in ipairs(threads) do wrong = wrong + thread:get("wrong") end
  local e = summary.errors
  print(string.format("RESULT %d %d %d %d %d", summary.requests, summary.duration,
    wrong + e.connect + e.read + e.write + e.timeout, latency:percentile(50), latency:percentile(99)))
end
"""


class Result(NamedTuple):
    """One run of wrk; times in seconds."""

    requests: int
    seconds: float
    wrong: int
    p50: float
    p99: float


def plain(body: str) -> str:
    """A page without its CSRF token."""
    return re.sub(r'(name="csrf_token"[^>]*?value=")[^"]*', r"\1", body)


def parse(report: str) -> Result:
    """What the script printed. Raises ValueError where it did not."""
    match = re.search(r"^RESULT (\d+) (\d+) (\d+) (\d+) (\d+)$", report, re.MULTILINE)
    if match is None:
        raise ValueError(f"wrk did not report: {report}")
    requests, duration, wrong, p50, p99 = map(int, match.groups())
    return Result(requests, duration / 1e6, wrong, p50 / 1e6, p99 / 1e6)


def run(
    url: str, headers: dict[str, str], status: int, body: str, *, seconds: int, rate: int = 0, fresh: bool = True
) -> Result:
    """Ask for `seconds`, as fast as answers come or at `rate` a second. Raises SystemExit on a wrong answer.

    `fresh` has connections given up for new ones, which takes a server that says that it closes.
    """
    expected, script = STATE / "expected", STATE / "wrk.lua"
    expected.write_text(plain(body), encoding="utf-8")
    filled = _SCRIPT.replace("EXPECTED", str(expected)).replace("RATE", str(rate)).replace("STATUS", str(status))
    filled = filled.replace("FRESH_AFTER", str(FRESH_AFTER) if fresh else "math.huge")
    script.write_text(filled, encoding="utf-8")
    named = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "5s", "-s", str(script), *named, url]
    result = parse(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    if result.wrong:
        raise SystemExit(f"{url}: {result.wrong} of {result.requests} answers differ from the one that was checked")
    return result
