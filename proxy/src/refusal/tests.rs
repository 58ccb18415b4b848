use super::*;

fn lacking(lack: Lack) -> Refusal {
    let exceeded = Exceeded { limit: "dailyTokens", of: 5, lack, retry_after: 90 };
    Refusal::quota(&Refused { exceeded, owner: Owner::Tenant, rates: Rates::default() })
}

fn answer(refusal: &Refusal, format: Format) -> (Response<Bytes>, Value) {
    let response = refusal.response(format);
    let body = serde_json::from_slice(response.body()).unwrap();
    (response, body)
}

#[test]
fn each_sdk_gets_its_own_form_with_the_same_code() {
    let refusal = lacking(Lack::Window);
    let (response, openai) = answer(&refusal, Format::OpenAi);
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["retry-after"], "90");
    assert_eq!(response.headers()["x-should-retry"], "false");
    assert_eq!(openai["error"]["code"], "quota_exceeded");
    assert_eq!(openai["error"]["type"], "insufficient_quota");
    assert_eq!(openai["error"]["message"], "the tenant's quota is used up: dailyTokens is 5");
    let (_, anthropic) = answer(&refusal, Format::Anthropic);
    assert_eq!((&anthropic["type"], &anthropic["error"]["type"]), (&json!("error"), &json!("billing_error")));
    let (_, gemini) = answer(&refusal, Format::Gemini);
    assert_eq!(
        (&gemini["error"]["code"], &gemini["error"]["status"]),
        (&json!(429), &json!("RESOURCE_EXHAUSTED"))
    );
    assert_eq!(gemini["error"]["details"][0]["reason"], "quota_exceeded");
    assert!(answer(&refusal, Format::Ollama).1["error"].is_string());
    assert!(answer(&refusal, Format::Cohere).1["message"].is_string());
}

#[test]
fn only_what_passes_by_itself_is_retried() {
    let retry =
        |refusal: Refusal| answer(&refusal, Format::OpenAi).0.headers().get("x-should-retry").is_none();
    assert!(retry(Refusal::spool()));
    assert!(retry(lacking(Lack::Rate)) && retry(lacking(Lack::Held)));
    assert!(!retry(lacking(Lack::Window)));
    assert!(!retry(Refusal::unknown_price(Owner::Bot, None)));
    assert!(!retry(Refusal::no_key("openai")));
    assert!(!retry(Refusal::unknown_token()));
}

#[test]
fn a_rate_limit_is_no_used_up_quota() {
    for lack in [Lack::Rate, Lack::Held] {
        let (response, body) = answer(&lacking(lack), Format::OpenAi);
        assert_eq!(
            (response.status().as_u16(), &response.headers()["retry-after"]),
            (429, &"90".parse().unwrap())
        );
        assert_eq!(body["error"]["type"], "rate_limit_error");
        assert_eq!(body["error"]["code"], "rate_limit_exceeded");
    }
}

#[test]
fn a_missing_key_names_the_remedy() {
    assert!(Refusal::no_key("groq").message.contains("POST /api/provider-key"));
    assert!(!Refusal::unknown_vendor("a\r\nb").message.contains('\n'));
}

/// Where each format has message and code.
const PLACES: [(Format, &str, &str); 6] = [
    (Format::OpenAi, "/error/message", "/error/code"),
    (Format::OpenAiResponses, "/error/message", "/error/code"),
    (Format::Anthropic, "/error/message", "/error/code"),
    (Format::Gemini, "/error/message", "/error/details/0/reason"),
    (Format::Cohere, "/message", "/code"),
    (Format::Ollama, "/error", "/code"),
];

