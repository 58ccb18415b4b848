//! `allowedModels`: whether a request asks for nothing but models that its bot may use.
//!
//! Whatever cannot be read is refused: a vendor may read it in another way than we do. So a request names its model in a
//! JSON body or in its path, every name that stands anywhere in it is judged, and what runs no model is a short list.

mod body;
mod place;

use crate::refusal::Refusal;
use bytes::Bytes;
use clawplane_domain::bot::Access;
use http::{HeaderMap, Method, header, request::Parts};

/// Headers that make another method of the one that is seen.
const OVERRIDES: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];

/// Judges the names of a request, one after the other, without keeping them.
struct Judge<'a> {
    access: &'a Access,
    /// The first that is not allowed.
    refused: Option<String>,
    /// The request's own model was among them.
    named: bool,
}

/// Why a request cannot be judged.
type Unreadable = &'static str;

impl Judge<'_> {
    fn name(&mut self, model: &str) {
        // Google writes `models/<model>` in bodies and `<model>` in paths.
        let plain = model.strip_prefix("models/").unwrap_or(model);
        let allowed = self.access.allows_model(model) || self.access.allows_model(plain);
        if !allowed && self.refused.is_none() {
            self.refused = Some(model.to_owned());
        }
    }
}

/// Whether a name says what model is meant: `model`, `modelId`, `fallback_models`, ...
fn tells_a_model(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("model")
        || name.contains("fallback")
        || matches!(name.as_str(), "engine" | "deployment" | "deployment_id" | "preset" | "agent" | "from")
}

/// Refuses a request that asks for a model which is not allowed, or does not say which. `body` is what was held of it;
/// `None` is one that was not read, an empty one is none.
pub(crate) fn check(access: &Access, parts: &Parts, body: Option<&Bytes>) -> Result<(), Refusal> {
    if access.allowed_models.is_none() {
        return Ok(());
    }
    let mut judge = Judge { access, refused: None, named: false };
    let read = read(&mut judge, parts, body);
    // What is surely forbidden is said first: it tells more.
    match (judge.refused, read) {
        (Some(model), _) => Err(Refusal::model_not_allowed(&model)),
        (None, Err(why)) => Err(Refusal::model_unknown(why)),
        (None, Ok(())) => Ok(()),
    }
}

fn read(judge: &mut Judge<'_>, parts: &Parts, body: Option<&Bytes>) -> Result<(), Unreadable> {
    let path = place::read(judge, &parts.uri)?;
    of_headers(judge, &parts.headers)?;
    let bodyless = body.is_some_and(Bytes::is_empty);
    match parts.method {
        _ if path.runs_no_model => return Ok(()),
        // Lists and old answers.
        Method::GET | Method::HEAD | Method::OPTIONS | Method::DELETE if bodyless => return Ok(()),
        Method::POST => {}
        _ => return Err("only a POST may have a body"),
    }
    if !bodyless {
        is_plain_json(&parts.headers)?;
        let body = body.ok_or("its body is not JSON")?;
        body::read(judge, body, path.batch_of_messages)?;
    }
    if judge.named { Ok(()) } else { Err("it names no model") }
}

fn of_headers(judge: &mut Judge<'_>, headers: &HeaderMap) -> Result<(), Unreadable> {
    for (name, value) in headers {
        if OVERRIDES.contains(&name.as_str()) {
            return Err("a header changes its method");
        }
        if tells_a_model(name.as_str()) && *name != header::FROM || name.as_str().contains("-deployment") {
            judge.name(value.to_str().map_err(|_| "a header that names a model is no text")?);
        }
    }
    Ok(())
}

/// One type, and no other alphabet: the same bytes would be another JSON in it.
fn is_plain_json(headers: &HeaderMap) -> Result<(), Unreadable> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let first = types.next();
    if types.next().is_some() {
        return Err("it has more than one content-type");
    }
    let text = first.map_or(Ok(""), |value| value.to_str()).map_err(|_| "its content-type is no text")?;
    let charset = text.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let mut charset = charset.filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    if charset.any(|(_, value)| !value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")) {
        return Err("its charset is not utf-8");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
