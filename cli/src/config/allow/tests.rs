use super::AllowEntry;
use pretty_assertions::assert_eq;

fn shown(text: &str) -> Result<String, String> {
    text.parse::<AllowEntry>().map(|entry| entry.to_string())
}

#[test]
fn hosts_with_a_port_and_networks_are_read() {
    assert_eq!(shown("127.0.0.1:11434"), Ok("127.0.0.1:11434".to_owned()));
    assert_eq!(shown(" Ollama.Internal:80 "), Ok("ollama.internal:80".to_owned()));
    assert_eq!(shown("[0:0::1]:9000"), Ok("[::1]:9000".to_owned()));
    assert_eq!(shown("10.1.2.3/8"), Ok("10.0.0.0/8".to_owned()));
    assert_eq!(shown("fd00::/8"), Ok("fd00::/8".to_owned()));
}

#[test]
fn everything_else_is_refused() {
    for text in ["", "host", "host:0", "host:65536", ":80", "::1:80", "[x]:80", "10.0.0.0/33", "http://a:80", "a b:1"] {
        assert!(shown(text).is_err(), "{text}");
    }
}
