use super::*;
use crate::testing::id;

#[test]
fn an_id_is_a_lower_case_hyphenated_uuid_everywhere() {
    let text = "01990000-0000-7000-8000-00000000000a";
    let bot: BotId = id(10);
    assert_eq!(bot.to_string(), text);
    assert_eq!(format!("{bot:?}"), format!("BotId({text})"));
    assert_eq!(text.parse(), Ok(bot));
    assert_eq!(serde_json::to_value(bot).unwrap(), text);
    assert_eq!(serde_json::from_value::<BotId>(text.to_uppercase().into()).unwrap(), bot);
    assert!("ada".parse::<BotId>().is_err());
}
