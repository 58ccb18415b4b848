//! What a client sends: its body, its headers, its query.

use crate::{credentials as places, headers, request as body};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};
use url::form_urlencoded;

/// What is read of a request is what its JSON says, and asking for usage changes nothing else in it.
pub fn request(data: &[u8]) {
    let asked = body::read(data);
    let object = serde_json::from_slice::<Map<String, Value>>(data).ok();
    if let Some(model) = &asked.model {
        let said = object.as_ref().and_then(|object| object.get("model")).and_then(Value::as_str);
        // A text that is no JSON as a whole is none for the vendor either.
        assert!(object.is_none() || said == Some(model), "{model:?} is not {said:?}");
    }
    let Some(out) = body::ask_for_usage(&Bytes::copy_from_slice(data)) else { return };
    let after = body::read(&out);
    assert_eq!(after, body::Asked { include_usage: true, ..asked }, "{}", out.escape_ascii());
    let Some(mut before) = object else { return };
    let mut after: Map<String, Value> = serde_json::from_slice(&out).unwrap_or_default();
    let options = after.remove("stream_options").unwrap_or_default();
    let mut wanted = match before.remove("stream_options") {
        Some(Value::Object(options)) => options,
        _ => Map::new(),
    };
    wanted.insert("include_usage".to_owned(), true.into());
    assert_eq!(options, Value::Object(wanted));
    assert_eq!(after, before, "the rest is as it was");
}

/// No credential of the client's goes on, and nothing else is missing. The first line is the query, each other a header.
pub fn credentials(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let query = lines.next().and_then(|query| std::str::from_utf8(query).ok());
    let mut map = HeaderMap::new();
    for line in lines.take(64) {
        let mut halves = line.splitn(2, |byte| *byte == b':');
        let name = halves.next().and_then(|name| HeaderName::from_bytes(name).ok());
        let value = halves.next().and_then(|value| HeaderValue::from_bytes(value.trim_ascii()).ok());
        if let (Some(name), Some(value)) = (name, value) {
            map.append(name, value);
        }
    }
    for token in places::candidates(&map, query) {
        assert!(!token.is_empty() && token.len() <= 512);
    }
    places::strip_headers(&mut map);
    headers::to_upstream(&mut map);
    for name in ["authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie", "proxy-authorization"] {
        assert!(!map.contains_key(name), "{name}");
    }
    for name in
        ["connection", "transfer-encoding", "upgrade", "host", "content-length", "expect", "keep-alive"]
    {
        assert!(!map.contains_key(name), "{name}");
    }
    assert!(map.get("te").is_none_or(|te| te == "trailers"));
    assert_eq!(map.get_all("accept-encoding").iter().collect::<Vec<_>>(), ["identity"]);
    stripped_query(query);
}

fn stripped_query(query: Option<&str>) {
    let pairs = |query: &str| -> Vec<(String, String)> {
        form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    };
    let before = query.map(pairs).unwrap_or_default();
    let stripped = places::strip_query(query);
    let after = stripped.as_deref().map(pairs).unwrap_or_default();
    let wanted: Vec<_> = before.into_iter().filter(|(name, _)| name != "key").collect();
    assert_eq!(after, wanted);
}
