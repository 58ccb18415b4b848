//! Models in a JSON body: every one of them, at any depth, of doubled keys too, but not what is talked about.

use super::{Judge, Unreadable, tells_a_model};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::{borrow::Cow, fmt};

/// What is under these, as fields of a request, is for the model and not about it.
const CONTENT: [&str; 7] = ["messages", "message", "input", "inputs", "system", "documents", "tool_results"];
/// The same wherever they stand. (A schema's `properties` are names that a tool chose.)
const EVERYWHERE: [&str; 5] = ["content", "contents", "parts", "properties", "metadata"];

/// Judges the models in a body. `nested`: they stand in its entries only.
pub(super) fn read(judge: &mut Judge<'_>, json: &[u8], nested: bool) -> Result<(), Unreadable> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let walk = Walk { judge, nested, depth: 0, names: false, own: false };
    let read = walk.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    read.map_err(|_| "its body is not JSON")
}

struct Walk<'a, 'b> {
    judge: &'a mut Judge<'b>,
    /// It is a batch, whose entries are the requests.
    nested: bool,
    depth: usize,
    /// Strings here and below are names of models.
    names: bool,
    /// A string here is the request's own model.
    own: bool,
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        if self.names && !text.is_empty() {
            self.judge.name(text);
            self.judge.named |= self.own;
        }
        Ok(())
    }
    crate::scalars::passed_over!();
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Self { judge, nested, depth, names, .. } = self;
        loop {
            let entry = Walk { judge: &mut *judge, nested, depth: depth + 1, names, own: false };
            if seq.next_element_seed(entry)?.is_none() {
                return Ok(());
            }
        }
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { judge, nested, depth, names, .. } = self;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            let of_request = depth == 0 || nested;
            if !names && (EVERYWHERE.contains(&&*key) || of_request && CONTENT.contains(&&*key)) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            // Only the exact word makes a vendor take it: `Model` may be nothing to it, and its default be run.
            let own = of_request && key == "model";
            let names = names || tells_a_model(&key);
            map.next_value_seed(Walk { judge: &mut *judge, nested, depth: depth + 1, names, own })?;
        }
        Ok(())
    }
}
