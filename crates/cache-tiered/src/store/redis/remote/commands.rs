//! What is asked of the server. Every command has one key, may be sent twice, and may take effect
//! late: none of them then does more than empty the key or hold it for a while.

use super::entry::BLOCK;
use crate::store::redis::commands::milliseconds;
use redis::{Cmd, Value, cmd};
use std::time::Duration;

/// What is there and for how long still; a lease if nothing is. The time makes each another one, so
/// that a look that comes twice does not bring back a lease that was taken away.
const LOOK: &str = "local found = redis.call('GET', KEYS[1])
if found then return {found, redis.call('PTTL', KEYS[1])} end
local time = redis.call('TIME')
local lease = ARGV[1] .. time[1] .. '.' .. time[2]
redis.call('SET', KEYS[1], lease, 'PX', ARGV[2])
return {lease, tonumber(ARGV[2])}";

/// Replaces a lease, if it still stands. The life of what comes there began with the lease.
const FILL: &str = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local life = tonumber(ARGV[3]) - (tonumber(ARGV[4]) - redis.call('PTTL', KEYS[1]))
if life < 1 then redis.call('DEL', KEYS[1]) return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', string.format('%.0f', life))
return 1";

/// Takes a lease back, if it still stands.
const RELEASE: &str = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])";

/// Empties the key, unless another writer blocks it or it is no string, and tells everybody.
const FREE: &str = "local found = redis.pcall('GET', KEYS[1])
if type(found) == 'string' and (found == ARGV[1] or string.byte(found) ~= tonumber(ARGV[2])) then
  redis.call('DEL', KEYS[1])
end
redis.call('PUBLISH', ARGV[3], ARGV[4])
return 1";

fn script(text: &str, key: &[u8]) -> Cmd {
    let mut command = cmd("EVAL");
    command.arg(text).arg(1).arg(key);
    command
}

pub(super) fn look(key: &[u8], lease: &[u8], time: Duration) -> Cmd {
    let mut command = script(LOOK, key);
    command.arg(lease).arg(milliseconds(time));
    command
}

/// What [`look`] found: the bytes, and what they have left. None for anything else, what has no end among
/// it, as no tier writes that.
pub(super) fn looked(answer: Value) -> Option<(Vec<u8>, Duration)> {
    let Value::Array(parts) = answer else {
        return None;
    };
    let [found, left] = <[Value; 2]>::try_from(parts).ok()?;
    match (found, left) {
        (Value::BulkString(found), Value::Int(left)) => {
            let left = u64::try_from(left).ok()?;
            Some((found, Duration::from_millis(left)))
        }
        _ => None,
    }
}

/// Fills a key whose lease was given for `lease_time` with what lives for `life` from then on.
pub(super) fn fill(
    key: &[u8],
    lease: &[u8],
    lease_time: Duration,
    entry: &[u8],
    life: Duration,
) -> Cmd {
    let mut command = script(FILL, key);
    command.arg(lease).arg(entry);
    command
        .arg(milliseconds(life))
        .arg(milliseconds(lease_time));
    command
}

pub(super) fn release(key: &[u8], lease: &[u8]) -> Cmd {
    let mut command = script(RELEASE, key);
    command.arg(lease);
    command
}

/// From now on, and for `time` at most, nothing fills the key.
pub(super) fn block(key: &[u8], block: &[u8], time: Duration) -> Cmd {
    let mut command = cmd("SET");
    command
        .arg(key)
        .arg(block)
        .arg("PX")
        .arg(milliseconds(time));
    command
}

pub(super) fn free(key: &[u8], block: &[u8], channel: &[u8], own: &[u8; 16]) -> Cmd {
    let mut command = script(FREE, key);
    let message = [own, key].concat();
    command.arg(block).arg(BLOCK).arg(channel).arg(message);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_another_form_is_none() {
        let found = Value::BulkString(b"V".to_vec());
        let answer = |parts: &[Value]| looked(Value::Array(parts.to_vec()));
        let second = Duration::from_secs(1);
        let forms = [
            (
                answer(&[found.clone(), Value::Int(1_000)]),
                Some((b"V".to_vec(), second)),
            ),
            (answer(&[found.clone(), Value::Int(-1)]), None),
            (answer(std::slice::from_ref(&found)), None),
            (answer(&[Value::Nil, Value::Int(1)]), None),
            (looked(Value::Nil), None),
        ];
        for (got, expected) in forms {
            assert_eq!(got, expected);
        }
    }
}
