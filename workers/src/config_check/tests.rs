use super::*;
use pretty_assertions::assert_eq;

#[test]
fn what_openclaw_prints_is_understood() {
    assert_eq!(read(r#"{"valid":true,"path":"/tmp/openclaw.json","warnings":[]}"#), Verdict::Valid);
    // As 2026.9.6 prints it.
    let printed = r#"{
  "ok": false,
  "error": { "type": "cli_error", "message": "OpenClaw config is invalid" },
  "valid": false,
  "path": "/tmp/openclaw.json",
  "issues": [
    { "path": "agents.defaults.workspace", "message": "Invalid input: expected string,\n received number" },
    { "path": "gateway", "message": "Unrecognized key: \"bogus\"" }
  ]
}
"#;
    let issue = |path: &str, message: &str| Issue { path: path.to_owned(), message: message.to_owned() };
    let expected = vec![
        issue("agents.defaults.workspace", "Invalid input: expected string, received number"),
        issue("gateway", "Unrecognized key: \"bogus\""),
    ];
    assert_eq!(read(printed), Verdict::Invalid(expected));
    assert!(matches!(read(r#"{"valid":false,"issues":[]}"#), Verdict::Invalid(all) if all.len() == 1));
    for other in ["", "sh: node: not found", "{", "{\"hello\":1}"] {
        assert!(matches!(read(other), Verdict::Unknown(_)), "{other}");
    }
}
