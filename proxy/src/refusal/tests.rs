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
