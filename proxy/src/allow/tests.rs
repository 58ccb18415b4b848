use super::*;
use std::error::Error;

fn allow(text: &str) -> UpstreamAllow {
    text.parse().unwrap()
}

fn permits(list: &UpstreamAllow, https: bool, host: &str, address: &str) -> Result<(), NotAllowed> {
    list.permit(https, host, address.parse().unwrap())
}

#[test]
fn nothing_private_is_reached_by_default() {
    let list = UpstreamAllow::default();
    for address in [
        "127.0.0.1:443",
        "10.0.0.1:443",
        "172.16.3.4:443",
        "192.168.1.1:443",
        "169.254.169.254:443",
        "100.64.0.1:443",
        "0.0.0.0:443",
        "224.0.0.1:443",
        "255.255.255.255:443",
        "198.18.0.1:443",
        "192.0.0.8:443",
        "[::1]:443",
        "[::]:443",
        "[fe80::1]:443",
        "[fd00::1]:443",
        "[ff02::1]:443",
        "[::ffff:127.0.0.1]:443",
        "[::ffff:169.254.169.254]:443",
        "[64:ff9b::a00:1]:443",
        "[2002:7f00:1::]:443",
        "[2001::1]:443",
        "[2001:db8::1]:443",
    ] {
        assert_eq!(permits(&list, true, "vendor.example", address), Err(NotAllowed::Private), "{address}");
    }
    for address in ["1.1.1.1:443", "[2606:4700::1111]:443", "[64:ff9b::101:101]:443"] {
        assert_eq!(permits(&list, true, "vendor.example", address), Ok(()), "{address}");
        assert_eq!(permits(&list, false, "vendor.example", address), Err(NotAllowed::PlainHttp), "{address}");
    }
}

#[test]
fn the_list_opens_exactly_what_it_names() {
    let list = allow("127.0.0.1:9000, llm.internal:8000 10.1.0.0/16,[::1]:7000");
    assert_eq!(permits(&list, false, "127.0.0.1", "127.0.0.1:9000"), Ok(()));
    assert_eq!(permits(&list, false, "127.0.0.1", "[::ffff:127.0.0.1]:9000"), Ok(()));
    assert_eq!(permits(&list, false, "127.0.0.1", "127.0.0.1:9001"), Err(NotAllowed::Private));
    assert_eq!(permits(&list, false, "LLM.internal", "192.168.0.9:8000"), Ok(()));
    assert_eq!(permits(&list, false, "other.internal", "192.168.0.9:8000"), Err(NotAllowed::Private));
    assert_eq!(permits(&list, false, "x", "10.1.200.3:1"), Ok(()));
    assert_eq!(permits(&list, false, "x", "10.2.0.3:1"), Err(NotAllowed::Private));
    assert_eq!(permits(&list, false, "[::1]", "[::1]:7000"), Ok(()));
}

#[test]
fn base_urls_are_checked_before_they_are_stored() {
    let url = |text: &str| text.parse::<BaseUrl>().unwrap();
    let none = UpstreamAllow::default();
    assert_eq!(none.check_url(&url("https://api.openai.com/v1")), Ok(()));
    for bad in [
        "http://api.openai.com",
        "https://127.0.0.1/v1",
        "https://localhost:11434",
        "http://[::1]:8080",
        "https://169.254.169.254/latest",
        "https://a.localhost",
        "https://0x7f.1",
        "https://2130706433",
        "https://017700000001/v1",
        "https://127.1",
        "https://0",
        "https://0.0.0.0",
        "https://localhost.",
        "https://LOCALHOST",
        "https://[::ffff:127.0.0.1]",
        "https://[::ffff:a9fe:a9fe]",
        "https://[::127.0.0.1]",
        "https://[64:ff9b::7f00:1]",
        "https://[fd00:ec2::254]",
        "https://[fe80::1]",
        "https://10.1.2.3",
        "https://172.31.0.1",
        "https://192.168.0.1:8443",
        "https://100.100.100.200",
        "https://\u{ff11}\u{ff12}\u{ff17}.0.0.1",
        "https://metadata.google.internal",
        "https://instance-data",
        "https://vllm.local",
    ] {
        let message = none.check_url(&url(bad)).unwrap_err().to_string();
        assert!(message.contains("CLAWPLANE_UPSTREAM_ALLOW"), "{bad}: {message}");
    }
    // Found by the target `base_url`: it could be stored, and never asked.
    assert!(none.check_url(&url("https://api.example\"com/v1")).is_err());
    let list = allow("127.0.0.1:9000,localhost:11434,vllm:8000");
    for good in ["http://127.0.0.1:9000/v1", "http://localhost:11434", "http://vllm:8000/v1"] {
        assert_eq!(list.check_url(&url(good)), Ok(()), "{good}");
    }
    assert!(list.check_url(&url("http://vllm:8001")).is_err());
    assert_eq!(allow("10.0.0.0/8").check_url(&url("http://vllm:8001")), Ok(()), "seen when resolved");
}

#[test]
fn wrong_entries_say_what_is_wrong() -> Result<(), Box<dyn Error>> {
    for (entry, part) in [
        ("http://a:1", "without `http://`"),
        ("10.0.0.0/33", "CIDR"),
        ("vllm", "port is missing"),
        ("vllm:0", "port from 1"),
        ("vllm:x", "port from 1"),
        ("::1:80", "brackets"),
        (":80", "name a host"),
    ] {
        let error = entry.parse::<UpstreamAllow>().err().ok_or(entry)?.to_string();
        assert!(error.contains(part) && error.contains(entry), "{entry}: {error}");
    }
    assert_eq!(allow("  "), UpstreamAllow::default());
    Ok(())
}
