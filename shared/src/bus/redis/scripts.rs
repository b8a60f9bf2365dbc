//! The Lua scripts: what must be decided by the clock of Redis and in one step.
//!
//! On Redis Cluster every key of a call must be in one slot. Leases are: one set
//! per prefix. Draws are not: there they would have to be grouped by slot, one call
//! per group, and nothing else would change, as each key is decided alone.

/// Sets one lease, and what is told with it where something is; drops those that ran out, and lists
/// the others. KEYS: the set, and what is told with each. ARGV: the name, the time to live in
/// milliseconds, what is told. No more is told than there are leases; a name that comes back tells
/// its own.
pub(super) const LEASE: &str = r"
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local ttl = tonumber(ARGV[2])
redis.call('ZADD', KEYS[1], string.format('%.0f', now + ttl), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
if ARGV[3] ~= '' then redis.call('HSET', KEYS[2], ARGV[1], ARGV[3]) end
if redis.call('HLEN', KEYS[2]) > redis.call('ZCARD', KEYS[1]) then
  for _, name in ipairs(redis.call('HKEYS', KEYS[2])) do
    if not redis.call('ZSCORE', KEYS[1], name) then redis.call('HDEL', KEYS[2], name) end
  end
end
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2]
if last then
  redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', last))
  redis.call('PEXPIREAT', KEYS[2], string.format('%.0f', last))
end
return redis.call('ZRANGE', KEYS[1], 0, -1)
";

/// Lists the leases that live, each name followed by what is told with it, or nothing. KEYS: as
/// those of a lease.
pub(super) const LEASES: &str = r"
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local listed = {}
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%.0f', now), '+inf')) do
  listed[#listed + 1] = name
  listed[#listed + 1] = redis.call('HGET', KEYS[2], name) or ''
end
return listed
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

/// Draws once from each bucket. KEYS: of each, what it spent and its cooldown. ARGV: cost,
/// credit and cooldown of each, in microseconds. Answers 0, or how many microseconds too early
/// it is. The same arithmetic as `Quota::draw`; numbers stay below 2^53. A program that knows
/// no cooldowns counts beside it.
pub(super) const DRAW: &str = r"
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local function keep(key, us)
  redis.call('SET', key, string.format('%.0f', us), 'PX', math.ceil((us - now) / 1000) + 1)
end
local answers = {}
for i = 1, #KEYS / 2 do
  local key, bar = KEYS[2 * i - 1], KEYS[2 * i]
  local cost, credit = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1])
  local cooldown = tonumber(ARGV[3 * i])
  local kept = tonumber(redis.call('GET', key) or now)
  local spent = math.min(math.max(kept, now), now + credit)
  local keptbar, barred = now, now
  if cooldown > 0 then
    keptbar = tonumber(redis.call('GET', bar) or now)
    barred = math.min(math.max(keptbar, now), now + cooldown)
  end
  local over = spent + cost - now - credit
  if over <= 0 and barred <= now then
    keep(key, spent + cost)
    answers[i] = 0
  else
    if barred <= now and cooldown > 0 then
      barred = now + cooldown
      keep(bar, barred)
    elseif keptbar > barred then -- the clock was set back
      keep(bar, barred)
    end
    if kept > spent then
      keep(key, spent)
    end
    answers[i] = math.max(over, barred - now)
  end
end
return answers
";

/// Shows what is kept. KEYS: of each bucket, what it spent and its cooldown. Answers the time
/// in microseconds, and the value of each key, 0 where there is none.
pub(super) const SHOW: &str = r"
local t = redis.call('TIME')
local answers = { t[1] * 1000000 + t[2] }
for i, key in ipairs(KEYS) do
  answers[i + 1] = tonumber(redis.call('GET', key) or 0)
end
return answers
";
