//! What is sent for a load and for a batch, and what the answers say.
//!
//! A batch is a transaction. None of its commands can fail once the server has queued it, so what
//! the server refuses it refuses before anything took effect. A server that is full queues nothing
//! at all, so the removal of one key, which it would take, is sent as it is, and loads too: they ask
//! for the time a value has left before and after the value, and the shorter counts, so that it is
//! not that of another value that was written in between.

use super::RedisError;
use crate::sink::{Applied, ApplyError};
use redis::{Pipeline, ServerError, Value};
use std::time::Duration;

/// The most that Redis takes as one string.
const BYTES_MAX: usize = 512 << 20;

/// One change, as bytes.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) key: Vec<u8>,
    /// None for a removal.
    pub(super) value: Option<Vec<u8>>,
}

/// What the server has of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) value: Option<Vec<u8>>,
    /// What was left of its time to live when the server answered; none where it has no limit.
    pub(super) left: Option<Duration>,
}

/// Refuses what the server would hang up for.
pub(super) fn check_size(bytes: &[u8]) -> Result<(), RedisError> {
    if bytes.len() > BYTES_MAX {
        return Err(RedisError::TooLarge(bytes.len()));
    }
    Ok(())
}

/// Asks for keys and what is left of their lives.
pub(super) fn load<'a>(keys: impl ExactSizeIterator<Item = &'a [u8]>) -> Pipeline {
    let mut commands = Pipeline::with_capacity(3 * keys.len());
    for key in keys {
        commands.cmd("PTTL").arg(key);
        commands.cmd("GET").arg(key);
        commands.cmd("PTTL").arg(key);
    }
    commands
}

/// What was found of the keys that [`load`] asked for.
pub(super) fn loaded(answers: Vec<Value>, address: &str) -> Result<Vec<Found>, RedisError> {
    let mut found = Vec::with_capacity(answers.len() / 3);
    let mut answers = answers.into_iter();
    while let (Some(before), Some(value), Some(after)) =
        (answers.next(), answers.next(), answers.next())
    {
        let value = match value {
            Value::Nil => None,
            Value::BulkString(bytes) => Some(bytes),
            Value::ServerError(error) => return Err(RedisError::refused(&error)),
            other => return Err(RedisError::protocol(address, &other)),
        };
        let left = match (left(&before), left(&after)) {
            (Ok(before), Ok(after)) => shorter(before, after),
            (Err(wrong), _) | (_, Err(wrong)) => {
                return Err(match wrong {
                    Value::ServerError(error) => RedisError::refused(error),
                    other => RedisError::protocol(address, other),
                });
            }
        };
        found.push(Found { value, left });
    }
    Ok(found)
}

/// What a key has left; none where it has no limit, and nothing where it is not there.
fn left(answer: &Value) -> Result<Option<Duration>, &Value> {
    match answer {
        Value::Int(-1) => Ok(None),
        Value::Int(-2) => Ok(Some(Duration::ZERO)),
        Value::Int(left @ 0..) => Ok(Some(Duration::from_millis(left.unsigned_abs()))),
        other => Err(other),
    }
}

fn shorter(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Applies changes in their order; in a cluster their keys have one slot.
pub(super) fn apply(changes: &[Change], time_to_live: Option<Duration>) -> Pipeline {
    if let [Change { key, value: None }] = changes {
        let mut command = Pipeline::with_capacity(1);
        command.cmd("DEL").arg(key);
        return command;
    }
    let mut commands = Pipeline::with_capacity(2 * changes.len() + 2);
    commands.cmd("MULTI");
    for change in changes {
        let Some(value) = &change.value else {
            commands.cmd("DEL").arg(&change.key);
            continue;
        };
        commands.cmd("EXISTS").arg(&change.key);
        let set = commands.cmd("SET").arg(&change.key).arg(value);
        if let Some(time_to_live) = time_to_live {
            set.arg("PX").arg(milliseconds(time_to_live));
        }
    }
    commands.cmd("EXEC");
    commands
}

/// Rounded up; at least 1, as the server refuses 0, and at most what it can add to its clock.
pub(super) fn milliseconds(time: Duration) -> u64 {
    let whole = time.as_nanos().div_ceil(1_000_000).max(1);
    u64::try_from(whole).unwrap_or(u64::MAX).min(1 << 53)
}

/// What the changes found that [`apply`] sent.
pub(super) fn applied(
    answers: Vec<Value>,
    changes: &[Change],
    address: &str,
) -> Result<Applied, ApplyError<RedisError>> {
    if let [Change { value: None, .. }] = changes {
        return match &answers[..] {
            [Value::Int(count)] => Ok([*count > 0].into_iter().collect()),
            [Value::ServerError(error)] => Err(ApplyError::Refused(RedisError::refused(error))),
            _ => Err(ApplyError::Unknown(RedisError::protocol(
                address,
                &Value::Array(answers),
            ))),
        };
    }
    let mut values = ended(answers, address)?.into_iter();
    let mut applied = Applied::new();
    for change in changes {
        // Whatever is wrong here, the transaction has run.
        let wrong = |value| match value {
            Some(Value::ServerError(error)) => ApplyError::Unknown(RedisError::refused(&error)),
            other => ApplyError::Unknown(RedisError::protocol(address, &other.unwrap_or_default())),
        };
        let existed = match values.next() {
            Some(Value::Int(count)) => count > 0,
            other => return Err(wrong(other)),
        };
        if change.value.is_some() {
            match values.next() {
                Some(Value::Okay) => {}
                other => return Err(wrong(other)),
            }
        }
        applied.push(existed);
    }
    Ok(applied)
}

/// The results of a transaction, of which the last answer tells.
fn ended(mut answers: Vec<Value>, address: &str) -> Result<Vec<Value>, ApplyError<RedisError>> {
    let begun = answers.first() == Some(&Value::Okay);
    let last = match answers.pop() {
        Some(Value::Array(values)) if begun => return Ok(values),
        last => last.unwrap_or_default(),
    };
    // Why a command was not queued says more than that the transaction was given up for it.
    let reason = answers.iter().find_map(error).or_else(|| error(&last));
    // Without its beginning it was single commands, each with an effect of its own.
    let refused = begun || answers.iter().all(|answer| error(answer).is_some());
    match reason {
        Some(reason) if refused && error(&last).is_some() => {
            Err(ApplyError::Refused(RedisError::refused(reason)))
        }
        _ => Err(ApplyError::Unknown(RedisError::protocol(address, &last))),
    }
}

fn error(answer: &Value) -> Option<&ServerError> {
    match answer {
        Value::ServerError(error) => Some(error),
        _ => None,
    }
}

/// Where the server says that keys are: `MOVED` for good or, as a key of a slot on its way, `ASK`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Redirection {
    pub(super) address: String,
    pub(super) ask: bool,
}

