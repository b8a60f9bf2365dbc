//! What Redis says, made ours. Payloads are never copied.

use std::time::Duration;

use bytes::Bytes;
use fred::{
    prelude::{Error, ErrorKind},
    types::{Key, Value},
};

use super::{BusError, Class, STAMP_DIGITS, StreamEntry, StreamId, Taken, queries};
use crate::ids::Partition;

/// The key of a partition's stream. The braces make a hash tag, so that a cluster
/// would keep what belongs together in one slot.
pub(super) fn stream(partition: Partition) -> String {
    format!("in:{{{partition}}}")
}

/// Sorts errors: did Redis say no, or is it unknown what happened?
///
/// Redis' own errors begin with a word in capitals (`OOM command not allowed …`);
/// whatever fred itself reports does not.
pub(super) fn failed(error: &Error) -> BusError {
    let local = matches!(
        error.kind(),
        ErrorKind::IO | ErrorKind::Timeout | ErrorKind::Canceled | ErrorKind::Backpressure
    );
    let details = error.details();
    let word = details.split(' ').next().unwrap_or_default();
    let said_no = !local && word.len() >= 3 && word.bytes().all(|b| b.is_ascii_uppercase());
    if said_no {
        BusError::Refused(details.to_owned())
    } else {
        BusError::Unreachable(error.to_string())
    }
}

/// Bytes of a bulk string; fred hands text out as text.
pub(super) fn bytes(value: Value) -> Option<Bytes> {
    match value {
        Value::Bytes(bytes) => Some(bytes),
        Value::String(text) => Some(text.into_inner()),
        _ => None,
    }
}

fn array(value: Value) -> Result<Vec<Value>, BusError> {
    match value {
        Value::Array(values) => Ok(values),
        _ => Err(BusError::Malformed),
    }
}

fn id(value: &Value) -> Result<StreamId, BusError> {
    value.as_bytes_str().ok_or(BusError::Malformed)?.parse()
}

/// The answer to `XREAD`: the entries of each stream in the order that was asked for.
pub(super) fn entries(
    reply: Value,
    after: &[(Partition, StreamId)],
) -> Result<Vec<StreamEntry>, BusError> {
    let mut streams = match reply {
        Value::Null => return Ok(Vec::new()),
        Value::Map(map) => map.inner(),
        _ => return Err(BusError::Malformed),
    };
    let mut found = Vec::new();
    for (partition, _) in after {
        let Some(reply) = streams.remove(&Key::from(stream(*partition))) else {
            continue;
        };
        let reply = array(reply)?;
        found.reserve(reply.len());
        for pair in reply {
            found.push(entry(*partition, pair)?);
        }
    }
    Ok(found)
}

/// One `[id, [field, value, …]]`. Without our field it is empty, like a mark: lanes
/// skip it.
fn entry(partition: Partition, pair: Value) -> Result<StreamEntry, BusError> {
    let [place, fields]: [Value; 2] = array(pair)?
        .try_into()
        .map_err(|_other_length| BusError::Malformed)?;
    let mut fields = match fields {
        Value::Null => Vec::new(),
        fields => array(fields)?,
    }
    .into_iter();
    let mut payload = Bytes::new();
    while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
        if name.as_bytes().is_some_and(|name| name == b"e") {
            payload = bytes(value).ok_or(BusError::Malformed)?;
        }
    }
    Ok(StreamEntry {
        partition,
        id: id(&place)?,
        bytes: payload,
    })
}

/// The answer to `LMPOP` or `BLMPOP`: the name of the list, and its queries, here one.
pub(super) fn taken(reply: Value, now_ms: u64) -> Result<Option<Taken>, BusError> {
    if matches!(reply, Value::Null) {
        return Ok(None);
    }
    let read = || {
        let [name, queue]: [Value; 2] = array(reply).ok()?.try_into().ok()?;
        let name = name.as_bytes_str()?;
        let class = Class::ALL
            .into_iter()
            .find(|class| queries(*class) == *name)?;
        let mut query = bytes(array(queue).ok()?.pop()?)?;
        if query.len() < STAMP_DIGITS {
            return None;
        }
        let stamp = query.split_to(STAMP_DIGITS);
        let since: u64 = std::str::from_utf8(&stamp).ok()?.parse().ok()?;
        Some(Taken {
            class,
            bytes: query,
            waited: Duration::from_millis(now_ms.saturating_sub(since)),
        })
    };
    read().map(Some).ok_or(BusError::Malformed)
}

/// The answer to `TIME`, in milliseconds.
pub(super) fn time_ms(reply: Value) -> Result<u64, BusError> {
    let time: Vec<u64> = reply.convert().map_err(|_other| BusError::Malformed)?;
    match time.as_slice() {
        [seconds, microseconds] => Ok(seconds * 1000 + microseconds / 1000),
        _ => Err(BusError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_redis_refused_is_told_from_what_is_unknown() {
        for refusal in [
            "LOADING Redis is loading the dataset in memory",
            "OOM command not allowed when used memory > 'maxmemory'.",
            "MISCONF Redis is configured to save RDB snapshots",
            "READONLY You can't write against a read only replica.",
            "WRONGTYPE Operation against a key holding the wrong kind of value",
            "ERR unknown command",
        ] {
            let error = failed(&Error::new(ErrorKind::Unknown, refusal));
            assert_eq!(error, BusError::Refused(refusal.to_owned()));
        }
        for (kind, unknown) in [
            (ErrorKind::Timeout, "Request timed out."),
            (ErrorKind::IO, "Connection closed."),
            (ErrorKind::IO, "ERR but the connection was lost"),
            (ErrorKind::Canceled, "Canceled."),
            (ErrorKind::Unknown, "channel closed"),
        ] {
            let error = failed(&Error::new(kind, unknown));
            assert!(matches!(error, BusError::Unreachable(_)), "{error}");
        }
    }

    #[test]
    fn replies_that_nobody_wrote_are_malformed() {
        let after = [(Partition::of(0), StreamId::default())];
        for reply in [Value::Integer(1), Value::Array(vec![])] {
            assert_eq!(entries(reply, &after), Err(BusError::Malformed));
        }
        assert_eq!(taken(Value::Null, 0), Ok(None));
        let list = queries(Class::Account);
        for reply in [
            Value::Array(vec![]),
            Value::Array(vec!["other".into(), Value::Array(vec!["x".into()])]),
            Value::Array(vec![list.as_str().into(), Value::Array(vec![])]),
            Value::Array(vec![
                list.as_str().into(),
                Value::Array(vec!["short".into()]),
            ]),
        ] {
            assert_eq!(taken(reply, 0), Err(BusError::Malformed));
        }
        for pair in [
            Value::Array(vec!["1-1".into()]),
            Value::Array(vec!["one".into(), Value::Array(vec![])]),
            Value::Array(vec!["1-1".into(), 7.into()]),
        ] {
            assert_eq!(entry(Partition::of(0), pair), Err(BusError::Malformed));
        }
    }
}
