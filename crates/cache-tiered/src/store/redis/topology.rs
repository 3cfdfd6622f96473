//! Which node has which slot, as one node tells it.

use super::RedisError;
use super::connection::{Connection, Purpose};
use super::slots::SLOTS;
use redis::{ConnectionAddr, ConnectionInfo, Pipeline, Value};
use std::time::Duration;
use tokio::time::timeout;

/// The masters by their addresses, and the slots of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Topology {
    /// First and last slot, and who has them; in the order of slots.
    ranges: Vec<(u16, u16, String)>,
}

impl Topology {
    /// The address of the node that has a slot.
    pub(super) fn owner(&self, slot: u16) -> Option<&str> {
        let after = self.ranges.partition_point(|(first, ..)| *first <= slot);
        let (_, last, address) = self.ranges.get(after.checked_sub(1)?)?;
        (slot <= *last).then_some(address)
    }

    /// Each master once, in the order of addresses.
    pub(super) fn addresses(&self) -> Vec<String> {
        let mut addresses: Vec<_> = self
            .ranges
            .iter()
            .map(|(.., address)| address.clone())
            .collect();
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    }

    /// The answer to `CLUSTER SLOTS` of a node that is reached by the name `host`.
    fn parse(answer: &Value, host: &str) -> Option<Self> {
        let Value::Array(ranges) = answer else {
            return None;
        };
        let mut parsed = Vec::with_capacity(ranges.len());
        for range in ranges {
            let Value::Array(range) = range else {
                return None;
            };
            let [
                Value::Int(first),
                Value::Int(last),
                Value::Array(master),
                ..,
            ] = &range[..]
            else {
                return None;
            };
            let (first, last) = (u16::try_from(*first).ok()?, u16::try_from(*last).ok()?);
            if first > last || last >= SLOTS {
                return None;
            }
            let [name, Value::Int(port), ..] = &master[..] else {
                return None;
            };
            let name = match name {
                Value::BulkString(name) => std::str::from_utf8(name).ok()?,
                Value::Nil => "",
                _ => return None,
            };
            // A node that knows no name of its own is reached as it was now.
            let name = if name.is_empty() || name == "?" {
                host
            } else {
                name
            };
            parsed.push((
                first,
                last,
                format!("{name}:{}", u16::try_from(*port).ok()?),
            ));
        }
        parsed.sort_unstable();
        Some(Self { ranges: parsed })
    }
}

/// Asks a node, by a connection of its own.
pub(super) async fn ask(server: &ConnectionInfo, most: Duration) -> Result<Topology, RedisError> {
    let address = server.addr().to_string();
    let host = match server.addr() {
        ConnectionAddr::Tcp(host, _) => host.as_str(),
        _ => "",
    };
    let asked = timeout(most, async {
        let connection = Connection::open(server, Purpose::Reads).await?;
        let mut commands = Pipeline::with_capacity(1);
        commands.cmd("CLUSTER").arg("SLOTS");
        let answers = connection.ask(&commands).await;
        answers.map_err(|error| RedisError::lost(&address, error))
    });
    let answers = asked
        .await
        .unwrap_or_else(|_elapsed| Err(RedisError::timed_out(&address, most)))?;
    match answers.first() {
        Some(Value::ServerError(error)) => Err(RedisError::refused(error)),
        Some(answer) => {
            Topology::parse(answer, host).ok_or_else(|| RedisError::protocol(&address, answer))
        }
        None => Err(RedisError::protocol(&address, &Value::Nil)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: i64, last: i64, name: &str, port: i64) -> Value {
        let master = vec![Value::BulkString(name.into()), Value::Int(port)];
        Value::Array(vec![
            Value::Int(first),
            Value::Int(last),
            Value::Array(master),
        ])
    }

    #[test]
    fn slots_have_owners_and_gaps_have_none() {
        let answer = Value::Array(vec![range(100, 16_383, "b", 2), range(0, 49, "a", 1)]);
        let topology = Topology::parse(&answer, "host").unwrap();
        assert_eq!(topology.owner(0), Some("a:1"));
        assert_eq!(topology.owner(49), Some("a:1"));
        assert_eq!(topology.owner(50), None);
        assert_eq!(topology.owner(100), Some("b:2"));
        assert_eq!(topology.owner(16_383), Some("b:2"));
        assert_eq!(topology.addresses(), ["a:1", "b:2"]);
        assert_eq!(Topology::default().owner(0), None);
    }

    #[test]
    fn a_node_without_a_name_is_reached_as_it_was() {
        let answer = Value::Array(vec![range(0, 1, "", 7_000), range(2, 3, "?", 7_001)]);
        let topology = Topology::parse(&answer, "host").unwrap();
        assert_eq!(topology.addresses(), ["host:7000", "host:7001"]);
    }

    #[test]
    fn an_answer_of_another_form_is_none() {
        let wrong = [
            Value::Nil,
            Value::Array(vec![Value::Nil]),
            Value::Array(vec![range(5, 4, "a", 1)]),
            Value::Array(vec![range(0, 16_384, "a", 1)]),
            Value::Array(vec![range(-1, 4, "a", 1)]),
            Value::Array(vec![range(0, 1, "a", 65_536)]),
        ];
        for answer in wrong {
            assert_eq!(Topology::parse(&answer, "host"), None, "{answer:?}");
        }
    }
}
