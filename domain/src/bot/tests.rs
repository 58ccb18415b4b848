use super::{access::MAX_ALLOWED, commands::MAX_MODELS, commands::MAX_REASON, commands::MAX_TAGS, *};
use crate::{
    DataKeyId, SealedSecret, TokenHash,
    claim::{Claim, Claims, Scope},
    testing::{at, given, id, replay_equals_live, value},
};
use pretty_assertions::assert_eq;
use proptest::prelude::*;

pub(super) fn new_bot() -> CreateBot {
    CreateBot {
        id: id(1),
        host_id: crate::HostId::LOCAL,
        host_labels: Vec::new(),
        tenant_id: id(2),
        created_by: id(3),
        hostname: value("ada"),
        name: value("Ada"),
        image: Some(value("ghcr.io/openclaw/openclaw:latest")),
        port: 9200,
        tags: vec![value("eu")],
        models: vec![ModelChoice { vendor: value("openai"), model: value("gpt-5") }],
        limits: Limits::default(),
    }
}

pub(super) fn token() -> GatewayToken {
    let sealed =
        SealedSecret { data_key_id: id::<DataKeyId>(4), nonce: "00".repeat(12), ciphertext: "ff".into() };
    GatewayToken { hash: TokenHash::of("cp_x"), sealed, expires_at: Some(at(60)) }
}

fn rotation(plain: &str, second: i64, grace: u64) -> BotCommand {
    let token = GatewayToken { hash: TokenHash::of(plain), expires_at: None, ..token() };
    let grace = std::time::Duration::from_secs(grace);
    BotCommand::RotateToken(Box::new(Rotate { token, replaces: Replaces::Present, at: at(second), grace }))
}

fn create(new: CreateBot) -> BotCommand {
    BotCommand::Create(Box::new(new), token(), Access::default())
}

pub(super) fn created() -> Vec<BotEvent> {
    vec![BotEvent::Created { bot: new_bot() }, BotEvent::TokenIssued { token: token() }]
}

pub(super) fn after(events: impl IntoIterator<Item = BotEvent>) -> impl Iterator<Item = BotEvent> {
    created().into_iter().chain(events)
}

pub(super) fn deleted() -> BotEvent {
    BotEvent::Deleted { hostname: value("ada"), token_hash: Some(token().hash), keep_data: false }
}

pub(super) fn observed(state: BotState) -> BotEvent {
    BotEvent::Observed { observation: Observation::new(state) }
}

#[test]
fn a_bot_is_created_with_its_token_and_stopped() {
    let bot = given::<Bot>([]).when(create(new_bot())).then(created()).profile.unwrap();
    assert_eq!(
        (bot.desired, bot.observed, bot.removed),
        (Desired::Stopped, Observation::new(BotState::Created), false)
    );
    assert_eq!(bot.token, Some(token()));
    assert_eq!((bot.id, bot.tenant_id, bot.created_by), (id(1), id(2), id(3)));
    assert_eq!((bot.port, bot.image), (9200, new_bot().image));
}

#[test]
fn a_bot_is_created_once() {
    given::<Bot>(created()).when(create(new_bot())).refused(&BotRefusal::Exists);
    given::<Bot>(after([deleted()])).when(create(new_bot())).refused(&BotRefusal::Exists);
}

#[test]
fn a_bot_needs_a_model_and_not_too_many_of_anything() {
    given::<Bot>([])
        .when(create(CreateBot { models: Vec::new(), ..new_bot() }))
        .refused(&BotRefusal::NoModel);
    let models = |count| vec![new_bot().models[0].clone(); count];
    let too_many = BotRefusal::TooMany { field: "models", max: MAX_MODELS };
    given::<Bot>([])
        .when(create(CreateBot { models: models(MAX_MODELS + 1), ..new_bot() }))
        .refused(&too_many);
    let tags = |count: usize| (0..count).map(|n| value(&format!("t{n}"))).collect();
    let too_many = BotRefusal::TooMany { field: "tags", max: MAX_TAGS };
    given::<Bot>([]).when(create(CreateBot { tags: tags(MAX_TAGS + 1), ..new_bot() })).refused(&too_many);
    let full = CreateBot { models: models(MAX_MODELS), tags: tags(MAX_TAGS), ..new_bot() };
    let events = [BotEvent::Created { bot: full.clone() }, BotEvent::TokenIssued { token: token() }];
    given::<Bot>([]).when(create(full)).then(events);
}

