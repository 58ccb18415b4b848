use super::Secret;

#[test]
fn a_secret_shows_nothing_of_itself() {
    let secret = Secret::new("sk-live-1234".into());
    assert_eq!(format!("{secret:?} {:#?}", Some(&secret)), "Secret(***) Some(\n    Secret(***),\n)");
    assert_eq!(secret.expose(), "sk-live-1234");
    assert_eq!((secret.len(), secret.is_empty()), (12, false));
    assert!(Secret::new(String::new()).is_empty());
}

#[test]
fn a_secret_is_read_from_a_request_and_an_error_does_not_repeat_it() {
    let secret: Secret = serde_json::from_str("\"sk-live-1234\"").unwrap();
    assert_eq!(secret.expose(), "sk-live-1234");
    let error = serde_json::from_str::<Secret>("[\"sk-live-1234\"]").unwrap_err();
    assert!(!error.to_string().contains("sk-live"), "{error}");
}
