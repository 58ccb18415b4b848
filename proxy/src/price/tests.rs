use super::*;
use crate::vendors;

fn cost(vendor: &str, model: &str, tokens: Tokens) -> Option<u64> {
    let at = "2026-11-01T00:00:00Z".parse().unwrap();
    PriceList::load().cost(vendors::find(vendor).unwrap(), model, None, &tokens, at)
}

fn tokens(input: u64, cached: u64, output: u64) -> Tokens {
    Tokens { input_tokens: input, cached_input_tokens: cached, output_tokens: output, ..Tokens::default() }
}

#[test]
fn a_known_model_has_its_price() {
    // gpt-4o-mini: $0.15 a million in, $0.075 cached, $0.60 out.
    assert_eq!(cost("openai", "gpt-4o-mini", tokens(1000, 0, 100)), Some(210));
    assert_eq!(cost("openai", "gpt-4o-mini-2024-07-18", tokens(1000, 600, 100)), Some(165));
    assert_eq!(cost("openai", "gpt-4o-mini", tokens(1, 0, 0)), Some(1), "rounded up");
    assert_eq!(cost("openai", "gpt-4o-mini", tokens(0, 0, 0)), Some(0));
}

#[test]
fn the_unknown_has_no_price() {
    assert_eq!(cost("openai", "made-up-model", tokens(1000, 0, 100)), None);
    assert_eq!(cost("doubao", "doubao-pro", tokens(1000, 0, 100)), None);
}

#[test]
fn every_row_names_a_provider_of_the_list() {
    for vendor in vendors::table() {
        if let Some(id) = vendor.prices {
            let provider = Calculator::bundled().find_provider(Some(id), None).unwrap();
            assert!(provider.is_some(), "{}: {id}", vendor.id);
        }
    }
}

#[test]
fn the_version_is_the_one_that_is_built_in() {
    let lock = include_str!("../../../Cargo.lock");
    let (_, rest) = lock.split_once("name = \"genai-prices\"\nversion = \"").unwrap();
    assert_eq!(VERSION, format!("genai-prices {}", rest.split_once('"').unwrap().0));
}
