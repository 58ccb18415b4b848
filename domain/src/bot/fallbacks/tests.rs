use super::{super::*, *};
use crate::{
    DataKeyId, SealedSecret, TokenHash,
    testing::{at, given, id, value},
};
use pretty_assertions::assert_eq;

fn created() -> Vec<BotEvent> {
    let bot = CreateBot {
        id: id(1),
        host_id: crate::HostId::LOCAL,
        host_labels: Vec::new(),
        tenant_id: id(2),
        created_by: id(3),
        hostname: value("ada"),
        name: value("Ada"),
        image: None,
        port: 9200,
        tags: Vec::new(),
        models: vec![ModelChoice { vendor: value("openai"), model: value("gpt-5") }],
        limits: Limits::default(),
    };
    let sealed =
        SealedSecret { data_key_id: id::<DataKeyId>(4), nonce: "00".repeat(12), ciphertext: "ff".into() };
    let token = GatewayToken { hash: TokenHash::of("cp_x"), sealed, expires_at: Some(at(60)) };
    vec![BotEvent::Created { bot }, BotEvent::TokenIssued { token }]
}

fn entry(from: &str, to: &str, model: Option<&str>) -> Fallback {
    Fallback { from: value(from), to: value(to), model: model.map(value) }
}

fn set(fallbacks: &[Fallback]) -> BotCommand {
    BotCommand::SetFallbacks(fallbacks.to_vec())
}

fn was_set(fallbacks: &[Fallback]) -> BotEvent {
    BotEvent::FallbacksSet { fallbacks: fallbacks.to_vec() }
}

#[test]
fn the_last_list_counts_and_an_empty_one_ends_them() {
    let list = [entry("openai", "groq", Some("llama-3.3-70b")), entry("openai", "mistral", None)];
    let bot = given::<Bot>(created()).when(set(&list)).then([was_set(&list)]);
    assert_eq!(bot.profile.map(|bot| bot.fallbacks), Some(list.to_vec()));
    let mut events = created();
    events.push(was_set(&list));
    given::<Bot>(events.clone()).when(set(&list)).then_nothing();
    let turned = [list[1].clone(), list[0].clone()];
    given::<Bot>(events.clone()).when(set(&turned)).then([was_set(&turned)]);
    let bot = given::<Bot>(events).when(set(&[])).then([was_set(&[])]);
    assert_eq!(bot.profile.map(|bot| bot.fallbacks), Some(Vec::new()));
    given::<Bot>(created()).when(set(&[])).then_nothing();
}

#[test]
fn a_circle_of_two_is_none() {
    let list = [entry("openai", "groq", None), entry("groq", "openai", None)];
    given::<Bot>(created()).when(set(&list)).then([was_set(&list)]);
}

#[test]
fn entries_that_make_no_sense_are_refused_by_name() {
    let refused = |list: &[Fallback], at: usize, why: BadFallback| {
        given::<Bot>(created()).when(set(list)).refused(&BotRefusal::Fallback { at, why });
    };
    refused(&[entry("openai", "openai", Some("gpt-4o"))], 0, BadFallback::Itself);
    let twice =
        [entry("openai", "groq", None), entry("xai", "groq", None), entry("openai", "groq", Some("m"))];
    refused(&twice, 2, BadFallback::Twice);
    let names = ["groq", "mistral", "xai", "together", "venice"];
    let five = names.map(|to| entry("openai", to, None));
    refused(&five, 4, BadFallback::TooMany);
    given::<Bot>(created()).when(set(&five[..4])).then([was_set(&five[..4])]);
    assert_eq!((BadFallback::Twice.field(), BadFallback::TooMany.field()), ("to", "from"));
}

#[test]
fn there_are_not_too_many_in_all() {
    let many: Vec<_> = (0..17).map(|n| entry(&format!("v{n}"), "groq", None)).collect();
    let refusal = BotRefusal::TooMany { field: "fallbacks", max: MAX_FALLBACKS };
    given::<Bot>(created()).when(set(&many)).refused(&refusal);
    given::<Bot>(created()).when(set(&many[..16])).then([was_set(&many[..16])]);
}

#[test]
fn a_bot_that_is_not_there_has_none() {
    given::<Bot>([]).when(set(&[])).refused(&BotRefusal::Unknown);
    let gone = BotEvent::Deleted { hostname: value("ada"), token_hash: None, keep_data: false };
    let deleted = created().into_iter().chain([gone]);
    given::<Bot>(deleted).when(set(&[entry("openai", "groq", None)])).refused(&BotRefusal::Unknown);
}