#[test]
fn every_refusal_says_message_and_code_in_every_format() {
    let refusals = [
        (Refusal::unknown_token(), 401, "invalid_token", "authentication_error", "UNAUTHENTICATED"),
        (Refusal::expired_token(), 401, "token_expired", "authentication_error", "UNAUTHENTICATED"),
        (Refusal::not_found(), 404, "not_found", "not_found_error", "NOT_FOUND"),
        (Refusal::unknown_vendor("x"), 404, "unknown_vendor", "not_found_error", "NOT_FOUND"),
        (Refusal::no_key("openai"), 400, "no_provider_key", "invalid_request_error", "INVALID_ARGUMENT"),
        (lacking(Lack::Rate), 429, "rate_limit_exceeded", "rate_limit_error", "RESOURCE_EXHAUSTED"),
        (
            Refusal::no_healthy_key("openai", "k", None),
            503,
            "no_healthy_key",
            "overloaded_error",
            "UNAVAILABLE",
        ),
        (
            Refusal::unknown_price(Owner::Bot, None),
            403,
            "unknown_price",
            "permission_error",
            "PERMISSION_DENIED",
        ),
        (Refusal::too_large(1), 413, "request_too_large", "request_too_large", "INVALID_ARGUMENT"),
        (Refusal::spool(), 503, "spool_unavailable", "overloaded_error", "UNAVAILABLE"),
        (Refusal::overloaded(), 503, "overloaded", "overloaded_error", "UNAVAILABLE"),
        (Refusal::stopping(), 503, "proxy_stopped", "overloaded_error", "UNAVAILABLE"),
        (Refusal::new(StatusCode::FORBIDDEN, "f", "m"), 403, "f", "permission_error", "PERMISSION_DENIED"),
        (Refusal::new(StatusCode::BAD_GATEWAY, "b", "m"), 502, "b", "api_error", "UNAVAILABLE"),
        (Refusal::new(StatusCode::GATEWAY_TIMEOUT, "g", "m"), 504, "g", "timeout_error", "DEADLINE_EXCEEDED"),
    ];
    for (refusal, status, code, kind, google) in refusals {
        for (format, message, place) in PLACES {
            let (response, body) = answer(&refusal, format);
            let label = format!("{code} for {format:?}: {body}");
            assert_eq!(response.status().as_u16(), status, "{label}");
            assert_eq!(response.headers()["content-type"], "application/json", "{label}");
            assert_eq!(body.pointer(message), Some(&json!(refusal.message)), "{label}");
            assert_eq!(body.pointer(place), Some(&json!(code)), "{label}");
            let kinds = match format {
                Format::Gemini => (body.pointer("/error/status"), json!(google)),
                Format::Cohere | Format::Ollama => continue,
                _ => (body.pointer("/error/type"), json!(kind)),
            };
            assert_eq!(kinds.0, Some(&kinds.1), "{label}");
        }
    }
}

#[test]
fn every_code_is_explained_to_users() {
    let page = include_str!("../../../docs/PROXY.md");
    let sources = [
        include_str!("../refusal.rs"),
        include_str!("../forward.rs"),
        include_str!("../intake.rs"),
        include_str!("../body.rs"),
        include_str!("../flight.rs"),
        include_str!("../service/admit.rs"),
    ];
    let words = sources.iter().flat_map(|source| source.split('"').skip(1).step_by(2));
    let is_code = |word: &&str| {
        let families = [
            "upstream_",
            "request_",
            "provider_key_",
            "spool_",
            "proxy_",
            "client_",
            "no_",
            "quota_",
            "rate_limit_ex",
            "unknown_",
            "vendor_",
            "model_",
        ];
        let snake = word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        // That is a kind of the vendors', not a code of ours.
        snake && *word != "rate_limit_error" && families.iter().any(|family| word.starts_with(family))
    };
    let codes: std::collections::BTreeSet<&str> = words.filter(is_code).collect();
    assert!(codes.len() > 12, "the search itself works: {codes:?}");
    let missing: Vec<_> = codes.iter().filter(|code| !page.contains(&format!("`{code}`"))).collect();
    assert!(missing.is_empty(), "docs/PROXY.md says nothing of {missing:?}");
}
