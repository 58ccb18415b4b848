use super::{platform::Platform, *};
use crate::{bot::ModelChoice, testing::value};
use pretty_assertions::assert_eq;
use proptest::prelude::*;
use serde_json::{Value, json};

fn models(all: &[&str]) -> Vec<ModelChoice> {
    let choice = |text: &&str| {
        let (vendor, model) = text.split_once('/').unwrap();
        ModelChoice { vendor: value(vendor), model: value(model) }
    };
    all.iter().map(choice).collect()
}

fn at_port(port: u16, models: &[ModelChoice]) -> Platform<'_> {
    Platform { port, models }
}

fn fresh(platform: Platform<'_>) -> String {
    format!("{:#}\n", platform.config(TOKEN, PROXY))
}

fn parse(text: &str) -> Value {
    check::form(text).unwrap().to_serde_value().unwrap()
}

/// What people write: every liberty that JSON5 gives.
const BY_HAND: &str = r#"// Mine. Do not touch.
{
  gateway: { mode: 'local', port: 0x4965, bind: "lan", // the platform's
    auth: { mode: "token", token: '<gateway token>' },
    reload: { mode: 'hot' }, /* mine */
    controlUi: { allowedOrigins: ['http://127.0.0.1:9200', "http://localhost:9200",] },
    http: { endpoints: { chatCompletions: { enabled: true, }, }, },
  },
  models: {
    // why only these
    mode: "replace",
    providers: {
      "openai-proxy": {
        baseUrl: "http://<proxy>/api/v1/openai", apiKey: "<gateway token>", api: "openai-completions",
        models: [{ id: "gpt-5", name: "gpt-5", input: ["text"], contextWindow: 128000, maxTokens: 8192 }],
      },
    },
  },
  agents: { defaults: { workspace: '/home/node/.openclaw/workspace', model: { primary: "openai-proxy/gpt-5" } } },
  messages: { responsePrefix: 'it\'s \
me', ackReaction: "\u{1F44B}", },
  "session": { idleMinutes: +.5e2, /* trailing */ },
}
// the end
"#;

#[test]
fn a_text_that_is_up_to_date_keeps_every_byte() {
    let models = models(&["openai/gpt-5"]);
    let platform = at_port(9200, &models);
    let by_hand = BY_HAND.replace("\\u{1F44B}", "\u{1F44B}");
    for text in [fresh(platform), by_hand] {
        assert_eq!(renewed(&text, platform).unwrap(), text);
        assert_eq!(checked(&text, platform).unwrap().as_str(), text);
    }
}

#[test]
fn the_platforms_keys_change_and_nothing_else() {
    let models = models(&["openai/gpt-5", "anthropic/claude-sonnet-4-5"]);
    let platform = at_port(9300, &models);
    let before = BY_HAND.replace("\\u{1F44B}", "hi");
    let after = renewed(&before, platform).unwrap();
    for kept in [
        "// Mine. Do not touch.\n{",
        "mode: 'local', port: 0x4965, bind: \"lan\", // the platform's",
        "reload: { mode: 'hot' }, /* mine */",
        "// why only these",
        "responsePrefix: 'it\\'s \\\nme'",
        "\"session\": { idleMinutes: +.5e2, /* trailing */ },\n}\n// the end\n",
    ] {
        assert!(after.contains(kept), "{kept} in {after}");
    }
    let config = parse(&after);
    let wanted = platform.config(TOKEN, PROXY);
    assert_eq!(config["gateway"]["controlUi"], wanted["gateway"]["controlUi"]);
    assert_eq!(config["models"]["providers"], wanted["models"]["providers"]);
    assert_eq!(config["agents"]["defaults"]["model"], json!({"primary": "openai-proxy/gpt-5"}));
    assert_eq!(renewed(&after, platform).unwrap(), after, "once is enough");
}

#[test]
fn what_is_missing_comes_back_and_what_is_foreign_goes() {
    let models = models(&["openai/gpt-5"]);
    let platform = at_port(9200, &models);
    let text = r"{ /* a */ gateway: { tls: { enabled: true }, auth: 'none' }, models: { providers: { openai: { apiKey: 'x' } } } }";
    let after = renewed(text, platform).unwrap();
    let (config, wanted) = (parse(&after), platform.config(TOKEN, PROXY));
    assert_eq!(config["gateway"], wanted["gateway"]);
    assert_eq!(config["models"]["providers"], wanted["models"]["providers"]);
    assert_eq!(config["agents"]["defaults"]["workspace"], wanted["agents"]["defaults"]["workspace"]);
    assert!(after.contains("/* a */ gateway: {"), "{after}");
    assert_eq!(parse(&renewed("{}", platform).unwrap())["models"]["mode"], json!("replace"));
}

