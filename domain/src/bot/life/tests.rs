use super::*;
use crate::{
    bot::{
        Access, BadVariable, Bot, BotCommand, BotState, Fallback, NewBot, Observation,
        tests::{after, created, deleted, new_bot, observed, token},
    },
    claim::{Claim, Claims, Scope},
    testing::{given, id, value},
};
use pretty_assertions::assert_eq;

fn setup() -> Setup {
    Setup {
        features: [(value("canvas"), true), (value("voice"), false)].into(),
        environment: [(value("TZ"), value("Europe/Berlin"))].into(),
        persona: Some(value("# Ada\nShort answers.")),
        origin: Some(Origin::CloneOf(id(9))),
    }
}

fn making(setup: Setup) -> NewBot {
    NewBot { bot: new_bot(), setup, token: token(), access: Access::default(), fallbacks: Vec::new() }
}

fn life(events: impl IntoIterator<Item = BotEvent>) -> Life {
    let started = after([BotEvent::StartRequested {}].into_iter().chain(events));
    given::<Bot>(started).when(BotCommand::Start).then([]).profile.unwrap().life
}

fn begun(number: u32, image: &str) -> BotEvent {
    BotEvent::UpgradeBegun { number, image: Some(value(image)) }
}

fn committed(number: u32, image: &str) -> BotEvent {
    BotEvent::UpgradeCommitted { number, image: Some(value(image)) }
}

fn back(number: u32, image: &str, reason: &str) -> BotEvent {
    BotEvent::UpgradeRolledBack { number, image: Some(value(image)), reason: reason.into() }
}

fn upgrade(image: &str) -> BotCommand {
    BotCommand::Upgrade(Some(value(image)))
}

fn change(changes: Changes) -> BotCommand {
    BotCommand::Change(Box::new(changes))
}

fn reshape(shape: Reshape) -> BotCommand {
    let Reshape { limits, environment, features, models, tags } = shape;
    let limits = limits.map_or_else(LimitsChange::default, |all| LimitsChange {
        memory_mib: Some(all.memory_mib),
        cpu_millis: Some(all.cpu_millis),
        pids: Some(all.pids),
        disk_mib: all.disk_mib,
        writable_root: Some(all.writable_root),
    });
    change(Changes { limits, environment, features, models, tags, ..Changes::default() })
}

#[test]
fn a_bot_is_made_with_all_that_a_wizard_asks_for() {
    let fallback = Fallback { from: value("openai"), to: value("groq"), model: None };
    let access = Access { allowed_vendors: Some(vec![value("openai")]), allowed_models: None };
    let new = NewBot { access: access.clone(), fallbacks: vec![fallback.clone()], ..making(setup()) };
    let [made, issued] = <[BotEvent; 2]>::try_from(created()).unwrap();
    let events = [
        made,
        BotEvent::SetUp { setup: setup() },
        BotEvent::AccessSet { access },
        BotEvent::FallbacksSet { fallbacks: vec![fallback] },
        issued,
    ];
    let bot = given::<Bot>([]).when(BotCommand::CreateWith(Box::new(new))).then(events).profile.unwrap();
    assert_eq!((bot.life.features, bot.life.environment), (setup().features, setup().environment));
    assert_eq!((bot.life.persona, bot.life.has_persona), (setup().persona, true));
    assert_eq!(bot.life.origin, setup().origin);
    given::<Bot>([]).when(BotCommand::CreateWith(Box::new(making(Setup::default())))).then(created());
    let twice = BotCommand::CreateWith(Box::new(making(setup())));
    given::<Bot>(created()).when(twice).refused(&BotRefusal::Exists);
}

#[test]
fn a_bot_is_not_made_with_what_it_may_not_have() {
    let environment: Environment = [(value("PATH"), value("/tmp"))].into();
    let refusal = BotRefusal::Variable { name: value("PATH"), why: BadVariable::Owned };
    let new = making(Setup { environment: environment.clone(), ..Setup::default() });
    given::<Bot>([]).when(BotCommand::CreateWith(Box::new(new))).refused(&refusal);
    let shape = Reshape { environment: Some(environment), ..Reshape::default() };
    given::<Bot>(created()).when(reshape(shape)).refused(&refusal);
}

#[test]
fn the_folder_of_a_deleted_bot_is_taken_over_once() {
    let taking = BotEvent::SetUp { setup: Setup { origin: Some(Origin::DataOf(id(7))), ..Setup::default() } };
    assert_eq!(taking.takes(), [Claim::new(Scope::BotData, &crate::BotId(id::<crate::BotId>(7).0))]);
    assert_eq!(BotEvent::SetUp { setup: setup() }.takes(), [], "persona files can be copied often");
}

