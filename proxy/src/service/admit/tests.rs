use super::*;

#[test]
fn what_costs_tokens_is_told_from_what_does_not() {
    for path in [
        "chat/completions",
        "responses",
        "v1/messages",
        "models/g:streamGenerateContent",
        "v2/chat",
        "api/generate",
    ] {
        assert!(is_generative(path), "{path}");
    }
    for path in [
        "models",
        "files",
        "v1/messages/count_tokens",
        "models/g:countTokens",
        "responses/r/cancel",
        "batches",
        "",
    ] {
        assert!(!is_generative(path), "{path}");
    }
}

#[test]
fn a_model_is_found_in_the_path() {
    assert_eq!(
        model_in("/api/v1/google/v1beta/models/gemini-2.5-pro:generateContent").as_deref(),
        Some("gemini-2.5-pro")
    );
    assert_eq!(
        model_in("/api/v1/azure-openai/openai/deployments/mine/chat/completions").as_deref(),
        Some("mine")
    );
    assert_eq!(model_in("/api/v1/openai/chat/completions"), None);
    assert_eq!(model_in("/api/v1/openai/models"), None);
}

#[test]
fn azures_version_is_read_from_the_query() {
    let version = |text: &'static str| api_version(&Uri::from_static(text)).map(str::to_owned);
    assert_eq!(version("/a?x=1&api-version=2024-10-21").as_deref(), Some("2024-10-21"));
    assert_eq!(version("/a?api-version=1"), None);
    assert_eq!(version("/a"), None);
}
