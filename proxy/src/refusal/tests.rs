use super::*;

fn answer(refusal: &Refusal, format: Format) -> (Response<Bytes>, Value) {
    let response = refusal.response(format);
    let body = serde_json::from_slice(response.body()).unwrap();
    (response, body)
}

#[test]
fn each_sdk_gets_its_own_form_with_the_same_code() {
    let refusal = Refusal::quota("dailyTokens", 90);
    let (response, openai) = answer(&refusal, Format::OpenAi);
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["retry-after"], "90");
    assert_eq!(response.headers()["x-should-retry"], "false");
    assert_eq!(openai["error"]["code"], "quota_exceeded");
    assert_eq!(openai["error"]["type"], "rate_limit_error");
    let (_, anthropic) = answer(&refusal, Format::Anthropic);
    assert_eq!(
        (&anthropic["type"], &anthropic["error"]["type"]),
        (&json!("error"), &json!("rate_limit_error"))
    );
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
    assert!(!retry(Refusal::no_key("openai")));
    assert!(!retry(Refusal::unknown_token()));
}

#[test]
fn a_missing_key_names_the_remedy() {
    assert!(Refusal::no_key("groq").message.contains("POST /api/provider-key"));
    assert!(!Refusal::unknown_vendor("a\r\nb").message.contains('\n'));
}
