use super::*;
use crate::testing::{at, id};

#[test]
fn an_actor_survives_its_text() {
    for (actor, text) in [
        (Actor::User(id(1)), "user:01990000-0000-7000-8000-000000000001"),
        (Actor::system("docker-worker"), "system:docker-worker"),
        (Actor::system("a:b"), "system:a:b"),
    ] {
        assert_eq!(actor.to_string(), text);
        assert_eq!(text.parse(), Ok(actor.clone()));
        assert_eq!(serde_json::to_value(&actor).unwrap(), text);
        assert_eq!(serde_json::from_value::<Actor>(text.into()).unwrap(), actor);
    }
}

#[test]
fn what_is_no_actor_is_refused() {
    for text in ["", "user", "user:", "user:1", "system:", "admin:x", "USER:x"] {
        assert!(text.parse::<Actor>().is_err(), "{text}");
        assert!(serde_json::from_value::<Actor>(text.into()).is_err(), "{text}");
    }
}

/// cqrs-es carries strings only; what comes back from the store has to be the metadata that went in.
#[test]
fn metadata_survives_the_string_map() {
    let bare = Metadata {
        tenant_id: id(1),
        actor: Actor::User(id(2)),
        at: at(0),
        request_id: None,
        causation: None,
    };
    let full = Metadata {
        at: at(0) + chrono::TimeDelta::microseconds(123_456),
        request_id: Some(id(3)),
        causation: Some("12-34".into()),
        ..bare.clone()
    };
    for metadata in [bare, full] {
        let map = serde_json::to_value(metadata.to_map()).unwrap();
        assert_eq!(serde_json::from_value::<Metadata>(map).unwrap(), metadata);
        let json = serde_json::to_value(&metadata).unwrap();
        assert_eq!(serde_json::from_value::<Metadata>(json).unwrap(), metadata);
    }
}
