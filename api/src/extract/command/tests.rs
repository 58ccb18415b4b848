use super::fingerprint;

#[test]
fn another_command_has_another_fingerprint() {
    let of = |secret: &str, method: &str, path: &str, body: &str| {
        fingerprint(secret.as_bytes(), method, path, body.as_bytes())
    };
    let one = of("s", "POST", "/api/bot", "{}");
    assert_eq!(one, of("s", "POST", "/api/bot", "{}"));
    assert_eq!(one.len(), 64);
    for other in [
        of("t", "POST", "/api/bot", "{}"),
        of("s", "PUT", "/api/bot", "{}"),
        of("s", "POST", "/api/bo", "t{}"),
        of("s", "POST", "/api/bot", "{ }"),
    ] {
        assert_ne!(one, other);
    }
}
