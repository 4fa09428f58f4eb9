//! The line protocol of the bridge: one JSON object per line, each with one name in it that says what it is.
//!
//! `materials/bridge.md` tells all of it, with examples; it is a stable interface.

use std::sync::Arc;

use interregnum::{
    bus::{Heard, Kept, Kind, Message, Place, Stats},
    types::NodeId,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What a client says.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    Token(String),
    Join(JoinAsked),
    Send(SendAsked),
    History(HistoryAsked),
    Watch(WatchAsked),
    Play(PlayAsked),
    Hold(HoldAsked),
    Stats(StatsAsked),
    Leave(Nothing),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JoinAsked {
    pub room: String,
    #[serde(default)]
    pub name: Option<String>,
    /// It says nothing itself.
    #[serde(default)]
    pub listen: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendAsked {
    pub topic: String,
    pub data: Box<RawValue>,
    #[serde(default)]
    pub durable: bool,
    /// It wants to know what becomes of it.
    #[serde(default)]
    pub id: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryAsked {
    /// Only what stands behind this place.
    #[serde(default)]
    pub after: u64,
    /// The newest so many.
    #[serde(default)]
    pub limit: Option<usize>,
    #[serde(default)]
    pub topic: Option<String>,
    #[serde(default)]
    pub id: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchAsked {
    #[serde(default)]
    pub session: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlayAsked {
    #[serde(default)]
    pub session: Option<String>,
    #[serde(default)]
    pub name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldAsked {
    #[serde(default)]
    pub dx: i8,
    #[serde(default)]
    pub dy: i8,
    #[serde(default)]
    pub dash: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatsAsked {
    #[serde(default)]
    pub id: Option<u64>,
}

/// What the bridge says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    Bridge {
        version: &'static str,
    },
    Joined {
        me: NodeId,
        room: String,
        name: String,
    },
    Playing {
        me: NodeId,
        session: String,
        name: String,
    },
    Watching {
        session: String,
    },
    Message(MessageTold),
    Here {
        id: NodeId,
        name: String,
    },
    Gone {
        id: NodeId,
    },
    Host {
        id: NodeId,
        gap_ms: Option<f64>,
    },
    Missed {
        count: u64,
    },
    /// It has its place in the sequence of all.
    Said {
        id: u64,
    },
    Refused {
        id: Option<u64>,
        why: String,
    },
    History {
        id: Option<u64>,
        messages: Vec<MessageTold>,
    },
    Stats(StatsTold),
    Error {
        why: String,
    },
}

#[derive(Debug, Serialize)]
pub struct MessageTold {
    pub from: NodeId,
    pub name: String,
    pub topic: Arc<str>,
    pub data: Box<RawValue>,
    pub durable: bool,
    pub mine: bool,
    pub place: u64,
    pub reign: u64,
    pub sent_ms: u32,
    /// When it was heard, in milliseconds of the bridge's clock; absent in a history.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heard_ms: Option<f64>,
    /// When it was written down, in seconds since 1970; only in a history.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wall: Option<u64>,
}

#[derive(Debug, Serialize)]
pub struct StatsTold {
    pub id: Option<u64>,
    pub sent: u64,
    pub acknowledged: u64,
    pub refused: u64,
    pub outdated_unsent: u64,
    pub outdated_unread: u64,
    pub heard: u64,
    pub unread: usize,
    pub bytes_sent: u64,
    pub bytes_received: u64,
}

impl Told {
    /// As a line, with its end.
    pub fn line(&self) -> String {
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.push('\n');
        line
    }

    /// What was heard on a bus by this one; none: its data are no JSON.
    pub fn heard(me: NodeId, heard: Heard) -> Option<Self> {
        Some(match heard {
            Heard::Message(message) => Told::Message(MessageTold::of(me, message)?),
            Heard::Here { id, name } => Told::Here { id, name: name.to_string() },
            Heard::Gone { id } => Told::Gone { id },
            Heard::Host { id, gap } => {
                Told::Host { id, gap_ms: gap.map(|gap| gap.as_secs_f64() * 1_000.0) }
            }
            Heard::Missed { count } => Told::Missed { count },
        })
    }

    pub fn stats(id: Option<u64>, stats: Stats, bytes: (u64, u64)) -> Self {
        let Stats { sent, acknowledged, refused, outdated_unsent, outdated_unread, heard, unread } =
            stats;
        Told::Stats(StatsTold {
            id,
            sent,
            acknowledged,
            refused,
            outdated_unsent,
            outdated_unread,
            heard,
            unread,
            bytes_sent: bytes.0,
            bytes_received: bytes.1,
        })
    }
}

impl MessageTold {
    fn of(me: NodeId, message: Message) -> Option<Self> {
        let Message { from, name, kind, topic, data, place, sent_ms, heard_at, .. } = message;
        Some(Self {
            from,
            name: name.to_string(),
            topic,
            data: raw(&data)?,
            durable: kind == Kind::Durable,
            mine: from == me,
            place: place.place,
            reign: place.reign,
            sent_ms,
            heard_ms: Some(heard_at.0 as f64 / 1_000.0),
            wall: None,
        })
    }

    pub fn kept(me: NodeId, place: Place, kept: &Kept) -> Option<Self> {
        Some(Self {
            from: kept.by,
            name: kept.name.to_string(),
            topic: kept.said.topic.clone(),
            data: raw(&kept.said.data)?,
            durable: true,
            mine: kept.by == me,
            place: place.place,
            reign: place.reign,
            sent_ms: kept.said.at_ms,
            heard_ms: None,
            wall: Some(kept.wall),
        })
    }
}

/// Whoever says something elsewhere may say what is no JSON, or stands on two lines: that is not passed on so.
fn raw(data: &str) -> Option<Box<RawValue>> {
    match data.contains(['\n', '\r']) {
        false => serde_json::from_str(data).ok(),
        true => {
            let value: serde_json::Value = serde_json::from_str(data).ok()?;
            serde_json::value::to_raw_value(&value).ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_may_say_is_read_and_nothing_else() {
        for line in [
            r#"{"token":"abc"}"#,
            r#"{"join":{"room":"kitchen"}}"#,
            r#"{"join":{"room":"kitchen","name":"Ada","listen":true}}"#,
            r#"{"send":{"topic":"soup","data":{"is":["ready"]},"durable":true,"id":7}}"#,
            r#"{"history":{"after":3,"limit":10,"topic":"soup"}}"#,
            r#"{"history":{}}"#,
            r#"{"watch":{}}"#,
            r#"{"play":{"session":"lan","name":"Ada"}}"#,
            r#"{"hold":{"dx":-1,"dash":true}}"#,
            r#"{"stats":{}}"#,
            r#"{"leave":{}}"#,
        ] {
            assert!(serde_json::from_str::<Asked>(line).is_ok(), "{line}");
        }
        for line in [
            "",
            "{}",
            "nonsense",
            r#"{"join":{}}"#,
            r#"{"join":{"room":"a","colour":1}}"#,
            r#"{"send":{"topic":"soup"}}"#,
            r#"{"hold":{"dx":999}}"#,
            r#"{"join":{"room":"a"},"leave":{}}"#,
        ] {
            assert!(serde_json::from_str::<Asked>(line).is_err(), "{line}");
        }
    }

    #[test]
    fn what_others_say_on_two_lines_stands_on_one() {
        assert_eq!(raw("[1,\n2]").unwrap().get(), "[1,2]");
        assert_eq!(raw("[1, 2]").unwrap().get(), "[1, 2]");
        assert!(raw("[1").is_none());
    }
}
