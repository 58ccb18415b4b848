use super::*;
use pretty_assertions::assert_eq;

fn redact(text: &str) -> String {
    Redactor::default().redact(text).into_owned()
}

#[test]
fn every_form_is_a_pattern() {
    assert_eq!(PATTERNS.len(), 5, "one of them cannot be read");
}

#[test]
fn what_is_known_goes_wherever_it_stands() {
    let redactor = Redactor::knowing([Secret::new("plain-word".into()), Secret::new(String::new())]);
    assert_eq!(redactor.redact("xplain-wordx plain-word"), "x[redacted]x [redacted]");
    assert_eq!(redactor.redact("nothing here"), "nothing here");
}

#[test]
fn what_looks_like_a_key_goes() {
    for (text, expected) in [
        ("key sk-proj-abcDEF123456_-x ok", "key sk-proj-[redacted] ok"),
        ("sk-ant-api03-abcdefghij", "sk-ant-[redacted]"),
        ("token cp_q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA.", "token cp_[redacted]"),
        ("AIzaSyA1234567890abcdefghijklmnopqrstuv", "AIza[redacted]"),
        ("gsk_0123456789abcdef", "gsk_[redacted]"),
        ("ghp_0123456789abcdef0123", "ghp_[redacted]"),
        ("AKIAIOSFODNN7EXAMPLE", "AKIA[redacted]"),
        ("xoxb-1234567890-abcdef", "xoxb-[redacted]"),
        ("123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsawx", "123456789:[redacted]"),
        ("Authorization: Bearer abcdefgh12345678", "Authorization: Bearer [redacted]"),
        ("postgres://bot:hunter22@db/x", "postgres://bot:[redacted]@db/x"),
        (r#"{"apiKey":"0123456789"}"#, r#"{"apiKey":"[redacted]"}"#),
        ("OPENAI_API_KEY=something-odd other=1", "OPENAI_API_KEY=[redacted] other=1"),
        ("password: 'hunter22'", "password: '[redacted]'"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefgh", "eyJhbGciOiJIUzI1NiJ9.eyJ[redacted]"),
    ] {
        assert_eq!(redact(text), expected);
    }
}

#[test]
fn ordinary_lines_stay_as_they_are() {
    for text in [
        "the bot starts",
        "[gateway] listening on ws://0.0.0.0:18789",
        "GET /v1/models 200 12ms",
        "a task-oriented sk- prefix",
        "2026-03-01T12:00:00.123456789Z tick",
        "tokens: 2100 in, 340 out",
    ] {
        assert_eq!(redact(text), text);
        assert!(matches!(Redactor::default().redact(text), Cow::Borrowed(_)));
    }
}

proptest::proptest! {
    #[test]
    fn no_text_stops_it_and_a_key_never_comes_through(before in "\\PC{0,40}", after in "\\PC{0,40}") {
        let key = "sk-proj-Zq9Zq9Zq9Zq9Zq9Zq9";
        let text = format!("{before} {key} {after}");
        proptest::prop_assert!(!redact(&text).contains("Zq9Zq9Zq9Zq9"), "{}", text);
    }
}