#[test]
fn nothing_can_be_asked_of_a_bot_that_never_was() {
    let commands = [BotCommand::Start, BotCommand::Stop, BotCommand::Delete, BotCommand::ConfirmRemoved];
    let seen = BotCommand::Observe(Observation::new(BotState::Running));
    for command in commands.into_iter().chain([seen]) {
        given::<Bot>([]).when(command).refused(&BotRefusal::Unknown);
    }
}

#[test]
fn start_and_stop_say_only_what_changes() {
    let running = given::<Bot>(created()).when(BotCommand::Start).then([BotEvent::StartRequested {}]);
    assert_eq!(running.profile.unwrap().desired, Desired::Running);
    given::<Bot>(after([BotEvent::StartRequested {}])).when(BotCommand::Start).then_nothing();
    given::<Bot>(created()).when(BotCommand::Stop).then_nothing();
    let started = after([BotEvent::StartRequested {}]);
    let stopped = given::<Bot>(started).when(BotCommand::Stop).then([BotEvent::StopRequested {}]);
    assert_eq!(stopped.profile.unwrap().desired, Desired::Stopped);
}

#[test]
fn a_deleted_bot_has_no_token_and_takes_no_more_wishes() {
    let bot = given::<Bot>(created()).when(BotCommand::Delete).then([deleted()]).profile.unwrap();
    assert_eq!((bot.desired, bot.token, bot.removed), (Desired::Deleted, None, false));
    for command in [BotCommand::Start, BotCommand::Stop, BotCommand::Delete] {
        given::<Bot>(after([deleted()])).when(command).refused(&BotRefusal::Unknown);
    }
    // A bot that never got a token can be deleted as well.
    let bare = [BotEvent::Created { bot: new_bot() }];
    let gone = BotEvent::Deleted { hostname: value("ada"), token_hash: None, keep_data: false };
    given::<Bot>(bare).when(BotCommand::Delete).then([gone]);
}

#[test]
fn only_news_is_observed() {
    let running = || BotCommand::Observe(Observation::new(BotState::Running));
    let bot = given::<Bot>(created()).when(running()).then([observed(BotState::Running)]);
    assert_eq!(bot.profile.unwrap().observed.state, BotState::Running);
    given::<Bot>(after([observed(BotState::Running)])).when(running()).then_nothing();
    let again = Observation { restarts: 1, ..Observation::new(BotState::Running) };
    given::<Bot>(after([observed(BotState::Running)]))
        .when(BotCommand::Observe(again.clone()))
        .then([BotEvent::Observed { observation: again }]);
}

#[test]
fn what_a_worker_sees_while_it_deletes_is_still_news() {
    let deleting = BotCommand::Observe(Observation::new(BotState::Deleting));
    given::<Bot>(after([deleted()])).when(deleting.clone()).then([observed(BotState::Deleting)]);
    given::<Bot>(after([deleted(), BotEvent::Removed { port: 9200 }])).when(deleting).then_nothing();
}

/// A reason may quote what a container printed: Postgres cannot store its NUL, and nobody wants all of it.
#[test]
fn a_reason_is_cleaned_and_cut() {
    let raw = |reason: String| Observation { reason: Some(reason), ..Observation::new(BotState::Failed) };
    let dirty = || BotCommand::Observe(raw("exit\0 1\r\n\tno \u{1b}[31mroom".into()));
    let clean = BotEvent::Observed { observation: raw("exit 1\n\tno [31mroom".into()) };
    given::<Bot>(created()).when(dirty()).then([clean.clone()]);
    given::<Bot>(after([clean])).when(dirty()).then_nothing();
    let cut = BotEvent::Observed { observation: raw("é".repeat(MAX_REASON)) };
    given::<Bot>(created()).when(BotCommand::Observe(raw("é".repeat(MAX_REASON + 1)))).then([cut]);
}

#[test]
fn only_a_deleted_bot_can_be_gone() {
    given::<Bot>(created()).when(BotCommand::ConfirmRemoved).refused(&BotRefusal::NotDeleted);
    let removed = || BotEvent::Removed { port: 9200 };
    let bot = given::<Bot>(after([deleted()])).when(BotCommand::ConfirmRemoved).then([removed()]);
    assert!(bot.profile.unwrap().removed);
    given::<Bot>(after([deleted(), removed()])).when(BotCommand::ConfirmRemoved).then_nothing();
}

