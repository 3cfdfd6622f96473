//! What a listener listens to: changes of keys by whomever, or what remote tiers say.

use redis::{Pipeline, PushInfo, PushKind, Value};
use std::sync::Arc;

#[derive(Clone)]
pub(super) enum Subject {
    /// What becomes of the keys with this prefix, as the server itself tells.
    Keys(Arc<[u8]>),
    /// What tiers say on a channel that they have changed, all but the one with this id, which stands
    /// before each key.
    Channel { name: Arc<[u8]>, own: [u8; 16] },
}

impl Subject {
    /// Asks the server to tell.
    pub(super) fn subscribe(&self) -> Pipeline {
        let mut command = Pipeline::with_capacity(1);
        match self {
            Self::Keys(prefix) => {
                let tracking = command.cmd("CLIENT").arg(&["TRACKING", "ON", "BCAST"]);
                if !prefix.is_empty() {
                    tracking.arg("PREFIX").arg(&**prefix);
                }
            }
            Self::Channel { name, .. } => {
                command.cmd("SUBSCRIBE").arg(&**name);
            }
        }
        command
    }

    /// Whether the server has agreed to.
    pub(super) fn is_agreed(&self, answer: &Value) -> bool {
        match (self, answer) {
            (Self::Keys(_), Value::Okay) => true,
            (Self::Channel { .. }, Value::Push { kind, .. }) => *kind == PushKind::Subscribe,
            _ => false,
        }
    }

    /// Calls `tell` with each key that a message names, or with nothing if it is all keys.
    pub(super) fn hear(&self, push: &PushInfo, tell: impl Fn(Option<&[u8]>)) {
        match (self, &push.kind, &push.data[..]) {
            (Self::Keys(_), PushKind::Invalidate, [Value::Array(keys), ..]) => {
                for key in keys {
                    match key {
                        Value::BulkString(key) => tell(Some(key)),
                        _ => tell(None),
                    }
                }
            }
            // The whole of it was flushed.
            (Self::Keys(_), PushKind::Invalidate, _) => tell(None),
            (Self::Channel { own, .. }, PushKind::Message, [_, Value::BulkString(message), ..]) => {
                if let Some((from, key)) = message.split_first_chunk()
                    && from != own
                {
                    tell(Some(key));
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    fn told(subject: &Subject, kind: PushKind, data: Vec<Value>) -> Vec<Option<Vec<u8>>> {
        let told = RefCell::default();
        let tell = |key: Option<&[u8]>| {
            let told: &RefCell<Vec<_>> = &told;
            told.borrow_mut().push(key.map(<[u8]>::to_vec));
        };
        subject.hear(&PushInfo { kind, data }, tell);
        told.into_inner()
    }

    fn bytes(bytes: &[u8]) -> Value {
        Value::BulkString(bytes.to_vec())
    }

    #[test]
    fn a_server_names_keys_or_means_all() {
        let subject = Subject::Keys(b"p:"[..].into());
        let keys = Value::Array(vec![bytes(b"p:1"), bytes(b"p:2")]);
        let all = [Some(b"p:1".to_vec()), Some(b"p:2".to_vec())];
        assert_eq!(told(&subject, PushKind::Invalidate, vec![keys]), all);
        assert_eq!(
            told(&subject, PushKind::Invalidate, vec![Value::Nil]),
            [None]
        );
        assert_eq!(
            told(
                &subject,
                PushKind::Message,
                vec![bytes(b"c"), bytes(b"p:1")]
            ),
            []
        );
    }

    #[test]
    fn a_tier_hears_of_others_and_not_of_itself() {
        let subject = Subject::Channel {
            name: b"c"[..].into(),
            own: [1; 16],
        };
        let message = |from: u8, key: &[u8]| {
            let message = [&[from; 16], key].concat();
            told(
                &subject,
                PushKind::Message,
                vec![bytes(b"c"), bytes(&message)],
            )
        };
        assert_eq!(message(1, b"key"), []);
        assert_eq!(message(2, b"key"), [Some(b"key".to_vec())]);
        assert_eq!(
            told(
                &subject,
                PushKind::Message,
                vec![bytes(b"c"), bytes(b"short")]
            ),
            []
        );
        assert_eq!(told(&subject, PushKind::Invalidate, vec![Value::Nil]), []);
    }
}
