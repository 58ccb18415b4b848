use super::*;
use axum::body::Body;
use pretty_assertions::assert_eq;

fn target(domain: &str, host: &str, path: &str) -> Option<(String, bool, String)> {
    let domain: IngressDomain = domain.parse().unwrap();
    let request = Request::builder().uri(path).header("host", host).body(Body::empty()).unwrap();
    let target = Target::of(Some(&domain), &request)?;
    Some((target.hostname, matches!(target.mode, Mode::Host { .. }), target.path))
}

#[test]
fn a_domain_is_a_name_with_or_without_a_scheme() {
    let origin =
        |text: &str| text.parse::<IngressDomain>().map(|domain| domain.origin(&"a".parse().unwrap()));
    assert_eq!(origin("Bots.Example.com").unwrap(), "https://a.bots.example.com");
    assert_eq!(origin("https://bots.example.com:8443/").unwrap(), "https://a.bots.example.com:8443");
    assert_eq!(origin("http://localhost:8080").unwrap(), "http://a.localhost:8080");
    for bad in ["", "10.0.0.1", "ftp://x.y", "https://u:p@x.y", "x.y/path", "x.y?q", "https://[::1]", "a b"] {
        assert_eq!(origin(bad), Err(NotADomain), "{bad}");
    }
}

#[test]
fn a_request_is_for_a_bot_by_host_or_by_path_or_for_the_api() {
    let found = |host: &str, path: &str| target("bots.example.com", host, path);
    let by_host = |name: &str, path: &str| Some((name.to_owned(), true, path.to_owned()));
    let by_path = |name: &str, path: &str| Some((name.to_owned(), false, path.to_owned()));
    assert_eq!(found("one.bots.example.com", "/api/bot"), by_host("one", "/api/bot"));
    assert_eq!(found("ONE.Bots.Example.COM:8443", "/"), by_host("one", "/"));
    assert_eq!(found("one.bots.example.com.", "/bots/two/x"), by_host("one", "/bots/two/x"));
    // Not a bot's name, and all the same never the API.
    assert_eq!(found("a.b.bots.example.com", "/"), by_host("a.b", "/"));
    for other in
        ["bots.example.com", "evilbots.example.com", "example.com", "one.bots.example.com.evil.com", ""]
    {
        assert_eq!(found(other, "/api/bot"), None, "{other}");
        assert_eq!(found(other, "/bots/one/x/y?q=1"), by_path("one", "/x/y"), "{other}");
    }
    assert_eq!(found("x", "/bots/one"), by_path("one", ""));
    assert_eq!(found("x", "/bots"), None);
    assert_eq!(found("x", "/bots/one//evil.com/"), by_path("one", "//evil.com/"));
}
