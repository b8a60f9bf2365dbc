//! The Lua scripts: what must be decided by the clock of Redis and in one step.
//!
//! On Redis Cluster every key of a call must be in one slot. Leases are: one set
//! per prefix. Draws are not: there they would have to be grouped by slot, one call
//! per group, and nothing else would change, as each key is decided alone.

/// Sets one lease, drops those that ran out, lists the others.
/// KEYS: the set. ARGV: the name, the time to live in milliseconds.
pub(super) const LEASE: &str = r"
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local ttl = tonumber(ARGV[2])
redis.call('ZADD', KEYS[1], string.format('%.0f', now + ttl), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2]
if last then redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', last)) end
return redis.call('ZRANGE', KEYS[1], 0, -1)
";

/// Hands over a query. KEYS: its list. ARGV: the entry, the bound of the list, after how
/// many milliseconds an entry is dropped. Puts the time in front of the entry and
/// answers 1, or 0 when the list is full. The oldest is at the right end; a few dead ones
/// go with each call, so the list cannot stay full of them.
pub(super) const ASK: &str = r"
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
for _ = 1, 16 do
  local oldest = redis.call('LINDEX', KEYS[1], -1)
  if not oldest then break end
  local since = tonumber(string.sub(oldest, 1, 16)) or 0
  if now - since < tonumber(ARGV[3]) then break end
  redis.call('RPOP', KEYS[1])
end
if redis.call('LLEN', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('LPUSH', KEYS[1], string.format('%016.0f', now) .. ARGV[1])
return 1
";

/// Gives back one draw of each bucket. KEYS: the buckets. ARGV: the cost of each, in
/// microseconds.
pub(super) const GIVE_BACK: &str = r"
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
for i, key in ipairs(KEYS) do
  local spent = tonumber(redis.call('GET', key) or now) - tonumber(ARGV[i])
  if spent > now then
    redis.call('SET', key, string.format('%.0f', spent), 'PX', math.ceil((spent - now) / 1000) + 1)
  else
    redis.call('DEL', key)
  end
end
return 1
";

/// Draws once from each bucket. KEYS: the buckets. ARGV: cost and credit of each, in
/// microseconds. Answers 0, or how many microseconds too early it is. The same
/// arithmetic as `Quota::draw`; numbers stay below 2^53.
pub(super) const DRAW: &str = r"
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local answers = {}
for i, key in ipairs(KEYS) do
  local cost, credit = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local kept = tonumber(redis.call('GET', key) or now)
  local spent = math.min(math.max(kept, now), now + credit)
  local new = spent + cost
  local over = new - now - credit
  if over > 0 then
    answers[i] = over
    if kept > spent then -- the clock was set back
      redis.call('SET', key, string.format('%.0f', spent), 'PX', math.ceil((spent - now) / 1000) + 1)
    end
  else
    redis.call('SET', key, string.format('%.0f', new), 'PX', math.ceil((new - now) / 1000) + 1)
    answers[i] = 0
  end
end
return answers
";
