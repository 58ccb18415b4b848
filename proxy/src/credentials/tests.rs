use super::*;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
}

fn found(headers: &HeaderMap, query: Option<&str>) -> Vec<String> {
    candidates(headers, query).map(Cow::into_owned).collect()
}

#[test]
fn a_token_is_taken_from_every_vendors_place() {
    for name in ["x-api-key", "api-key", "x-goog-api-key"] {
        assert_eq!(found(&headers(&[(name, "tok")]), None), ["tok"], "{name}");
    }
    assert_eq!(found(&headers(&[("authorization", "bearer  tok ")]), None), ["tok"]);
    assert_eq!(found(&headers(&[]), Some("alt=sse&key=to%2Bk&x")), ["to+k"]);
    let both = headers(&[("authorization", "Bearer one"), ("x-api-key", "two")]);
    assert_eq!(found(&both, Some("key=three")), ["one", "two", "three"]);
    assert!(
        found(&headers(&[("authorization", "Basic dTpw"), ("cookie", "a=b")]), Some("keys=1&k")).is_empty()
    );
    assert!(found(&headers(&[("x-api-key", &"x".repeat(MAX_TOKEN + 1))]), None).is_empty());
}

#[test]
fn no_credential_of_the_client_goes_on() {
    let mut all = headers(&[
        ("authorization", "Bearer t"),
        ("x-api-key", "t"),
        ("api-key", "t"),
        ("x-goog-api-key", "t"),
        ("cookie", "t"),
        ("proxy-authorization", "t"),
        ("anthropic-version", "2023-06-01"),
    ]);
    strip_headers(&mut all);
    assert_eq!(all, headers(&[("anthropic-version", "2023-06-01")]));
}

#[test]
fn the_query_loses_its_key_and_nothing_else() {
    assert_eq!(strip_query(Some("a=%20+&b&&c=1=2")).as_deref(), Some("a=%20+&b&&c=1=2"));
    assert_eq!(strip_query(Some("alt=sse&key=t&x=%2F")).as_deref(), Some("alt=sse&x=%2F"));
    assert_eq!(strip_query(Some("k%65y=t&x")).as_deref(), Some("x"));
    assert_eq!(strip_query(Some("key=t")), None);
    assert_eq!(strip_query(None), None);
}

#[test]
fn the_key_is_put_where_the_vendor_looks() {
    let secret = Secret::new("sk-1".to_owned());
    for (auth, name, value) in [
        (Auth::Bearer, "authorization", "Bearer sk-1"),
        (Auth::Header("x-api-key"), "x-api-key", "sk-1"),
        (Auth::Header("api-key"), "api-key", "sk-1"),
    ] {
        let mut map = HeaderMap::new();
        inject(&mut map, auth, &secret).unwrap();
        assert_eq!(map.get(name).unwrap(), value);
        assert!(map.get(name).unwrap().is_sensitive() && map.len() == 1);
    }
    let mut map = HeaderMap::new();
    inject(&mut map, Auth::None, &secret).unwrap();
    assert!(map.is_empty());
    assert_eq!(inject(&mut map, Auth::Bearer, &Secret::new("a\nb".to_owned())), Err(BadKey));
}
