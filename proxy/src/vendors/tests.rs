use super::*;
use std::collections::HashSet;

/// Where `path` of `vendor` goes, and what it means there.
fn to(vendor: &str, base: Option<&str>, path: &str) -> (String, Format, Auth) {
    let row = find(vendor).unwrap();
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let route = resolve(row, None, path);
    let key = base.map(|base| Endpoint::parse(base).unwrap());
    let destination = destination(row, &route, key.as_ref(), path, query).unwrap();
    (destination.to_string(), route.format, route.auth)
}

#[test]
fn every_row_is_sound() {
    let mut seen = HashSet::new();
    for vendor in table() {
        assert!(seen.insert(vendor.id), "{} twice", vendor.id);
        assert!(vendor.id.parse::<clawplane_domain::values::VendorId>().is_ok(), "{}", vendor.id);
        if let Some(base) = vendor.base_url {
            assert!(base.parse::<clawplane_domain::values::BaseUrl>().is_ok(), "{base}");
            assert!(Endpoint::parse(base).is_some(), "{base}");
        }
    }
    assert_eq!(table().len(), 33);
    let without: Vec<_> =
        table().iter().filter(|vendor| vendor.needs_base_url()).map(|vendor| vendor.id).collect();
    assert_eq!(without, ["azure-openai", "custom"]);
    assert!(find("nobody").is_none());
}

#[test]
fn the_path_is_appended_and_the_query_survives() {
    let openai = to("openai", None, "chat/completions?a=%20b&c");
    assert_eq!(openai.0, "https://api.openai.com/v1/chat/completions?a=%20b&c");
    assert_eq!((openai.1, openai.2), (Format::OpenAi, Auth::Bearer));
    assert_eq!(to("openai", None, "responses").1, Format::OpenAiResponses);
    assert_eq!(
        to("zhipu", None, "chat/completions").0,
        "https://open.bigmodel.cn/api/paas/v4/chat/completions"
    );
    assert_eq!(to("openai", None, "v1/models").0, "https://api.openai.com/v1/models", "no version twice");
    let azure = to(
        "azure-openai",
        Some("https://me.openai.azure.com"),
        "openai/deployments/d/chat/completions?api-version=1",
    );
    assert_eq!(azure.0, "https://me.openai.azure.com/openai/deployments/d/chat/completions?api-version=1");
    assert_eq!(azure.2, Auth::Header("api-key"));
}

#[test]
fn anthropic_takes_its_version_from_the_path() {
    let native = to("anthropic", None, "v1/messages");
    assert_eq!(
        native,
        ("https://api.anthropic.com/v1/messages".into(), Format::Anthropic, Auth::Header("x-api-key"))
    );
    assert_eq!(to("anthropic", None, "messages").0, "https://api.anthropic.com/v1/messages");
    let chat = to("anthropic", None, "v1/chat/completions");
    assert_eq!((chat.1, chat.2), (Format::OpenAi, Auth::Bearer));
}

#[test]
fn the_clients_version_wins_at_google() {
    let host = "https://generativelanguage.googleapis.com";
    let native = to("google", None, "models/g:generateContent");
    assert_eq!(
        native,
        (format!("{host}/v1beta/models/g:generateContent"), Format::Gemini, Auth::Header("x-goog-api-key"))
    );
    assert_eq!(to("google", None, "v1/models/g:x?alt=sse").0, format!("{host}/v1/models/g:x?alt=sse"));
    assert_eq!(to("google", None, "upload/v1beta/files").0, format!("{host}/upload/v1beta/files"));
    let with_version = Some("https://generativelanguage.googleapis.com/v1beta");
    assert_eq!(to("google", with_version, "models/g:x").0, format!("{host}/v1beta/models/g:x"));
    assert_eq!(to("google", with_version, "v1/models/g:x").0, format!("{host}/v1/models/g:x"));
    let chat = to("google", None, "v1beta/openai/chat/completions");
    assert_eq!((chat.1, chat.2), (Format::OpenAi, Auth::Bearer));
}

#[test]
fn cohere_and_ollama_have_two_faces() {
    assert_eq!(
        to("cohere", None, "v2/chat"),
        ("https://api.cohere.com/v2/chat".into(), Format::Cohere, Auth::Bearer)
    );
    let compatible = "https://api.cohere.ai/compatibility/v1/chat/completions";
    assert_eq!(to("cohere", None, "chat/completions").0, compatible);
    assert_eq!(to("cohere", None, "compatibility/v1/chat/completions").0, compatible);
    assert_eq!(to("cohere", None, "chat/completions").1, Format::OpenAi);
    assert_eq!(to("ollama", None, "api/chat").1, Format::Ollama);
    let chat = to("ollama", None, "chat/completions");
    assert_eq!(chat, ("http://localhost:11434/v1/chat/completions".into(), Format::OpenAi, Auth::None));
    assert_eq!(to("ollama", None, "v1/chat/completions").0, chat.0);
}

#[test]
fn a_custom_key_brings_its_format() {
    let row = find("custom").unwrap();
    let route = resolve(row, Some(ApiType::Anthropic), "v1/messages");
    assert_eq!((route.format, route.auth), (Format::Anthropic, Auth::Header("x-api-key")));
    let nowhere = destination(row, &route, None, "v1/messages", None);
    assert!(nowhere.unwrap_err().to_string().contains("no base URL"));
}

#[test]
fn no_path_leaves_its_base_url() {
    let row = find("openai").unwrap();
    for path in ["../admin", "a/../../b", "%2e%2E/x", "a/.%2e", "./x"] {
        let route = resolve(row, None, path);
        assert!(destination(row, &route, None, path, None).is_err(), "{path}");
    }
    let route = resolve(row, None, "models/a..b");
    assert!(destination(row, &route, None, "models/a..b", None).is_ok());
}
