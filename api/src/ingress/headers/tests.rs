use super::*;
use pretty_assertions::assert_eq;

fn located_at(mode: Mode, text: &str) -> Option<String> {
    let target = Target { hostname: "one".parse().unwrap(), mode, path: "/".to_owned() };
    let value = located(&HeaderValue::from_str(text).unwrap(), &target, "127.0.0.1:9200")?;
    Some(value.to_str().unwrap().to_owned())
}

#[test]
fn a_bots_answer_leads_where_its_client_can_go() {
    let path = || Mode::Path { host: "p".to_owned() };
    let host = || Mode::Host { origin: "https://one.x.y".to_owned(), tls: true };
    for (text, by_path, by_host) in [
        ("/a?b", "/bots/one/a?b", "/a?b"),
        ("http://127.0.0.1:9200/a", "/bots/one/a", "/a"),
        ("http://127.0.0.1:9200", "/bots/one/", "/"),
        ("relative", "relative", "relative"),
        ("https://other.example/", "https://other.example/", "https://other.example/"),
        ("//other.example/", "//other.example/", "//other.example/"),
    ] {
        assert_eq!(located_at(path(), text).as_deref(), Some(by_path), "{text}");
        assert_eq!(located_at(host(), text).as_deref(), Some(by_host), "{text}");
    }
}

#[test]
fn a_token_among_the_protocols_stays_here() {
    let left = |text: &str| protocols(&HeaderValue::from_str(text).unwrap());
    assert_eq!(left("chat, clawplane.bearer.eyJ.x.y,v2").unwrap(), "chat, v2");
    assert_eq!(left("clawplane.bearer.eyJ.x.y"), None);
}
