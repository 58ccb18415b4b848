//! What the proxy reads of a JSON request, and the one thing it may add to it.
//!
//! The bytes go on as they came; only where usage has to be asked for, `stream_options` is spliced in.

use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// What a request says about itself. Fields of other types than expected are as good as absent.
#[derive(Debug, Default, Deserialize)]
struct Peek<'a> {
    #[serde(borrow, default)]
    model: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "lenient")]
    stream: Option<bool>,
    #[serde(default, deserialize_with = "lenient")]
    max_tokens: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    max_completion_tokens: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    max_output_tokens: Option<u64>,
    /// `null` is there too: it has to be replaced, not doubled.
    #[serde(borrow, default, deserialize_with = "present")]
    stream_options: Option<&'a RawValue>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

fn lenient<'de, D: Deserializer<'de>, T: serde::de::DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(raw.get()).ok())
}

/// What was read of a request's body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The model.
    pub(crate) model: Option<String>,
    /// `"stream": true`; `None` when it does not say.
    pub(crate) stream: Option<bool>,
    /// The most tokens that the answer may have.
    pub(crate) max_output: Option<u64>,
    /// The client asked for the usage chunk itself.
    pub(crate) include_usage: bool,
}

#[derive(Deserialize)]
struct Options {
    #[serde(default)]
    include_usage: Option<bool>,
}

/// Reads a JSON body; of anything else nothing is known.
pub(crate) fn read(body: &[u8]) -> Asked {
    if !is_object(body) {
        return Asked::default();
    }
    let Ok(peek) = serde_json::from_slice::<Peek<'_>>(body) else { return Asked::default() };
    let options = peek.stream_options.and_then(|raw| serde_json::from_str::<Options>(raw.get()).ok());
    Asked {
        model: peek.model.map(Cow::into_owned),
        stream: peek.stream,
        max_output: peek.max_completion_tokens.or(peek.max_output_tokens).or(peek.max_tokens),
        include_usage: options.and_then(|options| options.include_usage).unwrap_or(false),
    }
}

/// Serde would take an array for a struct, field by field.
fn is_object(json: &[u8]) -> bool {
    json.trim_ascii_start().first() == Some(&b'{')
}

/// The body with `stream_options.include_usage` set to true; every other byte stays. `None` where that cannot be done.
pub(crate) fn ask_for_usage(body: &Bytes) -> Option<Bytes> {
    let text = std::str::from_utf8(body).ok().filter(|text| is_object(text.as_bytes()))?;
    let peek = serde_json::from_str::<Peek<'_>>(text).ok()?;
    let mut out = BytesMut::with_capacity(body.len() + 48);
    if let Some(raw) = peek.stream_options {
        let at = raw.get().as_ptr() as usize - text.as_ptr() as usize;
        let mut options: serde_json::Map<String, serde_json::Value> = match raw.get() {
            "null" => serde_json::Map::new(),
            object => serde_json::from_str(object).ok()?,
        };
        options.insert("include_usage".to_owned(), true.into());
        out.put_slice(&body[..at]);
        out.put_slice(&serde_json::to_vec(&options).ok()?);
        out.put_slice(&body[at + raw.get().len()..]);
        return Some(out.freeze());
    }
    let open = memchr::memchr(b'{', body)? + 1;
    out.put_slice(&body[..open]);
    out.put_slice(br#""stream_options":{"include_usage":true}"#);
    if !body[open..].trim_ascii_start().starts_with(b"}") {
        out.put_u8(b',');
    }
    out.put_slice(&body[open..]);
    Some(out.freeze())
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    model: &'a RawValue,
}

/// The body with this model, where there is one; every byte that is not the model's stays. `None` where the body names none, or
/// more than one.
pub(crate) fn with_model(body: &Bytes, model: Option<&str>) -> Option<Bytes> {
    let text = std::str::from_utf8(body).ok()?;
    let Named { model: raw } = serde_json::from_str(text).ok()?;
    serde_json::from_str::<Cow<'_, str>>(raw.get()).ok()?;
    let Some(model) = model else { return Some(body.clone()) };
    let at = raw.get().as_ptr() as usize - text.as_ptr() as usize;
    let name = serde_json::to_vec(model).ok()?;
    let mut out = BytesMut::with_capacity(body.len() + name.len());
    out.put_slice(&body[..at]);
    out.put_slice(&name);
    out.put_slice(&body[at + raw.get().len()..]);
    Some(out.freeze())
}

#[cfg(test)]
mod tests;
