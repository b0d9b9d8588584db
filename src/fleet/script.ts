/** Milliseconds after the end of its wait that a row is kept, for members that were away. */
const KEPT = 600_000
/** Milliseconds after the last command of any member that the rows are kept. */
const FORGOTTEN = 7 * 86_400_000
/** Milliseconds that a generation may be ahead of the time of the store. */
export const AHEAD = 60_000
/** Most rows that are kept, but for those that are held: clients may choose the keys of circuits. */
export const MOST_ROWS = 10_000
/** Characters of the longest row. */
export const LONGEST_ROW = 1000

/**
 * The one script of the protocol, for Redis and Valkey.
 *
 * KEYS: the hash of the rows, and the lease of the circuit, where one is concerned.
 * ARGV: the action, the deadline in milliseconds of the store's time (empty for none), the channel, the
 * member, and then what the action takes:
 *
 * - `join`: tries every command first, and replies `denied` with those that the user may not run
 * - `sync`: all rows, after the epoch, which tells that the store has lost its data
 * - `tell` id seen state left wait inRow: writes a row and publishes it
 * - `lease` id seen time: whether this member sends the probe
 * - `free` id
 *
 * Replies begin with a word and the time. Stamps are milliseconds: cjson writes 14 digits.
 */
export const SCRIPT = `
local action, deadline, channel, member = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local time = redis.pcall('TIME')
if time.err then return { 'denied', '0', 'TIME: ' .. time.err } end
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local stamp = string.format('%.0f', now)
-- A command that has waited in a stopped server says what was true then.
if deadline and now > deadline then return { 'late', stamp } end

local function read(text)
  if not text or #text > ${LONGEST_ROW} then return nil end
  local ok, row = pcall(cjson.decode, text)
  if not ok or type(row) ~= 'table' or row.v ~= 1 then return nil end
  if type(row.gen) ~= 'number' or type(row.ends) ~= 'number' then return nil end
  if row.gen <= now + ${AHEAD} then return row end
  -- After the clock of the store was set back, what an operator has opened stays so.
  if row.state ~= 'held' then return nil end
  row.gen = now
  return row, cjson.encode(row)
end

if action == 'join' then
  local tries = {
    { 'HGET', KEYS[1], '#' }, { 'HSET', KEYS[1], '?', '' }, { 'HGETALL', KEYS[1] }, { 'HDEL', KEYS[1], '?' },
    { 'PEXPIRE', KEYS[1], ${FORGOTTEN} }, { 'SET', KEYS[2], '', 'PX', 1 }, { 'GET', KEYS[2] },
    { 'PTTL', KEYS[2] }, { 'DEL', KEYS[2] }, { 'PUBLISH', channel .. ':rights', '' },
  }
  local denied = {}
  for _, try in ipairs(tries) do
    local reply = redis.pcall(unpack(try))
    if type(reply) == 'table' and reply.err then denied[#denied + 1] = try[1] .. ': ' .. reply.err end
  end
  if #denied > 0 then return { 'denied', stamp, unpack(denied) } end
end

if action == 'join' or action == 'sync' then
  local epoch = redis.call('HGET', KEYS[1], '#')
  if not epoch then
    epoch = stamp
    redis.call('HSET', KEYS[1], '#', epoch)
  end
  redis.call('PEXPIRE', KEYS[1], ${FORGOTTEN})
  local reply = { 'ok', stamp, epoch }
  local all = redis.call('HGETALL', KEYS[1])
  for at = 1, #all, 2 do
    local row, again
    if all[at] ~= '#' then row, again = read(all[at + 1]) end
    if again then redis.call('HSET', KEYS[1], all[at], again) end
    local kept = row and #reply < ${MOST_ROWS} + 3 and row.ends + ${KEPT} > now
    if kept or (row and row.state == 'held') then
      reply[#reply + 1] = again or all[at + 1]
    elseif all[at] ~= '#' then
      redis.call('HDEL', KEYS[1], all[at])
    end
  end
  return reply
end

local id, seen = ARGV[5], tonumber(ARGV[6]) or 0
if action == 'free' then
  if redis.call('GET', KEYS[2]) == member then redis.call('DEL', KEYS[2]) end
  return { 'ok', stamp }
end

local text = redis.call('HGET', KEYS[1], id)
local row = read(text)
local newer = row and row.gen > seen
if action == 'lease' then
  if newer then return { 'stale', stamp, text } end
  local holder = redis.call('GET', KEYS[2])
  local left = redis.call('PTTL', KEYS[2])
  -- One without an end is none of this script.
  if holder and holder ~= member and left >= 0 then return { 'denied', stamp, left } end
  redis.call('SET', KEYS[2], member, 'PX', ARGV[7])
  return { 'ok', stamp }
end

local state = ARGV[7]
local hand = state == 'held' or state == 'released'
if not hand and row then
  -- What a hand has opened, only a hand closes; one opening has one row.
  local open = row.state == 'open' and row.ends > now
  if row.state == 'held' or (newer and (state == 'closed' or open)) then return { 'stale', stamp, text } end
end
if state == 'closed' and not row then return { 'none', stamp } end
if state == 'released' then state = 'closed' end
if seen > now + ${AHEAD} then seen = 0 end
text = cjson.encode({
  v = 1, id = id, by = member, state = state, hand = hand,
  gen = math.max(now, seen + 1, row and row.gen + 1 or 0),
  ends = now + tonumber(ARGV[8]), wait = tonumber(ARGV[9]), inRow = tonumber(ARGV[10]),
})
redis.call('PUBLISH', channel, text)
redis.call('HSET', KEYS[1], id, text)
redis.call('PEXPIRE', KEYS[1], ${FORGOTTEN})
if redis.call('GET', KEYS[2]) == member then redis.call('DEL', KEYS[2]) end
return { 'ok', stamp, text }
`
