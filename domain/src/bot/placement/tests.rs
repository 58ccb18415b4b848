use super::*;
use crate::{
    bot::{Bot, BotCommand, BotState, CreateBot, Limits, Observation},
    testing::{given, id, value},
};
use pretty_assertions::assert_eq;

const HERE: u128 = 0x61;
const THERE: u128 = 0x62;

fn created() -> BotEvent {
    let bot = CreateBot {
        id: id(1),
        tenant_id: id(2),
        created_by: id(3),
        hostname: value("ada"),
        name: value("Ada"),
        image: None,
        port: 9200,
        tags: Vec::new(),
        models: Vec::new(),
        limits: Limits::default(),
        host_id: id(HERE),
        host_labels: vec![value("eu")],
    };
    BotEvent::Created { bot }
}

fn after(events: impl IntoIterator<Item = BotEvent>) -> Vec<BotEvent> {
    std::iter::once(created()).chain(events).collect()
}

fn to(host: u128) -> BotCommand {
    BotCommand::Move { to: id(host), abandon: false }
}

fn asked(vacated: bool) -> BotEvent {
    BotEvent::MoveRequested { from: id(HERE), to: id(THERE), vacated }
}

fn vacated() -> BotEvent {
    BotEvent::LetGo { host_id: id(HERE) }
}

fn placed() -> BotEvent {
    BotEvent::Placed { host_id: id(THERE), from: id(HERE) }
}

/// What the two hosts have to do.
fn parts(bot: &Bot) -> (Part, Part) {
    let place = &bot.profile.as_ref().unwrap().placement;
    (place.part_of(id(HERE)), place.part_of(id(THERE)))
}

#[test]
fn a_move_goes_step_by_step() {
    let bot = given::<Bot>([created()]).when(to(THERE)).then([asked(false)]);
    assert_eq!(parts(&bot), (Part::LetGo { said: false }, Part::Nothing));
    let bot = given::<Bot>(after([asked(false)])).when(BotCommand::Vacated(id(HERE))).then([vacated()]);
    assert_eq!(parts(&bot), (Part::LetGo { said: true }, Part::Take(id(HERE))));
    let going = [asked(false), vacated()];
    let bot = given::<Bot>(after(going)).when(BotCommand::Arrived(id(THERE))).then([placed()]);
    assert_eq!(parts(&bot), (Part::Forget(id(THERE)), Part::Keep));
    let hosts: Vec<HostId> = bot.profile.unwrap().placement.hosts().collect();
    assert_eq!(hosts, [id(THERE), id(HERE)]);
    let left = BotEvent::Left { host_id: id(HERE) };
    let gone = [asked(false), vacated(), placed()];
    let bot = given::<Bot>(after(gone)).when(BotCommand::Forgotten(id(HERE))).then([left]);
    assert_eq!(parts(&bot), (Part::Nothing, Part::Keep));
    assert_eq!(bot.profile.unwrap().placement.labels, [value("eu")]);
}

#[test]
fn each_step_may_be_said_again() {
    given::<Bot>(after([asked(false)])).when(to(THERE)).then_nothing();
    given::<Bot>(after([asked(false), vacated()])).when(BotCommand::Vacated(id(HERE))).then_nothing();
    let gone = || after([asked(false), vacated(), placed()]);
    given::<Bot>(gone()).when(BotCommand::Arrived(id(THERE))).then_nothing();
    given::<Bot>(gone()).when(BotCommand::Vacated(id(HERE))).then_nothing();
    given::<Bot>([created()]).when(BotCommand::Forgotten(id(HERE))).then_nothing();
    given::<Bot>([created()]).when(to(HERE)).then_nothing();
}

#[test]
fn a_move_is_called_off_until_the_bot_is_placed() {
    for going in [vec![asked(false)], vec![asked(false), vacated()]] {
        let bot = given::<Bot>(after(going)).when(to(HERE)).then([BotEvent::MoveCancelled {}]);
        assert_eq!(parts(&bot), (Part::Keep, Part::Nothing));
    }
    // The other host was at it meanwhile, and has to throw away what it took.
    given::<Bot>(after([asked(false), vacated(), BotEvent::MoveCancelled {}]))
        .when(BotCommand::Arrived(id(THERE)))
        .refused(&BotRefusal::NotMoving);
    given::<Bot>(after([asked(false)])).when(BotCommand::Arrived(id(THERE))).refused(&BotRefusal::NotMoving);
}

#[test]
fn nobody_waits_for_a_host_that_is_lost() {
    let abandon = || BotCommand::Move { to: id(THERE), abandon: true };
    let bot = given::<Bot>([created()]).when(abandon()).then([asked(true)]);
    // Should it come back meanwhile, it lets go of the bot too.
    assert_eq!(parts(&bot), (Part::LetGo { said: true }, Part::Take(id(HERE))));
    given::<Bot>(after([asked(false)])).when(abandon()).then([asked(true)]);
    given::<Bot>(after([asked(true)])).when(abandon()).then_nothing();
}

#[test]
fn one_move_at_a_time_and_not_back_to_where_something_is_left() {
    given::<Bot>(after([asked(false)])).when(to(0x63)).refused(&BotRefusal::Moving);
    given::<Bot>(after([asked(false), vacated(), placed()])).when(to(HERE)).refused(&BotRefusal::Moving);
    let mut many = after([]);
    for n in 0..MAX_LEFT as u128 {
        many.push(BotEvent::Placed { host_id: id(0x71 + n), from: id(0x70 + n) });
    }
    given::<Bot>(many).when(to(0x99)).refused(&BotRefusal::Moving);
    let deleted = BotEvent::Deleted { hostname: value("ada"), token_hash: None, keep_data: false };
    given::<Bot>(after([deleted])).when(to(THERE)).refused(&BotRefusal::Unknown);
    given::<Bot>([]).when(to(THERE)).refused(&BotRefusal::Unknown);
}

#[test]
fn a_bot_that_is_deleted_stays_where_it_is() {
    let deleted = BotEvent::Deleted { hostname: value("ada"), token_hash: None, keep_data: false };
    let bot = given::<Bot>(after([asked(false), vacated()]))
        .when(BotCommand::Delete)
        .then([BotEvent::MoveCancelled {}, deleted]);
    assert_eq!(parts(&bot), (Part::Keep, Part::Nothing));
}

#[test]
fn what_was_stored_before_there_were_hosts_is_on_the_local_one() {
    let seen = Observation::new(BotState::Created);
    let old = serde_json::json!({"profile": {
        "id": id::<crate::BotId>(1), "tenantId": id::<crate::TenantId>(2), "createdBy": id::<crate::UserId>(3),
        "hostname": "ada", "name": "Ada", "image": null, "port": 9200, "tags": [], "models": [],
        "limits": Limits::default(), "token": null, "desired": "running", "observed": seen, "removed": false,
    }});
    let bot: Bot = serde_json::from_value(old).unwrap();
    assert_eq!(bot.profile.unwrap().placement.part_of(HostId::LOCAL), Part::Keep);
}
