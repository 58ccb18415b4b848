use super::*;
use pretty_assertions::assert_eq;

fn wanted(desired: Desired) -> Wanted {
    Wanted {
        desired,
        limits: Limits::default(),
        token: Some(Secret::new("cp_right".into())),
        vendors: vec!["openai".into()],
    }
}

fn seen(phase: Phase) -> ContainerSeen {
    ContainerSeen {
        id: "x".into(),
        bot: BotId(uuid::Uuid::from_u128(1)),
        phase,
        exit_code: None,
        oom: false,
        error: None,
        restarts: 0,
        ip: None,
        image: "i".into(),
        spec_hash: String::new(),
    }
}

#[test]
fn a_container_is_judged_by_what_is_wanted() {
    let (running, stopped) = (wanted(Desired::Running), wanted(Desired::Stopped));
    let exited = ContainerSeen { exit_code: Some(3), ..seen(Phase::Exited) };
    let oom = ContainerSeen { oom: true, ..exited.clone() };
    let again = ContainerSeen { restarts: 2, ..seen(Phase::Running) };
    for (there, wanted, status, says) in [
        (None, &running, FAIL, "no container"),
        (None, &stopped, CheckStatus::Ok, "none"),
        (Some(seen(Phase::Running)), &running, CheckStatus::Ok, "it runs"),
        (Some(again), &running, WARN, "restarts: 2"),
        (Some(seen(Phase::Running)), &stopped, WARN, "should not"),
        (Some(exited.clone()), &stopped, CheckStatus::Ok, "does not run"),
        (Some(exited), &running, FAIL, "exit code 3"),
        (Some(oom), &running, FAIL, "memory"),
    ] {
        let check = container(there.as_ref(), wanted);
        assert_eq!(check.status, status, "{check:?}");
        assert!(check.detail.contains(says), "{check:?}");
        assert_eq!(check.remedy.is_some(), status != CheckStatus::Ok, "{check:?}");
    }
}

#[test]
fn a_configuration_without_the_platforms_keys_is_told_of() {
    let read = |text: &str| json5::from_str::<Value>(text).unwrap();
    let good = r#"{ // a person's word
        gateway: { port: 18789, auth: { token: "cp_right" } },
        models: { providers: { "openai-proxy": { baseUrl: "http://x" } } }, }"#;
    assert_eq!(missing(&read(good), &wanted(Desired::Running)), Vec::<String>::new());
    let other = good.replace("cp_right", "cp_wrong").replace("18789", "1").replace("openai-proxy", "mine");
    let found = missing(&read(&other), &wanted(Desired::Running));
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(!found.join(" ").contains("cp_"), "no token is shown");
    assert_eq!(missing(&Value::Null, &wanted(Desired::Running)).len(), 3);
}
