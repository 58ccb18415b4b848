use super::*;

#[test]
fn only_a_credential_that_the_interface_takes_is_handed_on() {
    let token = |printed: &str| credential(printed.as_bytes()).map(|handoff| handoff.bootstrap_token);
    let url = |fragment: &str| format!(r#"{{"browserUrl":"http://x/#{fragment}"}}"#);
    assert_eq!(token(&url("bootstrapToken=abc&x=y")).as_deref(), Some("abc"));
    assert_eq!(token(&format!("noise\n{}\n", url("bootstrapToken=abc"))).as_deref(), Some("abc"));
    for bad in ["", "not JSON", "{}", r#"{"browserUrl":7}"#, r#"{"browserUrl":"http://x/"}"#] {
        assert_eq!(token(bad), None, "{bad}");
    }
    assert_eq!(token(&url("token=shared")), None);
    assert_eq!(token(&url("bootstrapToken=")), None);
    assert_eq!(token(&url("bootstrapToken=a%20b")), None);
    assert_eq!(token(&url(&format!("bootstrapToken={}", "x".repeat(4097)))), None);
    assert!(credential(b"\xff\xfe").is_none());
}
