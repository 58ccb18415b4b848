use super::*;

#[test]
fn hostnames_are_dns_labels() {
    for good in ["a", "my-bot", "b0t", &"x".repeat(63)] {
        assert!(good.parse::<Hostname>().is_ok(), "{good}");
    }
    for bad in ["", "-a", "a-", "A", "a.b", "a_b", "ü", "stats", "admin", "../x", &"x".repeat(64)] {
        assert!(bad.parse::<Hostname>().is_err(), "{bad}");
    }
}

#[test]
fn emails_are_trimmed_and_lower_case() {
    assert_eq!(" Ada@Example.ORG ".parse::<Email>().unwrap().as_str(), "ada@example.org");
    for bad in ["", "a", "@b", "a@", "a@b@c", "a b@c.de", "a@.de", "a@de."] {
        assert!(bad.parse::<Email>().is_err(), "{bad}");
    }
}

#[test]
fn base_urls_carry_nothing_but_the_place() {
    let url = "https://API.example.com/v1/".parse::<BaseUrl>().unwrap();
    assert_eq!(url.as_str(), "https://api.example.com/v1");
    for bad in ["", "ftp://a", "https://u:p@a", "https://a?k=1", "https://a#x", "file:///etc/passwd", "a/b"] {
        assert!(bad.parse::<BaseUrl>().is_err(), "{bad}");
    }
}

#[test]
fn labels_tags_models_and_images_are_bounded() {
    assert_eq!("  team key ".parse::<Label>().unwrap().as_str(), "team key");
    assert!("".parse::<Label>().is_err() && "a\nb".parse::<Label>().is_err());
    assert!("eu-west.1".parse::<Tag>().is_ok() && "EU".parse::<Tag>().is_err());
    assert!("meta-llama/Llama-3:free".parse::<ModelId>().is_ok() && "a b".parse::<ModelId>().is_err());
    assert!(
        "ghcr.io/a/b@sha256:0".parse::<ImageRef>().is_ok() && "--privileged".parse::<ImageRef>().is_err()
    );
    assert!("azure-openai".parse::<VendorId>().is_ok() && "Open AI".parse::<VendorId>().is_err());
}

#[test]
fn a_pattern_is_a_model_or_the_beginning_of_some() {
    let pattern = |text: &str| text.parse::<ModelPattern>();
    assert_eq!(pattern("gpt-4o").unwrap().prefix(), None);
    assert_eq!(pattern("gpt-4*").unwrap().prefix(), Some("gpt-4"));
    assert_eq!(pattern("*").unwrap().prefix(), Some(""));
    for bad in ["", "gpt*4", "**", "a b", "*x", &"x".repeat(201)] {
        assert!(pattern(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_model_pattern_is_exact_or_a_beginning() {
    let pattern = |text: &str| text.parse::<ModelPattern>().unwrap();
    assert!(pattern("gpt-5").matches("gpt-5"));
    for other in ["gpt-5-mini", "GPT-5", " gpt-5", "gpt-5 ", "gpt-", ""] {
        assert!(!pattern("gpt-5").matches(other), "{other}");
    }
    assert!(pattern("gpt-5*").matches("gpt-5") && pattern("gpt-5*").matches("gpt-5-mini"));
    assert!(!pattern("gpt-5*").matches("my-gpt-5") && pattern("*").matches("anything"));
    for bad in ["", "*gpt", "gpt-*-mini", "gpt**", "gpt *"] {
        assert!(bad.parse::<ModelPattern>().is_err(), "{bad}");
    }
}
