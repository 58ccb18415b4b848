//! Lenient pieces of JSON: fields of another type than expected are as good as absent, counts may be strings.

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use std::{borrow::Cow, fmt};

/// A field that is absent when it is not what it should be, instead of making all of the text unreadable.
pub(super) fn soft<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?.get();
    // Serde would take an array for a struct, field by field.
    Ok(if raw.starts_with('[') { None } else { serde_json::from_str(raw).ok() })
}

/// The same for lists.
pub(super) fn soft_list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Vec<T>>, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?.get();
    Ok(serde_json::from_str(raw).ok())
}

/// A text, borrowed where it has no escapes.
#[derive(Debug, Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// Whether a field that tells of an error says that there is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fault(pub(super) bool);

impl<'de> Deserialize<'de> for Fault {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        Ok(Self(!matches!(raw, "null" | "false" | "\"\"" | "{}" | "[]" | "0")))
    }
}

/// A count of tokens. Whatever is not a number is no count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count(pub(super) Option<u64>);

impl Count {
    pub(super) fn or_zero(self) -> u64 {
        self.0.unwrap_or(0)
    }
    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0.or(other.0))
    }
    /// Of two states of a count that only grows, the later one.
    pub(super) fn grown(self, newer: Self) -> Self {
        Self(self.0.max(newer.0))
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CountVisitor)
    }
}

struct CountVisitor;

impl<'de> Visitor<'de> for CountVisitor {
    type Value = Count;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a count")
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<Count, E> {
        Ok(Count(Some(value)))
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<Count, E> {
        Ok(Count(u64::try_from(value).ok()))
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range")]
    fn visit_f64<E: Error>(self, value: f64) -> Result<Count, E> {
        Ok(Count((0.0..9e15).contains(&value).then_some(value as u64)))
    }
    fn visit_bool<E: Error>(self, _: bool) -> Result<Count, E> {
        Ok(Count(None))
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Count, E> {
        Ok(Count(text.trim().parse().ok()))
    }
    fn visit_unit<E: Error>(self) -> Result<Count, E> {
        Ok(Count(None))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Count, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Count(None))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Count, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Count(None))
    }
}

/// Bytes of all strings that stand under one of `keys`, at any depth: about what the model wrote.
pub(super) fn text_bytes(json: &[u8], keys: &'static [&'static str]) -> u64 {
    let mut total = 0;
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    // A text that ends early still counts as far as it goes.
    let _ = Walk { keys, counts: false, total: &mut total }.deserialize(&mut deserializer);
    total
}

struct Walk<'a> {
    keys: &'static [&'static str],
    counts: bool,
    total: &'a mut u64,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        if self.counts {
            *self.total += text.len() as u64;
        }
        Ok(())
    }
    crate::scalars::passed_over!();
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Self { keys, counts, total } = self;
        while seq.next_element_seed(Walk { keys, counts, total: &mut *total })?.is_some() {}
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { keys, total, .. } = self;
        while let Some(counts) = map.next_key_seed(IsOneOf(keys))? {
            map.next_value_seed(Walk { keys, counts, total: &mut *total })?;
        }
        Ok(())
    }
}

/// Whether a key is one of those that count.
struct IsOneOf(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for IsOneOf {
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for IsOneOf {
    type Value = bool;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }
    fn visit_str<E: Error>(self, key: &str) -> Result<bool, E> {
        Ok(self.0.contains(&key))
    }
}
