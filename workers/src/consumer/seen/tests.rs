use super::*;
use clawplane_domain::TenantId;

fn wake_up(sequence: u64, global: i64) -> WakeUp {
    WakeUp {
        position: Position { tx_id: 7, global },
        stream_type: "bot".into(),
        id: "b".into(),
        sequence,
        event_type: "bot.created".into(),
        tenant_id: TenantId(uuid::Uuid::nil()),
        at: chrono::DateTime::UNIX_EPOCH,
    }
}

#[test]
fn an_event_is_known_by_its_stream_and_sequence() {
    let mut seen = Seen::default();
    seen.insert(&wake_up(1, 1));
    assert!(seen.contains(&wake_up(1, 1), false));
    assert!(seen.contains(&wake_up(1, 1), true));
    assert!(!seen.contains(&wake_up(2, 2), false));
}

#[test]
fn events_before_the_checkpoint_are_known_unless_they_failed() {
    let mut seen = Seen::default();
    seen.raise_floor(Position { tx_id: 7, global: 5 });
    seen.raise_floor(Position { tx_id: 7, global: 2 });
    assert!(seen.contains(&wake_up(5, 5), false));
    assert!(!seen.contains(&wake_up(5, 5), true), "it is delivered again, so it failed");
    assert!(!seen.contains(&wake_up(6, 6), false));
}

#[test]
fn memory_is_bounded() {
    let mut seen = Seen::default();
    for number in 0..(RECENT as u64 + 10) {
        seen.insert(&wake_up(number, 0));
    }
    assert_eq!((seen.recent.len(), seen.order.len()), (RECENT, RECENT));
    assert!(!seen.contains(&wake_up(0, 9), false));
    assert!(seen.contains(&wake_up(RECENT as u64 + 9, 9), false));
}