#[test]
fn a_bots_folder_can_stay_when_it_is_deleted() {
    let BotEvent::Deleted { hostname, token_hash, .. } = deleted() else { panic!("a deletion") };
    let kept = BotEvent::Deleted { hostname, token_hash, keep_data: true };
    let bot = given::<Bot>(created()).when(BotCommand::DeleteKeepingData).then([kept]).profile.unwrap();
    assert_eq!((bot.desired, bot.life.keep_data), (Desired::Deleted, true));
    given::<Bot>(after([deleted()])).when(BotCommand::DeleteKeepingData).refused(&BotRefusal::Unknown);
}

#[test]
fn a_rename_moves_the_claim_in_one_event() {
    let renamed =
        BotEvent::Renamed { name: value("Ada"), hostname: value("grace"), previous_hostname: value("ada") };
    assert_eq!(renamed.takes(), [Claim::new(Scope::BotHostname, &"grace")]);
    assert_eq!(renamed.releases(), [Claim::new(Scope::BotHostname, &"ada")]);
    let wanted = Changes { hostname: Some(value("grace")), ..Changes::default() };
    let bot = given::<Bot>(created()).when(change(wanted.clone())).then([renamed.clone()]).profile.unwrap();
    assert_eq!((bot.hostname.as_str(), bot.name.as_str()), ("grace", "Ada"));
    given::<Bot>(after([renamed.clone()])).when(change(wanted.clone())).then_nothing();
    given::<Bot>(after([deleted()])).when(change(wanted)).refused(&BotRefusal::Unknown);
    // A bot that was renamed frees its present name when it goes.
    let gone =
        BotEvent::Deleted { hostname: value("grace"), token_hash: Some(token().hash), keep_data: false };
    given::<Bot>(after([renamed])).when(BotCommand::Delete).then([gone]);
    // Another name for people frees nothing.
    let named =
        BotEvent::Renamed { name: value("G."), hostname: value("ada"), previous_hostname: value("ada") };
    assert_eq!((named.takes(), named.releases()), (vec![], vec![]));
    let wanted = Changes { name: Some(value("G.")), ..Changes::default() };
    given::<Bot>(created()).when(change(wanted)).then([named]);
}

#[test]
fn only_what_is_different_is_changed() {
    let limits = Limits { memory_mib: 4096, ..Limits::default() };
    let models = vec![ModelChoice { vendor: value("anthropic"), model: value("claude") }];
    let all = Reshape {
        limits: Some(limits),
        environment: Some(setup().environment),
        features: Some(setup().features),
        models: Some(models.clone()),
        tags: Some(vec![value("us")]),
    };
    let changed = BotEvent::Changed { shape: all.clone() };
    let bot = given::<Bot>(created()).when(reshape(all.clone())).then([changed.clone()]).profile.unwrap();
    assert_eq!((bot.limits, &bot.models, &bot.tags), (limits, &models, &vec![value("us")]));
    assert_eq!((bot.life.environment, bot.life.features), (setup().environment, setup().features));
    given::<Bot>(after([changed.clone()])).when(reshape(all.clone())).then_nothing();
    let some = Reshape { tags: Some(Vec::new()), ..all };
    let expected = Reshape { tags: Some(Vec::new()), ..Reshape::default() };
    given::<Bot>(after([changed])).when(reshape(some)).then([BotEvent::Changed { shape: expected }]);
    let limits = LimitsChange { pids: Some(99), ..LimitsChange::default() };
    let expected = Reshape { limits: Some(Limits { pids: 99, ..Limits::default() }), ..Reshape::default() };
    let one = change(Changes { limits, ..Changes::default() });
    given::<Bot>(created()).when(one).then([BotEvent::Changed { shape: expected }]);
    let none = Reshape { models: Some(Vec::new()), ..Reshape::default() };
    given::<Bot>(created()).when(reshape(none)).refused(&BotRefusal::NoModel);
    given::<Bot>([]).when(reshape(Reshape::default())).refused(&BotRefusal::Unknown);
}

