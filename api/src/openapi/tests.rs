use super::*;
use serde_json::Value;
use std::collections::BTreeSet;

fn document() -> Value {
    serde_json::to_value(openapi()).unwrap()
}

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, item)| {
        let item = item.as_object().unwrap().iter();
        item.map(move |(method, operation)| (format!("{method} {path}"), operation))
    });
    operations.collect()
}

#[test]
fn the_committed_document_is_the_one_of_this_code() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi/openapi.json");
    let committed = std::fs::read_to_string(file).unwrap_or_default();
    let current = openapi().to_pretty_json().unwrap();
    assert!(
        committed.trim_end() == current,
        "openapi/openapi.json is stale: run `make openapi` and commit it"
    );
}

#[test]
fn every_operation_says_what_it_is_and_what_can_go_wrong() {
    let document = document();
    let operations = operations(&document);
    assert!(operations.len() > 20, "{}", operations.len());
    for (name, operation) in &operations {
        assert!(operation["summary"].as_str().is_some_and(|text| text.len() >= 8), "{name} has no summary");
        assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{name} has not one tag");
        assert!(operation["security"].is_array(), "{name} does not say who may call it");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{name} never succeeds");
        for (status, response) in responses.iter().filter(|(status, _)| status.as_str() >= "400") {
            let health = name == "get /api/health" && status == "503";
            assert!(
                health || response["content"]["application/problem+json"].is_object(),
                "{name}: {status}"
            );
        }
        let protected = operation["security"].as_array().is_some_and(|schemes| schemes.len() == 1);
        assert!(responses.contains_key("401") || !protected, "{name} never says 401");
        if name.contains('{') {
            assert!(responses.contains_key("404"), "{name} never says 404");
        }
        if operation.get("requestBody").is_some() {
            assert!(responses.contains_key("400"), "{name} never says 400");
        }
    }
}

#[test]
fn operation_ids_are_unique() {
    let document = document();
    let operations = operations(&document);
    let ids: BTreeSet<_> =
        operations.iter().map(|(_, operation)| operation["operationId"].as_str()).collect();
    assert_eq!(ids.len(), operations.len());
    assert!(!ids.contains(&None));
}

#[test]
fn no_answer_has_a_field_for_a_secret() {
    let document = document();
    for name in ["ProviderKey", "Bot", "UserResponse", "AuditEntry"] {
        let schema = &document["components"]["schemas"][name];
        // What is put together of several parts has its own fields in the last one.
        let whole = schema["allOf"].as_array().and_then(|parts| parts.last()).unwrap_or(schema);
        let properties = whole["properties"].as_object().unwrap();
        let hidden = ["secret", "password", "passwordHash", "sealed", "gatewayToken"];
        assert!(hidden.iter().all(|field| !properties.contains_key(*field)), "{name}");
    }
}
