use super::{super::*, *};
use crate::{
    DataKeyId, SealedSecret, TokenHash,
    testing::{at, given, id, value},
};
use pretty_assertions::assert_eq;

fn created() -> Vec<BotEvent> {
    let bot = CreateBot {
        id: id(1),
        tenant_id: id(2),
        created_by: id(3),
        hostname: value("ada"),
        name: value("Ada"),
        image: None,
        port: 9200,
        tags: Vec::new(),
        models: vec![ModelChoice { vendor: value("openai"), model: value("gpt-5") }],
        limits: Limits::default(),
        host_id: crate::HostId::LOCAL,
        host_labels: Vec::new(),
    };
    let sealed =
        SealedSecret { data_key_id: id::<DataKeyId>(4), nonce: "00".repeat(12), ciphertext: "ff".into() };
    let token = GatewayToken { hash: TokenHash::of("cp_x"), sealed, expires_at: Some(at(60)) };
    vec![BotEvent::Created { bot }, BotEvent::TokenIssued { token }]
}

fn rules(texts: &[&str]) -> Vec<EgressRule> {
    texts.iter().map(|text| value(text)).collect()
}

fn was_set(texts: &[&str]) -> BotEvent {
    BotEvent::EgressSet { allow: rules(texts) }
}

#[test]
fn the_last_list_counts_each_entry_once() {
    let set = |texts: &[&str]| BotCommand::SetEgress(rules(texts));
    let twice = set(&["api.github.com:443", "*.example.com:443", "API.github.com:443"]);
    let list = was_set(&["api.github.com:443", "*.example.com:443"]);
    let bot = given::<Bot>(created()).when(twice).then([list.clone()]);
    assert_eq!(bot.profile.map(|bot| bot.egress.len()), Some(2));
    let events = || created().into_iter().chain([list.clone()]);
    given::<Bot>(events()).when(set(&["api.github.com:443", "*.example.com:443"])).then_nothing();
    let bot = given::<Bot>(events()).when(set(&[])).then([was_set(&[])]);
    assert_eq!(bot.profile.map(|bot| bot.egress), Some(Vec::new()));
    given::<Bot>(created()).when(set(&[])).then_nothing();
}

#[test]
fn lists_are_bounded_and_of_a_bot_that_is_there() {
    let many = |count: usize| (0..count).map(|n| value(&format!("a{n}.example.com:443"))).collect();
    let refusal = BotRefusal::TooMany { field: "allow", max: MAX_EGRESS };
    given::<Bot>(created()).when(BotCommand::SetEgress(many(MAX_EGRESS + 1))).refused(&refusal);
    let full: Vec<_> = many(MAX_EGRESS);
    let set = BotEvent::EgressSet { allow: full.clone() };
    given::<Bot>(created()).when(BotCommand::SetEgress(full)).then([set]);
    given::<Bot>([]).when(BotCommand::SetEgress(Vec::new())).refused(&BotRefusal::Unknown);
    let gone = created().into_iter().chain([BotEvent::Deleted {
        hostname: value("ada"),
        token_hash: None,
        keep_data: false,
    }]);
    given::<Bot>(gone).when(BotCommand::SetEgress(many(1))).refused(&BotRefusal::Unknown);
}

#[test]
fn a_refusal_is_noted_without_what_cannot_be_stored() {
    let seen = |host: String| RefusedEgress { host, port: 443, why: "not_allowed".to_owned() };
    let noted = BotCommand::NoteEgressRefused(seen(format!("a\u{0}\n{}", "b".repeat(1000))));
    let expected = BotEvent::EgressRefused { refused: seen(format!("a{}", "b".repeat(LONGEST - 1))) };
    given::<Bot>(created()).when(noted).then([expected]);
    let noted = BotCommand::NoteEgressRefused(seen("a".to_owned()));
    given::<Bot>([]).when(noted).refused(&BotRefusal::Unknown);
}

#[test]
fn rules_are_written_in_one_way() {
    for (text, written) in [
        ("API.GitHub.com:443", "api.github.com:443"),
        ("example.com.:80", "example.com:80"),
        ("*.Example.com:*", "*.example.com:*"),
        ("203.0.113.7:8443", "203.0.113.7:8443"),
        ("[2001:DB8::1]:443", "[2001:db8::1]:443"),
        ("[::ffff:203.0.113.7]:443", "203.0.113.7:443"),
        ("_acme.example.com:443", "_acme.example.com:443"),
        ("registry:5000", "registry:5000"),
    ] {
        assert_eq!(value::<EgressRule>(text).to_string(), written);
    }
}

#[test]
fn what_is_no_rule_is_refused() {
    let long = format!("{}.com:443", "a".repeat(64));
    for text in [
        "",
        "example.com",
        ":443",
        "example.com:",
        "example.com:0",
        "example.com:65536",
        "example.com:+1",
        "*:443",
        "*.com:443",
        "*.:443",
        "a.*.com:443",
        "**.example.com:443",
        "http://example.com:80",
        "example.com:443/path",
        "user@example.com:443",
        "exa mple.com:443",
        "-a.com:443",
        "a..com:443",
        "127.1:80",
        "0x7f000001:80",
        "2130706433:80",
        "::1:80",
        "[::1:80",
        "[example.com]:80",
        "bücher.de:443",
        "*.203.0.113.7:80",
        &long,
    ] {
        assert!(text.parse::<EgressRule>().is_err(), "{text}");
    }
}

#[test]
fn a_rule_allows_what_it_names_and_nothing_else() {
    let allows = |rule: &str, host: &str, port: u16| value::<EgressRule>(rule).allows(host, port);
    assert!(allows("api.github.com:443", "API.GITHUB.COM", 443));
    assert!(allows("api.github.com:443", "api.github.com.", 443));
    assert!(!allows("api.github.com:443", "api.github.com", 80));
    assert!(!allows("api.github.com:443", "api.github.com.evil.com", 443));
    assert!(!allows("api.github.com:443", "xapi.github.com", 443));
    assert!(
        allows("*.example.com:443", "a.example.com", 443)
            && allows("*.example.com:443", "a.b.Example.com", 443)
    );
    for host in ["example.com", ".example.com", "evilexample.com", "a.example.com.evil", "a.example.org"] {
        assert!(!allows("*.example.com:443", host, 443), "{host}");
    }
    assert!(allows("example.com:*", "example.com", 1) && allows("example.com:*", "example.com", 65535));
    assert!(
        allows("[2001:db8::1]:443", "2001:db8:0::1", 443)
            && allows("[2001:db8::1]:443", "[2001:db8::1]", 443)
    );
    assert!(allows("203.0.113.7:80", "::ffff:203.0.113.7", 80));
    assert!(
        !allows("203.0.113.7:80", "203.0.113.8", 80) && !allows("203.0.113.7:80", "203.0.113.7.example", 80)
    );
    assert!(!allows("*.example.com:443", "é.example.org", 443), "no panic within a character");
}
