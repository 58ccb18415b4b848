//! Models in the path and the query, as a vendor may read them: percent-decoded, without empty segments, in any case.

use super::{Judge, Unreadable, tells_a_model};
use http::Uri;
use percent_encoding::percent_decode_str;
use url::form_urlencoded;

/// What a path says beside models.
pub(super) struct Path {
    /// What is sent there runs no model, whatever is in it.
    pub(super) runs_no_model: bool,
    /// Anthropic's batches: each entry has a model of its own.
    pub(super) batch_of_messages: bool,
}

/// Segments that a model's name follows: Gemini's, Azure's, OpenAI's old one, Bedrock's.
const COLLECTIONS: [&str; 6] = ["models", "tunedmodels", "deployments", "engines", "endpoints", "model"];
/// Below `/api/v1/{vendor}/`.
const OURS: usize = 3;

/// Judges the models in the path and the query.
pub(super) fn read(judge: &mut Judge<'_>, uri: &Uri) -> Result<Path, Unreadable> {
    let mut segments = Vec::new();
    let mut encoded = false;
    for segment in uri.path().split('/').filter(|segment| !segment.is_empty()).skip(OURS) {
        encoded |= segment.contains('%');
        let segment = percent_decode_str(segment).decode_utf8().map_err(|_| "its path is not UTF-8")?;
        // What a second decoding, or a server that cuts path parameters, would read in another way.
        let odd =
            |c: char| matches!(c, '%' | '/' | '\\' | ';' | '?' | '#') || c.is_control() || c.is_whitespace();
        if segment.contains(odd) || matches!(&*segment, "." | "..") {
            return Err("its path can be read in two ways");
        }
        segments.push(segment);
    }
    for pair in segments.windows(2) {
        if COLLECTIONS.contains(&pair[0].to_ascii_lowercase().as_str()) {
            judge.path(&pair[1]);
        }
    }
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        if tells_a_model(&name) && !value.is_empty() {
            judge.name(&value);
        }
    }
    let plain: Vec<&str> =
        segments.iter().map(AsRef::as_ref).skip_while(|segment| is_version(segment)).collect();
    Ok(Path {
        runs_no_model: !encoded && !uri.path().contains("//") && runs_no_model(&plain),
        batch_of_messages: plain == ["messages", "batches"],
    })
}

impl Judge<'_> {
    /// A segment that is a model, with or without a method behind its last colon.
    fn path(&mut self, segment: &str) {
        self.named = true;
        let model = segment.rsplit_once(':').map_or(segment, |(model, _)| model);
        // Names may have colons of their own, such as `ft:gpt-4o:org`.
        if !self.access.allows_model(segment) {
            self.name(model);
        }
    }
}

/// What stands before the vendor's own path.
fn is_version(segment: &str) -> bool {
    let digit = segment.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
    segment == "openai" || (segment.starts_with('v') && digit)
}

/// Uploads, and the end of what is under way.
fn runs_no_model(path: &[&str]) -> bool {
    match path {
        ["files" | "uploads"]
        | ["uploads", _, "parts" | "complete" | "cancel"]
        | ["responses" | "batches", _, "cancel"]
        | ["messages", "batches", _, "cancel"] => true,
        ["upload", version, "files"] => is_version(version),
        _ => false,
    }
}
