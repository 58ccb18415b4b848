use super::*;
use crate::{
    DataKeyId,
    bot::{Access, Bot, BotCommand, CreateBot, Limits, ModelChoice},
    testing::{at, given, id, value},
};
use pretty_assertions::assert_eq;

fn token(plain: &str, expires: Option<i64>) -> GatewayToken {
    let sealed =
        SealedSecret { data_key_id: id::<DataKeyId>(4), nonce: "00".repeat(12), ciphertext: "ff".into() };
    GatewayToken { hash: TokenHash::of(plain), sealed, expires_at: expires.map(at) }
}

fn earlier(plain: &str, until: i64) -> EarlierToken {
    EarlierToken { hash: TokenHash::of(plain), valid_until: at(until) }
}

fn created(first: GatewayToken) -> Vec<BotEvent> {
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
    let create = BotCommand::Create(Box::new(bot), first, Access::default());
    crate::Decide::decide(&Bot::default(), create).unwrap()
}

fn rotate(plain: &str, second: i64, grace: u64, replaces: Replaces) -> BotCommand {
    let grace = Duration::from_secs(grace);
    BotCommand::RotateToken(Box::new(Rotate { token: token(plain, None), replaces, at: at(second), grace }))
}

fn rotated(plain: &str, earlier: Vec<EarlierToken>) -> BotEvent {
    BotEvent::TokenRotated { token: token(plain, None), earlier }
}

#[test]
fn the_token_before_is_good_for_the_grace_time_and_never_beyond_its_own_end() {
    let first = || created(token("a", None));
    let b = rotated("b", vec![earlier("a", 70)]);
    let bot = given::<Bot>(first()).when(rotate("b", 10, 60, Replaces::Present)).then([b]).profile.unwrap();
    assert_eq!(bot.token.unwrap().hash, TokenHash::of("b"));
    assert_eq!(bot.earlier, [earlier("a", 70)]);
    given::<Bot>(first()).when(rotate("b", 10, 0, Replaces::Present)).then([rotated("b", vec![])]);
    let short = || created(token("a", Some(30)));
    let b = rotated("b", vec![earlier("a", 30)]);
    given::<Bot>(short()).when(rotate("b", 10, 60, Replaces::Present)).then([b]);
    given::<Bot>(short()).when(rotate("b", 30, 60, Replaces::Present)).then([rotated("b", vec![])]);
}

#[test]
fn of_many_rotations_few_tokens_stay_good_and_none_for_longer() {
    let mut events = created(token("a", None));
    events.push(rotated("b", vec![earlier("a", 100)]));
    let c = rotated("c", vec![earlier("b", 1060), earlier("a", 100)]);
    given::<Bot>(events.clone()).when(rotate("c", 60, 1000, Replaces::Present)).then([c.clone()]);
    // To the second: at its end a token is not good any more.
    let late = rotated("c", vec![earlier("b", 160)]);
    given::<Bot>(events.clone()).when(rotate("c", 100, 60, Replaces::Present)).then([late]);
    events.push(c);
    // Who asks for a rotation says when everything old ends; a renewal does not.
    let d = rotated("d", vec![earlier("c", 130), earlier("b", 130)]);
    given::<Bot>(events.clone()).when(rotate("d", 70, 60, Replaces::Present)).then([d]);
    given::<Bot>(events.clone()).when(rotate("d", 70, 0, Replaces::Present)).then([rotated("d", vec![])]);
    let d = rotated("d", vec![earlier("c", 130), earlier("b", 1060)]);
    let of_c = Replaces::Exactly(Some(TokenHash::of("c")));
    given::<Bot>(events).when(rotate("d", 70, 60, of_c)).then([d]);
}

#[test]
fn of_several_who_renew_the_same_token_only_the_first_does() {
    let mut events = created(token("a", Some(60)));
    let of_a = Replaces::Exactly(Some(TokenHash::of("a")));
    let b = rotated("b", vec![earlier("a", 60)]);
    given::<Bot>(events.clone()).when(rotate("b", 40, 600, of_a)).then([b.clone()]);
    events.push(b);
    given::<Bot>(events.clone()).when(rotate("c", 40, 600, of_a)).then_nothing();
    given::<Bot>(events).when(rotate("c", 40, 600, Replaces::Exactly(None))).then_nothing();
}

#[test]
fn a_revoked_bot_has_no_token_until_it_gets_another() {
    let mut events = created(token("a", None));
    events.push(rotated("b", vec![earlier("a", 100)]));
    let hashes = vec![TokenHash::of("b"), TokenHash::of("a")];
    let revoked = BotEvent::TokensRevoked { token_hashes: hashes };
    let bot = given::<Bot>(events.clone()).when(BotCommand::RevokeTokens).then([revoked.clone()]);
    assert_eq!(bot.profile.map(|bot| (bot.token, bot.earlier)), Some((None, Vec::new())));
    events.push(revoked);
    given::<Bot>(events.clone()).when(BotCommand::RevokeTokens).then_nothing();
    // Whoever wanted to renew what was revoked meanwhile gets nothing.
    let of_b = Replaces::Exactly(Some(TokenHash::of("b")));
    given::<Bot>(events.clone()).when(rotate("c", 40, 600, of_b)).then_nothing();
    for replaces in [Replaces::Present, Replaces::Exactly(None)] {
        given::<Bot>(events.clone()).when(rotate("c", 40, 600, replaces)).then([rotated("c", vec![])]);
    }
}

#[test]
fn refusals() {
    let events = created(token("a", None));
    let day = MAX_GRACE.as_secs();
    let kept = rotated("b", vec![earlier("a", 86_400)]);
    given::<Bot>(events.clone()).when(rotate("b", 0, day, Replaces::Present)).then([kept]);
    let long = given::<Bot>(events.clone()).when(rotate("b", 0, day + 1, Replaces::Present));
    long.refused(&BotRefusal::GraceTooLong);
    for command in [rotate("b", 0, 0, Replaces::Present), BotCommand::RevokeTokens] {
        given::<Bot>([]).when(command.clone()).refused(&BotRefusal::Unknown);
        let gone = BotEvent::Deleted { hostname: value("ada"), token_hash: None, keep_data: false };
        let deleted = events.iter().cloned().chain([gone]);
        given::<Bot>(deleted).when(command).refused(&BotRefusal::Unknown);
    }
}

#[test]
fn a_token_is_due_in_the_last_third_of_its_time() {
    let ttl = Some(Duration::from_secs(90));
    let ends = token("a", Some(90));
    assert!(!ends.is_due(at(59), ttl) && ends.is_due(at(60), ttl) && ends.is_due(at(200), ttl));
    assert!(token("a", None).is_due(at(0), ttl), "it is from before there were ends");
    assert!(!ends.is_due(at(200), None), "nobody wants ends any more");
}
