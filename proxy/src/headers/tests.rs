use super::*;

#[test]
fn what_belongs_to_a_connection_stays_there() {
    let mut headers: HeaderMap = [
        ("connection", "close, X-Mine"),
        ("x-mine", "1"),
        ("keep-alive", "1"),
        ("te", "gzip, Trailers"),
        ("upgrade", "h2c"),
        ("transfer-encoding", "chunked"),
        ("proxy-connection", "a"),
        ("host", "proxy"),
        ("content-length", "3"),
        ("accept-encoding", "gzip, br"),
        ("anthropic-beta", "a,b"),
        ("content-type", "application/json"),
        ("user-agent", "sdk/1"),
    ]
    .into_iter()
    .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
    .collect();
    headers.append("anthropic-beta", HeaderValue::from_static("c"));
    to_upstream(&mut headers);
    let mut left: Vec<_> =
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    left.sort();
    assert_eq!(
        left,
        [
            "accept-encoding: identity",
            "anthropic-beta: a,b",
            "anthropic-beta: c",
            "content-type: application/json",
            "te: trailers",
            "user-agent: sdk/1",
        ]
    );
}