#[test]
fn a_primary_model_that_is_gone_is_replaced_and_a_persons_choice_stays() {
    let models = models(&["anthropic/claude", "openai/gpt-5"]);
    let platform = at_port(9200, &models);
    let primary = |model: Value| {
        let text = json!({"agents": {"defaults": {"model": model}}}).to_string();
        parse(&renewed(&text, platform).unwrap())["agents"]["defaults"]["model"].clone()
    };
    let first = "anthropic-proxy/claude";
    assert_eq!(primary(json!("openai-proxy/gpt-4")), json!(first));
    assert_eq!(
        primary(json!({"primary": "openai-proxy/gpt-4", "fallbacks": []})),
        json!({"primary": first, "fallbacks": []})
    );
    assert_eq!(primary(json!({"primary": "openai-proxy/gpt-5"})), json!({"primary": "openai-proxy/gpt-5"}));
    assert_eq!(primary(json!("local/mine")), json!("local/mine"));
}

#[test]
fn what_cannot_stay_is_named_by_its_path() {
    let models = models(&["openai/gpt-5"]);
    let deep = format!("{{ a: {}1{} }}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    let too_deep = format!("a{}", "[0]".repeat(MAX_DEPTH));
    let large = format!("{{}}{}", " ".repeat(MAX_CONFIG));
    for (text, path) in [
        ("{ gateway: { port: 1 } }", "gateway.port"),
        ("{ gateway: { auth: { mode: 'none' } } }", "gateway.auth.mode"),
        ("{ gateway: { auth: { password: '${X}' } } }", "gateway.auth.password"),
        ("{ gateway: { tls: { enabled: true } } }", "gateway.tls"),
        ("{ gateway: [] }", "gateway"),
        ("{ models: { mode: 'merge' } }", "models.mode"),
        ("{ models: { providers: { openai: {} } } }", "models.providers.openai"),
        (
            "{ models: { providers: { 'openai-proxy': { baseUrl: 'http://evil/' } } } }",
            "models.providers.openai-proxy.baseUrl",
        ),
        (
            "{ models: { providers: { 'openai-proxy': { headers: {} } } } }",
            "models.providers.openai-proxy.headers",
        ),
        ("{ agents: { defaults: { workspace: '/' } } }", "agents.defaults.workspace"),
        ("{ channels: { telegram: { botToken: '12:ab' } } }", "channels.telegram.botToken"),
        ("{ env: { OPENAI_API_KEY: 'x' } }", "env.OPENAI_API_KEY"),
        (
            "{ mcp: { servers: { a: { headers: { Authorization: 'Bearer abc' } } } } }",
            "mcp.servers.a.headers.Authorization",
        ),
        ("{ a: { tokens: ['${OK}', 'x'] } }", "a.tokens[1]"),
        ("{ a: 'my key is sk-abcdefghij0123456789' }", ""),
        ("{ // sk-abcdefghij0123456789\n}", ""),
        ("{ a: { $include: './x' } }", "a.$include"),
        ("{ a: 1, 'a': 2 }", "a"),
        ("{ a: [{ b: 1, \"\\u0062\": 2 }] }", "a[0].b"),
        ("{ '__proto__': 1 }", "__proto__"),
        ("{ my-key: 1 }", "my-key"),
        ("{ 1: 1 }", "1"),
        ("{ a: 1 b: 2 }", ""),
        ("{ a: }", ""),
        ("[]", ""),
        ("", ""),
        ("gateway", ""),
        ("{} {}", ""),
        ("{ \"g\\u0061teway\": { port: 1 } }", "gateway.port"),
        ("{ g\\u0061teway: { port: 1 } }", ""),
        (&deep, &too_deep),
        (&large, ""),
    ] {
        let faults = checked(text, at_port(9200, &models)).unwrap_err();
        assert_eq!(faults[0].path, path, "{} {faults:?}", &text[..text.len().min(100)]);
        assert!(!faults[0].message.contains("sk-") && !faults[0].message.contains("12:ab"), "{faults:?}");
    }
}

#[test]
fn references_to_secrets_and_plain_settings_are_let_in() {
    let models = models(&["openai/gpt-5"]);
    for text in [
        "{ channels: { telegram: { botToken: '${TELEGRAM}' } } }",
        "{ channels: { telegram: { botToken: { source: 'env', provider: 'default', id: 'X' } } } }",
        "{ mcp: { servers: { a: { headers: { Authorization: 'Bearer ${KEY}' } } } } }",
        "{ agents: { defaults: { maxTokens: 5, tokenizer: 'x' } } }",
        "{ gateway: { reload: { mode: 'off' }, tools: { deny: ['x'] } } }",
    ] {
        checked(text, at_port(9200, &models)).unwrap_or_else(|faults| panic!("{text}: {faults:?}"));
    }
    assert!(!reload("{ gateway: { reload: { mode: 'off' } } }"));
    assert!(reload("{ gateway: { reload: { mode: 'hot' } } }") && reload("{}"));
}

#[test]
fn a_gateway_token_never_stays_and_comes_back_in_the_file() {
    let models = models(&["google/gemini", "openai/gpt-5"]);
    let platform = at_port(9200, &models);
    let token = format!("cp_{}", "t".repeat(43));
    let file = |token: &str, proxy: &str| {
        let text = fresh(platform).replacen(
            '{',
            &format!("{{ // {token}\n mine: 'http://10.1.1.1:80/api/v1/x',"),
            1,
        );
        fill(&text, Filling { token, proxy })
    };
    let file = file(&token, "10.0.0.1:18790");
    assert!(file.contains("\"http://10.0.0.1:18790/api/v1/google/v1beta\""), "{file}");
    let masked = masked(&file);
    assert!(!masked.contains(&token) && !masked.contains("10.0.0.1"), "{masked}");
    assert!(masked.contains("'http://10.1.1.1:80/api/v1/x'"), "a person's own address stays");
    assert_eq!(fill(&masked, Filling { token: &token, proxy: "10.0.0.1:18790" }), file);
    assert_eq!(checked(&masked, platform).unwrap().as_str(), masked);
    // What is no JSON5 can be shown, too.
    assert_eq!(super::masked(&format!("{{ {token}")), format!("{{ {TOKEN}"));
}

#[test]
fn long_texts_are_stored_small_and_read_back_bounded() {
    let text = ConfigText::new(format!("{{ a: [{}] }}", "1234, ".repeat(20_000))).unwrap();
    let stored = serde_json::to_value(&text).unwrap();
    assert!(stored["deflated"].as_str().unwrap().len() < 2000);
    assert_eq!(serde_json::from_value::<ConfigText>(stored).unwrap(), text);
    let short = ConfigText::new("{}".into()).unwrap();
    assert_eq!(serde_json::to_value(&short).unwrap(), json!({"text": "{}"}));
    assert_eq!(ConfigText::new("a\0".into()), Err(NotAConfig::Nul));
    assert_eq!(ConfigText::new(" ".repeat(MAX_CONFIG + 1)), Err(NotAConfig::TooLong));
    // 1 GB of blanks, which is 1 MB deflated, is not unpacked.
    let bomb = bomb();
    assert!(serde_json::from_value::<ConfigText>(json!({"deflated": bomb})).is_err());
    assert!(serde_json::from_value::<ConfigText>(json!({"deflated": "AAAA"})).is_err());
}

fn bomb() -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use std::io::Write;
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    let blanks = vec![b' '; 1024 * 1024];
    for _ in 0..64 {
        encoder.write_all(&blanks).unwrap();
    }
    STANDARD.encode(encoder.finish().unwrap())
}

