use super::*;
use axum::http::HeaderValue;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "only whether it parses matters")]
struct Outer {
    secret: String,
    #[serde(default)]
    inner: Vec<Inner>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "only whether it parses matters")]
struct Inner {
    max_count: u32,
}

fn json() -> HeaderMap {
    HeaderMap::from_iter([(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=utf-8"),
    )])
}

fn wrong(body: &str) -> String {
    format!("{:?}", parse::<Outer>(&json(), body.as_bytes()).unwrap_err())
}

#[test]
fn what_is_right_is_taken() {
    assert!(parse::<Outer>(&json(), br#"{"secret": "x", "inner": [{"maxCount": 1}]} "#).is_ok());
}

#[test]
fn an_error_names_the_field_with_its_path() {
    let field = |body: &str| {
        wrong(body).trim_start_matches("Problem(InvalidInput: ").trim_end_matches(')').to_owned()
    };
    assert_eq!(field(r"{}"), "`secret` is required");
    assert_eq!(field(r#"{"secret": "x", "colour": 1}"#), "`colour` is not a field of this request");
    assert_eq!(field(r#"{"secret": "x", "secret": "y"}"#), "`secret` is given twice");
    assert_eq!(
        field(r#"{"secret": "x", "inner": [{"maxCount": 1}, {}]}"#),
        "`inner[1].maxCount` is required"
    );
    assert_eq!(
        field(r#"{"secret": "x", "inner": [{"maxCount": 1, "b": 2}]}"#),
        "`inner[0].b` is not a field of this request"
    );
    assert_eq!(
        field(r#"{"secret": "x", "inner": [{"maxCount": -1}]}"#),
        "`inner[0].maxCount` must be a whole number that is not negative and not too large"
    );
    assert_eq!(field(r#"{"secret": "x", "inner": 7}"#), "`inner` must be a list");
    assert_eq!(field("[]"), "`body` must be an object");
}

#[test]
fn a_value_is_never_repeated() {
    for body in
        [r#"{"secret": 748392}"#, r#"{"secret": ["748392"]}"#, r#"{"secret": "748392", "inner": "748392"}"#]
    {
        let wrong = wrong(body);
        assert!(!wrong.contains("748392"), "{wrong}");
    }
}

#[test]
fn what_is_not_json_is_told_with_its_place() {
    assert_eq!(
        wrong("{\"secret\": \n sk-748392"),
        "Problem(InvalidInput: the body is not JSON, at line 2 column 2)"
    );
    assert_eq!(wrong(""), "Problem(InvalidInput: the body is not JSON, at line 1 column 0)");
    assert_eq!(
        wrong(r#"{"secret": "x"} x"#),
        "Problem(InvalidInput: the body is not JSON, at line 1 column 17)"
    );
}

#[test]
fn another_media_type_is_refused() {
    let problem = parse::<Outer>(&HeaderMap::new(), br#"{"secret": "x"}"#).unwrap_err();
    assert_eq!(problem.kind(), Kind::UnsupportedMediaType);
}
