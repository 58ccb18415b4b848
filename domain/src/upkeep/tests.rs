use super::*;
use crate::testing::{given, id};

fn leftover() -> Leftover {
    let (kind, bot) = (LeftoverKind::Container, Some(id(1)));
    Leftover { kind, id: "4c01".to_owned(), name: "clawplane-ada".to_owned(), bot }
}

#[test]
fn an_occasion_is_used_once_and_nothing_is_none() {
    let event = UpkeepEvent::CleanupRequested { leftovers: vec![leftover()] };
    let clean = || UpkeepCommand::CleanUp(vec![leftover()]);
    given::<Upkeep>([]).when(clean()).then([event.clone()]);
    given::<Upkeep>([event]).when(clean()).refused(&UpkeepRefusal::Exists);
    given::<Upkeep>([]).when(UpkeepCommand::CleanUp(Vec::new())).then_nothing();
    let many = vec![leftover(); MAX_LEFTOVERS + 1];
    given::<Upkeep>([]).when(UpkeepCommand::CleanUp(many)).refused(&UpkeepRefusal::TooMany);
}