#[test]
fn names_are_held_from_creation_to_deletion_and_to_removal() {
    let (hostname, port) = (Claim::new(Scope::BotHostname, &"ada"), Claim::new(Scope::BotPort, &9200));
    let [created, issued] = <[BotEvent; 2]>::try_from(created()).unwrap();
    assert_eq!((created.takes(), created.releases()), (vec![hostname.clone(), port.clone()], Vec::new()));
    assert_eq!((deleted().takes(), deleted().releases()), (Vec::new(), vec![hostname]));
    let removed = BotEvent::Removed { port: 9200 };
    assert_eq!((removed.takes(), removed.releases()), (Vec::new(), vec![port]));
    let narrowed = BotEvent::AccessSet { access: openai_only() };
    for event in [
        narrowed,
        BotEvent::TokenRotated { token: token(), earlier: Vec::new() },
        BotEvent::TokensRevoked { token_hashes: Vec::new() },
        issued,
        BotEvent::StartRequested {},
        BotEvent::StopRequested {},
        observed(BotState::Failed),
    ] {
        assert_eq!((event.takes(), event.releases()), (Vec::new(), Vec::new()), "{event:?}");
    }
}

fn openai_only() -> Access {
    Access {
        allowed_models: Some(vec![value("gpt-5"), value("o*")]),
        allowed_vendors: Some(vec![value("openai")]),
    }
}

#[test]
fn a_bot_may_reach_everything_until_it_is_narrowed() {
    let bot = given::<Bot>([]).when(create(new_bot())).then(created()).profile.unwrap();
    assert!(bot.access.is_open() && bot.access.allows_vendor("groq") && bot.access.allows_model("any"));
    let set = BotEvent::AccessSet { access: openai_only() };
    let bot = given::<Bot>(created()).when(BotCommand::SetAccess(openai_only())).then([set.clone()]);
    let access = bot.profile.unwrap().access;
    assert!(access.allows_vendor("openai") && !access.allows_vendor("groq"));
    assert!(access.allows_model("o4-mini") && !access.allows_model("gpt-5-mini"));
    given::<Bot>(after([set.clone()])).when(BotCommand::SetAccess(openai_only())).then_nothing();
    let open = BotEvent::AccessSet { access: Access::default() };
    given::<Bot>(after([set])).when(BotCommand::SetAccess(Access::default())).then([open]);
}

#[test]
fn a_narrowed_bot_is_narrowed_before_it_has_a_token() {
    let command = BotCommand::Create(Box::new(new_bot()), token(), openai_only());
    let [made, issued] = <[BotEvent; 2]>::try_from(created()).unwrap();
    given::<Bot>([]).when(command).then([made, BotEvent::AccessSet { access: openai_only() }, issued]);
}

#[test]
fn a_list_that_allows_nothing_or_too_much_is_refused() {
    let models = |count| Access { allowed_models: Some(vec![value("m"); count]), allowed_vendors: None };
    let vendors = |count| Access { allowed_models: None, allowed_vendors: Some(vec![value("v"); count]) };
    let nothing = |field| BotRefusal::AllowsNothing { field };
    let too_many = |field| BotRefusal::TooMany { field, max: MAX_ALLOWED };
    for (access, refusal) in [
        (models(0), nothing("allowedModels")),
        (vendors(0), nothing("allowedVendors")),
        (models(MAX_ALLOWED + 1), too_many("allowedModels")),
        (vendors(MAX_ALLOWED + 1), too_many("allowedVendors")),
    ] {
        given::<Bot>(created()).when(BotCommand::SetAccess(access.clone())).refused(&refusal);
        given::<Bot>([]).when(BotCommand::Create(Box::new(new_bot()), token(), access)).refused(&refusal);
    }
    given::<Bot>([]).when(BotCommand::SetAccess(Access::default())).refused(&BotRefusal::Unknown);
    given::<Bot>(after([deleted()])).when(BotCommand::SetAccess(openai_only())).refused(&BotRefusal::Unknown);
}