/// The redirection among these answers, if there is one. Nothing has taken effect then.
pub(super) fn redirection(answers: &[Value]) -> Option<Redirection> {
    answers.iter().find_map(|answer| {
        let error = error(answer)?;
        let ask = match error.code() {
            "MOVED" => false,
            "ASK" => true,
            _ => return None,
        };
        // "1234 127.0.0.1:7000"
        let (_, address) = error.details()?.split_once(' ')?;
        Some(Redirection {
            address: address.to_owned(),
            ask,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(before: i64, value: Value, after: i64) -> Found {
        let answers = vec![Value::Int(before), value, Value::Int(after)];
        loaded(answers, "here").unwrap().remove(0)
    }

    #[test]
    fn of_the_times_before_and_after_the_value_the_shorter_counts() {
        let value = || Value::BulkString(vec![1]);
        let left = |before, after| found(before, value(), after).left;
        let milliseconds = |time| Some(Duration::from_millis(time));
        assert_eq!(left(-1, -1), None);
        assert_eq!(left(500, 499), milliseconds(499));
        assert_eq!(
            left(-1, 500),
            milliseconds(500),
            "it was overwritten before it was read"
        );
        assert_eq!(left(500, -1), milliseconds(500), "or after it");
        assert_eq!(left(500, -2), milliseconds(0), "it has gone");
        assert_eq!(left(-2, -1), milliseconds(0), "it has come");
        assert_eq!(found(-2, Value::Nil, -2).value, None);
    }

    #[test]
    fn a_time_to_live_is_rounded_up_and_never_more_than_the_server_takes() {
        assert_eq!(milliseconds(Duration::ZERO), 1);
        assert_eq!(milliseconds(Duration::from_nanos(1_000_001)), 2);
        assert_eq!(milliseconds(Duration::MAX), 1 << 53);
    }

    fn outcome(answers: Vec<Value>) -> Result<Applied, ApplyError<RedisError>> {
        let change = Change {
            key: vec![1],
            value: Some(vec![2]),
        };
        applied(answers, &[change], "here")
    }

    fn queued() -> Value {
        Value::SimpleString("QUEUED".to_owned())
    }

    #[test]
    fn a_transaction_that_ran_is_applied_and_one_that_ran_in_part_is_unknown() {
        let ran = |results| vec![Value::Okay, queued(), queued(), Value::Array(results)];
        let applied = outcome(ran(vec![Value::Int(1), Value::Okay])).unwrap();
        assert!(applied.existed(0));
        for results in [vec![], vec![Value::Int(1)], vec![Value::Okay, Value::Okay]] {
            assert!(matches!(outcome(ran(results)), Err(ApplyError::Unknown(_))));
        }
        let without_beginning = vec![Value::Nil, queued(), queued(), Value::Array(vec![])];
        assert!(matches!(
            outcome(without_beginning),
            Err(ApplyError::Unknown(_))
        ));
        let given_up = vec![Value::Okay, queued(), queued(), Value::Nil];
        assert!(matches!(outcome(given_up), Err(ApplyError::Unknown(_))));
        assert!(matches!(outcome(vec![]), Err(ApplyError::Unknown(_))));
    }
}
