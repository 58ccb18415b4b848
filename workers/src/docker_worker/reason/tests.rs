use super::*;
use crate::runtime::Phase;
use clawplane_domain::BotId;

fn ended(code: i64, oom: bool, error: Option<&str>) -> ContainerSeen {
    ContainerSeen {
        id: "c".into(),
        bot: BotId(uuid::Uuid::nil()),
        phase: Phase::Exited,
        exit_code: Some(code),
        oom,
        error: error.map(str::to_owned),
        restarts: 0,
        ip: None,
        image: "i".into(),
        spec_hash: "h".into(),
    }
}

#[test]
fn the_last_lines_are_quoted_without_the_token_and_without_colours() {
    let log = "1\n2\n3\n4\n5\n6\n\x1b[31mtoken cp_secret is bad\x1b[0m\r\n\n";
    let reason = exited(&ended(3, false, None), log, Some("cp_secret"));
    assert_eq!(reason, "it ended with exit code 3; its last lines:\n2\n3\n4\n5\n6\ntoken *** is bad");
}

#[test]
fn memory_and_the_engine_are_named_as_causes() {
    assert!(exited(&ended(137, true, None), "", None).starts_with("it used more memory"));
    assert!(exited(&ended(137, false, None), "", None).contains("exit code 137"));
    assert_eq!(
        exited(&ended(127, false, Some("exec: not found")), "", None),
        "the engine could not start it: exec: not found"
    );
}

#[test]
fn a_reason_has_a_bound_and_no_control_characters() {
    let reason = clean(&"ä\u{7}".repeat(5000), None);
    assert_eq!(reason.chars().count(), LONGEST + 1);
    assert!(!reason.chars().any(char::is_control));
}
