//! One vendor in the place of another: the formats that both speak, and the path under which the other one is asked.
//!
//! Formats are never translated: a request goes to a stand-in in the format that it came in.

use super::{Family, Format, Vendor, of_api_type, resolve};
use clawplane_domain::provider_key::ApiType;

/// The ends of paths of OpenAI's format that mean the same wherever they are. `chat/completions` ends as `completions`
/// does, so it stands before.
const OPENAI: [&str; 4] = ["chat/completions", "completions", "embeddings", "responses"];

/// The formats that two vendors have in common, as far as the table can tell: a key may say another one.
pub fn shared_formats(from: &Vendor, to: &Vendor) -> Vec<Format> {
    let of_to = formats(to);
    formats(from).iter().copied().filter(|format| of_to.contains(format)).collect()
}

fn formats(vendor: &Vendor) -> &'static [Format] {
    // The key's `apiType` decides.
    if vendor.id == "custom" {
        return &[
            Format::OpenAi,
            Format::OpenAiResponses,
            Format::Anthropic,
            Format::Gemini,
            Format::Cohere,
            Format::Ollama,
        ];
    }
    match vendor.family {
        Family::OpenAi => &[Format::OpenAi, Format::OpenAiResponses],
        Family::Anthropic => &[Format::Anthropic, Format::OpenAi],
        Family::Gemini => &[Format::Gemini, Format::OpenAi],
        Family::Cohere => &[Format::Cohere, Format::OpenAi],
        Family::Ollama => &[Format::Ollama, Format::OpenAi],
    }
}

/// The path under which a key of `to` is asked for what `path` asks another vendor for, in the same format; `model`
/// takes the place of the one in the path, where the format has it there. `None` where it cannot be asked.
pub(crate) fn path_at(
    to: &Vendor,
    api_type: Option<ApiType>,
    format: Format,
    path: &str,
    model: Option<&str>,
) -> Option<String> {
    let path = match (format, model) {
        (Format::OpenAi | Format::OpenAiResponses, _) => openai_path(to, api_type, path)?,
        (Format::Gemini, Some(model)) => gemini_path(path, model)?,
        _ => path.to_owned(),
    };
    (resolve(to, api_type, &path).format == format).then_some(path)
}

/// Whatever stands before the end is one vendor's version, prefix or deployment; the other one has its own.
fn openai_path(to: &Vendor, api_type: Option<ApiType>, path: &str) -> Option<String> {
    let is_end =
        |end: &&str| path.strip_suffix(end).is_some_and(|before| before.is_empty() || before.ends_with('/'));
    let end = OPENAI.into_iter().find(is_end)?;
    let family = api_type.map_or(to.family, |api_type| of_api_type(api_type).0);
    let before = match family {
        Family::Gemini => "openai/",
        // Where the model is in the body, not in the path.
        _ if to.id == "azure-openai" && api_type.is_none() => "openai/v1/",
        _ => "",
    };
    Some(format!("{before}{end}"))
}

/// `v1beta/models/{model}:method` with another model.
fn gemini_path(path: &str, model: &str) -> Option<String> {
    // What has a meaning of its own in a path, or would have to be escaped, no model of Google's has.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !model.bytes().all(plain) || model.starts_with('.') {
        return None;
    }
    let (before, name) = match path.rsplit_once('/') {
        Some((before, name)) if before == "models" || before.ends_with("/models") => (before, name),
        _ => return None,
    };
    let (_, method) = name.rsplit_once(':')?;
    Some(format!("{before}/{model}:{method}"))
}

#[cfg(test)]
mod tests;
