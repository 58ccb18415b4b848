use super::*;
use serde::Deserialize;

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Params {
    limit: Option<String>,
    bot_id: Option<String>,
}

#[test]
fn parameters_are_texts() {
    let params: Params = parse("limit=5&botId=a%20b+c").unwrap();
    assert_eq!(params, Params { limit: Some("5".to_owned()), bot_id: Some("a b c".to_owned()) });
    assert_eq!(parse::<Params>("").unwrap(), Params::default());
}

#[test]
fn an_unknown_or_repeated_parameter_is_named() {
    let wrong = |query: &str| format!("{:?}", parse::<Params>(query).unwrap_err());
    assert_eq!(wrong("limt=5"), "Problem(InvalidInput: `limt` is not a parameter of this request)");
    assert_eq!(wrong("limit=5&limit=6"), "Problem(InvalidInput: `limit` is given twice)");
}
