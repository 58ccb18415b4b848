use super::*;
use crate::testing::value;

fn environment(variables: &[(&str, &str)]) -> Environment {
    variables.iter().map(|(name, text)| (value(name), value(text))).collect()
}

fn refused(name: &str, why: BadVariable) -> Result<(), BotRefusal> {
    Err(BotRefusal::Variable { name: value(name), why })
}

#[test]
fn what_the_platform_and_the_runtime_go_by_is_theirs_in_any_case() {
    for name in
        ["HOME", "PATH", "OPENCLAW_STATE_DIR", "openclaw_home", "NODE_OPTIONS", "LD_PRELOAD", "https_proxy"]
    {
        assert_eq!(
            check_environment(&environment(&[(name, "x")])),
            refused(name, BadVariable::Owned),
            "{name}"
        );
    }
    for name in ["TZ", "LANG", "HOMEPAGE", "MY_PATH", "NODE_ENV", "LDAP"] {
        assert_eq!(check_environment(&environment(&[(name, "x")])), Ok(()), "{name}");
    }
}

#[test]
fn a_key_in_any_place_of_a_value_is_refused() {
    for text in [
        "sk-ant-api03-abcdefghijklmnop",
        "Bearer sk-proj-0123456789abcdef",
        "https://example.org/?key=AIzaSyA0123456789abcdefghijklmnopqrstuv&x=1",
        "gsk_0123456789abcdefghij",
        &format!("cp_{}", "a".repeat(43)),
    ] {
        let found = check_environment(&environment(&[("THING", text)]));
        assert_eq!(found, refused("THING", BadVariable::Secret), "{text}");
        assert!(!found.unwrap_err().to_string().contains("abc"), "a refusal repeats no secret");
    }
    for text in ["", "sk-learn", "Europe/Berlin", "a task-list-that-is-long-enough-to-be-one"] {
        assert_eq!(check_environment(&environment(&[("THING", text)])), Ok(()), "{text}");
    }
}

#[test]
fn there_are_bounds_on_how_many_and_how_long() {
    let many = |count: usize, text: &str| -> Environment {
        (0..count).map(|n| (value(&format!("V{n}")), value(text))).collect()
    };
    assert_eq!(check_environment(&many(MAX_ENVIRONMENT, "")), Ok(()));
    let too_many = Err(BotRefusal::TooMany { field: "environment", max: MAX_ENVIRONMENT });
    assert_eq!(check_environment(&many(MAX_ENVIRONMENT + 1, "")), too_many);
    let long = "x".repeat(4000);
    assert_eq!(check_environment(&many(8, &long)), Ok(()));
    assert_eq!(check_environment(&many(9, &long)), Err(BotRefusal::EnvironmentTooLarge));
    let features = |count: usize| (0..count).map(|n| (value(&format!("f{n}")), true)).collect();
    assert_eq!(check_features(&features(MAX_FEATURES)), Ok(()));
    let too_many = Err(BotRefusal::TooMany { field: "features", max: MAX_FEATURES });
    assert_eq!(check_features(&features(MAX_FEATURES + 1)), too_many);
}
