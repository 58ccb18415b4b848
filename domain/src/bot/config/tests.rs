use super::*;
use crate::{
    Decide,
    bot::{Bot, BotCommand, tests::created},
    testing::given,
};
use pretty_assertions::assert_eq;

fn text(content: &str) -> ConfigText {
    ConfigText::new(content.to_owned()).unwrap()
}

fn set(content: &str, follows: u64) -> BotCommand {
    let origin = ConfigOrigin::Saved;
    BotCommand::SetConfig(Box::new(SetConfig { text: text(content), follows, origin }))
}

fn version(version: u64, content: &str) -> BotEvent {
    let config_text = text(content);
    let (bytes, sha256) = (content.len() as u64, config_text.sha256());
    BotEvent::ConfigSet { version, origin: ConfigOrigin::Saved, bytes, sha256, config_text }
}

#[test]
fn each_version_follows_the_one_before() {
    let bot = given::<Bot>(created()).when(set("{a: 1}", 0)).then([version(1, "{a: 1}")]);
    let head = bot.profile.unwrap().config;
    assert_eq!((head.version, head.stored_bytes), (1, 6));
    let two = || created().into_iter().chain([version(1, "{a: 1}"), version(2, "{a: 2}")]);
    given::<Bot>(two()).when(set("{a: 1}", 2)).then([version(3, "{a: 1}")]);
    given::<Bot>(two()).when(set("{a: 2}", 2)).then_nothing();
}

#[test]
fn of_two_who_change_the_same_version_the_first_wins() {
    let events = || created().into_iter().chain([version(1, "{a: 1}")]);
    given::<Bot>(events()).when(set("{a: 2}", 0)).refused(&BotRefusal::StaleConfig { present: 1 });
    given::<Bot>(events()).when(set("{a: 2}", 2)).refused(&BotRefusal::StaleConfig { present: 1 });
    // Even where it is the same text: who looks at an old version shall know.
    given::<Bot>(events()).when(set("{a: 1}", 0)).refused(&BotRefusal::StaleConfig { present: 1 });
    given::<Bot>([]).when(set("{}", 0)).refused(&BotRefusal::Unknown);
}

#[test]
fn the_history_is_bounded() {
    let mut bot = Bot::default();
    for event in created() {
        bot.evolve(event);
    }
    let mut profile = bot.profile.unwrap();
    profile.config.stored_bytes = MAX_HISTORY - 2;
    let new = |content: &str| SetConfig { text: text(content), follows: 0, origin: ConfigOrigin::Saved };
    assert_eq!(super::set(&profile, new("{} ")), Err(BotRefusal::ConfigHistoryFull));
    assert_eq!(super::set(&profile, new("{}")).unwrap().len(), 1);
}

#[test]
fn a_changed_file_is_noted() {
    let change = FileChange {
        path: "skills/a/SKILL.md".into(),
        content: Some(FileContent { bytes: 3, sha256: "00".into() }),
    };
    let event = BotEvent::FileChangeRequested { change: change.clone() };
    given::<Bot>(created()).when(BotCommand::NoteFile(change)).then([event]);
    for path in ["", "a\0b", "../x"] {
        let change = FileChange { path: path.to_owned(), content: None };
        given::<Bot>(created()).when(BotCommand::NoteFile(change)).refused(&BotRefusal::BadPath);
    }
}