fn any_command() -> impl Strategy<Value = BotCommand> {
    let state = prop::sample::select(vec![BotState::Starting, BotState::Running, BotState::Failed]);
    let observation =
        (state, prop::option::of(any::<String>()), prop::option::of(any::<i64>()), any::<u32>());
    prop_oneof![
        2 => any::<u16>().prop_map(|port| create(CreateBot { port, ..new_bot() })),
        2 => Just(BotCommand::Start),
        2 => Just(BotCommand::Stop),
        1 => Just(BotCommand::SetAccess(openai_only())),
        1 => Just(BotCommand::SetAccess(Access::default())),
        2 => any::<u16>().prop_map(|n| rotation(&format!("cp_{n}"), i64::from(n), 60)),
        1 => Just(BotCommand::RevokeTokens),
        2 => Just(BotCommand::Restart),
        1 => Just(BotCommand::Init),
        2 => any::<bool>().prop_map(|new| BotCommand::Upgrade(new.then(|| value("new:1")))),
        2 => (0_u32..4).prop_map(|number| BotCommand::CommitUpgrade { number }),
        2 => (0_u32..4).prop_map(|number| BotCommand::RollBackUpgrade { number, reason: "no".into() }),
        1 => prop::sample::select(vec!["ada", "grace"]).prop_map(|name| {
            BotCommand::Change(Box::new(Changes { hostname: Some(value(name)), ..Changes::default() }))
        }),
        1 => Just(BotCommand::DeleteKeepingData),
        1 => Just(BotCommand::Delete),
        1 => Just(BotCommand::ConfirmRemoved),
        3 => observation.prop_map(|(state, reason, exit_code, restarts)| {
            BotCommand::Observe(Observation { state, reason, container_id: None, exit_code, restarts, left_alone: restarts % 2 == 1 })
        }),
    ]
}

proptest! {
    #[test]
    fn replay_is_the_live_state(commands in prop::collection::vec(any_command(), 0..30)) {
        let bot = replay_equals_live::<Bot>(commands);
        // Whatever was commanded: a bot that is to be deleted has no token, and nobody is gone who was not deleted.
        if let Some(bot) = bot.profile {
            prop_assert!(bot.desired != Desired::Deleted || bot.token.is_none());
        prop_assert!(bot.earlier.len() <= token::MAX_EARLIER && (bot.token.is_some() || bot.earlier.is_empty()));
            prop_assert!(!bot.removed || bot.desired == Desired::Deleted);
        }
    }
}

fn exec(arguments: u32, seconds: u32) -> ExecRequest {
    ExecRequest {
        exec_id: id::<crate::BotId>(9).0,
        command: "cat\n/etc/hosts".into(),
        command_digest: "00".repeat(32),
        arguments,
        stdin_bytes: 0,
        timeout_seconds: seconds,
    }
}

#[test]
fn a_command_in_the_container_is_noted_before_and_after() {
    let noted = ExecRequest { command: "cat /etc/hosts".into(), ..exec(2, 30) };
    given::<Bot>(created())
        .when(BotCommand::RequestExec(exec(2, 30)))
        .then([BotEvent::ExecRequested { request: noted.clone() }]);
    let outcome = ExecOutcome {
        exec_id: noted.exec_id,
        exit_code: Some(0),
        timed_out: false,
        duration_ms: 5,
        output_bytes: 80,
        error: None,
    };
    let finished = BotEvent::ExecFinished { outcome: outcome.clone() };
    let running = after([BotEvent::ExecRequested { request: noted.clone() }]);
    given::<Bot>(running).when(BotCommand::FinishExec(outcome.clone())).then([finished.clone()]);
    // Its end is noted also where the bot was deleted meanwhile, and nothing begins there.
    given::<Bot>(after([deleted()])).when(BotCommand::FinishExec(outcome)).then([finished]);
    given::<Bot>(after([deleted()])).when(BotCommand::RequestExec(noted)).refused(&BotRefusal::Unknown);
}

#[test]
fn a_command_without_words_or_without_an_end_is_refused() {
    let refused = |request, refusal: &BotRefusal| {
        given::<Bot>(created()).when(BotCommand::RequestExec(request)).refused(refusal);
    };
    refused(exec(0, 30), &BotRefusal::AllowsNothing { field: "cmd" });
    refused(exec(65, 30), &BotRefusal::TooMany { field: "cmd", max: 64 });
    refused(exec(1, 0), &BotRefusal::ExecTooLong);
    refused(exec(1, 301), &BotRefusal::ExecTooLong);
}
