use super::*;
use clawplane_domain::BotId;

fn seen(phase: Phase, hash: &str) -> ContainerSeen {
    ContainerSeen {
        id: "c".into(),
        bot: BotId(uuid::Uuid::nil()),
        phase,
        exit_code: None,
        oom: false,
        error: None,
        restarts: 0,
        ip: None,
        image: "i".into(),
        spec_hash: hash.into(),
    }
}

const STATES: [BotState; 8] = [
    BotState::Created,
    BotState::Starting,
    BotState::Running,
    BotState::Unhealthy,
    BotState::Stopping,
    BotState::Stopped,
    BotState::Failed,
    BotState::Deleting,
];
const PHASES: [Phase; 3] = [Phase::Created, Phase::Running, Phase::Exited];

#[test]
fn a_deleted_bot_is_purged_whatever_is_there() {
    for last in STATES {
        assert_eq!(next(Desired::Deleted, None, "h", last), Step::Purge);
        for phase in PHASES {
            assert_eq!(next(Desired::Deleted, Some(&seen(phase, "other")), "h", last), Step::Purge);
        }
    }
}

#[test]
fn a_stopped_bot_is_stopped_once_and_rests_then() {
    for last in STATES {
        let running = seen(Phase::Running, "any");
        assert_eq!(next(Desired::Stopped, Some(&running), "h", last), Step::Stop);
        for phase in [Phase::Created, Phase::Exited] {
            assert_eq!(
                next(Desired::Stopped, Some(&seen(phase, "any")), "h", last),
                Step::Rest(BotState::Stopped)
            );
        }
        let rest = if last == BotState::Created { BotState::Created } else { BotState::Stopped };
        assert_eq!(next(Desired::Stopped, None, "h", last), Step::Rest(rest));
    }
}

#[test]
fn a_running_bot_without_a_fitting_container_gets_one() {
    for last in STATES {
        assert_eq!(next(Desired::Running, None, "h", last), Step::Create);
        for phase in PHASES {
            assert_eq!(next(Desired::Running, Some(&seen(phase, "old")), "h", last), Step::Replace);
        }
        assert_eq!(next(Desired::Running, Some(&seen(Phase::Created, "h")), "h", last), Step::Start);
        assert_eq!(next(Desired::Running, Some(&seen(Phase::Running, "h")), "h", last), Step::Watch);
    }
}

#[test]
fn an_ended_process_is_a_crash_only_where_it_was_up() {
    let exited = seen(Phase::Exited, "h");
    for last in [BotState::Starting, BotState::Running, BotState::Unhealthy] {
        assert_eq!(next(Desired::Running, Some(&exited), "h", last), Step::Crashed);
    }
    for last in
        [BotState::Created, BotState::Stopping, BotState::Stopped, BotState::Failed, BotState::Deleting]
    {
        assert_eq!(next(Desired::Running, Some(&exited), "h", last), Step::Start);
    }
}