#[test]
fn each_restart_has_its_number_and_a_stopped_bot_just_starts() {
    let restarted = |generation| BotEvent::RestartRequested { generation };
    let running = || after([BotEvent::StartRequested {}]);
    given::<Bot>(running()).when(BotCommand::Restart).then([restarted(1)]);
    let again = running().chain([restarted(1)]);
    given::<Bot>(again).when(BotCommand::Init).then([BotEvent::InitRequested { generation: 2 }]);
    let life = life([restarted(1), BotEvent::InitRequested { generation: 2 }, restarted(3)]);
    assert_eq!((life.generation, life.initialised), (3, 2));
    given::<Bot>(created()).when(BotCommand::Restart).then([BotEvent::StartRequested {}]);
    given::<Bot>(created()).when(BotCommand::Init).then([BotEvent::InitRequested { generation: 1 }]);
    for command in [BotCommand::Restart, BotCommand::Init, upgrade("new:1")] {
        given::<Bot>([]).when(command.clone()).refused(&BotRefusal::Unknown);
        given::<Bot>(after([deleted()])).when(command.clone()).refused(&BotRefusal::Unknown);
        let revoked = running().chain([BotEvent::TokensRevoked { token_hashes: vec![token().hash] }]);
        given::<Bot>(revoked).when(command).refused(&BotRefusal::NoToken);
    }
}

#[test]
fn one_that_was_left_alone_hears_a_start() {
    let alone = Observation { left_alone: true, ..Observation::new(BotState::Failed) };
    let events = after([BotEvent::StartRequested {}, BotEvent::Observed { observation: alone }]);
    given::<Bot>(events).when(BotCommand::Start).then([BotEvent::StartRequested {}]);
    let failed = after([BotEvent::StartRequested {}, observed(BotState::Failed)]);
    given::<Bot>(failed).when(BotCommand::Start).then_nothing();
}

#[test]
fn an_upgrade_is_a_trial_until_it_is_committed() {
    let bot = given::<Bot>(created()).when(upgrade("new:1")).then([begun(1, "new:1")]).profile.unwrap();
    assert_eq!(bot.image, new_bot().image, "it is not the bot's image yet");
    assert_eq!(bot.life.trial().unwrap().image, Some(value("new:1")));
    given::<Bot>(after([begun(1, "new:1")])).when(upgrade("new:1")).then_nothing();
    let bot = given::<Bot>(after([begun(1, "new:1")]))
        .when(BotCommand::CommitUpgrade { number: 1 })
        .then([committed(1, "new:1")])
        .profile
        .unwrap();
    assert_eq!((bot.image, bot.life.trial()), (Some(value("new:1")), None));
    // To the platform's default, and nothing twice.
    let done = || after([begun(1, "new:1"), committed(1, "new:1")]);
    given::<Bot>(done()).when(upgrade("new:1")).then_nothing();
    let to_default = BotEvent::UpgradeBegun { number: 2, image: None };
    given::<Bot>(done()).when(BotCommand::Upgrade(None)).then([to_default]);
    given::<Bot>(done()).when(BotCommand::CommitUpgrade { number: 1 }).then_nothing();
    given::<Bot>(done())
        .when(BotCommand::RollBackUpgrade { number: 1, reason: "late".into() })
        .then_nothing();
}

#[test]
fn an_upgrade_that_failed_leaves_the_image_as_it_was() {
    let fail = |number| BotCommand::RollBackUpgrade { number, reason: "it\0 ended".into() };
    let bot = given::<Bot>(after([begun(1, "new:1")]))
        .when(fail(1))
        .then([back(1, "new:1", "it ended")])
        .profile
        .unwrap();
    assert_eq!((bot.image.clone(), bot.life.trial()), (new_bot().image, None));
    let outcome = UpgradeOutcome::RolledBack { reason: "it ended".into() };
    assert_eq!(bot.life.upgrade.unwrap().outcome, outcome);
    let again = after([begun(1, "new:1"), back(1, "new:1", "it ended")]);
    given::<Bot>(again).when(upgrade("new:1")).then([begun(2, "new:1")]);
}

#[test]
fn a_report_about_another_upgrade_does_not_count() {
    let second = || after([begun(1, "new:1"), begun(2, "new:2")]);
    given::<Bot>(second()).when(BotCommand::CommitUpgrade { number: 1 }).then_nothing();
    given::<Bot>(second()).when(BotCommand::RollBackUpgrade { number: 1, reason: "x".into() }).then_nothing();
    given::<Bot>(second()).when(BotCommand::CommitUpgrade { number: 2 }).then([committed(2, "new:2")]);
    given::<Bot>(created()).when(BotCommand::CommitUpgrade { number: 0 }).then_nothing();
}

#[test]
fn an_upgrade_is_called_off_by_one_to_the_present_image() {
    let present = || BotCommand::Upgrade(new_bot().image);
    let off = back(1, "new:1", "it was called off");
    given::<Bot>(after([begun(1, "new:1")])).when(present()).then([off]);
    given::<Bot>(created()).when(present()).then_nothing();
}