/// Any JSON, as people may have it below keys that are theirs.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[a-z ]{1,6}", inner, 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Whatever people have, under keys of theirs and in the place of the platform's: theirs stays, the
    /// platform's becomes what it says, and doing it again changes nothing.
    #[test]
    fn merging_changes_the_platforms_keys_alone(
        theirs in any_json(), gateway in any_json(), providers in any_json(), comment in "[^*\0\r\n]{0,20}",
        wide in any::<bool>(), port in 1024_u16..,
    ) {
        let models = models(&["openai/gpt-5", "anthropic/claude"]);
        let platform = at_port(port, &models);
        let theirs_text = if wide { format!("{theirs:#}") } else { theirs.to_string() };
        let text = format!(
            "/*{comment}*/{{theirs: {theirs_text}, /*{comment}*/\n gateway: {gateway}, models: {{providers: {providers:#}}},}}//{comment}"
        );
        let after = renewed(&text, platform).unwrap();
        // A key that is added may break an object's line into several; nothing but blanks differs then.
        let dense = |text: &str| text.split_whitespace().collect::<String>();
        let begin = dense(&format!("/*{comment}*/{{theirs: {theirs_text}, /*{comment}*/ gateway: "));
        let end = format!("//{comment}");
        prop_assert!(dense(&after).starts_with(&begin), "{}", after);
        prop_assert!(after.ends_with(&end), "{}", after);
        let (config, wanted) = (parse(&after), platform.config(TOKEN, PROXY));
        prop_assert_eq!(&config["theirs"], &theirs);
        prop_assert_eq!(&config["models"]["providers"], &wanted["models"]["providers"]);
        for (name, value) in wanted["gateway"].as_object().unwrap() {
            prop_assert_eq!(&config["gateway"][name], value);
        }
        prop_assert_eq!(renewed(&after, platform).unwrap(), after);
    }

    #[test]
    fn no_text_stops_it(text in any::<String>(), mangled in 0_usize..2000, with in any::<char>()) {
        let models = models(&["openai/gpt-5"]);
        let platform = at_port(9200, &models);
        let _ = checked(&text, platform);
        let _ = masked(&text);
        let mut letters: Vec<char> = BY_HAND.chars().collect();
        let at = mangled % letters.len();
        letters[at] = with;
        let text: String = letters.into_iter().collect();
        if let Ok(good) = checked(&text, platform) {
            prop_assert_eq!(checked(good.as_str(), platform).unwrap(), good);
        }
        let _ = masked(&text);
    }
}
