//! Finds usage at the end of a JSON text whose beginning was not kept.

/// Keys that usage stands under, and what goes with it.
const NAMES: [&str; 10] = [
    "usage",
    "usageMetadata",
    "usage_info",
    "meta",
    "prompt_eval_count",
    "eval_count",
    "model",
    "modelVersion",
    "service_tier",
    "done",
];

/// An object of the last values under these keys; `None` where there is no usage.
pub(super) fn usage(tail: &[u8]) -> Option<Vec<u8>> {
    let mut object = vec![b'{'];
    let mut some = false;
    for (at, name) in NAMES.iter().enumerate() {
        let Some(value) = last_value(tail, name) else { continue };
        some |= at < 6;
        if object.len() > 1 {
            object.push(b',');
        }
        object.extend_from_slice(format!("\"{name}\":{value}").as_bytes());
    }
    object.push(b'}');
    some.then_some(object)
}

/// The value of the last place where `name` is a key with a whole value. In a text that a model wrote the quotation
/// marks are escaped, so that it is not mistaken for one.
fn last_value<'a>(tail: &'a [u8], name: &str) -> Option<&'a str> {
    let key = format!("\"{name}\"");
    let at = memchr::memmem::rfind(tail, key.as_bytes())?;
    let rest = tail[at + key.len()..].trim_ascii_start().strip_prefix(b":")?;
    let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<&serde_json::value::RawValue>();
    values.next()?.ok().map(serde_json::value::RawValue::get)
}
