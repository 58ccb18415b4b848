use super::*;

#[test]
fn a_path_says_what_is_asked() {
    for (path, operation) in [
        ("chat/completions", Operation::Chat),
        ("openai/deployments/x/chat/completions", Operation::Chat),
        ("v1/messages", Operation::Chat),
        ("responses", Operation::Chat),
        ("api/chat", Operation::Chat),
        ("completions", Operation::TextCompletion),
        ("v2/embed", Operation::Embeddings),
        ("v1beta/models/gemini-2.5-flash:streamGenerateContent", Operation::GenerateContent),
        ("v1beta/models/gemini-embedding-001:embedContent", Operation::Embeddings),
        ("images/generations", Operation::Other),
        ("", Operation::Other),
    ] {
        assert_eq!(Operation::of(path), operation, "{path}");
    }
}

#[test]
fn a_vendors_refusal_has_a_code_of_a_closed_list() {
    let codes: Vec<_> = [200, 302, 400, 401, 403, 404, 429, 500, 529, 999].map(vendor_code).into();
    let (key, request, failed) =
        (Some("vendor_key_refused"), Some("vendor_refused_request"), Some("vendor_failed"));
    let wanted =
        [None, None, request, key, key, request, Some("vendor_rate_limited"), failed, failed, failed];
    assert_eq!(codes, wanted);
}

#[test]
fn whence_is_bounded() {
    let mut headers = HeaderMap::new();
    headers.insert("traceparent", "x".repeat(1000).parse().unwrap());
    let whence = Whence::new(&headers, &"https://api.example.com:8443/v1?key=secret".parse().unwrap());
    assert_eq!(whence.traceparent, None);
    assert_eq!((whence.server.as_deref(), whence.port), (Some("api.example.com"), Some(8443)));
}
